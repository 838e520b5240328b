"""Pictures of one sign as a camera might see it on other days, which a handful of examples or a drawing lacks."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation import Augmenter
from signpipe.lab.augmentation.framing import SOURCE_SIZE, box_jitter, expose, warp
from signpipe.lab.augmentation.variants import place_drawing
from signpipe.types import FloatArray, Image

# Daylight scenes as colours BGR: sky and plaster above, leaves, asphalt and walls below.
_ABOVE = ((235, 215, 190), (190, 190, 190), (150, 165, 175), (90, 120, 90))
_BELOW = ((60, 90, 60), (95, 95, 95), (70, 95, 120), (120, 130, 140))
_STRONGEST = 2.5  # severity of weather, light and camera, of 5: an example is meant to be readable


def photograph(source: Image, rng: np.random.Generator, size: int) -> Image:
    """Return a sign as another look might show it: framed otherwise, in other light, through the camera's faults.

    Args:
        source: BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3), from `source_of_picture` or `source_of_drawing`.
        rng: Source of chance.
        size: Side of the classifier's crops in pixels.

    Returns:
        BGR uint8 (size, size, 3).
    """
    crop = expose(reframe(source, rng, size), rng)
    everywhere = np.ones((size, size), np.float32)
    return Augmenter(rng, occlusion=0, strongest=_STRONGEST)(crop, everywhere)[0]


def reframe(source: Image, rng: np.random.Generator, size: int) -> Image:
    """Return a sign as another box would frame it, and nothing else changed; see `photograph`."""
    return warp(source, box_jitter(rng, size), size)


def source_of_drawing(drawing: Image, rng: np.random.Generator) -> Image:
    """Return a drawing before a made-up scene and lit like it, BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3).

    Args:
        drawing: BGRA uint8 (H, W, 4), straight alpha, the sign's outline filling it.
        rng: Source of chance.
    """
    return place_drawing(drawing, _scene(rng), rng).astype(np.uint8)


def _scene(rng: np.random.Generator) -> FloatArray:
    """Return something like a blurred street scene, float32 BGR (SOURCE_SIZE, SOURCE_SIZE, 3), 0..255."""
    above, below = (np.array(colours[int(rng.integers(len(colours)))], np.float32) for colours in (_ABOVE, _BELOW))
    ramp = np.linspace(0, 1, SOURCE_SIZE, dtype=np.float32) ** np.float32(rng.uniform(0.5, 3))
    scene = above + (below - above) * ramp[:, None, None]
    cells = int(rng.integers(3, 16)), int(rng.integers(3, 16))
    clutter = (rng.normal(0, 25, (*cells, 1)) + rng.normal(0, 6, (*cells, 3))).astype(np.float32)
    spread = cv2.resize(clutter, (SOURCE_SIZE, SOURCE_SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip((scene + spread) * rng.uniform(0.35, 1.05), 0, 255), np.float32)
