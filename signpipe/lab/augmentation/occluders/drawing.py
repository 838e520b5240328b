"""Procedural plates of other signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape
from signpipe.lab.augmentation.face import OUTLINES
from signpipe.types import FloatArray

Gauge = Callable[[FloatArray, FloatArray], FloatArray]
Paint = Callable[[FloatArray, FloatArray], FloatArray]

_WHITE, _BLACK = (235.0, 238.0, 235.0), (25.0, 25.0, 28.0)
_RED, _BLUE, _YELLOW, _GREY = (35.0, 30.0, 190.0), (165.0, 80.0, 20.0), (40.0, 190.0, 245.0), (140.0, 140.0, 138.0)

Stroke = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]  # middle and half size


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate whose outline is where its gauge is 1.

    Attributes:
        gauge: Maps x and y (h, w) to 0 in the middle, 1 on the outline, growing in proportion outwards.
        paint: Maps x and y (h, w) to BGR 0..255 (h, w, 3).
    """

    gauge: Gauge
    paint: Paint


def gauge_of(shape: Shape) -> Gauge:
    """Return the gauge of a catalogue shape in face units."""
    if shape is Shape.CIRCLE:
        return lambda x, y: np.asarray(np.hypot(x, y), np.float32)
    corners = OUTLINES[shape]
    edges = np.roll(corners, -1, 0) - corners
    normals = np.stack([edges[:, 1], -edges[:, 0]], 1)
    normals = normals / np.sum(normals * corners, 1, keepdims=True)  # 1 on the edge, whichever way round

    def gauge(x: FloatArray, y: FloatArray) -> FloatArray:
        result = np.asarray(normals[0, 0] * x + normals[0, 1] * y, np.float32)
        for nx, ny in normals[1:]:
            np.maximum(result, nx * x + ny * y, out=result)
        return result

    return gauge


def plate(rng: np.random.Generator) -> Plate:
    """Return a random plate: a sign of some kind, a supplementary board, or the grey back of one."""
    kind = int(rng.integers(6))
    strokes: list[Stroke] = [(rng.uniform(-0.5, 0.5, 2), rng.uniform(0.06, 0.4, 2)) for _ in range(rng.integers(2, 6))]
    if kind <= 2:
        shape = (Shape.CIRCLE, Shape.TRIANGLE, Shape.CIRCLE)[kind]
        ground, rim, ink = ((_WHITE, _RED, _BLACK), (_WHITE, _RED, _BLACK), (_BLUE, _BLUE, _WHITE))[kind]
        return Plate(gauge_of(shape), _painter(gauge_of(shape), ground, rim, ink, 0.78, strokes))
    flat = rng.uniform(0.4, 1.0)

    def gauge(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.asarray(np.maximum(np.abs(x), np.abs(y) / np.float32(flat)), np.float32)

    ground, rim, ink = ((_WHITE, _BLACK, _BLACK), (_YELLOW, _BLACK, _BLACK), (_GREY, _GREY, _GREY))[kind - 3]
    lines: list[Stroke] = [
        (np.array([rng.uniform(-0.2, 0.2), y * flat]), np.array([rng.uniform(0.3, 0.7), 0.1 * flat]))
        for y in (-0.45, 0, 0.45)
    ]
    return Plate(gauge, _painter(gauge, ground, rim, ink, 0.93, lines))


def _painter(
    gauge: Gauge,
    ground: tuple[float, float, float],
    rim: tuple[float, float, float],
    ink: tuple[float, float, float],
    border: float,
    strokes: list[Stroke],
) -> Paint:
    def paint(x: FloatArray, y: FloatArray) -> FloatArray:
        picture = np.empty((*x.shape, 3), np.float32)
        picture[:] = ground
        for (cx, cy), (half_width, half_height) in strokes:
            picture[(np.abs(x - cx) < half_width) & (np.abs(y - cy) < half_height)] = ink
        picture[gauge(x, y) > border] = rim
        return picture

    return paint
