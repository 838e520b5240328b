"""The sign catalogue: what each class is called, how it looks, how large it really is and what it means."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from signpipe.errors import SettingsError

DEFAULT_CATALOGUE = Path(__file__).with_name("de.toml")
HIGHEST_LIMIT = 300  # km/h
TABLE = re.compile(r"\s*\[\[\s*sign\s*\]\]")

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
        value: km/h for limits and their ends; a word for the others, such as "keep_right".
        vehicles: Whom it addresses: "all" or "goods".

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.effect in (Effect.LIMIT, Effect.END_LIMIT):
            if isinstance(self.value, str) or self.value is None or not 0 < self.value <= HIGHEST_LIMIT:
                raise ValueError(
                    f"the effect '{self.effect}' needs its km/h as a number over 0 and up to {HIGHEST_LIMIT}, such as "
                    f"value = 80, not {self.value!r}"
                )
        elif self.value is not None and not isinstance(self.value, str):
            raise ValueError(f"the effect '{self.effect}' takes a word as its value, not the number {self.value!r}")
        return self

    @property
    def limit(self) -> float | None:
        """The limit that the sign sets in km/h, infinite if it ends one, None if it doesn't speak of limits."""
        if self.effect is Effect.LIMIT:
            assert not isinstance(self.value, str)
            assert self.value is not None
            return float(self.value)
        return math.inf if self.effect in (Effect.END_LIMIT, Effect.END_ALL) else None


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
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SettingsError(
            f"The catalogue {path} can't be read ({reason}); give a TOML file of [[sign]] tables."
        ) from None
    tables = content.pop("sign", None)
    if content or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        told = f"has '{next(iter(content))}'" if content else "has none"
        raise SettingsError(f"The catalogue {path} can't be read: it {told}; give a TOML file of [[sign]] tables.")
    places = [f"{path}, line {line}" for line, row in enumerate(text.splitlines(), 1) if TABLE.match(row)]
    if len(places) != len(tables):  # written as inline tables
        places = [f"{path}, sign {position + 1}" for position in range(len(tables))]
    signs: dict[str, SignClass] = {}
    for table, place in zip(tables, places, strict=True):
        try:
            sign = _SIGN.validate_python(table)
        except ValidationError as error:
            raise SettingsError(f"{place}: the sign has a bad entry, {_explain(error)}.") from None
        if sign.id != first + len(signs):
            raise SettingsError(
                f"{place}: the sign has id {sign.id}, not {first + len(signs)}; number them from {first}."
            )
        if sign.name in signs:
            raise SettingsError(f"{place}: the sign is named '{sign.name}', as one before it; rename it.")
        signs[sign.name] = sign
    return list(signs.values())


def _explain(error: ValidationError) -> str:
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
