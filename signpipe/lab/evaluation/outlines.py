"""How well the detector tells what outline a sign has, and how many of each outline it finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from signpipe.lab.evaluation.detection import box_iou
from signpipe.types import SHAPES, UNKNOWN_SHAPE, Detections, FloatArray, ShapeArray

FITS = 0.5  # overlap from which a detection has found a sign


class Outlines:
    """Counts, for each true outline, how many signs there are, are found, and are given which outline.

    Args:
        score: Detections under it don't count.
    """

    def __init__(self, score: float) -> None:
        self._score = score
        self._counts = np.zeros((len(SHAPES), len(SHAPES) + 2), int)  # the last two: found as unknown, and missed

    def add(self, candidates: Detections, truth: FloatArray, shapes: ShapeArray) -> None:
        """Count the signs of one picture: boxes float32 (N, 4), xyxy, and their outlines; unknown ones are left out."""
        kept = candidates[candidates.score >= self._score]
        overlap = box_iou(truth, kept.xyxy)
        for index, shape in enumerate(shapes.tolist()):
            if shape == UNKNOWN_SHAPE:
                continue
            best = int(overlap[index].argmax()) if len(kept) else 0
            if not len(kept) or overlap[index, best] < FITS:
                told = len(SHAPES) + 1
            else:
                told = min(int(kept.shape[best]), len(SHAPES))
            self._counts[shape, told] += 1

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return, for each outline that occurs, its number, recall, the share told right, and what it was taken for."""
        names = [*SHAPES, "unknown"]
        rows = {}
        for shape, counts in zip(SHAPES, self._counts, strict=True):
            signs, found = int(counts.sum()), int(counts[:-1].sum())
            if signs:
                right = int(counts[SHAPES.index(shape)])
                others = {name: int(n) for name, n in zip(names, counts[:-1], strict=True) if n and name != shape}
                rows[shape] = {
                    "n": signs, "recall": found / signs, "outline_right": right / found if found else None,
                    "taken_for": others,
                }  # fmt: skip
        return rows
