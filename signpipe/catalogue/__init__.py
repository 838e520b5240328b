"""The sign catalogue: what each class is called, how it looks, how large it really is and what it means."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from signpipe.errors import SettingsError

DEFAULT_CATALOGUE = Path(__file__).with_name("de.toml")


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


@dataclass(frozen=True, slots=True)
class SignClass:
    """One class of the catalogue.

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
    """

    id: int
    name: str
    title: str
    vienna: str
    category: Category
    shape: Shape
    width: float
    height: float
    effect: Effect
    value: float | str | None = None
    vehicles: str = "all"


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
    """Read a catalogue from TOML: a `[[sign]]` table a class, with the fields of `SignClass`.

    Raises:
        SettingsError: The file is missing, no TOML, or an entry is incomplete or out of order.
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
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["sign"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise SettingsError(
            f"The catalogue {path} can't be read ({error}); give a TOML file of [[sign]] tables."
        ) from None
    classes = []
    for position, entry in enumerate(entries):
        try:
            sign = SignClass(
                **{
                    **entry,
                    "category": Category(entry["category"]),
                    "shape": Shape(entry["shape"]),
                    "effect": Effect(entry["effect"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"The catalogue {path} has a bad entry, number {position}: {error}.") from None
        if sign.id != first + position:
            raise SettingsError(
                f"The catalogue {path} lists id {sign.id} at position {position}; number them from {first}."
            )
        classes.append(sign)
    return classes
