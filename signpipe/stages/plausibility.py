"""Plausibility: drop boxes that can't be signs, and say why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from signpipe.settings import PlausibilitySettings
from signpipe.types import SHAPES, Detections

BOARDS = [SHAPES.index(name) for name in ("rectangle", "plate")]  # outlines that may be much wider than high
RULES = ("small", "large", "aspect", "border", "position")


class Plausibility:
    """Rules on a box's size, shape and place.

    Args:
        settings: The bounds.
    """

    def __init__(self, settings: PlausibilitySettings) -> None:
        self._settings = settings

    def __call__(
        self, detections: Detections, picture_shape: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
        """Return a mask (N,) of the plausible detections, and how many boxes each rule of `RULES` rejected.

        A box that breaks several rules is counted for the first of them only, so that the counts add up.

        Args:
            detections: Boxes in pixels of the source picture.
            picture_shape: Its (height, width, ...).
        """
        plausible = np.ones(len(detections), bool)
        rejected = {}
        for rule, broken in zip(RULES, self._broken(detections, *picture_shape[:2]), strict=True):
            rejected[rule] = int(np.count_nonzero(broken & plausible))
            plausible &= ~broken
        return plausible, rejected

    def _broken(self, detections: Detections, height: int, width: int) -> list[npt.NDArray[np.bool_]]:
        """Return one mask (N,) per rule, in the order of `RULES`."""
        bounds = self._settings
        x1, y1, x2, y2 = detections.xyxy.T
        w, h = x2 - x1, y2 - y1
        centre = (y1 + y2) / 2
        board = np.isin(detections.shape, BOARDS)
        narrowest = np.where(board, bounds.board_aspect_lowest, bounds.aspect_lowest)
        widest = np.where(board, bounds.board_aspect_highest, bounds.aspect_highest)
        edge = np.minimum(np.minimum(x1, y1), np.minimum(width - x2, height - y2))
        return [
            np.minimum(w, h) < bounds.smallest,
            np.maximum(w, h) > bounds.largest * height,
            (w < narrowest * h) | (w > widest * h),
            (edge < bounds.border) & (bounds.border > 0),
            (centre < bounds.top * height) | (centre > bounds.bottom * height),
        ]
