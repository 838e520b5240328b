"""Signs outside the catalogue, so that a simulated road has something that nobody has seen before."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from signpipe.catalogue import Catalogue, extend_catalogue, load_catalogue
from signpipe.catalogue.drawings import render_drawing, render_svg
from signpipe.types import Image

SIGNS = Path(__file__).with_name("signs.toml")
NO_CLASS = -1  # class of a sign that the catalogue doesn't have


def roadside_catalogue() -> Catalogue:
    """Return the classes that may stand along a simulated road: the catalogue's, then those outside it."""
    return extend_catalogue(load_catalogue(), SIGNS)


def known_id(class_id: int) -> int:
    """Return the class's number in the catalogue, or `NO_CLASS` for a sign that it doesn't have."""
    return class_id if class_id < len(load_catalogue()) else NO_CLASS


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
