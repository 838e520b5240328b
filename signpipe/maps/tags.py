"""What OpenStreetMap's tags say of points and roads, wherever they come from: an extract, or GeoJSON made of one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from signpipe.geodesy import bearing, offset
from signpipe.maps.codes import SignCodes
from signpipe.maps.entry import MapKind, MapSign

SPACING = 20.0  # metres between the points that stand for a road with a limit
MOST_POINTS = 1000  # a segment; longer ones aren't roads
CARDINAL = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
# What implies that a way is driven in its own direction only, says https://wiki.openstreetmap.org/wiki/Key:oneway.
# `motorway_link` isn't among them: by its own page each needs the tag.
_IMPLIED_ONE_WAY = frozenset({("highway", "motorway"), ("junction", "roundabout"), ("junction", "circular")})
_FORWARD, _BACKWARD = frozenset({"yes", "true", "1"}), frozenset({"-1", "reverse"})
_NO_ROADS = ("railway", "waterway", "aeroway", "aerialway", "route", "piste:type")  # ways with limits of their own
_POINTS = ("stop", "give_way")  # values of `highway` that stand for a sign
_WITHOUT_A_SIGN = frozenset({"none", "signals", "variable", "walk"})  # values of `maxspeed` that no sign repeats


class TagReader:
    """Turns tagged points and roads into entries.

    Args:
        codes: What the tags mean.

    Attributes:
        entries: What was read so far.
        unknown: Signs and limits so far that the catalogue doesn't have.
        passed: What else was passed over so far, and how often, in words that follow a number.
    """

    def __init__(self, codes: SignCodes) -> None:
        self.codes = codes
        self.entries: list[MapSign] = []
        self.unknown = 0
        self.passed: Counter[str] = Counter()

    def add(self, latitude: float, longitude: float, class_id: int | None, heading: float | None, source: str) -> None:
        """Add a sign; without a class, count it as unknown."""
        if class_id is None:
            self.unknown += 1
        else:
            self.entries.append(MapSign(latitude, longitude, class_id, heading, source))

    def point(
        self, latitude: float, longitude: float, tags: Mapping[str, str], source: str, way: float | None = None
    ) -> None:
        """Add the signs of a tagged point.

        Args:
            latitude: WGS 84 degrees.
            longitude: WGS 84 degrees.
            tags: All its tags.
            source: Where it is in the map.
            way: Direction of the way that the point lies on, in degrees; None if it lies on none.
        """
        direction = tags.get("traffic_sign:direction") or tags.get("direction")
        for key, holds in (
            ("traffic_sign", direction), ("traffic_sign:forward", "forward"), ("traffic_sign:backward", "backward"),
        ):  # fmt: skip
            for class_id in self.codes.signs(tags.get(key, ""), tags):
                for heading in _travel(holds, way):
                    self.add(latitude, longitude, class_id, heading, source)
        if tags.get("highway") in _POINTS and not any(key.startswith("traffic_sign") for key in tags):
            holds = tags.get(f"{tags['highway']}:direction") or direction
            for heading in _travel(holds, way):
                self.add(latitude, longitude, self.codes.named(tags["highway"]), heading, source)

    def road(self, points: Sequence[tuple[float, float]], tags: Mapping[str, str], source: str) -> None:
        """Add the limits along a road, for each direction in which it may be driven; railways and rivers are none.

        Args:
            points: Its corners as (latitude, longitude), in the direction of the way.
            tags: All its tags.
            source: Where it is in the map.
        """
        if "highway" not in tags and any(key in tags for key in _NO_ROADS):
            self.passed["limits of what is no road"] += any(key.startswith("maxspeed") for key in tags)
            return
        ahead, back = _driven(tags)
        both = tags.get("maxspeed")
        forward = self._limit(tags.get("maxspeed:forward", both)) if ahead else None
        backward = self._limit(tags.get("maxspeed:backward", both)) if back else None
        if forward is None and backward is None:
            return
        for latitude, longitude, heading in _along(points):
            for class_id, travel in ((forward, heading), (backward, (heading + 180) % 360)):
                if class_id is not None:
                    self.entries.append(MapSign(latitude, longitude, class_id, travel, source, MapKind.LIMIT))

    def _limit(self, value: str | None) -> int | None:
        """Return the class of a limit; count what is a limit but no class."""
        if not value or value in _WITHOUT_A_SIGN or ":" in value:  # "DE:urban" holds without a sign
            return None
        class_id = self.codes.limit(value)
        self.unknown += class_id is None
        return class_id


def _driven(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Return whether a way may be driven in its own direction, and against it.

    Where the direction changes with the hour (`oneway=reversible`, `alternating`), it may be either.
    """
    implied = any(tags.get(key) == value for key, value in _IMPLIED_ONE_WAY)
    oneway = tags.get("oneway") or ("yes" if implied else "no")
    return oneway not in _BACKWARD, oneway not in _FORWARD


def _travel(direction: str | None, way: float | None) -> list[float | None]:
    """Return the directions of travel for which a sign holds.

    Args:
        direction: "forward" or "backward" along the way, or where the face looks: degrees or a point of the compass,
            several with semicolons between.
        way: Direction of the way in degrees, or None.
    """
    headings: list[float | None] = []
    for item in (direction or "").split(";"):
        word = item.strip()
        if word in ("forward", "backward"):
            headings.append(None if way is None else (way + 180 * (word == "backward")) % 360)
        elif (face := _face(word)) is not None:
            headings.append((face + 180) % 360)  # one drives towards the face
    return headings or [None]


def _face(word: str) -> float | None:
    """Return degrees from a number or a point of the compass, or None."""
    if word.upper() in CARDINAL:
        return CARDINAL.index(word.upper()) * 22.5
    try:
        face = float(word)
    except ValueError:
        return None
    return face if math.isfinite(face) else None


def _along(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float, float]]:
    """Yield points along a road as latitude, longitude and its direction in degrees."""
    for (latitude, longitude), (to_latitude, to_longitude) in pairwise(points):
        east, north = offset(latitude, longitude, to_latitude, to_longitude)
        length = float(math.hypot(east, north))
        if not length:
            continue
        heading = float(bearing(east, north))
        pieces = min(math.ceil(length / SPACING), MOST_POINTS)
        for piece in range(pieces):
            share = (piece + 0.5) / pieces
            yield (
                latitude + share * (to_latitude - latitude), longitude + share * (to_longitude - longitude), heading
            )  # fmt: skip
