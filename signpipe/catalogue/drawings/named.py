"""Drawings by the names that catalogues give them: signpipe's own, and those of the world's signs that are fetched.

"own:stop" is signpipe's stop.svg; "regulatory--stop--g1" is a file of the npm package `mapillary_sprite_source` (MIT),
which `signpipe data fetch drawings` gets. Where a country paints the same figure otherwise, a name says so at its end:
":white" is a yellow face made white, ":yellow" a white one made yellow, ":green" blue made green, ":mirror" the figure
looking the other way.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from signpipe.catalogue.drawings import drawing_svg, render_svg
from signpipe.types import FloatArray, Image

OWN = "own:"
_SIZE = re.compile(r'<svg[^>]*?\bwidth="([\d.]+)(?:px)?"[^>]*?\bheight="([\d.]+)(?:px)?"', re.DOTALL)
_WHITE = np.array((255, 255, 255), np.float32)
_YELLOW = np.array((0, 205, 250), np.float32)  # BGR
_VISIBLE = 32  # alpha from which a pixel belongs to the sign


def render_named(name: str, size: int, folder: Path | None = None) -> Image:
    """Render a drawing that a catalogue names.

    Args:
        name: Such as "own:stop" or "regulatory--no-parking--g1", with or without a change at its end.
        size: Pixels of the longer side.
        folder: The fetched drawings; None for signpipe's own alone.

    Returns:
        BGRA uint8 (H, W, 4) with straight alpha; the sign fills it.

    Raises:
        KeyError: There is no such drawing.
    """
    plain, _, change = name.removeprefix(OWN).partition(":")
    if name.startswith(OWN):
        picture = render_svg(drawing_svg(plain), size)
    else:
        path = folder / f"{plain}.svg" if folder is not None else None
        source = with_view_box(path.read_text(encoding="utf-8")) if path is not None and path.is_file() else None
        if source is None:
            raise KeyError(name)
        picture = _filled(render_svg(source, 2 * size), size)
    return changed(picture, change) if change else picture


def has_named(name: str, folder: Path | None = None) -> bool:
    """Return whether there is a drawing of a name; see `render_named`."""
    plain = name.removeprefix(OWN).partition(":")[0]
    if name.startswith(OWN):
        return files("signpipe.catalogue.drawings").joinpath(f"{plain}.svg").is_file()
    return folder is not None and (folder / f"{plain}.svg").is_file()


def changed(picture: Image, change: str) -> Image:
    """Return a drawing, BGRA uint8 (H, W, 4), painted as another country paints it; see above for the changes.

    Raises:
        KeyError: There is no such change.
    """
    if change == "mirror":
        return np.ascontiguousarray(picture[:, ::-1])
    colour = picture[..., :3].astype(np.float32)
    blue, green, red = colour[..., 0], colour[..., 1], colour[..., 2]
    if change == "white":
        colour = _towards(colour, _WHITE, (np.minimum(green, red) - blue) / np.float32(120))
    elif change == "yellow":
        colour = _towards(colour, _YELLOW, colour.min(axis=-1) / np.float32(255))
    elif change == "green":
        is_blue = np.clip((blue - red) / 60, 0, 1)[..., None]
        colour = np.asarray(colour * (1 - is_blue) + colour[..., (1, 0, 2)] * is_blue, np.float32)
    else:
        raise KeyError(change)
    return np.concatenate([colour.round().astype(np.uint8), picture[..., 3:]], axis=-1)


def with_view_box(svg: str) -> str | None:
    """Return a drawing's source with a view box that starts at 0, 0, or None for one that doesn't say its size."""
    if 'viewBox="0 0 ' in svg:
        return svg
    size = _SIZE.search(svg)
    return svg.replace("<svg", f'<svg viewBox="0 0 {size[1]} {size[2]}"', 1) if size else None


def _towards(colour: FloatArray, target: FloatArray, share: FloatArray) -> FloatArray:
    return cast(FloatArray, colour + (target - colour) * np.clip(share, 0, 1)[..., None])


def _filled(picture: Image, size: int) -> Image:
    """Return a drawing without the empty margin around it, its longer side `size` pixels."""
    seen = picture[..., 3] >= _VISIBLE
    if not seen.any():
        raise KeyError("empty")
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    sign = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = size / max(sign.shape[:2])
    wide, high = (max(1, round(side * scale)) for side in (sign.shape[1], sign.shape[0]))
    return np.asarray(cv2.resize(sign, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
