"""Cutting signs out of a picture for the reader; training and run time share this one protocol."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.crops import boxes_to_cut, cut
from signpipe.types import Image

HEIGHT, WIDTH = 40, 96  # pixels of a crop: figures are spread, so that each gets columns of its own
MARGIN = 0.06  # around the box on each side, as a fraction of its shorter side


def crop_figures(image: Image, xyxy: npt.ArrayLike) -> Image:
    """Cut one crop per box for the reader.

    A box with a little margin is stretched to 96x40 pixels, whatever its shape: a disc becomes wide, a plate stays
    about as it is. What lies outside the picture is filled by replicating the border.

    Args:
        image: BGR uint8 (H, W, 3).
        xyxy: Boxes (N, 4) in pixels of `image`; they may reach outside.

    Returns:
        BGR uint8 (N, 40, 96, 3).

    Raises:
        ValueError: The picture is empty or a box is not finite.
    """
    boxes = boxes_to_cut(image, xyxy)
    crops = np.empty((len(boxes), HEIGHT, WIDTH, 3), np.uint8)
    for crop, box in zip(crops, boxes, strict=True):
        extent = np.maximum(box[2:] - box[:2], 1.0)
        margin = MARGIN * float(extent.min())
        x1, y1 = np.round(box[:2] - margin).astype(int)
        width, height = np.maximum(np.round(extent + 2 * margin).astype(int), 1)
        piece = cut(image, x1, y1, width, height)
        shrinks = height > HEIGHT and width > WIDTH
        cv2.resize(piece, (WIDTH, HEIGHT), dst=crop, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return crops
