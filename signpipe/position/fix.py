"""One report of a receiver."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

STANDING = 1.0  # metres per second; below, a receiver's course is noise
FASTEST = 90.0  # metres per second; what is faster has jumped
NEAR = 5.0  # metres that positions may scatter without having jumped
LONGEST_GAP = 10.0  # seconds; nothing is said of where the vehicle was in a longer one
RANGE_ERROR = 5.0  # metres; times the dilution of precision, it is the spread of a plain receiver's position


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a receiver was.

    Attributes:
        time: Seconds on any clock that never goes back.
        latitude: WGS 84 degrees, north positive.
        longitude: WGS 84 degrees, east positive.
        speed: Metres per second, or None where it doesn't say.
        course: Direction of movement in degrees clockwise from true north, or None where it doesn't say.
        sigma: Spread of the position in metres, or None where it doesn't say.
    """

    time: float
    latitude: float
    longitude: float
    speed: float | None = None
    course: float | None = None
    sigma: float | None = None

    @property
    def heading(self) -> float | None:
        """The course in degrees, where the receiver moves fast enough for it to mean anything."""
        return None if self.speed is not None and self.speed < STANDING else self.course

    def filled(self, other: Fix) -> Fix:
        """Return this fix with what it lacks from another of the same moment."""
        return replace(
            self,
            speed=other.speed if self.speed is None else self.speed,
            course=other.course if self.course is None else self.course,
            sigma=other.sigma if self.sigma is None else self.sigma,
        )


def number(value: Any) -> float | None:
    """Return a value as a finite number, or None if it isn't one."""
    try:
        converted = float(value)
    except (TypeError, ValueError):
        return None
    return converted if math.isfinite(converted) else None
