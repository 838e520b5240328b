"""Kinds of damage to a sign's face that people tell apart, drawn by procedure at a severity."""

from __future__ import annotations

import numpy as np

from signpipe.catalogue import Shape
from signpipe.crops import MARGIN
from signpipe.lab.augmentation.damage import dusty, fading, rust
from signpipe.lab.augmentation.face import face_mask
from signpipe.lab.augmentation.occluders.deposits import DEPOSITS
from signpipe.lab.augmentation.occluders.vandalism import VANDALISM
from signpipe.types import Image

KINDS = ("faded", "stickered", "rusted", "dirty", "snowed")
MOST_HIDDEN = 0.45  # share of the face that stickers or snow hide at a severity of 5
_SURFACE = {"faded": fading, "rusted": rust, "dirty": dusty}
_OCCLUDERS = {"stickered": next(one for one in VANDALISM if one.name == "stickers"),
              "snowed": next(one for one in DEPOSITS if one.name == "snow_patches")}  # fmt: skip


def wear(image: Image, kind: str, severity: float, rng: np.random.Generator, shape: Shape = Shape.CIRCLE) -> Image:
    """Return a crop of a sign that is damaged.

    Args:
        image: BGR uint8 (S, S, 3), framed as the classifier's crops are.
        kind: One of `KINDS`.
        severity: 0 (as it was) to 5.
        rng: Source of chance.
        shape: Outline of the sign, on which stickers and snow stay.
    """
    if severity <= 0:
        return image
    if kind in _SURFACE:
        return _SURFACE[kind](image, severity, rng)
    face = face_mask(shape, *image.shape[:2], MARGIN)
    return _OCCLUDERS[kind](image, face, MOST_HIDDEN * severity / 5, rng, None)[0]
