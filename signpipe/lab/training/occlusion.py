"""Hiding parts of training signs, and what may still be said of them.

Held-out occluders are never used; what stands in for their variety is `clutter`: pieces of real surroundings behind
irregular masks of many scales.
"""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation import OCCLUDERS, TRAINING_OCCLUDERS, Occluder
from signpipe.lab.augmentation.occluder import Canvas, Cover
from signpipe.types import FloatArray, Image

SEVERAL = (0.7, 0.22, 0.08)  # chances of one, two or three occluders at once
# How often each occluder is drawn against the others, 1 where it isn't named.
WEIGHTS = {"clutter": 6.0, "colour_patch": 1.5}
# Share of the hidden signs that have just one patch of another sign on them, and how much of the face that takes. Where
# its edges are hard to see, such a sign looks like the other one in plain view: unless they are common, the network
# learns to bet on the plain view.
PATCHED = 0.3
PATCH = (0.2, 0.8)


def _clutter(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Cover a face with pieces of another picture: blobs, a net of lines or a mosaic, maybe from one side first."""
    angle = rng.uniform(0, 2 * np.pi)
    along = canvas.x * np.float32(np.cos(angle)) + canvas.y * np.float32(np.sin(angle))
    inward = along * np.float32(rng.uniform(0, 0.6) if rng.random() < 0.6 else 0.0)
    colour = _texture(canvas, rng)
    kind = rng.integers(3)
    if kind == 0:
        order = canvas.fractal(float(np.exp(rng.uniform(np.log(2), np.log(12)))), rng)
    elif kind == 1:
        noise = canvas.fractal(rng.uniform(2, 8), rng, octaves=2)
        order = 2 * np.abs(noise - np.median(noise))
    else:
        points = np.ones(canvas.shape, np.uint8)
        count = int(np.exp(rng.uniform(np.log(10), np.log(120))))
        points[rng.integers(canvas.shape[0], size=count), rng.integers(canvas.shape[1], size=count)] = 0
        away, cell = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
        order = rng.random(count + 1).astype(np.float32)[cell] + np.float32(0.3) * away / np.float32(canvas.half)
        if rng.random() < 0.5:
            colour = colour * rng.uniform(0.4, 1.3, (count + 1, 1)).astype(np.float32)[cell]
    unique = rng.random(canvas.shape).astype(np.float32) * np.float32(1e-3)
    return Cover(canvas.hide(order + inward + unique)[0], colour)


def _texture(canvas: Canvas, rng: np.random.Generator) -> FloatArray:
    """Return a random window of one of the canvas's pictures, or one colour where it has none."""
    if canvas.textures is None or not len(canvas.textures):
        return np.full((*canvas.shape, 3), rng.uniform(0, 255, 3), np.float32)
    picture = canvas.textures[rng.integers(len(canvas.textures))]
    side = max(int(len(picture) * rng.uniform(0.3, 1)), 8)
    top, left = rng.integers(len(picture) - side + 1, size=2)
    window = picture[top : top + side, left : left + side]
    return np.asarray(cv2.resize(window, canvas.shape[::-1]), np.float32) * np.float32(rng.uniform(0.6, 1.3))


CLUTTER = Occluder("clutter", "clutter", _clutter)
HIDING = (*TRAINING_OCCLUDERS, CLUTTER)
_CHANCES = np.array([WEIGHTS.get(o.name, 1.0) for o in HIDING])
_CHANCES /= _CHANCES.sum()


def hide(
    crop: Image, face: FloatArray, signs: Image, surroundings: Image, rng: np.random.Generator
) -> tuple[Image, FloatArray, float]:
    """Hide 5 to 75 % of a sign behind one to three things, or up to 80 % behind the texture of another sign.

    Args:
        crop: BGR uint8 (S, S, 3).
        face: float32 (S, S), 1 on the sign's face.
        signs: BGR uint8 (N, T, T, 3), crops of other signs, which may be pasted over this one.
        surroundings: BGR uint8 (M, U, U, 3), pictures without a sign.
        rng: Source of chance.

    Returns:
        The picture; float32 (S, S), the face's visible part; and the share of the face under other signs' texture.
    """
    if rng.random() < PATCHED:
        share = rng.uniform(*PATCH)
        crop, visible = OCCLUDERS["sign_patch"](crop, face, share, rng, signs)
        return crop, visible, share
    count = int(rng.choice(len(SEVERAL), p=SEVERAL)) + 1
    # Visible shares multiply, so that all together hide the share that was drawn.
    parts = (1 - rng.uniform(0.05, 0.75)) ** rng.dirichlet(np.full(count, 2.0))
    visible, foreign = face, 0.0
    for part in parts:
        occluder = HIDING[int(rng.choice(len(HIDING), p=_CHANCES))]
        crop, shown = occluder(crop, face, 1 - part, rng, surroundings if occluder is CLUTTER else signs)
        visible = np.asarray(visible * shown / np.maximum(face, np.float32(1e-6)), np.float32)
        foreign += (1 - part) if occluder.name == "sign_patch" else 0.0
    return crop, visible, min(foreign, 1.0)
