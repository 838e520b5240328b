"""Signs outside the catalogue's base classes, so that a simulated road has more than the classifier was shown."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from signpipe.catalogue import Catalogue, SignClass, extend_catalogue, load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.catalogue.drawings import render_drawing, render_svg
from signpipe.types import Image

SIGNS = Path(__file__).with_name("signs.toml")
NO_CLASS = -1  # class of a sign that the catalogue doesn't have
COUNTRY = "de"


@lru_cache(maxsize=1)
def roadside_catalogue() -> Catalogue:
    """Return what may stand along a simulated road.

    First the catalogue's base classes, then signs that stand for those that nobody knows, then the country's further
    ones of which there is a drawing here.
    """
    signs = list(extend_catalogue(load_catalogue(), SIGNS))
    names = {sign.name for sign in signs}
    further = [sign for sign in load_country(COUNTRY).signs if sign.name not in names and _is_drawn(sign.name)]
    return Catalogue(signs + [_as_drawn(sign, len(signs) + place) for place, sign in enumerate(further)])


def known_id(class_id: int) -> int:
    """Return the class's number in the country's catalogue, or `NO_CLASS` for a sign that stands for unknown ones."""
    if class_id < len(load_catalogue()):
        return class_id
    if class_id < len(extend_catalogue(load_catalogue(), SIGNS)):
        return NO_CLASS
    return load_country(COUNTRY).catalogue.by_name(roadside_catalogue()[class_id].name).id


def _as_drawn(sign: SignClass, class_id: int) -> SignClass:
    """Return a sign in the proportions of its drawing: some countries have others."""
    high, wide = render_drawing(sign.name, 128).shape[:2]
    return replace(sign, id=class_id, height=round(sign.width * high / wide, 3))


def _is_drawn(name: str) -> bool:
    return files("signpipe.catalogue.drawings").joinpath(f"{name}.svg").is_file()


def render_face(name: str, size: int) -> Image:
    """Render the drawing of any sign along a simulated road.

    Args:
        name: Its class name.
        size: Pixels of the longer side.

    Returns:
        BGRA uint8 (H, W, 4) with straight alpha; 0 alpha lies outside the sign's outline.

    Raises:
        KeyError: There is no drawing of that name.
    """
    file = files(__package__).joinpath(f"{name}.svg")
    return render_svg(file.read_text(encoding="utf-8"), size) if file.is_file() else render_drawing(name, size)
