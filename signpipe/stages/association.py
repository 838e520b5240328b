"""Which detection belongs to which track."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from signpipe.stages.boxes import overlaps
from signpipe.stages.kalman import BoxFilter, measure
from signpipe.types import FloatArray

Array = npt.NDArray[np.float64]

# Costs of a match: distance 0..1, missing overlap 0..1, and weighted disagreement. One that costs more isn't made.
DEAREST = 2.5
# Without overlap, a match must be near (in sides of the larger box) and of similar size.
REACH = 3.0
LARGEST_GROWTH = 2.5
# Of clearly different classes are two signs on one pole, unless the boxes overlap by more than those would.
CONTRADICTION = 0.9
CONTRADICTION_IOU = 0.3
# Two boxes are one sign if they overlap, or contain one another, by more than this.
DUPLICATE_IOU = 0.6
DUPLICATE_CONTAINMENT = 0.85


def associate(
    filters: Sequence[BoxFilter], xyxy: FloatArray, disagreement: Array, gate: float, appearance: float
) -> list[tuple[int, int]]:
    """Pair predicted boxes with detections at the least total cost.

    As SORT (Bewley et al., Simple online and realtime tracking, ICIP 2016), with the gate on the Mahalanobis distance
    and with a price on leaving a pair unmatched, so that no bad match is made only to have one more.

    Args:
        filters: T predicted boxes.
        xyxy: float32 (N, 4), the detections.
        disagreement: float (T, N), 0 if track and detection are of the same class and 1 if of different ones.
        gate: Largest squared Mahalanobis distance.
        appearance: Weight of the disagreement.

    Returns:
        Pairs of positions (track, detection), each position at most once.
    """
    if not filters or not len(xyxy):
        return []
    expected = np.stack([box.visible for box in filters])
    distance, near = _distances(expected, np.stack([box.spread for box in filters]), xyxy)
    overlap, _ = overlaps(expected, xyxy)
    possible = (distance <= gate) & ((overlap > 0) | near)
    possible &= (overlap > CONTRADICTION_IOU) | (disagreement <= CONTRADICTION)
    cost = distance / gate + (1 - overlap) + appearance * disagreement
    saving = np.where(possible, np.minimum(cost - DEAREST, 0.0), 0.0)
    rows, columns = linear_sum_assignment(saving)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if saving[row, column] < 0]


def disagree(first: FloatArray, second: FloatArray) -> Array:
    """Return how little class probabilities have in common: one minus the cosine of their angle.

    Args:
        first: float32 (T, C), each row sums to 1.
        second: float32 (N, C), each row sums to 1.

    Returns:
        float64 (T, N) in 0..1: near 1 for two different sure classes, 0 for the same doubt between the same two.
    """
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second)]
    cosine: Array = (unit[0] @ unit[1].T).astype(np.float64)
    return np.clip(1 - cosine, 0, 1)


def is_duplicate(box: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> bool:
    """Return True if a box (4,) shows the same sign as one of the others (M, 4)."""
    if not len(others):
        return False
    iou, containment = overlaps(box[None], others)
    return bool(np.any((iou > DUPLICATE_IOU) | (containment > DUPLICATE_CONTAINMENT)))


def _distances(expected: Array, variances: Array, xyxy: FloatArray) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the squared Mahalanobis distances (T, N), and which pairs are near and of similar size."""
    means, measured = measure(expected), measure(xyxy)
    offset = measured[None] - means[:, None]
    distance: Array = (offset**2 / variances[:, None]).sum(axis=2)
    side = np.exp(np.maximum(measured[None, :, 2], means[:, None, 2]))
    near = np.hypot(offset[..., 0], offset[..., 1]) <= REACH * side
    return distance, near & (np.abs(offset[..., 2]) <= np.log(LARGEST_GROWTH))
