"""Finding everything that is wrong in a country's file, not the first thing alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from signpipe.catalogue import Category, Effect, Shape, SignClass
from signpipe.catalogue.countries import Pack, read_pack
from signpipe.catalogue.drawings.named import OWN, has_named
from signpipe.errors import SettingsError

# Effects that signs of the category "end_of" may have; such signs with none of them for the driver only tell.
ENDS = frozenset({effect for effect in Effect if effect.startswith("end_")} | {Effect.GENERAL_LIMIT})
ON_PLATES = (Effect.PLATE, Effect.ADVISORY_LIMIT)
LONGEST = 12.0  # times as long as it is high, or the other way round


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a country's file.

    Attributes:
        place: File and line.
        text: What it is.
    """

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def check_country(path: Path, drawings: Path | None) -> list[Problem]:
    """Return all problems of a country's file.

    Args:
        path: The file.
        drawings: The fetched drawings, or None to look for signpipe's own alone.

    Raises:
        SettingsError: Nothing of it can be read.
    """
    pack = read_pack(path)
    problems, seen = list[Problem](), dict[str, str]()
    for table, place in zip(pack.tables, pack.places, strict=True):
        try:
            sign = pack.sign(table, place)
        except SettingsError as error:
            problems.append(Problem(place, str(error).removeprefix(f"{place}: ")))
            continue
        if sign.name in seen:
            problems.append(
                Problem(place, f"the sign is named '{sign.name}', as the one of {seen[sign.name]}; rename it.")
            )
        seen.setdefault(sign.name, place.rsplit(", ", 1)[-1])
        problems += [Problem(place, text) for text in _of_sign(sign, pack, drawings)]
    return problems


def _of_sign(sign: SignClass, pack: Pack, drawings: Path | None) -> Iterator[str]:
    """Say what doesn't fit together in one sign."""
    name = f"'{sign.name}'"
    if (sign.shape is Shape.PLATE) != (sign.effect in ON_PLATES):
        yield f"{name} has the shape {sign.shape} and the effect {sign.effect}; plates, and they alone, have both."
    is_end = sign.effect in ENDS
    if sign.category is Category.END_OF and not is_end and sign.effect not in (Effect.END_ALL, Effect.INFORMATION):
        yield f"{name} is of the category end_of, and its effect {sign.effect} ends nothing."
    if sign.category in (Category.PROHIBITORY, Category.DANGER) and is_end:
        yield f"{name} is of the category {sign.category}, and its effect {sign.effect} is an end."
    if not 1 / LONGEST <= sign.width / sign.height <= LONGEST:
        yield f"{name} is {sign.width:g} m wide and {sign.height:g} m high, which no sign is."
    if not sign.local and pack.about.languages[0] != "en":
        yield f"{name} has no title in the country's language; give it as local."
    for drawing in sign.drawings:
        is_own = drawing.startswith(OWN)
        if not has_named(drawing, drawings) and (is_own or drawings is not None):
            yield f"{name} names the drawing '{drawing}', which there isn't."
