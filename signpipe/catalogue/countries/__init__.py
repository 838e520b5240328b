"""Countries: a country is a file that says which signs it has, in its own codes and language, and what they mean there.

The file is TOML: a `[country]` table with the fields of `Country`, `[size]` with the usual size of each shape in
metres, `[rules]` with the limits that apply without a sign, and a `[[sign]]` table per sign. A sign whose name is one
of the shared meanings (`meanings.toml`, and the 43 base classes) needs only what the country has of its own; any other
sign says all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from signpipe.catalogue import Catalogue, Metres, Shape, SignClass, explain, load_catalogue, make_sign
from signpipe.catalogue.tables import read_tables
from signpipe.errors import SettingsError

FOLDER = Path(__file__).parent
MEANINGS = FOLDER.with_name("meanings.toml")
# Metres, where neither the country nor the meaning says how large a sign is.
USUAL_SIZE = {
    Shape.CIRCLE: (0.6, 0.6),
    Shape.TRIANGLE: (0.9, 0.79),
    Shape.TRIANGLE_DOWN: (0.9, 0.79),
    Shape.OCTAGON: (0.9, 0.9),
    Shape.DIAMOND: (0.85, 0.85),
    Shape.RECTANGLE: (0.6, 0.6),
    Shape.PLATE: (0.6, 0.33),
}

Checked = TypeVar("Checked")
Sides = Annotated[tuple[Metres, Metres], Field(strict=False)]


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class About:
    """The `[country]` table of a pack; see `Country`."""

    code: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    name: Annotated[str, Field(min_length=1)]
    local: Annotated[str, Field(min_length=1)]
    languages: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...], Field(min_length=1)]
    unit: Literal["km/h", "mph"]
    drives_on: Literal["right", "left"]
    measured: Literal["photographs", "drawings"] = "drawings"


@dataclass(frozen=True, slots=True)
class Country:
    """A country's signs and what is special about its roads.

    Attributes:
        code: Two small letters, ISO 3166-1, such as "be".
        name: In English.
        local: In its own language.
        languages: ISO 639-1, that of the signs' local titles first.
        unit: Of its speed limits.
        drives_on: Side of the road.
        catalogue: The 43 base classes, those that it doesn't have marked as not `present`, then its further signs.
        measured: What it was measured on: photographs of its roads, or drawings only.
        rules: The `[rules]` table as it stands in the file.
        path: The file.
    """

    code: str
    name: str
    local: str
    languages: tuple[str, ...]
    unit: Literal["km/h", "mph"]
    drives_on: Literal["right", "left"]
    measured: Literal["photographs", "drawings"]
    catalogue: Catalogue
    rules: Mapping[str, Any]
    path: Path

    @property
    def signs(self) -> tuple[SignClass, ...]:
        """The signs that the country has."""
        return tuple(sign for sign in self.catalogue if sign.present)

    def without(self, names: Iterable[str]) -> Country:
        """Return the country without further signs of these names; base classes stay."""
        base, left_out = len(load_catalogue()), set(names)
        further = [sign for sign in self.catalogue.classes[base:] if sign.name not in left_out]
        kept = [replace(sign, id=base + place) for place, sign in enumerate(further)]
        return replace(self, catalogue=Catalogue([*self.catalogue.classes[:base], *kept]))


def country_codes() -> tuple[str, ...]:
    """Return the codes of the countries that ship, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def country_path(code_or_path: str | Path) -> Path:
    """Return the file of a country that ships, or the path that was given.

    Raises:
        SettingsError: There is neither such a country nor such a file.
    """
    path = FOLDER / f"{str(code_or_path).lower()}.toml"
    if str(code_or_path).lower() in country_codes():
        return path
    path = Path(code_or_path)
    if not path.is_file():
        raise SettingsError(
            f"There is no country '{code_or_path}'; give one of {', '.join(country_codes())}, or the path of a TOML "
            "file of your own."
        )
    return path


def load_country(code_or_path: str | Path) -> Country:
    """Open a country that ships by its code, or one of your own by the path of its file.

    Raises:
        SettingsError: There is no such country, or its file has something that can't be; says what, in which line.
    """
    return _load(country_path(code_or_path))


@lru_cache(maxsize=32)
def _load(path: Path) -> Country:
    pack = read_pack(path)
    base, further = {sign.name: sign for sign in load_catalogue()}, list[SignClass]()
    named: dict[str, SignClass] = {}
    for table, place in zip(pack.tables, pack.places, strict=True):
        sign = pack.sign(table, place)
        if sign.name in named:
            raise SettingsError(f"{place}: the sign is named '{sign.name}', as one before it; rename it.")
        if sign.name not in base:
            sign = replace(sign, id=len(base) + len(further))
            further.append(sign)
        named[sign.name] = sign
    first = [named.get(name) or replace(sign, present=False) for name, sign in base.items()]
    about = pack.about
    return Country(
        about.code, about.name, about.local, about.languages, about.unit, about.drives_on, about.measured,
        Catalogue([*first, *further]), MappingProxyType(dict(pack.rules)), path,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pack:
    """A country's file as it was read, its signs not judged yet.

    Attributes:
        about: The `[country]` table.
        sizes: The `[size]` table: width and height in metres.
        rules: The `[rules]` table.
        tables: The `[[sign]]` tables.
        places: Where each of them is, such as "be.toml, line 12".
    """

    about: About
    sizes: Mapping[Shape, tuple[float, float]]
    rules: Mapping[str, Any]
    tables: Sequence[Mapping[str, Any]]
    places: Sequence[str]

    def sign(self, table: Mapping[str, Any], place: str) -> SignClass:
        """Return the sign of a table; the id of one beyond the base classes is not its own yet.

        Raises:
            SettingsError: Something in the table can't be; says what, and where.
        """
        known = {sign.name: sign.id for sign in load_catalogue()}
        class_id = known.get(str(table.get("name")), len(known))
        return make_sign(_complete(table, self.about, self.sizes, place) | {"id": class_id}, place)


def read_pack(path: Path) -> Pack:
    """Read a country's file.

    Raises:
        SettingsError: It can't be read, or has something beside the tables that it may have.
    """
    content, tables, places = read_tables(path)
    about = _checked(_ABOUT, content.pop("country", {}), path, "[country]")
    sizes = _checked(_SIZES, content.pop("size", {}), path, "[size]")
    rules = content.pop("rules", {})
    if content or not tables or not isinstance(rules, dict):
        told = f"has '{next(iter(content))}'" if content else "has 'rules' as no table"
        told = told if tables else "has no [[sign]] table"
        raise SettingsError(
            f"The country {path} can't be read: it {told}; give [country], [size], [rules] and [[sign]] tables."
        )
    return Pack(about, sizes, rules, tables, places)


def _complete(
    table: Mapping[str, Any], about: About, sizes: Mapping[Shape, tuple[float, float]], place: str
) -> dict[str, Any]:
    """Return a sign's table with what its meaning, the country and the usual size add."""
    for key in ("id", "present"):
        if key in table:
            raise SettingsError(f"{place}: the sign has '{key}', which signpipe gives by itself; leave it out.")
    complete = {"vienna": "", "unit": about.unit} | dict(meanings().get(str(table.get("name")), {})) | dict(table)
    if about.unit == "mph" and "title" in complete:
        complete["title"] = str(complete["title"]).replace("km/h", "mph")
    shape = complete.get("shape")
    if shape in set(Shape):
        usual = sizes.get(Shape(shape), USUAL_SIZE[Shape(shape)])
        complete = dict(zip(("width", "height"), usual, strict=True)) | complete
    return complete


@lru_cache(maxsize=1)
def meanings() -> Mapping[str, Mapping[str, Any]]:
    """Return the meanings that countries share, by name: the base classes without their sizes, then the others."""
    kept = ("name", "title", "vienna", "category", "shape", "effect", "value", "vehicles", "figures")
    base = {sign.name: {key: getattr(sign, key) for key in kept} for sign in load_catalogue()}
    shared = {name: {key: value for key, value in table.items() if value is not None} for name, table in base.items()}
    content, tables, places = read_tables(MEANINGS)
    for table, place in zip(tables, places, strict=True):
        name = table.get("name")
        if content or name is None or (name in shared and ("drawings" in shared[name] or name not in base)):
            raise SettingsError(f"{place}: the meaning has no name, or that of one before it.")
        shared[name] = shared.get(name, {}) | table
    return MappingProxyType(shared)


def _checked(adapter: TypeAdapter[Checked], table: object, path: Path, what: str) -> Checked:
    try:
        return adapter.validate_python(table)
    except ValidationError as error:
        raise SettingsError(f"The country {path} has a bad entry in {what}: {explain(error)}.") from None


_ABOUT = TypeAdapter(About)
_SIZES: TypeAdapter[dict[Shape, Sides]] = TypeAdapter(dict[Shape, Sides])
