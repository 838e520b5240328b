"""What is kept of a picture: signs as they are, and the rest so coarse that nobody is recognised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from signpipe.types import Image

CELLS = 64  # coarse pixels across a picture: a face five metres away is three of them wide, a number plate six
MARGIN = 0.25  # of a sign's side that stays sharp around it
ASIDE = 4.0  # metres to each side of where a map has a sign: its place and the receiver's are out by as much
LOW, HIGH = 0.5, 3.2  # metres over the camera between which a sign hangs: over heads and number plates
NEAREST, FARTHEST = 8.0, 60.0  # metres at which a mapped sign is looked for

Box = Sequence[float]


def shrink(image: Image, width: int) -> tuple[Image, float]:
    """Return a picture of at most `width` pixels, even on both sides, and its scale."""
    scale = min(width / image.shape[1], 1.0)
    size = (max(2, round(image.shape[1] * scale) // 2 * 2), max(2, round(image.shape[0] * scale) // 2 * 2))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def blur_all_but(image: Image, boxes: Iterable[Box]) -> Image:
    """Return a copy in which only some boxes, and a margin around them, are sharp.

    Args:
        image: BGR uint8 (H, W, 3).
        boxes: x1, y1, x2, y2 in its pixels.
    """
    height, width = image.shape[:2]
    cells = (min(CELLS, width), max(1, round(min(CELLS, width) * height / width)))
    coarse = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    kept = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    for x1, y1, x2, y2 in boxes:
        margin = MARGIN * max(x2 - x1, y2 - y1)
        left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
        right, bottom = min(width, int(np.ceil(x2 + margin))), min(height, int(np.ceil(y2 + margin)))
        if right > left and bottom > top:
            kept[top:bottom, left:right] = image[top:bottom, left:right]
    return kept


def window(ahead: float, aside: float, focal: float, vanishing: tuple[float, float]) -> Box | None:
    """Return where in the picture a mapped sign is to be looked for, or None where it is too near or too far.

    Args:
        ahead: Metres to it along the road.
        aside: Metres to the right.
        focal: In pixels.
        vanishing: Pixel where the road vanishes.
    """
    if not NEAREST <= ahead <= FARTHEST:
        return None
    scale, (x, y) = focal / ahead, vanishing
    return x + (aside - ASIDE) * scale, y - HIGH * scale, x + (aside + ASIDE) * scale, y - LOW * scale
