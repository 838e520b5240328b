"""Cutting signs out of a picture for the classifier; training and run time share this one protocol."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.types import Image

# What the networks and the witnesses that ship were trained on. At run time a classifier's own counts, which its entry
# in the model manifest states.
MARGIN = 0.1


def crop_signs(image: Image, xyxy: npt.ArrayLike, margin: float = MARGIN, size: int = 48) -> Image:
    """Cut one square crop per box.

    A box becomes the square around its centre whose side is its longer side times `1 + 2 * margin`, so that a sign
    keeps its aspect. What lies outside the picture is filled by replicating the border.

    Args:
        image: BGR uint8 (H, W, 3).
        xyxy: Boxes (N, 4) in pixels of `image`; they may reach outside.
        margin: Margin on each side, as a fraction of the longer side.
        size: Side of the crops in pixels.

    Returns:
        BGR uint8 (N, size, size, 3).

    Raises:
        ValueError: The picture is empty or a box is not finite.
    """
    boxes = boxes_to_cut(image, xyxy)
    crops = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, (left, top, right, bottom) in zip(crops, boxes, strict=True):
        side = max(round(max(right - left, bottom - top) * (1 + 2 * margin)), 1)
        square = cut(image, round((left + right - side) / 2), round((top + bottom - side) / 2), side, side)
        cv2.resize(square, (size, size), dst=crop, interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
    return crops


def boxes_to_cut(image: Image, xyxy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return boxes as float64 (N, 4).

    Raises:
        ValueError: The picture is empty or a box is not finite.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    if image.size == 0:
        raise ValueError("crops can't be cut from an empty picture")
    if not np.isfinite(boxes).all():
        raise ValueError("a box to crop has a coordinate that is not finite")
    return boxes


def cut(image: Image, x: int, y: int, width: int, height: int) -> Image:
    """Return the rectangle from (x, y); a view where it lies inside the picture, else with its border replicated."""
    if x >= 0 and y >= 0 and x + width <= image.shape[1] and y + height <= image.shape[0]:
        return image[y : y + height, x : x + width]
    columns = np.clip(np.arange(x, x + width), 0, image.shape[1] - 1)
    rows = np.clip(np.arange(y, y + height), 0, image.shape[0] - 1)
    return image[rows[:, None], columns]
