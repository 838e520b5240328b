"""What the map says along the way: which signs are passed, and which limit holds by them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from signpipe.catalogue import Catalogue, Effect
from signpipe.geodesy import offset, turn
from signpipe.maps import MapKind, MapSign, SignMap
from signpipe.shadow.moment import Passed
from signpipe.types import Pose

AHEAD = 80.0  # metres at which a sign may be seen
BEHIND = 10.0  # metres past a sign from which it has been passed, whatever the receiver's error
SAME_WAY = 60.0  # degrees of heading up to which a sign is for those who drive so
ON_ROAD = 15.0  # metres to a point of a road whose limit counts
SAME_ROAD = 45.0  # degrees
FORGOTTEN = 120.0  # seconds after which a sign isn't ahead any more that was never passed
_Name = tuple[str, int]
_ENDS = (Effect.END_LIMIT, Effect.END_ALL, Effect.END_ZONE_LIMIT)


@dataclass(slots=True)
class _Approach:
    """A sign that lies ahead."""

    entry: MapSign
    since: float
    aside: float


class MapFollower:
    """Follows the vehicle through a map.

    Args:
        signs: The map.
        catalogue: What its classes mean.
        reach: Metres beside the way up to which a sign counts as passed.
    """

    def __init__(self, signs: SignMap, catalogue: Catalogue, reach: float) -> None:
        self._signs = signs
        self._catalogue = catalogue
        self._reach = reach
        self._ahead: dict[_Name, _Approach] = {}
        self._limit: float | None = None
        self._passed: float | None = None  # what the latest sign said

    @property
    def limit(self) -> float | None:
        """The limit here in km/h: that of the road, else that of the latest sign; None where the map doesn't say."""
        return self._limit if self._limit is not None else self._passed

    def update(self, pose: Pose, time: float) -> tuple[Passed, ...]:
        """Go on to a pose at a media time; return the signs that were passed since."""
        if pose.heading is None:
            return ()
        nearest, self._limit = ON_ROAD, None
        near: dict[_Name, tuple[float, float]] = {}
        for entry in self._signs.near(pose.latitude, pose.longitude, AHEAD):
            ahead, aside = _place(pose, pose.heading, entry)
            turned = 0.0 if entry.heading is None else turn(pose.heading, entry.heading)
            if entry.kind is MapKind.LIMIT:
                if math.hypot(ahead, aside) < nearest and turned <= SAME_ROAD:
                    nearest, self._limit = math.hypot(ahead, aside), self._value(entry)
                continue
            if turned > SAME_WAY:
                continue
            name = entry.source, entry.class_id  # a node of a map can have several signs
            near[name] = ahead, aside
            if name not in self._ahead and ahead > 0:
                self._ahead[name] = _Approach(entry, time, aside)
        passed = [name for name, place in near.items() if self._is_passed(name, *place)]
        return tuple(self._take(name, time) for name in passed)

    def expected(self, pose: Pose) -> list[tuple[float, float]]:
        """Return where the map has signs before the vehicle: metres ahead and to the right."""
        if pose.heading is None:
            return []
        places = [_place(pose, pose.heading, approach.entry) for approach in self._ahead.values()]
        return [(ahead, aside) for ahead, aside in places if ahead > 0]

    def _is_passed(self, name: _Name, ahead: float, aside: float) -> bool:
        """Tell whether a sign is behind now that was ahead; one that lies too far aside was another road's."""
        approach = self._ahead.get(name)
        if approach is None:
            return False
        if ahead > 0:
            approach.aside = aside
            return False
        if abs(approach.aside) > self._reach:
            del self._ahead[name]
            return False
        return ahead <= -BEHIND

    def _take(self, name: _Name, time: float) -> Passed:
        approach = self._ahead.pop(name)
        self._ahead = {key: each for key, each in self._ahead.items() if time - each.since < FORGOTTEN}
        sign = self._catalogue[approach.entry.class_id]
        if sign.limit is not None or sign.effect in _ENDS:
            self._passed = self._value(approach.entry)
        return Passed(approach.entry, approach.since)

    def _value(self, entry: MapSign) -> float | None:
        limit = self._catalogue[entry.class_id].limit
        return limit if limit is not None and math.isfinite(limit) else None


def _place(pose: Pose, heading: float, entry: MapSign) -> tuple[float, float]:
    """Return how many metres ahead and to the right of the vehicle an entry lies."""
    sin, cos = math.sin(math.radians(heading)), math.cos(math.radians(heading))
    east, north = (float(part) for part in offset(pose.latitude, pose.longitude, entry.latitude, entry.longitude))
    return east * sin + north * cos, east * cos - north * sin
