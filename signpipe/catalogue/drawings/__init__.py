"""Drawings of the catalogue's signs: one SVG per class, in millimetres of the usual real sign.

The outline of a sign fills its drawing exactly, so that a drawing and a tight box have the same edges; outside the
outline the drawing is transparent.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import cast

import cv2
import numpy as np
import resvg_py

from signpipe.types import Image

BACKGROUND = 128.0  # grey behind framed drawings


def drawing_svg(name: str) -> str:
    """Return the SVG source of a sign's drawing.

    Args:
        name: Class name of the catalogue, such as "speed_limit_80".

    Raises:
        KeyError: There is no drawing of that name.
    """
    file = files(__package__).joinpath(f"{name}.svg")
    if not file.is_file():
        raise KeyError(name)
    return file.read_text(encoding="utf-8")


def render_svg(svg: str, size: int) -> Image:
    """Render SVG source with a view box that starts at 0, 0.

    Args:
        svg: The source.
        size: Pixels of the longer side.

    Returns:
        BGRA uint8 (H, W, 4) with straight alpha.
    """
    width, height = (float(side) for side in svg.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split())
    scale = size / max(width, height)
    wide, high = round(width * scale), round(height * scale)
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, width=wide, height=high)
    return cast(Image, cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))


@lru_cache(maxsize=128)
def _pixels(name: str, size: int) -> Image:
    """Return the drawing as a read-only BGRA picture; see `render_drawing`."""
    pixels = render_svg(drawing_svg(name), size)
    pixels.flags.writeable = False
    return pixels


def render_drawing(name: str, size: int) -> Image:
    """Render a sign's drawing.

    Args:
        name: Class name of the catalogue.
        size: Pixels of the longer side.

    Returns:
        BGRA uint8 (H, W, 4) with straight alpha, read-only; 0 alpha lies outside the sign's outline.

    Raises:
        KeyError: There is no drawing of that name.
    """
    return _pixels(name, size)


def framed_drawing(name: str, size: int, margin: float) -> Image:
    """Return a sign's drawing as the crop protocol would cut it, before a grey background.

    Args:
        name: Class name of the catalogue.
        size: Side of the crop in pixels.
        margin: Margin around the sign, as in `crop_signs`.

    Returns:
        BGRA uint8 (S, S, 4); alpha tells the sign from the background, which is painted already.

    Raises:
        KeyError: There is no drawing of that name.
    """
    scale = 4  # drawn larger, so that its place isn't rounded to whole pixels
    drawn = render_drawing(name, round(size * scale / (1 + 2 * margin)))
    height, width = drawn.shape[:2]
    canvas = np.full((size * scale, size * scale, 4), (BACKGROUND, BACKGROUND, BACKGROUND, 0), np.float32)
    top, left = (size * scale - height) // 2, (size * scale - width) // 2
    alpha = drawn[..., 3:].astype(np.float32) / 255
    place = canvas[top : top + height, left : left + width]
    place[..., :3] += (drawn[..., :3] - place[..., :3]) * alpha
    place[..., 3:] = 255 * alpha
    return np.asarray(cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA).round(), np.uint8)
