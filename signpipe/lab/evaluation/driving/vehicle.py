"""A car that follows what it is told, and the driver that it is measured against."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from signpipe.can.bulletin import Limit, NextLimit, Signs
from signpipe.can.words import LimitKind, Sight, Unit, Validity
from signpipe.catalogue import KILOMETRES
from signpipe.catalogue.rules import RoadKind
from signpipe.lab.simulation.world.limits import InForce

ACCELERATES = 1.2  # m/s2, comfortable
BRAKES = 1.8  # m/s2, comfortable
HARDEST = 3.5  # m/s2, the most that assistance may ask for
CRUISE = {RoadKind.MOTORWAY: 130.0, RoadKind.TOWN: 50.0}  # km/h where there is no limit, or none is known
CRUISES = 100.0  # km/h elsewhere
CREEPS = 8.0  # km/h towards a stop sign whose line isn't told
KMH = 3.6


@dataclass(slots=True)
class Car:
    """Where a car is and how fast.

    Attributes:
        station: Metres along the road.
        speed: Metres per second.
    """

    station: float = 0.0
    speed: float = 0.0

    def drive(self, wanted: float, seconds: float) -> float:
        """Drive towards a speed as comfort allows, harder than that only if it is far too fast.

        Args:
            wanted: Metres per second.
            seconds: For how long.

        Returns:
            The acceleration in m/s2.
        """
        hard = BRAKES if self.speed - wanted < 3.0 else HARDEST
        change = min(max(wanted - self.speed, -hard * seconds), ACCELERATES * seconds)
        self.station += max(self.speed + change / 2, 0.0) * seconds
        self.speed = max(self.speed + change, 0.0)
        return change / seconds


def cruise(kind: RoadKind) -> float:
    """Return the speed in m/s at which one drives where nothing limits it."""
    return CRUISE.get(kind, CRUISES) / KMH


class SeeingDriver:
    """Knows every limit ahead, keeps it from its sign on, and brakes comfortably before it.

    Args:
        limits: What is in force, from the start on.
        stops: Stations of stop signs that concern the car.
    """

    def __init__(self, limits: list[InForce], stops: list[float]) -> None:
        self._limits, self._stops = limits, stops

    def wanted(self, car: Car) -> float:
        """Return the speed in m/s."""
        speed = math.inf
        for one, following in zip(self._limits, [*self._limits[1:], None], strict=True):
            if following is not None and following.begin <= car.station:
                continue
            limit = cruise(one.kind) if one.limit is None or math.isinf(one.limit) else one.limit / KMH
            speed = min(speed, _before(min(limit, 130 / KMH), one.begin - car.station))
            if one.begin - car.station > 600:
                break
        for stop in self._stops:
            if 0 <= stop - car.station < 300:
                speed = min(speed, _before(CREEPS / KMH, stop - 3 - car.station))
        return speed


@dataclass(slots=True)
class ObedientDriver:
    """Drives by what the receiver believes of the CAN messages, and by nothing else.

    Where no limit is available, or it is stale, the last one is kept; before the first, the road's usual speed. "All
    limits ended" and "no limit" let it drive at the usual speed of the kind of road on which it knows to be.

    Attributes:
        kind: Of the road.
        kept: The last limit that was told, in m/s.
        unavailable: Whether none is available now.
    """

    kind: RoadKind
    kept: float | None = field(default=None)
    unavailable: bool = field(default=True)

    def wanted(self, limit: Limit, ahead: NextLimit, signs: Signs) -> float:
        """Return the speed in m/s."""
        self.unavailable = limit.validity is not Validity.ACTIVE or limit.kind in (
            LimitKind.NOT_AVAILABLE, LimitKind.UNKNOWN,
        )  # fmt: skip
        if not self.unavailable:
            told = _metres_per_second(limit)
            self.kept = cruise(self.kind) if told is None else told
        speed = cruise(self.kind) if self.kept is None else self.kept
        if ahead.kind is LimitKind.LIMIT and ahead.distance is not None:
            coming = _metres_per_second(ahead)
            if coming is not None:
                speed = min(speed, _before(coming, ahead.distance))
        if signs.stop is Sight.AHEAD:
            speed = min(speed, CREEPS / KMH)
        return min(speed, 130 / KMH)


def _metres_per_second(limit: Limit | NextLimit) -> float | None:
    if limit.kind is not LimitKind.LIMIT or limit.value is None:
        return None
    return limit.value * (KILOMETRES["mph"] if limit.unit is Unit.MILES else 1.0) / KMH


def _before(speed: float, distance: float) -> float:
    """Return how fast one may be some way before a limit, to be at it there without braking hard."""
    return math.sqrt(speed**2 + 2 * BRAKES * max(distance, 0.0))
