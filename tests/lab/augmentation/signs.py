"""Drawn signs to try the effects on; no photograph needed."""

import cv2
import numpy as np

from signpipe.catalogue import Shape
from signpipe.lab.augmentation import face_polygon
from signpipe.types import Image


def draw_sign(shape: Shape = Shape.CIRCLE, height: int = 64, width: int = 64, seed: int = 0) -> Image:
    """Return a white sign with a red rim and a dark bar before a mottled background, as the crop protocol cuts it."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 150, (7, 7, 3)).astype(np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    corners = face_polygon(shape, height, width)
    middle = corners.mean(0)
    for scale, colour in ((1.0, (40, 40, 190)), (0.75, (225, 228, 225))):
        outline = np.round((middle + (corners - middle) * scale) * 16).astype(np.int32)
        cv2.fillPoly(picture, [outline], colour, cv2.LINE_AA, 4)
    side = min(height, width)
    x, y = middle.round().astype(int)
    cv2.rectangle(picture, (x - side // 5, y - side // 16), (x + side // 5, y + side // 16), (30, 30, 30), -1)
    return np.asarray(picture, np.uint8)
