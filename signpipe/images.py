"""Pictures from outside: brought to the one form that every stage takes, or refused in one sentence."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from signpipe.errors import SourceError
from signpipe.types import Image

_TAKEN = "give uint8 or uint16 of (H, W), (H, W, 3) or (H, W, 4)"


def as_bgr(image: Any, rgb: bool = False) -> Image:
    """Return a picture as BGR uint8 (H, W, 3); one that is so already is returned as it is, not copied.

    Args:
        image: uint8 or uint16, grey (H, W) or (H, W, 1), colour (H, W, 3), or colour with alpha (H, W, 4), which is
            dropped. Of 16 bits the upper 8 are kept.
        rgb: True if the channels of a colour picture are red, green, blue; else they are blue, green, red.

    Raises:
        SourceError: It is no array, is empty, or has another type or shape.
    """
    if not isinstance(image, np.ndarray):
        raise SourceError(f"A picture must be a numpy array, not {type(image).__name__}: {_TAKEN}.")
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise SourceError(f"An array of shape {image.shape} is no picture: {_TAKEN}.")
    if not image.size:
        raise SourceError(f"An array of shape {image.shape} is an empty picture: {_TAKEN}.")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype != np.uint8:
        hint = "; scale floats to 0..255 first" if image.dtype.kind == "f" else ""
        raise SourceError(f"A picture of {image.dtype} can't be read: {_TAKEN}{hint}.")
    if channels == 1:
        return np.asarray(cv2.cvtColor(image.reshape(image.shape[:2]), cv2.COLOR_GRAY2BGR), np.uint8)
    if channels == 4:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2BGR if rgb else cv2.COLOR_BGRA2BGR), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8) if rgb else image
