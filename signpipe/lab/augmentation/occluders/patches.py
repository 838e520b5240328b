"""Artificial patches, as in published occlusion tests: easy to state, and harder than nature."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation.occluder import BoolArray, Canvas, Cover, Occluder
from signpipe.lab.augmentation.occluders.drawing import plate
from signpipe.types import FloatArray


def _patch(canvas: Canvas, rng: np.random.Generator) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Grow a turned rectangle around a place on the face.

    Returns:
        bool (h, w), what it hides; x and y (h, w) in its own frame, where it spans -1..1.
    """
    cx, cy = rng.uniform(-0.7, 0.7, 2).astype(np.float32)
    angle = rng.uniform(-0.4, 0.4)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    dx, dy = canvas.x - cx, canvas.y - cy
    x, y = (dx * cos + dy * sin) * np.float32(np.exp(rng.normal(0, 0.35))), dy * cos - dx * sin
    mask, limit = canvas.hide(np.maximum(np.abs(x), np.abs(y)))
    return mask, x / np.float32(max(limit, 1e-3)), y / np.float32(max(limit, 1e-3))


def colour_patch(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """A rectangle of one colour (as in Cutout, DeVries & Taylor 2017)."""
    return Cover(_patch(canvas, rng)[0], rng.uniform(0, 255, 3).astype(np.float32))


def sign_patch(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """A rectangle of another sign's texture (as in CutMix, Yun et al., ICCV 2019): evidence for the wrong class.

    The texture is one of the canvas's pictures, in place, as CutMix pastes it; without any, a drawn plate.
    """
    mask, x, y = _patch(canvas, rng)
    if canvas.textures is None or not len(canvas.textures):
        return Cover(mask, canvas.lit(plate(rng).paint(x, y)))
    chosen = canvas.textures[rng.integers(len(canvas.textures))]
    return Cover(mask, np.asarray(cv2.resize(chosen, canvas.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32))


PATCHES = (
    Occluder("colour_patch", "patches", colour_patch, natural=False),
    Occluder("sign_patch", "patches", sign_patch, natural=False),
)
