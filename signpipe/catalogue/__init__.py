"""The sign catalogue: what each class is called, how it looks, how large it really is and what it means."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from signpipe.catalogue.tables import read_tables
from signpipe.errors import SettingsError

DEFAULT_CATALOGUE = Path(__file__).with_name("de.toml")
HIGHEST_LIMIT = 300  # km/h or mph
KILOMETRES = {"km/h": 1.0, "mph": 1.609344}  # in a unit of speed
DRAWING = r"^(own:\w[\w.-]*|[a-z]+--[\w-]+--g\d+)(:(white|yellow|green|mirror))?$"

Metres = Annotated[float, Field(strict=True, gt=0, le=20, allow_inf_nan=False)]
Number = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True, allow_inf_nan=False)]
Word = Annotated[str, Field(strict=True, min_length=1)]


class Category(StrEnum):
    """What kind of message a sign carries; shape and colour alone tell it."""

    PROHIBITORY = "prohibitory"
    DANGER = "danger"
    MANDATORY = "mandatory"
    PRIORITY = "priority"
    END_OF = "end_of"
    INFORMATION = "information"  # none of the shipped classes; parking, towns, crossings and the like


class Shape(StrEnum):
    """Outline of the sign's face."""

    CIRCLE = "circle"
    TRIANGLE = "triangle"  # point up
    TRIANGLE_DOWN = "triangle_down"
    OCTAGON = "octagon"
    DIAMOND = "diamond"
    RECTANGLE = "rectangle"  # upright, square or oblong
    PLATE = "plate"  # supplementary, under a sign


class Effect(StrEnum):
    """What a sign does to the drive state."""

    LIMIT = "limit"
    END_LIMIT = "end_limit"
    END_ALL = "end_all"
    OVERTAKING_BAN = "overtaking_ban"
    END_OVERTAKING_BAN = "end_overtaking_ban"
    PRIORITY_NEXT = "priority_next"
    PRIORITY_ROAD = "priority_road"
    GIVE_WAY = "give_way"
    STOP = "stop"
    ACCESS_BAN = "access_ban"
    DANGER = "danger"
    DIRECTION = "direction"
    INFORMATION = "information"
    # Limits of other kinds, and what begins and ends them; their value is a speed in the sign's unit.
    ZONE_LIMIT = "zone_limit"
    END_ZONE_LIMIT = "end_zone_limit"
    GENERAL_LIMIT = "general_limit"  # the road's general limit applies from here; the sign doesn't say which that is
    ADVISORY_LIMIT = "advisory_limit"
    END_ADVISORY_LIMIT = "end_advisory_limit"
    MINIMUM_SPEED = "minimum_speed"
    END_MINIMUM_SPEED = "end_minimum_speed"
    LANE_LIMIT = "lane_limit"  # for one lane alone, as on a gantry
    # Kinds of road, which bring limits of their own.
    TOWN = "town"
    END_TOWN = "end_town"
    MOTORWAY = "motorway"
    END_MOTORWAY = "end_motorway"
    EXPRESSWAY = "expressway"
    END_EXPRESSWAY = "end_expressway"
    LIVING_STREET = "living_street"
    END_LIVING_STREET = "end_living_street"
    PEDESTRIAN_ZONE = "pedestrian_zone"
    END_PEDESTRIAN_ZONE = "end_pedestrian_zone"
    # Limits of the vehicle; their value is tonnes or metres, or None where the sign's figures vary.
    WEIGHT_LIMIT = "weight_limit"
    AXLE_LIMIT = "axle_limit"
    HEIGHT_LIMIT = "height_limit"
    WIDTH_LIMIT = "width_limit"
    LENGTH_LIMIT = "length_limit"
    DISTANCE_MINIMUM = "distance_minimum"
    # What is banned, allowed or asked.
    TURN_BAN = "turn_ban"
    PARKING_BAN = "parking_ban"
    STOPPING_BAN = "stopping_ban"
    PARKING_ZONE = "parking_zone"
    END_PARKING_ZONE = "end_parking_zone"
    PARKING = "parking"
    ONE_WAY = "one_way"
    PATH = "path"  # of cyclists, pedestrians or riders
    END_PATH = "end_path"
    BUS_LANE = "bus_lane"
    END_BUS_LANE = "end_bus_lane"
    SNOW_CHAINS = "snow_chains"
    END_SNOW_CHAINS = "end_snow_chains"
    ONCOMING_PRIORITY = "oncoming_priority"  # one goes before oncoming traffic
    GIVE_WAY_ONCOMING = "give_way_oncoming"  # oncoming traffic goes first
    END_PRIORITY_ROAD = "end_priority_road"
    # What lies ahead, and what only tells.
    CROSSING = "crossing"  # of pedestrians or cyclists
    LEVEL_CROSSING = "level_crossing"
    DEAD_END = "dead_end"
    TUNNEL = "tunnel"
    GUIDE = "guide"  # directions, distances, services, sights
    PLATE = "plate"  # says something of the sign above it


# Effects whose value is a speed: those that can't be without it, and those that can.
SPEEDS = frozenset({
    Effect.LIMIT, Effect.END_LIMIT, Effect.ZONE_LIMIT, Effect.ADVISORY_LIMIT, Effect.MINIMUM_SPEED, Effect.LANE_LIMIT,
})  # fmt: skip
ENDS_OF_SPEEDS = frozenset({Effect.END_ZONE_LIMIT, Effect.END_ADVISORY_LIMIT, Effect.END_MINIMUM_SPEED})
# Effects whose value, if they have one, is a number of tonnes or metres.
MEASURES = frozenset({
    Effect.WEIGHT_LIMIT, Effect.AXLE_LIMIT, Effect.HEIGHT_LIMIT, Effect.WIDTH_LIMIT, Effect.LENGTH_LIMIT,
    Effect.DISTANCE_MINIMUM,
})  # fmt: skip


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class SignClass:
    """One class of the catalogue. Its values are checked, so that none can be misread for "no limit".

    Attributes:
        id: Index in the classifier's output.
        name: Identifier, such as "speed_limit_80".
        title: For people, such as "Speed limit 80 km/h".
        vienna: Code in Annex 1 of the Vienna Convention on Road Signs and Signals (1968).
        category: Its category.
        shape: Its outline.
        width: Usual real width of the face in metres.
        height: Usual real height of the face in metres.
        effect: What it does to the drive state.
        value: For limits and their ends the speed in `unit`; tonnes or metres for limits of weight and size, None where
            they vary; a word for the others, such as "keep_right".
        vehicles: Whom it addresses: "all" or "goods".
        code: Number in the country's own regulation, such as "274-50"; "" where it isn't known.
        local: What the country calls it, in its language; "" where it isn't known.
        figures: What is written on it, such as "50" or "7.5t"; "" if that varies, None if nothing is.
        unit: Unit of a speed.
        drawings: Drawings of it: of the package that `signpipe data fetch drawings` gets, such as
            "regulatory--no-parking--g1", or of signpipe's own, such as "own:stop"; see `signpipe.catalogue.drawings`.
        present: False if the classifier knows it, but the country doesn't have it: it may never be published there.

    Raises:
        pydantic.ValidationError: A value is none of those that it may have.
    """

    id: Annotated[int, Field(strict=True, ge=0)]
    name: Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
    title: Annotated[str, Field(min_length=1)]
    vienna: str
    category: Category
    shape: Shape
    width: Metres
    height: Metres
    effect: Effect
    value: Number | Word | None = None
    vehicles: Literal["all", "goods"] = "all"
    code: str = ""
    local: str = ""
    figures: str | None = None
    unit: Literal["km/h", "mph"] = "km/h"
    drawings: tuple[Annotated[str, Field(pattern=DRAWING)], ...] = ()
    present: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        is_speed = self.effect in SPEEDS or (self.effect in ENDS_OF_SPEEDS and self.value is not None)
        if is_speed or (self.effect in MEASURES and self.value is not None):
            if isinstance(self.value, str) or self.value is None or not 0 < self.value <= HIGHEST_LIMIT:
                what = self.unit if is_speed else "tonnes or metres"
                raise ValueError(
                    f"the effect '{self.effect}' needs its {what} as a number over 0 and up to {HIGHEST_LIMIT}, such "
                    f"as value = {80 if is_speed else 3.5}, not {self.value!r}"
                )
        elif self.value is not None and not isinstance(self.value, str):
            raise ValueError(f"the effect '{self.effect}' takes a word as its value, not the number {self.value!r}")
        return self

    @property
    def limit(self) -> float | None:
        """The limit that the sign sets in km/h, infinite if it ends one, None if it doesn't speak of limits."""
        if self.effect in (Effect.LIMIT, Effect.ZONE_LIMIT, Effect.LANE_LIMIT):
            assert not isinstance(self.value, str)
            assert self.value is not None
            return float(self.value) * KILOMETRES[self.unit]
        ends = (Effect.END_LIMIT, Effect.END_ALL, Effect.END_ZONE_LIMIT, Effect.GENERAL_LIMIT)
        return math.inf if self.effect in ends else None


class Catalogue:
    """The classes in the order of the classifier's output."""

    def __init__(self, classes: list[SignClass]) -> None:
        self.classes = tuple(classes)
        self._by_name = {c.name: c for c in classes}

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, class_id: int) -> SignClass:
        return self.classes[class_id]

    def __iter__(self) -> Iterator[SignClass]:
        return iter(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the classifier's output."""
        return tuple(c.name for c in self.classes)

    def by_name(self, name: str) -> SignClass:
        """Return the class called `name`.

        Raises:
            KeyError: No class has that name.
        """
        return self._by_name[name]

    def ids_of(self, category: Category) -> list[int]:
        """Return the ids of all classes of a category."""
        return [c.id for c in self.classes if c.category is category]


@lru_cache(maxsize=4)
def load_catalogue(path: Path = DEFAULT_CATALOGUE) -> Catalogue:
    """Read a catalogue from TOML: a `[[sign]]` table per class, with the fields of `SignClass`.

    Raises:
        SettingsError: The file is missing, no TOML, or an entry is incomplete, has a value that can't be, or is out of
            order; says in which line.
    """
    return Catalogue(_read_signs(path, 0))


def extend_catalogue(catalogue: Catalogue, path: Path) -> Catalogue:
    """Return a catalogue with further classes after its own, from a TOML file of the same format.

    Args:
        catalogue: The classes that the classifier knows.
        path: The further ones; their ids go on where the catalogue's end.

    Raises:
        SettingsError: The file can't be used, as for `load_catalogue`, or names a class that there is already.
    """
    signs = [*catalogue, *_read_signs(path, len(catalogue))]
    twice = next((one.name for one in signs if sum(other.name == one.name for other in signs) > 1), None)
    if twice is not None:
        raise SettingsError(f"The catalogue {path} names the class '{twice}', which there is already; rename it.")
    return Catalogue(signs)


def _read_signs(path: Path, first: int) -> list[SignClass]:
    """Return the classes of a TOML file, which are numbered from `first`."""
    content, tables, places = read_tables(path)
    if content or not tables:
        told = f"has '{next(iter(content))}'" if content else "has none"
        raise SettingsError(f"The catalogue {path} can't be read: it {told}; give a TOML file of [[sign]] tables.")
    signs: dict[str, SignClass] = {}
    for table, place in zip(tables, places, strict=True):
        sign = make_sign(table, place)
        if sign.id != first + len(signs):
            raise SettingsError(
                f"{place}: the sign has id {sign.id}, not {first + len(signs)}; number them from {first}."
            )
        if sign.name in signs:
            raise SettingsError(f"{place}: the sign is named '{sign.name}', as one before it; rename it.")
        signs[sign.name] = sign
    return list(signs.values())


def make_sign(table: Mapping[str, Any], place: str) -> SignClass:
    """Return the class that a table describes; what is written on a limit is its value, unless the table says more.

    Args:
        table: The fields of `SignClass`.
        place: Where the table is, for a message.

    Raises:
        SettingsError: A field is missing, unknown or can't be; says which.
    """
    try:
        sign = _SIGN.validate_python(table)
    except ValidationError as error:
        raise SettingsError(f"{place}: the sign has a bad entry, {explain(error)}.") from None
    if sign.figures is None and sign.value is not None and not isinstance(sign.value, str):
        return replace(sign, figures=f"{sign.value:g}")
    return sign


def explain(error: ValidationError) -> str:
    """Say what the first wrong value is, and which there may be."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][:1])
    if first["type"] == "missing":
        return f"'{name}' is missing"
    if first["type"] == "unexpected_keyword_argument":
        return f"there is no '{name}'"
    message = first["msg"].removeprefix("Value error, ")
    return f"{name} = {first['input']!r}: {message}" if name else message


_SIGN = TypeAdapter(SignClass)
