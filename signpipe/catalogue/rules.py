"""What applies in a country without a sign: the limits that a kind of road brings, and for whom they are others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic.dataclasses import dataclass as checked

from signpipe.catalogue import HIGHEST_LIMIT, KILOMETRES
from signpipe.catalogue.plates import parse_plate
from signpipe.errors import SettingsError
from signpipe.types.plates import VEHICLES, Condition, ConditionKind

Speed = Annotated[float, Field(gt=0, le=HIGHEST_LIMIT, allow_inf_nan=False)]


class RoadKind(StrEnum):
    """Kinds of road that bring a limit."""

    TOWN = "town"
    OUTSIDE = "outside"
    MOTORWAY = "motorway"
    EXPRESSWAY = "expressway"
    LIVING_STREET = "living_street"
    PEDESTRIAN_ZONE = "pedestrian_zone"


# Where one is on such a road, for a message.
WHERE = {
    RoadKind.TOWN: "in towns",
    RoadKind.OUTSIDE: "outside towns",
    RoadKind.MOTORWAY: "on motorways",
    RoadKind.EXPRESSWAY: "on expressways",
    RoadKind.LIVING_STREET: "in living streets",
    RoadKind.PEDESTRIAN_ZONE: "in pedestrian zones",
}


@dataclass(frozen=True, slots=True)
class Exemption:
    """Another limit for some.

    Attributes:
        limit: In km/h, or None if there is none.
        conditions: All of them must hold.
    """

    limit: float | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ImplicitLimit:
    """The limit that a kind of road brings.

    Attributes:
        limit: In km/h, or None if there is none.
        advised: Advised speed in km/h, or None.
        source: The law that says so.
        exemptions: Other limits for some vehicles, in some weather, or on some of these roads.
    """

    limit: float | None
    advised: float | None
    source: str
    exemptions: tuple[Exemption, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What applies in a country without a sign.

    Attributes:
        limits: By kind of road; that of a kind that isn't there isn't known.
        unit: In which limits are told.
        timezone: Of the whole country, or None where it has several.
        languages: In which plates are written, ISO 639-1; all that there are, if empty.
    """

    limits: Mapping[RoadKind, ImplicitLimit]
    unit: Literal["km/h", "mph"] = "km/h"
    timezone: ZoneInfo | None = None
    languages: tuple[str, ...] = ()


NO_RULES = Rules({})


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class _Other:
    """An entry of `exceptions` in the file; what it names must all hold."""

    limit: Speed | Literal["none"]
    vehicles: tuple[str, ...] = ()
    over: Annotated[float, Field(gt=0, le=100)] | None = None
    wet: Literal[True] | None = None
    time: str | None = None
    where: str | None = None

    @field_validator("vehicles")
    @classmethod
    def _known(cls, vehicles: tuple[str, ...]) -> tuple[str, ...]:
        for name in vehicles:
            if name not in VEHICLES:
                raise ValueError(f"there is no vehicle '{name}'; there are {', '.join(VEHICLES)}")
        return vehicles

    @field_validator("time")
    @classmethod
    def _a_time(cls, time: str | None) -> str | None:
        if time is not None and [one.kind for one in parse_plate(time)] != [ConditionKind.TIME]:
            raise ValueError("give a time as it would stand on a plate, such as '22-6 h'")
        return time

    def exemption(self, factor: float) -> Exemption:
        """Return it in km/h."""
        found: list[Condition] = []
        if self.vehicles:
            found.append(Condition(ConditionKind.ONLY, vehicles=self.vehicles))
        if self.over is not None:
            found.append(Condition(ConditionKind.HEAVIER, self.over))
        if self.wet:
            found.append(Condition(ConditionKind.WET))
        if self.time:
            found += parse_plate(self.time)
        if self.where:
            found.append(Condition(ConditionKind.PLACE, text=self.where))
        return Exemption(_speed(self.limit, factor), tuple(found))


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class _Limit:
    """A table of one kind of road in the file."""

    limit: Speed | Literal["none"]
    source: Annotated[str, Field(min_length=1)]
    advised: Speed | None = None
    exceptions: tuple[_Other, ...] = ()


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class _Table:
    """The whole table in the file."""

    timezone: str | None = None
    town: _Limit | None = None
    outside: _Limit | None = None
    motorway: _Limit | None = None
    expressway: _Limit | None = None
    living_street: _Limit | None = None
    pedestrian_zone: _Limit | None = None


def read_rules(
    table: Mapping[str, Any], unit: Literal["km/h", "mph"], languages: tuple[str, ...] = (), where: str = "[rules]"
) -> Rules:
    """Read the `[rules]` table of a country.

    Args:
        table: `timezone`, and a table a kind of road: `limit` in the country's unit or "none", `source` (the law),
            `advised`, and `exceptions` with their `limit` and `vehicles`, `over` (tonnes), `wet`, `time`, `where`.
        unit: Of its limits.
        languages: The country's, ISO 639-1.
        where: What is read, for a message.

    Raises:
        SettingsError: An entry can't be; says which.
    """
    try:
        read = _TABLE.validate_python(dict(table))
        zone = ZoneInfo(read.timezone) if read.timezone else None
    except ValidationError as error:
        first = error.errors()[0]
        name, told = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"The rules in {where} have a bad entry, {name}: {told}.") from None
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(
            f"The rules in {where} name the time zone '{table['timezone']}', which there isn't; give one such as "
            "Europe/Berlin."
        ) from None
    factor = KILOMETRES[unit]
    limits = {}
    for kind in RoadKind:
        one: _Limit | None = getattr(read, kind.value)
        if one is not None:
            others = tuple(other.exemption(factor) for other in one.exceptions)
            advised = _speed(one.advised, factor) if one.advised else None
            limits[kind] = ImplicitLimit(_speed(one.limit, factor), advised, one.source, others)
    return Rules(limits, unit, zone, languages)


def _speed(value: float | str | None, factor: float) -> float | None:
    """Return a limit in km/h, or None for "none"."""
    return value * factor if isinstance(value, float | int) else None


_TABLE = TypeAdapter(_Table)
