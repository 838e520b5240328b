"""A country's signs on one sheet: drawing, code, titles and effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from signpipe.catalogue import SignClass
from signpipe.catalogue.countries import Country
from signpipe.catalogue.drawings.named import render_named
from signpipe.errors import OutputError
from signpipe.html.page import Section, grid, paragraph, write_page
from signpipe.types import Image

SIDE = 96  # pixels of a drawing
COLUMNS = 10
LINE = 12  # pixels from one line of writing to the next
BACKGROUND = 200
MISSING = "no drawing"


def first_drawing(sign: SignClass, folder: Path | None, size: int = SIDE) -> Image | None:
    """Return the first of a sign's drawings that there is, BGRA uint8, or None."""
    for name in sign.drawings:
        try:
            return render_named(name, size, folder)
        except KeyError:
            continue
    return None


def caption(sign: SignClass) -> str:
    """Return what is said of a sign: its code, its titles and what it does."""
    value = "" if sign.value is None else f" {sign.value:g}" if not isinstance(sign.value, str) else f" {sign.value}"
    titles = f"{sign.local} ({sign.title})" if sign.local and sign.local != sign.title else sign.title
    return f"{sign.code or '-'}: {titles}; {sign.name}, {sign.effect}{value}"


def write_sheet(path: Path, country: Country, folder: Path | None) -> int:
    """Write a country's signs as a page (.html) or a picture (.png).

    Args:
        path: The file to write.
        country: The country.
        folder: The fetched drawings, or None for signpipe's own alone.

    Returns:
        How many signs have no drawing.

    Raises:
        OutputError: It can't be written, or has another ending.
    """
    if path.suffix not in (".html", ".png"):
        raise OutputError(f"A contact sheet is an .html page or a .png picture, not {path.name}.")
    drawn = [(sign, first_drawing(sign, folder)) for sign in country.signs]
    if path.suffix == ".html":
        pictures = [(_png(_tile(drawing)), caption(sign)) for sign, drawing in drawn]
        note = paragraph(f"{len(drawn)} signs; unit {country.unit}; measured on {country.measured}.")
        write_page(path, f"Signs of {country.name}", [Section(country.local, note + grid(pictures))])
    else:
        _write_png(path, [_labelled(sign, drawing) for sign, drawing in drawn])
    return sum(drawing is None for _, drawing in drawn)


def _tile(drawing: Image | None) -> Image:
    """Return a square of grey with a drawing in its middle, BGR uint8, or one that says that there is none."""
    tile = np.full((SIDE, SIDE, 3), BACKGROUND, np.uint8)
    if drawing is None:
        _write(tile, MISSING, SIDE // 2)
        return tile
    drawing = drawing[:SIDE, :SIDE]  # an oblong one may come out a pixel too long
    height, width = drawing.shape[:2]
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    place, alpha = tile[top : top + height, left : left + width], drawing[..., 3:].astype(np.float32) / 255
    place[:] = (place + (drawing[..., :3] - place.astype(np.float32)) * alpha).round().astype(np.uint8)
    return tile


def _labelled(sign: SignClass, drawing: Image | None) -> Image:
    rows = list(_lines(f"{sign.code} {sign.name}".encode("ascii", "replace").decode()))
    label = np.full((3 * LINE, SIDE, 3), 255, np.uint8)
    for number, row in enumerate(rows[:3]):
        _write(label, row, LINE * (number + 1) - 3)
    return np.vstack([_tile(drawing), label])


def _lines(text: str, length: int = 17) -> Iterator[str]:
    for start in range(0, len(text), length):
        yield text[start : start + length]


def _write(picture: Image, text: str, bottom: int) -> None:
    cv2.putText(picture, text, (2, bottom), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (0, 0, 0), 1, cv2.LINE_AA)


def _png(picture: Image) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _write_png(path: Path, tiles: list[Image]) -> None:
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    sheet = np.vstack([np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_png(sheet))
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None
