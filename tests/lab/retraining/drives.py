"""Drives past a sign that no model has learned: made-up photographs of it that grow, before a made-up road."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from signpipe.types import Detections, Frame, Image, Prepared
from tests.lab.few_shot.ten import CROP_MARGIN, photographs

SIZE = (360, 640)
LOOKS = 12  # frames a pass, ten a second
PAUSE = 4.0  # seconds between two passes


class Passes:
    """Drives past one sign several times, and the detector that finds it: both know where it is.

    Args:
        name: One of the ten signs.
        count: How often it is passed.
        seed: Which photographs are taken.
    """

    def __init__(self, name: str, count: int, seed: int) -> None:
        self._boxes: list[tuple[float, ...]] = []
        self._asked = 0
        self.frames = list(self._drive(photographs(name, count, seed), np.random.default_rng(seed)))

    def __call__(self, _: Prepared) -> tuple[Detections, Detections]:
        """Find the sign of the next frame; after the last one comes the first again."""
        box = self._boxes[self._asked % len(self._boxes)]
        self._asked += 1
        found = Detections(np.array([box], np.float32), np.array([0.9], np.float32))
        return found, Detections.empty()

    def _drive(self, pictures: list[Image], rng: np.random.Generator) -> Iterator[Frame]:
        for number, picture in enumerate(pictures):
            for look in range(LOOKS):
                index = number * LOOKS + look
                scene = rng.integers(90, 110, (*SIZE, 3), np.uint8)
                side = int(36 + 3.0 * look)
                left, top = 360 + 8 * look, 150 - 3 * look
                whole = round(side * (1 + 2 * CROP_MARGIN))
                edge = (whole - side) // 2
                patch = np.asarray(cv2.resize(picture, (whole, whole), interpolation=cv2.INTER_LINEAR), np.uint8)
                scene[top - edge : top - edge + whole, left - edge : left - edge + whole] = patch
                self._boxes.append((left, top, left + side, top + side))
                media_time = number * PAUSE + look / 10
                yield Frame(scene, index, captured_at=media_time, media_time=media_time, source_id="drive")
