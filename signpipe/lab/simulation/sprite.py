"""Flat pictures that stand in the world: signs, poles, plants."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.types import FloatArray, Image

FINE = 200  # pixels; a smaller sprite is drawn about as large as this and shrunk, but
SUPERSAMPLING = 4  # at most so many times


@dataclass(frozen=True, slots=True)
class Patch:
    """Where a sprite was drawn.

    Attributes:
        x: Left column of the patch in the picture.
        y: Top row of the patch in the picture.
        alpha: float32 (h, w), how far the sprite covers each pixel, 0..1.
    """

    x: int
    y: int
    alpha: FloatArray


class Sprite:
    """A BGRA picture with its halved copies, so that it shrinks without aliasing.

    Args:
        bgra: uint8 (H, W, 4), straight alpha.
    """

    def __init__(self, bgra: Image) -> None:
        colour = bgra.astype(np.float32)
        colour[..., :3] *= colour[..., 3:] / 255
        self.levels = [colour]
        while min(self.levels[-1].shape[:2]) >= 4:
            height, width = self.levels[-1].shape[:2]
            halved = cv2.resize(self.levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            self.levels.append(halved.astype(np.float32, copy=False))

    def draw(self, picture: Image, quad: npt.NDArray[np.float64], gain: float = 1.0) -> Patch | None:
        """Draw the sprite into a picture, in perspective.

        Args:
            picture: BGR uint8 (H, W, 3), changed in place.
            quad: (4, 2), pixels of the sprite's top left, top right, bottom right and bottom left corner.
            gain: Brightness factor.

        Returns:
            Where it was drawn, or None if it lies outside the picture.
        """
        height, width = picture.shape[:2]
        x0, y0 = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(quad.max(axis=0)).astype(int) + 1, (width, height))
        if x1 <= x0 or y1 <= y0:
            return None
        side = float(np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).max())
        times = int(np.clip(FINE / max(side, 1), 1, SUPERSAMPLING))
        detail = max(self.levels[0].shape[:2]) / max(side * times, 1e-3)
        source = self.levels[int(np.clip(np.floor(np.log2(max(detail, 1))), 0, len(self.levels) - 1))]
        h, w = source.shape[:2]
        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
        target = ((quad - (x0, y0)) * times - 0.5).astype(np.float32)
        drawn = cv2.warpPerspective(
            source, cv2.getPerspectiveTransform(corners, target), ((x1 - x0) * times, (y1 - y0) * times)
        )
        if times > 1:
            drawn = cv2.resize(drawn, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        alpha: FloatArray = drawn[..., 3] * np.float32(1 / 255)
        under = picture[y0:y1, x0:x1]
        under[...] = np.clip(under * (1 - alpha[..., None]) + drawn[..., :3] * np.float32(gain), 0, 255)
        return Patch(int(x0), int(y0), alpha)
