"""Pictures that show signs and nothing else: no face and no number plate can be made out in them."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from signpipe.review.item import Rect, Window, within
from signpipe.types import Image

_CELL = 32  # pixels that become one: a face or plate of 100 pixels is three


def only_signs(image: Image, window: Window, boxes: Iterable[Rect]) -> Image:
    """Return a copy of a part of a picture in which all but the signs is blurred beyond recognition.

    Args:
        image: BGR uint8 (H, W, 3), the part; it isn't changed.
        window: Where it lies in its picture.
        boxes: The signs, in pixels of the picture.
    """
    height, width = image.shape[:2]
    small = (max(width // _CELL, 1), max(height // _CELL, 1))
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    blurred = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    for box in boxes:
        left, top, right, bottom = (round(edge) for edge in within(box, window))
        blurred[top:bottom, left:right] = image[top:bottom, left:right]
    return blurred
