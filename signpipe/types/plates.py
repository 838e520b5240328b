"""What a supplementary plate says of the sign above it, and what is known of the conditions that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signpipe.types.arrays import FloatArray

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


class ConditionKind(StrEnum):
    """In what way a plate restricts its sign."""

    WET = "wet"  # in rain, or on a wet road
    SNOW = "snow"
    FOG = "fog"
    TIME = "time"  # at some hours or on some days
    ONLY = "only"  # for some vehicles
    EXCEPT = "except"  # for all but some vehicles
    HEAVIER = "heavier"  # for vehicles over a weight
    AHEAD = "ahead"  # from a distance after the sign on
    LENGTH = "length"  # for a length from the sign on
    LANE = "lane"  # on the exit, or in the direction of an arrow
    END = "end"  # what the sign says ends here
    PLACE = "place"  # where the road is as `text` says, which no sign tells
    NOTE = "note"  # tells why, and restricts nothing
    UNREAD = "unread"  # something that could not be read


LANES = {"exit": "on the exit", "ahead": "straight on", "left": "to the left", "right": "to the right"}


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From when to when, by the clock.

    Attributes:
        start: Minutes after midnight.
        end: Minutes after midnight; the span goes over midnight if that isn't after its start.
        days: On which days it begins, 0 for Monday to 6 for Sunday.
    """

    start: int = 0
    end: int = 1440
    days: frozenset[int] = frozenset(range(7))

    def includes(self, at: datetime) -> bool:
        """Return True if a moment lies in the span; its last minute doesn't."""
        minute, day = at.hour * 60 + at.minute, at.weekday()
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        return (day in self.days and minute >= self.start) or ((day - 1) % 7 in self.days and minute < self.end)

    def __str__(self) -> str:
        hours = f"{_clock(self.start)} to {_clock(self.end)}" if (self.start, self.end) != (0, 1440) else ""
        if len(self.days) == 7:
            return f"from {hours}" if hours else "at any time"
        named = _day_names(sorted(self.days))
        return f"{named} from {hours}" if hours else f"on {named}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a plate says.

    Attributes:
        kind: In what way it restricts.
        value: Metres of a distance or a length, tonnes of a weight; else None.
        vehicles: Whom it speaks of, such as ("goods", "bus"), for ONLY and EXCEPT.
        spans: When, for TIME; one of them must hold.
        lane: "exit", "left", "right" or "ahead", for LANE.
        text: What is written, for NOTE and UNREAD, or where, for PLACE.
    """

    kind: ConditionKind
    value: float | None = None
    vehicles: tuple[str, ...] = ()
    spans: tuple[TimeSpan, ...] = ()
    lane: str = ""
    text: str = ""

    def __str__(self) -> str:
        return _SAID[self.kind](self)


UNREAD = Condition(ConditionKind.UNREAD)


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A supplementary plate.

    Attributes:
        track_id: Its track.
        xyxy: float32 (4,), its box in pixels of the source picture.
        conditions: What it says, which is always something; UNREAD stands for what could not be read.
        probability: Of the reading, 0..1; 0 for a plate that could not be read.
        kind: Its class in the catalogue, such as "plate_when_wet", if that is sure, else None.
        text: What was read on it, or None.
    """

    track_id: int
    xyxy: FloatArray
    conditions: tuple[Condition, ...] = (UNREAD,)
    probability: float = 0.0
    kind: str | None = None
    text: str | None = None

    @property
    def is_read(self) -> bool:
        """True if all of it could be read."""
        return all(condition.kind is not ConditionKind.UNREAD for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the conditions that plates name; None is unknown.

    Attributes:
        wet: Whether the road is wet: it rains, or the wipers run.
        snow: Whether there is snow or ice on the road.
        fog: Whether there is fog.
        clock: Local time.
    """

    wet: bool | None = None
    snow: bool | None = None
    fog: bool | None = None
    clock: datetime | None = None


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"


def _metres(value: float | None) -> str:
    assert value is not None
    return f"{value / 1000:.3g} km" if value >= 1000 else f"{value:.3g} m"


def _day_names(days: list[int]) -> str:
    """Return days as "Mo-Fr" where they follow each other, else as "Sa, Su"."""
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ", ".join(DAYS[day] for day in days)


def _vehicle_names(vehicles: tuple[str, ...]) -> str:
    return " and ".join(VEHICLES[name] for name in vehicles)


_SAID: dict[ConditionKind, Callable[[Condition], str]] = {
    ConditionKind.WET: lambda _: "when wet",
    ConditionKind.SNOW: lambda _: "in snow",
    ConditionKind.FOG: lambda _: "in fog",
    ConditionKind.TIME: lambda one: " and ".join(map(str, one.spans)),
    ConditionKind.ONLY: lambda one: f"for {_vehicle_names(one.vehicles)}",
    ConditionKind.EXCEPT: lambda one: f"except for {_vehicle_names(one.vehicles)}",
    ConditionKind.HEAVIER: lambda one: f"over {one.value:g} t",
    ConditionKind.AHEAD: lambda one: f"in {_metres(one.value)}",
    ConditionKind.LENGTH: lambda one: f"for {_metres(one.value)}",
    ConditionKind.LANE: lambda one: LANES[one.lane],
    ConditionKind.END: lambda _: "ending here",
    ConditionKind.PLACE: lambda one: one.text,
    ConditionKind.NOTE: lambda one: f"({one.text})",
    ConditionKind.UNREAD: lambda _: "with a condition that could not be read",
}
# Whom plates speak of, and what they are called.
VEHICLES = {
    "car": "cars",
    "motorcycle": "motorcycles",
    "moped": "mopeds",
    "bicycle": "bicycles",
    "goods": "goods vehicles",
    "bus": "buses",
    "tractor": "tractors",
    "trailer": "vehicles with trailers",
    "caravan": "vehicles with caravans",
    "tram": "trams",
    "taxi": "taxis",
    "residents": "residents",
    "delivery": "deliveries",
    "disabled": "disabled people",
    "emergency": "emergency vehicles",
    "authorised": "authorised vehicles",
}
