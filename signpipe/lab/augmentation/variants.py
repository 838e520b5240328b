"""Drawings of signs as other countries and other makers paint them.

Real training signs come from one country: digits of one typeface, faces of one white. A classifier that has seen no
other takes the closed 6 of another typeface for an 8. So limits are lettered in many typefaces, widths and weights,
rims are thicker or thinner, and some faces are yellow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import drawing_svg, render_svg
from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.lab.augmentation.pasting import light_drawing
from signpipe.types import FloatArray, Image

Picture = TypeVar("Picture", Image, FloatArray)

SIZE = 112  # pixels of a rendered variant
VARIANTS = 6  # of a class; limits, whose digits vary most, get six times as many
LETTERINGS = 300  # drawings of a limit in typefaces that are given
# Typefaces that come with matplotlib, which every training environment has: the same wherever it runs.
TYPEFACES = ("DejaVuSans-Bold", "DejaVuSans", "DejaVuSansMono-Bold", "DejaVuSansMono", "cmss10")
_LETTERING = re.compile(r"<path.*/>")
_LIMIT = re.compile(r"^speed_limit_(\d+)$")


def draw_variants(name: str, rng: np.random.Generator) -> list[Image]:
    """Return drawings of one class in its variants, BGRA uint8 (H, W, 4), the longer side `SIZE` pixels.

    Args:
        name: Class name of the catalogue.
        rng: Source of chance.

    Raises:
        KeyError: There is no drawing of that name.
    """
    limit = _LIMIT.match(name)
    count = VARIANTS * 6 if limit else VARIANTS
    return [render_svg(_vary(drawing_svg(name), limit and limit[1], rng), SIZE) for _ in range(count)]


def _vary(svg: str, number: str | None, rng: np.random.Generator) -> str:
    """Return the source of a drawing with other lettering, rim and colours."""
    if number is not None:
        svg = re.sub(r'r="213"', f'r="{rng.uniform(192, 238):.0f}"', svg)
        if rng.random() < 0.25:
            svg = re.sub(r'stroke-width="\d+"', f'stroke-width="{rng.uniform(22, 50):.0f}"', svg)
        else:
            svg = _LETTERING.sub(_letter(number, rng), svg)
    red = "#c4141b" in svg
    if red and rng.random() < 0.25:  # the second white is the face's, the first that of the rim
        first, *rest = svg.split("#ffffff")
        yellow = f"#{rng.integers(225, 256):02x}{rng.integers(170, 225):02x}{rng.integers(0, 80):02x}"
        svg = first + "#ffffff" + yellow.join(rest)
    return svg.replace("#c4141b", f"#{rng.integers(150, 240):02x}{rng.integers(0, 60):02x}{rng.integers(0, 60):02x}")


@lru_cache(maxsize=64)
def _outline(digit: str, typeface: str) -> tuple[FloatArray, ...]:
    """Return the outlines of a digit as polygons of height 1 that begin at x = 0; y points down from -0.5."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(fname=str(Path(get_data_path()) / "fonts" / "ttf" / f"{typeface}.ttf"))
    polygons = [np.asarray(p, np.float32) for p in TextPath((0, 0), digit, size=100, prop=font).to_polygons()]
    low = np.min([polygon.min(0) for polygon in polygons], 0)
    high = np.max([polygon.max(0) for polygon in polygons], 0)
    middle = np.array([low[0], (low[1] + high[1]) / 2])
    return tuple((polygon - middle) / (high - low)[1] * (1, -1) for polygon in polygons)


def _letter(number: str, rng: np.random.Generator) -> str:
    """Return the SVG path of a limit's number in some typeface, spacing, width, weight and size."""
    typeface, gap = TYPEFACES[int(rng.integers(len(TYPEFACES)))], rng.uniform(0.08, 0.3)
    polygons, right = [], -gap
    for digit in number:
        outline = _outline(digit, typeface)
        polygons += [polygon + np.array([right + gap, 0], np.float32) for polygon in outline]
        right += gap + max(float(polygon[:, 0].max()) for polygon in outline)
    height = rng.uniform(160, 265)
    across = min(right * height * rng.uniform(0.65, 1.15), 2 * np.sqrt(205**2 - (height / 2) ** 2))
    scale, middle = np.array([across / right, height]), np.array([right / 2, 0])
    points = ((polygon - middle) * scale + 300 for polygon in polygons)
    path = " ".join("M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in polygon) + "Z" for polygon in points)
    return (
        f'<path d="{path}" fill="#161616" fill-rule="evenodd" stroke="#161616" '
        f'stroke-width="{max(rng.uniform(-8, 14), 0):.1f}"/>'
    )


class DrawnSigns:
    """Source pictures for training that show drawings, as `framing` wants them.

    Args:
        seed: Seed of the variants.
        typefaces: Limits are drawn in these too, `LETTERINGS` times each.
    """

    def __init__(self, seed: int, typefaces: Sequence[Typeface] = ()) -> None:
        rng = np.random.default_rng(seed)
        names = load_catalogue().names
        self._variants = [draw_variants(name, rng) for name in names]
        signs = FiguredSigns(typefaces)
        self._lettered = {
            class_id: [signs.limit(rng, limit[1], boards=0).image for _ in range(LETTERINGS)]
            for class_id, name in enumerate(names)
            if typefaces and (limit := _LIMIT.match(name))
        }

    def letters(self, class_id: int) -> bool:
        """Return whether a class is drawn in the typefaces that were given."""
        return class_id in self._lettered

    def lettered(self, class_id: int, behind: Image, rng: np.random.Generator) -> Image:
        """Return what a call does, but always a limit in one of the typefaces that were given."""
        return _one_of(self._lettered[class_id], behind, rng)

    def __call__(self, class_id: int, behind: Image, rng: np.random.Generator) -> Image:
        """Return one variant of a class before a scene and lit like it.

        Args:
            class_id: The class.
            behind: BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3), the scene.
            rng: Source of chance.

        Returns:
            BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3); the sign's box lies in the middle, with `SOURCE_MARGIN` around it.
        """
        return _one_of(self._variants[class_id], behind, rng)


def _one_of(drawings: Sequence[Image], behind: Image, rng: np.random.Generator) -> Image:
    return place_drawing(drawings[int(rng.integers(len(drawings)))], behind, rng)


def place_drawing(drawing: Image, behind: Picture, rng: np.random.Generator) -> Picture:
    """Put a drawing BGRA uint8 (H, W, 4) before a scene and light it like that.

    Args:
        drawing: The drawing; it ends where the sign does.
        behind: BGR uint8 or float32 (SOURCE_SIZE, SOURCE_SIZE, 3), the scene, 0..255.
        rng: Source of chance.

    Returns:
        BGR (SOURCE_SIZE, SOURCE_SIZE, 3) of the scene's type; the sign's box lies in the middle, with `SOURCE_MARGIN`
        around it.
    """
    high, wide = drawing.shape[:2]
    scale = SOURCE_SIZE / (1 + 2 * SOURCE_MARGIN) / max(high, wide)
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    patch = cv2.resize(drawing, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    left, top = (SOURCE_SIZE - size[0]) // 2, (SOURCE_SIZE - size[1]) // 2
    source = behind.copy()
    place = source[top : top + size[1], left : left + size[0]]
    alpha = patch[..., 3:] / 255
    place[:] = place * (1 - alpha) + light_drawing(patch[..., :3], behind.astype(np.float32), rng) * alpha
    return source
