"""How well boxes were found: average precision, recall at a rate of false alarms, recall by size.

Average precision is that of COCO (Lin et al., 2014): interpolated over 101 recalls, at an overlap of 0.5, or the mean
over 0.5, 0.55, ..., 0.95. No detection is cut off, so give all candidates down to a low score.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.types import Detections, FloatArray

OVERLAPS = np.linspace(0.5, 0.95, 10)
BANDS = ((12, 16), (16, 24), (24, 32), (32, 64), (64, 128), (128, 256), (256, 400))
UNMATCHED = -1.0  # stands for the score of the detection that found a sign which none did


@dataclass(frozen=True, slots=True)
class DetectionEvaluation:
    """All detections of a set of scenes, matched with the truth at each overlap.

    Attributes:
        scores: float32 (D,), scores of all detections, highest first.
        hits: bool (10, D), whether a detection found a sign, for each of `OVERLAPS`.
        sides: float32 (T,), longer side of each true box in pixels.
        found: float32 (T,), score of the detection that found it at overlap 0.5, or -1.
        scenes: Number of scenes.
    """

    scores: FloatArray
    hits: npt.NDArray[np.bool_]
    sides: FloatArray
    found: FloatArray
    scenes: int

    @property
    def ap50(self) -> float:
        """Average precision at an overlap of 0.5."""
        return average_precision(self.hits[0], len(self.sides))

    @property
    def ap50_95(self) -> float:
        """Mean of the average precisions over `OVERLAPS`."""
        return float(np.mean([average_precision(hits, len(self.sides)) for hits in self.hits]))

    def recall(self, score: float, sides: tuple[float, float] = (0.0, np.inf)) -> float:
        """Return the share of true boxes found at this score or higher, of those whose longer side is in a range.

        Args:
            score: Threshold of detection.
            sides: From and below, in pixels.

        Returns:
            0..1, or NaN where no box has such a size.
        """
        chosen = (self.sides >= sides[0]) & (self.sides < sides[1])
        return float((self.found[chosen] >= score).mean()) if chosen.any() else float("nan")

    def false_alarms(self, score: float) -> float:
        """Return the false detections a scene at this score or higher."""
        return float((~self.hits[0] & (self.scores >= score)).sum() / max(self.scenes, 1))

    def precision(self, score: float) -> float:
        """Return the share of detections at this score or higher that are right, or NaN where there is none."""
        chosen = self.scores >= score
        return float(self.hits[0][chosen].mean()) if chosen.any() else float("nan")

    def score_at(self, false_alarms: float) -> float:
        """Return the lowest score at which there are at most so many false alarms a scene."""
        wrong = self.scores[~self.hits[0]]
        allowed = int(false_alarms * self.scenes + 1e-9)
        if allowed >= len(wrong):
            return float(self.scores[-1]) if len(self.scores) else 0.0
        return float(np.nextafter(wrong[allowed], np.float32(2)))

    def summary(self, score: float) -> dict[str, Any]:
        """Return the usual metrics at an operating point, each with its number of cases."""
        limit = self.score_at(0.1)
        return {
            "scenes": self.scenes,
            "signs": len(self.sides),
            "ap50": self.ap50,
            "ap50_95": self.ap50_95,
            "recall_at_0.1_fppi": self.recall(limit),
            "score_at_0.1_fppi": limit,
            "score": score,
            "recall": self.recall(score),
            "precision": self.precision(score),
            "false_alarms_per_scene": self.false_alarms(score),
            "recall_by_size": {
                f"{low}-{high}": {
                    "n": int(((self.sides >= low) & (self.sides < high)).sum()),
                    "recall": self.recall(score, (low, high)),
                }
                for low, high in BANDS
                if ((self.sides >= low) & (self.sides < high)).any()
            },
        }

    def by_score(self) -> dict[str, dict[str, float]]:
        """Return recall and false alarms a scene at thresholds from 0.05 to 0.95."""
        return {
            f"{score:.2f}": {"recall": self.recall(score), "false_alarms_per_scene": self.false_alarms(score)}
            for score in np.linspace(0.05, 0.95, 19).tolist()
        }


def evaluate_detections(scenes: Iterable[tuple[Detections, FloatArray]]) -> DetectionEvaluation:
    """Match the detections of every scene with its true boxes.

    Args:
        scenes: Pairs of detections and true boxes float32 (N, 4), both xyxy in the same pixels.

    Returns:
        The evaluation over all scenes.
    """
    scores, hits, sides, found = [np.zeros(0, np.float32)], [np.zeros((len(OVERLAPS), 0), bool)], [], []
    count = 0
    for detections, truth in scenes:
        order = np.argsort(-detections.score, kind="stable")
        scene_hits, scene_found = match(detections[order], truth, OVERLAPS)
        scores.append(detections.score[order])
        hits.append(scene_hits)
        found.append(scene_found[0])
        sides.append((truth[:, 2:] - truth[:, :2]).max(1) if len(truth) else np.zeros(0, np.float32))
        count += 1
    everything = np.concatenate(scores)
    order = np.argsort(-everything, kind="stable")
    empty = [np.zeros(0, np.float32)]
    return DetectionEvaluation(
        everything[order], np.concatenate(hits, 1)[:, order], np.concatenate(sides or empty),
        np.concatenate(found or empty), count,
    )  # fmt: skip


def match(
    detections: Detections, truth: FloatArray, overlaps: Sequence[float] | npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Give each detection, best first, the free true box it overlaps most.

    Args:
        detections: Sorted by falling score.
        truth: float32 (T, 4), xyxy.
        overlaps: Intersection over union that a match needs, one result each.

    Returns:
        Hits bool (len(overlaps), D), and float32 (len(overlaps), T), the score that found each true box, or -1.
    """
    hits = np.zeros((len(overlaps), len(detections)), bool)
    found = np.full((len(overlaps), len(truth)), UNMATCHED, np.float32)
    iou = box_iou(detections.xyxy, truth)
    for level, least in enumerate(overlaps):
        partner = assign(iou, least)
        hits[level] = partner >= 0
        found[level, partner[hits[level]]] = detections.score[hits[level]]
    return hits, found


def assign(iou: FloatArray, least: float) -> npt.NDArray[np.intp]:
    """Give each box, the best first, the free other box that it overlaps most.

    Args:
        iou: float32 (N, M), intersection over union of N boxes, best first, and M others.
        least: What a pair must have at least.

    Returns:
        intp (N,), which of the others belongs to each box, or -1.
    """
    partner = np.full(len(iou), -1, np.intp)
    if not iou.size:
        return partner
    free = np.ones(iou.shape[1], bool)
    for index in np.flatnonzero(iou.max(1) >= least):
        overlap = np.where(free, iou[index], -1)
        best = int(overlap.argmax())
        if overlap[best] >= least:
            partner[index] = best
            free[best] = False
    return partner


def box_iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return intersection over union, float32 (N, M), of boxes xyxy (N, 4) and (M, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1) for b in (first, second)]
    union = areas[0][:, None] + areas[1][None] - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float32)


def average_precision(hits: npt.NDArray[np.bool_], truths: int) -> float:
    """Return the average precision of detections sorted by falling score, or NaN without a true box."""
    if truths == 0:
        return float("nan")
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]  # the best precision at this recall or a higher one
    index = np.searchsorted(right / truths, np.linspace(0, 1, 101) - 1e-9)
    return float(np.append(envelope, 0.0)[np.minimum(index, len(hits))].mean())
