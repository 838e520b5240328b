"""From the result of a frame to what is said of it: now, and for as long as no newer result comes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from signpipe.can.bulletin import Bulletin, Limit, NextLimit, Signs, Status
from signpipe.can.words import (
    Condition,
    Danger,
    Entry,
    LimitKind,
    LimitSource,
    Overtaking,
    Reason,
    Sight,
    State,
    Unit,
    Unread,
    Validity,
)
from signpipe.catalogue import KILOMETRES, Catalogue, Effect, SignClass
from signpipe.settings import CameraSettings
from signpipe.types import Advisory, AdvisoryStatus, Frame, FrameResult, SignTrack, TrackState

BLIND_AFTER = 0.5  # seconds without a picture, from which nothing new is seen
FAULT_AFTER = 3.0  # seconds without a result, not even of a gap
FEW = 5.0  # results a second; with fewer, signs are missed

_UNITS = {"km/h": Unit.KILOMETRES, "mph": Unit.MILES}
_NAMES = {Unit.KILOMETRES: "km/h", Unit.MILES: "mph"}
_CONDITIONS = {
    "when wet": Condition.WET,
    "in snow": Condition.SNOW,
    "in fog": Condition.FOG,
    "with a condition that could not be read": Condition.UNREAD,
}
_DANGERS = {
    "general_danger": Danger.GENERAL,
    "bend_left": Danger.BEND,
    "bend_right": Danger.BEND,
    "double_bend": Danger.DOUBLE_BEND,
    "uneven_road": Danger.BUMPS,
    "slippery_road": Danger.SLIPPERY,
    "road_narrows_right": Danger.ROAD_NARROWS,
    "road_narrows_left": Danger.ROAD_NARROWS,
    "road_narrows": Danger.ROAD_NARROWS,
    "road_works": Danger.ROAD_WORKS,
    "traffic_lights": Danger.SIGNALS,
    "pedestrians": Danger.PEDESTRIANS,
    "children": Danger.CHILDREN,
    "cyclists": Danger.CYCLISTS,
    "snow_or_ice": Danger.SNOW_OR_ICE,
    "wild_animals": Danger.ANIMALS,
    "level_crossing": Danger.LEVEL_CROSSING,
    "tunnel": Danger.TUNNEL,
    "crossing": Danger.CROSSING,
}
_ENTRIES = {
    "access:no_entry": Entry.NO_ENTRY,
    "access:all_vehicles": Entry.NO_VEHICLES,
    "access:goods_vehicles": Entry.NO_GOODS_VEHICLES,
}
_VISION, _MAP = "vision", "map"


class Composer:
    """Says what a result means, at any moment after it.

    Args:
        catalogue: The signs that the classes are of.
        camera: Its focal length tells how far a sign is.
    """

    def __init__(self, catalogue: Catalogue, camera: CameraSettings) -> None:
        self._catalogue = catalogue
        self._camera = camera

    def compose(
        self, result: FrameResult | None, now: float, taken: float = 0.0, rate: float | None = None
    ) -> Bulletin:
        """Return what is to be said.

        Args:
            result: The latest, or None before the first.
            now: `time.monotonic()`.
            taken: `time.monotonic()` when the result came.
            rate: Results per second of late, or None where that isn't known yet.
        """
        if result is None:
            return Bulletin(Status(State.NOT_AVAILABLE, Reason.STARTING))
        status = _status(result, now, taken, rate)
        if status.state is State.FAULT:
            return Bulletin(status)
        passed = max(now - result.frame.captured_at, 0.0)
        limit = self._limit(result.advisories, passed)
        seeing = status.state is not State.BLIND
        ahead = self._ahead(result, limit) if seeing else NextLimit()
        return Bulletin(status, limit, ahead, self._signs(result.advisories, passed, seeing))

    def _limit(self, advisories: Iterable[Advisory], passed: float) -> Limit:
        advisory = next((one for one in advisories if one.topic == "speed_limit"), None)
        if advisory is None:
            return Limit()
        kind, value, unit = self._meaning(advisory)
        remaining = None if advisory.expires_in is None else max(advisory.expires_in - passed, 0.0)
        return Limit(
            kind,
            value,
            unit,
            LimitSource.RULE if advisory.origin == "implicit" else _source(advisory.witnesses),
            advisory.confidence if advisory.witnesses else None,
            advisory.age + passed,
            Validity.STALE if _is_stale(advisory, passed) else Validity.ACTIVE,
            _condition(advisory),
            remaining,
            None if advisory.cautious is None else advisory.cautious / KILOMETRES[_NAMES.get(unit, "km/h")],
        )

    def _meaning(self, advisory: Advisory) -> tuple[LimitKind, float | None, Unit]:
        """Return what an advisory says of the limit: its kind, its value and the unit of that."""
        value = advisory.value
        if isinstance(value, int | float) and math.isfinite(value):
            unit = advisory.unit if advisory.unit in _UNITS else "km/h"
            return LimitKind.LIMIT, round(value / KILOMETRES[unit]), _UNITS[unit]
        sign = None if advisory.class_id is None else self._catalogue[advisory.class_id]
        if value is None and sign is not None and advisory.origin == "implicit" and sign.effect is Effect.MOTORWAY:
            kind = LimitKind.NO_LIMIT if advisory.cautious is None else LimitKind.GENERAL
            return kind, None, Unit.NOT_AVAILABLE
        if value is None and (advisory.origin is not None or (sign is not None and sign.limit == math.inf)):
            return LimitKind.GENERAL, None, Unit.NOT_AVAILABLE
        return LimitKind.UNKNOWN, None, Unit.NOT_AVAILABLE

    def _ahead(self, result: FrameResult, limit: Limit) -> NextLimit:
        """Return the nearest sign in sight that says something else than the limit in force."""
        if not isinstance(result.frame, Frame):
            return NextLimit()
        focal = self._camera.focal_for(result.frame.image.shape[1])
        nearest, distance = None, math.inf
        for track in result.tracks:
            sign = self._catalogue[track.class_id]
            if not track.is_sure or track.state is TrackState.TENTATIVE or sign.limit is None:
                continue
            metres = focal * math.sqrt(sign.width * sign.height) / max(track.side, 1.0)
            if metres < distance and _says(sign) != (limit.kind, limit.value, limit.unit):
                nearest, distance = track, metres
        if nearest is None:
            return NextLimit(LimitKind.UNKNOWN)
        return self._next(nearest, distance)

    def _next(self, track: SignTrack, distance: float) -> NextLimit:
        kind, value, unit = _says(self._catalogue[track.class_id])
        return NextLimit(kind, value, unit, distance, track.confidence)

    def _signs(self, advisories: Iterable[Advisory], passed: float, seeing: bool) -> Signs:
        """Return what else is said; that none is seen can't be said without pictures."""
        topics = {one.topic: one for one in advisories}
        none = 1 if seeing else 0

        def sight(advisory: Advisory | None) -> Sight:
            if advisory is None:
                return Sight(none)
            return Sight.STALE if _is_stale(advisory, passed) else Sight.AHEAD

        dangers = [one for topic, one in topics.items() if topic.startswith("danger:")]
        fresh = [one for one in dangers if not _is_stale(one, passed)] or dangers
        return Signs(
            self._overtaking(topics, passed, none),
            sight(topics.get("stop")),
            sight(topics.get("give_way")),
            sight(topics.get("priority")),
            _entry([one for topic, one in topics.items() if topic.startswith("access:")], passed, none),
            sight(fresh[0] if fresh else None),
            _danger(fresh, none),
            _unread(topics, none),
        )

    def _overtaking(self, topics: dict[str, Advisory], passed: float, none: int) -> Overtaking:
        every, goods = topics.get("overtaking"), topics.get("overtaking:goods")
        bans = [one for one in (every, goods) if one is not None and one.value is not None]
        if every is not None and every in bans and not _is_stale(every, passed):
            return Overtaking.BANNED
        if goods is not None and goods in bans and not _is_stale(goods, passed):
            return Overtaking.BANNED_FOR_GOODS
        if bans:
            return Overtaking.STALE
        return Overtaking(none) if every is None and goods is None else Overtaking.ENDED


def _status(result: FrameResult, now: float, taken: float, rate: float | None) -> Status:
    frame = result.frame
    if now - taken > FAULT_AFTER:
        return Status(State.FAULT, Reason.NO_RESULT, now - frame.captured_at, 0.0)
    if not isinstance(frame, Frame):
        return Status(State.BLIND, Reason.NO_PICTURE, now - frame.captured_at + frame.duration, rate)
    age, latency = now - frame.captured_at, (taken - frame.captured_at) * 1e3
    if now - taken > BLIND_AFTER:
        return Status(State.BLIND, Reason.NO_RESULT, age, rate, latency)
    if rate is not None and rate < FEW:
        return Status(State.DEGRADED, Reason.FEW_PICTURES, age, rate, latency)
    return Status(State.OK, Reason.NONE, age, rate, latency)


def _says(sign: SignClass) -> tuple[LimitKind, float | None, Unit]:
    if sign.limit is None or math.isinf(sign.limit) or not isinstance(sign.value, int | float):
        return LimitKind.GENERAL, None, Unit.NOT_AVAILABLE
    return LimitKind.LIMIT, float(sign.value), _UNITS[sign.unit]


def _is_stale(advisory: Advisory, passed: float) -> bool:
    """Return True if an advisory is stale, or has become so since."""
    if advisory.status is not AdvisoryStatus.ACTIVE:
        return True
    return advisory.expires_in is not None and passed > advisory.expires_in


def _source(witnesses: tuple[str, ...]) -> LimitSource:
    if not witnesses:
        return LimitSource.NOT_AVAILABLE
    if _VISION in witnesses:
        return LimitSource.VISION_AND_MAP if _MAP in witnesses else LimitSource.VISION
    return LimitSource.MAP if _MAP in witnesses else LimitSource.OTHER


def _condition(advisory: Advisory) -> Condition:
    """Return what a plate restricts the limit to."""
    if advisory.origin is None:
        return Condition.NOT_AVAILABLE
    if not advisory.conditions:
        return Condition.UNCONDITIONAL
    return (
        _CONDITIONS.get(advisory.conditions[0], Condition.OTHER) if len(advisory.conditions) == 1 else Condition.OTHER
    )


def _entry(bans: list[Advisory], passed: float, none: int) -> Entry:
    """Return the gravest ban."""
    if not bans:
        return Entry(none)
    fresh = [_ENTRIES.get(one.topic, Entry.OTHER_BAN) for one in bans if not _is_stale(one, passed)]
    return min(fresh, default=Entry.STALE)


def _danger(dangers: list[Advisory], none: int) -> Danger:
    if not dangers:
        return Danger(none)
    kinds = {_DANGERS.get(str(one.value), Danger.OTHER) for one in dangers}
    return kinds.pop() if len(kinds) == 1 else Danger.SEVERAL


def _unread(topics: dict[str, Advisory], none: int) -> Unread:
    """Return the category of a sign that couldn't be read, the first that is named here if there are several."""
    for kind in Unread:
        if f"unknown:{kind.name.lower()}" in topics:
            return kind
    return Unread(none)
