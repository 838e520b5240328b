"""One moment of a drive: what was told, what the driver did, what the map says."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from signpipe.can.bulletin import Limit
from signpipe.can.words import LimitKind, Unit, Validity
from signpipe.maps import MapSign
from signpipe.types import Advisory, AdvisoryStatus

LONGEST_STEP = 2.0  # seconds; a longer one is a gap in the recording, and nobody drove through it
SLOPE = 1.0  # seconds over which a change of speed counts as braking


@dataclass(frozen=True, slots=True)
class Passed:
    """A mapped sign that was driven past.

    Attributes:
        entry: What the map has.
        approached: Media time at which it came near, in seconds.
    """

    entry: MapSign
    approached: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known after one frame or gap.

    Attributes:
        time: Media time in seconds.
        travelled: Metres since the start.
        speed: The driver's, in m/s; None where it isn't known.
        braking: Deceleration in m/s2, negative while the speed grows; None where it isn't known.
        told: Limit in km/h that the car would have been told, infinite for none at all; None where nothing is told that
            may be relied on.
        stop: Seconds since the stop sign was last seen that the car would have been told of; None without one.
        mapped: Limit in km/h by the map, or None.
        passed: Mapped signs that have just been passed.
        seeing: Whether there was a picture.
    """

    time: float
    travelled: float = 0.0
    speed: float | None = None
    braking: float | None = None
    told: float | None = None
    stop: float | None = None
    mapped: float | None = None
    passed: tuple[Passed, ...] = ()
    seeing: bool = True


class Driver:
    """What the driver does, from the vehicle's speed over time."""

    def __init__(self) -> None:
        self._speeds: deque[tuple[float, float]] = deque()
        self._time: float | None = None
        self.travelled = 0.0

    def update(self, time: float, speed: float | None) -> float | None:
        """Take the speed at a media time in, in m/s; return the deceleration in m/s2, or None where it isn't known."""
        elapsed = 0.0 if self._time is None else max(time - self._time, 0.0)
        self._time = time
        if speed is None:
            self._speeds.clear()
            return None
        self.travelled += abs(speed) * min(elapsed, LONGEST_STEP)
        self._speeds.append((time, speed))
        while len(self._speeds) > 2 and time - self._speeds[1][0] >= SLOPE:
            self._speeds.popleft()
        before, earlier = self._speeds[0]
        return (earlier - speed) / (time - before) if time - before >= SLOPE / 2 else None


def told_limit(limit: Limit) -> float | None:
    """Return the limit in km/h of a message that may be relied on; infinite where there is none, None if unknown."""
    if limit.validity is not Validity.ACTIVE:
        return None
    if limit.kind is LimitKind.NO_LIMIT:
        return math.inf
    if limit.kind is not LimitKind.LIMIT or limit.value is None:
        return None
    return limit.value * (1.609344 if limit.unit is Unit.MILES else 1.0)


def stop_age(advisories: list[Advisory]) -> float | None:
    """Return the seconds since a stop sign was last seen that is told of, or None."""
    for advisory in advisories:
        if advisory.topic == "stop" and advisory.status is AdvisoryStatus.ACTIVE:
            return advisory.age
    return None
