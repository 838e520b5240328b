"""Which detection belongs to which track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from signpipe.stages.boxes import overlaps
from signpipe.stages.motion import DT, INVERSE, Expected, Meeting
from signpipe.stages.road import Road
from signpipe.stages.sight import Sight

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

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
# Where a detection overlaps so (IoU) with a sign that is expected there, looks speak against one sign at most so much,
# as no other stands there; unless they rule it out.
SAME_PLACE, LEAST_ALIKE = 0.4, -2.0
# Place alone decides where every detection is so near to one expected sign, in sides, nearer than to any other by so
# much, and the sign's place known to within so much.
NEAR, NEARER, KNOWN = 0.6, 0.5, 0.5
# Two boxes are one sign if they overlap, or contain one another, by more than this.
DUPLICATE_IOU = 0.6
DUPLICATE_CONTAINMENT = 0.85


@dataclass(slots=True)
class Pairing:
    """T signs where they are expected, and N detections.

    Attributes:
        expected: The signs.
        sight: The detections.
    """

    expected: Expected
    sight: Sight

    def pairs(
        self, alike: Callable[[], Array], agree: Callable[[Rows], bool], gate: float
    ) -> tuple[Rows, Rows, Meeting]:
        """Return which signs (M,) are which detections (M,), each at most once, and what that means.

        Args:
            alike: Returns the log-odds (T, N) that each pair is of one sign, as they look. Not asked where place alone
                decides.
            agree: Returns whether N signs look at all like the N detections, in their order.
            gate: Largest squared Mahalanobis distance.
        """
        count = len(self.sight)
        rows, columns = self._nearest(), np.arange(count)
        if rows is not None:
            meeting = self._meeting(rows, columns)
            distance = meeting.distance + meeting.log_aspect()[0]
            known = meeting.var < (KNOWN * meeting.sight.side) ** 2
            if known.all() and distance.max() < gate / 2 and agree(rows):
                return rows, columns, meeting
        rows, columns = associate(self.gains(alike(), gate))
        return rows, columns, self._meeting(rows, columns)

    def _nearest(self) -> Rows | None:
        """Return the one sign that is near to each detection (N,), or None if not every detection has one."""
        off = np.abs(self.expected.centre[..., None] - self.sight.centre[:, None])
        apart = np.maximum(off[0], off[1]) / self.sight.side
        nearest = apart.min(axis=0)
        if nearest.max() > NEAR or np.count_nonzero(apart < nearest + NEARER) > len(nearest):
            return None
        rows = apart.argmin(axis=0)
        return rows if len(set(rows.tolist())) == len(rows) else None

    def _meeting(self, rows: Rows, columns: Rows) -> Meeting:
        """Return what it means that those signs (M,) are those detections (M,)."""
        expected = self.expected[rows]
        return expected.meet(self.sight[columns].completed(expected.aspect))

    def gains(self, alike: Array, gate: float) -> Array:
        """Return by how much more likely each pair is one sign than the detection is a new one, log-odds (T, N).

        Args:
            alike: float64 (T, N), log-odds for one sign that its looks give; minus infinity where they rule it out.
            gate: Largest squared Mahalanobis distance; beyond it the pair is impossible, and gets minus infinity.
        """
        expected = self.expected.each()
        meeting = expected.meet(self.sight.completed(expected.aspect))
        aspect_distance, aspect_log = meeting.log_aspect()
        new = _log_new(meeting, self.sight) - np.log(NEW_SIDES) - _log_normal(meeting.sight.aspect, NEW_ASPECT)
        fresh = NEW_AT_LEAST + (1 - NEW_AT_LEAST) * (1 - np.exp(-NEW_PER_SECOND * expected.table[DT]))
        road = self.expected.road
        overlap, _ = overlaps(road.clip(self.expected.xyxy), self.sight.edges.T)
        held = (overlap >= SAME_PLACE) & np.isfinite(alike)
        looks = np.where(held, np.maximum(alike, LEAST_ALIKE), alike)
        rest = meeting.size_log + aspect_log - new - np.log(fresh * ((1 - DETECTED) / DETECTED)) + looks
        distance = meeting.size_distance + aspect_distance
        turn, spread = _turn(meeting, rest, distance, gate)
        placed = ((meeting.off - turn[:, None, None]) ** 2 / spread).sum(axis=0)
        gain = rest - (placed + np.log(4 * np.pi**2 * spread[0] * spread[1])) / 2
        gain[distance + placed > gate] = -np.inf
        return np.asarray(gain)


def _log_new(meeting: Meeting, sight: Sight) -> Array:
    """Return the log density of places (N,), per square pixel, that each detection would have as a new sign."""
    road: Road = meeting.expected.road
    picture = np.array([road.width, road.height], np.float64)
    far = (picture * np.array(FAR_SPREAD)) ** 2 + road.vanishing[1]
    near = meeting.spread + (POLE_SPREAD / np.maximum(meeting.expected.table[INVERSE], 1e-3)) ** 2
    beside = _normal(meeting.off, near).max(axis=0)
    anywhere = (1 - FAR_SHARE - POLE_SHARE) / (road.width * road.height)
    density = anywhere + FAR_SHARE * _normal(sight.centre - road.vanishing[0][:, None], far[:, None])
    return np.asarray(np.log(density + POLE_SHARE * beside))


def _turn(meeting: Meeting, rest: Array, distance: Array, gate: float) -> tuple[Array, Array]:
    """Return how far the camera's turning has moved all signs, (2,) pixels, and the spreads that leaves (2, T, N).

    Each pair suggests a turn; the one that explains most signs at once is taken. With a single track there is
    nothing to compare, and with hardly any turning nothing to gain.
    """
    turning, spread, off = meeting.turning, meeting.spread, meeting.off
    if min(rest.shape) < 2 or turning.max() < TURNING**2:
        return np.zeros(2), spread
    tight = spread - (1 - TURNING_LEFT) * turning
    possible = distance + (off**2 / spread).sum(axis=0) / 2 <= gate
    likely = np.flatnonzero(possible & (rest > rest.max() - 12))
    likely = likely[np.argsort(-rest.ravel()[likely], kind="stable")[:MOST_TURNS]]
    turns = np.concatenate([np.zeros((1, 2)), off.reshape(2, -1)[:, likely].T])
    # (off - turn)² / tight, multiplied out, is a product of two small matrices.
    sure = 1 / tight
    known = rest - ((off**2 * sure).sum(axis=0) + np.log(4 * np.pi**2 * tight[0] * tight[1])) / 2
    known[distance > gate] = -np.inf
    terms = np.concatenate([(off * sure).reshape(2, -1), -sure.reshape(2, -1) / 2])
    best = np.maximum((np.concatenate([turns, turns**2], axis=1) @ terms).reshape(-1, *rest.shape) + known, 0.0)
    score = np.minimum(best.max(axis=2).sum(axis=1), best.max(axis=1).sum(axis=1))
    score -= (turns**2 / turning.reshape(2, -1).max(axis=1)).sum(axis=1) / 2
    return turns[int(score.argmax())], tight


def associate(gains: Array) -> tuple[Rows, Rows]:
    """Pair tracks and detections so that the sum of the gains is the largest; none is paired at a loss.

    Args:
        gains: float64 (T, N), log-odds that both are one sign; minus infinity where they can't be.

    Returns:
        Positions (M,) of the tracks and of their detections, each at most once.
    """
    saving = np.minimum(-gains, 0.0)
    rows, columns = linear_sum_assignment(saving)
    gained = saving[rows, columns] < 0
    return rows[gained], columns[gained]


def disagree(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Array:
    """Return how little rows have in common: one minus the cosine of their angle.

    Args:
        first: float32 (T, C), class probabilities that sum to 1, or embeddings.
        second: float32 (N, C), the same.

    Returns:
        float64 (T, N), of probabilities near 1 for two different sure classes and 0 for the same doubt between the same
        two.
    """
    cosine = (_unit(first) @ _unit(second).T).astype(np.float64)
    return np.asarray(np.minimum(np.maximum(1 - cosine, 0), 1))


def is_duplicate(box: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> bool:
    """Return True if a box (4,) shows the same sign as one of the others (M, 4)."""
    if not len(others):
        return False
    iou, containment = overlaps(box[None], others)
    return bool(np.any((iou > DUPLICATE_IOU) | (containment > DUPLICATE_CONTAINMENT)))


def _unit(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray(rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), 1e-9))


def _normal(off: Array, variance: Array) -> Array:
    """Return densities (...) of normal distributions around 0 at places (2, ...) with variances (2, ...)."""
    power = (off**2 / variance).sum(axis=0)
    return np.asarray(np.exp(power / -2) / (2 * np.pi * np.sqrt(variance[0] * variance[1])))


def _log_normal(off: Array, spread: float) -> Array:
    """Return minus the log density of a normal distribution around 0."""
    return np.asarray((off / spread) ** 2 / 2 + np.log(2 * np.pi * spread**2) / 2)
