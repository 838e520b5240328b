"""Which detection belongs to which track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from signpipe.stages.boxes import overlaps
from signpipe.stages.motion import Expected, Meeting
from signpipe.stages.road import Road
from signpipe.types import FloatArray

Array = npt.NDArray[np.float64]

# Chance that a sign that is in view is detected, and that a detection is of a sign that was not seen before: at least,
# and how many come a second.
DETECTED = 0.85
NEW_AT_LEAST, NEW_PER_SECOND = 0.03, 0.4
# A new sign may have any side within so many log units, and a log aspect of this spread. It may lie anywhere, but
# rather where the road comes from (a share of them, and their spread as shares of the picture's width and height), or
# on the pole of another (a share, and the spread in sides).
NEW_SIDES, NEW_ASPECT = 3.0, 0.25
FAR_SHARE, FAR_SPREAD = 0.5, (0.1, 0.07)
POLE_SHARE, POLE_SPREAD = 0.3, 1.3
# The camera's turning is looked for where it may move the picture by more than so many pixels; what is left of it
# then, as a share of the variance, differs from sign to sign.
TURNING, TURNING_LEFT = 6.0, 0.06
MOST_TURNS = 64  # of the turns that single pairs suggest, so many are tried
# No other sign stands where one is expected: from this overlap (IoU) on, looks speak against one sign at most so much.
SAME_PLACE, LEAST_ALIKE = 0.4, -2.0
# Two boxes are one sign if they overlap, or contain one another, by more than this.
DUPLICATE_IOU = 0.6
DUPLICATE_CONTAINMENT = 0.85


@dataclass(slots=True)
class Pairs:
    """All pairs of T tracks and N detections.

    Attributes:
        shape: T and N.
        meeting: What each pair would mean, T * N of them, the first track's first.
        same_place: bool (T, N), whether the detection is where the sign should be.
    """

    shape: tuple[int, int]
    meeting: Meeting
    same_place: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, expected: Expected, xyxy: FloatArray) -> Pairs:
        """Return the pairs of expected signs and detections (N, 4)."""
        shape = len(expected.dt), len(xyxy)
        rows, columns = (index.ravel() for index in np.indices(shape))
        overlap, _ = overlaps(expected.road.clip(expected.xyxy), xyxy)
        return cls(shape, expected[rows].meet(xyxy[columns]), overlap >= SAME_PLACE)

    def gains(self, road: Road, alike: Array, gate: float) -> Array:
        """Return by how much more likely each pair is one sign than the detection is a new one, log-odds (T, N).

        Args:
            road: What is known of the camera.
            alike: float64 (T, N), log-odds for one sign that its looks give.
            gate: Largest squared Mahalanobis distance; beyond it the pair is impossible, and gets minus infinity.
        """
        meeting = self.meeting
        aspect_distance, aspect_log = meeting.log_aspect()
        new = self._log_new(road) - np.log(NEW_SIDES) - _log_normal(meeting.measured[:, 3], NEW_ASPECT)
        elapsed = meeting.expected.dt
        fresh = NEW_AT_LEAST + (1 - NEW_AT_LEAST) * (1 - np.exp(-NEW_PER_SECOND * elapsed))
        rest = meeting.size_log + aspect_log - new - np.log(fresh) + np.log(DETECTED / (1 - DETECTED))
        distance = meeting.size_distance + aspect_distance
        looks = np.where(self.same_place, np.maximum(alike, LEAST_ALIKE), alike).ravel()
        turn, spread = self._turn(rest + looks, distance, gate)
        off = meeting.off - turn
        placed = (off**2 / spread).sum(axis=1)
        gain = rest + looks - (placed + np.log(4 * np.pi**2 * spread.prod(axis=1))) / 2
        gain[distance + placed > gate] = -np.inf
        return np.asarray(gain.reshape(self.shape))

    def _log_new(self, road: Road) -> Array:
        """Return the log density of places (M,), per square pixel, that each detection would have as a new sign."""
        meeting = self.meeting
        picture = np.array([road.width, road.height], np.float64)
        far = (picture * np.array(FAR_SPREAD)) ** 2 + road.vanishing[1]
        near = meeting.spread + (POLE_SPREAD / meeting.expected.size[:, :1].clip(1e-3)) ** 2
        beside = _normal(meeting.off, near).reshape(self.shape).max(axis=0)
        density = (1 - FAR_SHARE - POLE_SHARE) / picture.prod()
        density = density + FAR_SHARE * _normal(meeting.measured[: self.shape[1], :2] - road.vanishing[0], far)
        return np.tile(np.log(density + POLE_SHARE * beside), self.shape[0])

    def _turn(self, rest: Array, distance: Array, gate: float) -> tuple[Array, Array]:
        """Return how far the camera's turning has moved all signs, (2,) pixels, and the spreads that leaves (M, 2).

        Each pair suggests a turn; the one that explains most signs at once is taken. With a single track there is
        nothing to compare, and with hardly any turning nothing to gain.
        """
        meeting = self.meeting
        turning, spread = meeting.turning, meeting.spread
        nothing = np.zeros(2), spread
        if min(self.shape) < 2 or turning.max() < TURNING**2:
            return nothing
        tight = spread - (1 - TURNING_LEFT) * turning
        likely = np.flatnonzero(
            (rest > rest.max() - 12) & (distance + (meeting.off**2 / spread).sum(axis=1) / 2 <= gate)
        )
        likely = likely[np.argsort(-rest[likely], kind="stable")[:MOST_TURNS]]
        turns = np.concatenate([np.zeros((1, 2)), meeting.off[likely]])
        off = (meeting.off[None] - turns[:, None]) ** 2 / tight[None]
        gain = rest - (off.sum(axis=2) + np.log(4 * np.pi**2 * tight.prod(axis=1))) / 2
        gain[:, distance > gate] = -np.inf
        best = np.maximum(gain.reshape(-1, *self.shape), 0.0)
        score = np.minimum(best.max(axis=2).sum(axis=1), best.max(axis=1).sum(axis=1))
        score -= (turns**2 / turning.max(axis=0)).sum(axis=1) / 2
        return turns[int(score.argmax())], tight


def associate(gains: Array) -> list[tuple[int, int]]:
    """Pair tracks and detections so that the sum of the gains is the largest; none is paired at a loss.

    Args:
        gains: float64 (T, N), log-odds that both are one sign; minus infinity where they can't be.

    Returns:
        Pairs of positions (track, detection), each position at most once.
    """
    saving = np.minimum(-gains, 0.0)
    rows, columns = linear_sum_assignment(saving)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if saving[row, column] < 0]


def disagree(first: FloatArray, second: FloatArray) -> Array:
    """Return how little rows have in common: one minus the cosine of their angle.

    Args:
        first: float32 (T, C), class probabilities that sum to 1, or embeddings.
        second: float32 (N, C), the same.

    Returns:
        float64 (T, N), of probabilities near 1 for two different sure classes and 0 for the same doubt between the same
        two.
    """
    unit = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) for rows in (first, second)]
    cosine: Array = (unit[0] @ unit[1].T).astype(np.float64)
    return np.clip(1 - cosine, 0, 1)


def is_duplicate(box: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> bool:
    """Return True if a box (4,) shows the same sign as one of the others (M, 4)."""
    if not len(others):
        return False
    iou, containment = overlaps(box[None], others)
    return bool(np.any((iou > DUPLICATE_IOU) | (containment > DUPLICATE_CONTAINMENT)))


def _normal(off: Array, variance: Array) -> Array:
    """Return densities (M,) of normal distributions around 0 at places (M, 2) with variances (M, 2) or (2,)."""
    return np.asarray(np.exp(-(off**2 / variance).sum(axis=-1) / 2) / (2 * np.pi * np.sqrt(variance.prod(axis=-1))))


def _log_normal(off: Array, spread: float) -> Array:
    """Return minus the log density of a normal distribution around 0."""
    return np.asarray((off / spread) ** 2 / 2 + np.log(2 * np.pi * spread**2) / 2)
