"""Where the face of a sign is in its crop."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape
from signpipe.crops import MARGIN
from signpipe.types import FloatArray

_TIP = 0.05  # how much of an edge the rounded corners of a triangle or diamond take


def _rounded(corners: list[tuple[float, float]]) -> FloatArray:
    """Return a polygon whose corners are cut, as those of the real plates are rounded."""
    points = np.array(corners, np.float32)
    before, after = np.roll(points, 1, 0), np.roll(points, -1, 0)
    return np.stack([points + _TIP * (before - points), points + _TIP * (after - points)], 1).reshape(-1, 2)


def _regular(count: int, phase: float) -> FloatArray:
    angles = (np.arange(count) + phase) * (2 * np.pi / count)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


# Corners in face units: the sign's box spans -1..1 in x and y, y down.
OUTLINES: dict[Shape, FloatArray] = {
    Shape.CIRCLE: 0.98 * _regular(32, 0.0),
    Shape.TRIANGLE: _rounded([(0.0, -0.98), (0.98, 0.88), (-0.98, 0.88)]),
    Shape.TRIANGLE_DOWN: _rounded([(-0.98, -0.88), (0.98, -0.88), (0.0, 0.98)]),
    Shape.OCTAGON: 0.98 * _regular(8, 0.5) / np.cos(np.float32(np.pi / 8)),
    Shape.DIAMOND: _rounded([(0.0, -0.99), (0.99, 0.0), (0.0, 0.99), (-0.99, 0.0)]),
    Shape.RECTANGLE: _rounded([(-0.98, -0.98), (0.98, -0.98), (0.98, 0.98), (-0.98, 0.98)]),
    Shape.PLATE: _rounded([(-0.98, -0.49), (0.98, -0.49), (0.98, 0.49), (-0.98, 0.49)]),
}


def face_polygon(shape: Shape, height: int, width: int, margin: float = MARGIN) -> FloatArray:
    """Return the corners (K, 2) of a sign's face in pixels of its crop.

    Args:
        shape: Outline by the catalogue.
        height: Rows of the crop.
        width: Columns of the crop.
        margin: Margin around the sign's box on each side, as in `crop_signs`.
    """
    half = min(height, width) / (1 + 2 * margin) / 2
    return OUTLINES[shape] * np.float32(half) + np.array([width / 2 - 0.5, height / 2 - 0.5], np.float32)


@lru_cache(maxsize=128)
def face_mask(shape: Shape, height: int, width: int, margin: float = MARGIN) -> FloatArray:
    """Return a float32 (H, W) mask of a sign's face in its crop: 1 inside, 0 outside, soft at the edge; read-only.

    Args:
        shape: Outline by the catalogue.
        height: Rows of the crop.
        width: Columns of the crop.
        margin: Margin around the sign's box on each side, as in `crop_signs`.
    """
    result = filled(face_polygon(shape, height, width, margin), height, width)
    result.flags.writeable = False
    return result


def filled(corners: npt.NDArray[np.floating], height: int, width: int) -> FloatArray:
    """Return a float32 (H, W) mask of a polygon (K, 2) in pixels: 1 inside, 0 outside, soft at the edge."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / np.float32(255)
