"""Pictures with a known number of signs."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.types import Image

COLUMNS, ROWS = 8, 4
SIDE = 0.075  # of the picture's height
SWAY = 12  # pixels to either side
BLUR = 8.0  # pixels; what was a sign in the background can't be read any more
LIGHT = 0.85  # a sign is a little darker than its drawing


class CrowdedPictures:
    """Draws signs at places of a grid over a blurred picture; they sway slowly, so that they can be followed.

    Args:
        background: BGR uint8 (H, W, 3).
        signs: Number of signs, up to 32, each of another class.
    """

    def __init__(self, background: Image, signs: int) -> None:
        if not 0 <= signs <= COLUMNS * ROWS:
            raise ValueError(f"a picture can't show {signs} signs, only 0 to {COLUMNS * ROWS}")
        self._background = np.asarray(cv2.GaussianBlur(background, (0, 0), BLUR), np.uint8)
        height, width = background.shape[:2]
        side = max(round(height * SIDE), 8)
        self._drawings = [render_drawing(sign.name, side) for sign in load_catalogue()][:signs]
        # Every 11th place of 32, so that a few signs are spread over the whole picture too.
        places = [(place * 11) % (COLUMNS * ROWS) for place in range(signs)]
        self._corners = [
            (round((column + 0.5) * width / COLUMNS - side / 2), round((row + 0.5) * height / ROWS - side / 2))
            for row, column in (divmod(place, COLUMNS) for place in places)
        ]

    def __call__(self, index: int) -> Image:
        """Return the picture of a frame, BGR uint8 (H, W, 3)."""
        picture = self._background.copy()
        shift = round(SWAY * float(np.sin(index / 15)))
        for drawing, (left, top) in zip(self._drawings, self._corners, strict=True):
            height, width = drawing.shape[:2]
            left = min(max(left + shift, 0), picture.shape[1] - width)
            place = picture[top : top + height, left : left + width]
            cover = drawing[..., 3:].astype(np.float32) / 255
            place[...] = place * (1 - cover) + drawing[..., :3] * (cover * LIGHT)
        return picture
