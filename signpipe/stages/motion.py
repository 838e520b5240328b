"""How signs move in the picture: outwards from the vanishing point, as large as one over their distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from signpipe.stages.road import Road
from signpipe.stages.sight import Sight

Array = npt.NDArray[np.float64]

# What braking and turning do to the closing speed: white acceleration, m/s to the power of -1.5.
ACCELERATION = 3.0
# What else moves a sign (the car turns and pitches, the vanishing point is off) fades in so many seconds.
DRIFT_TIME = 1.0
# Variance of the log aspect that comes a second, and at birth, and its error in errors of a side.
ASPECT_NOISE, ASPECT_BIRTH, ASPECT_ERROR = 0.02**2, 0.1**2, 1.4
# A prediction at most grows or shrinks a box so many times: beyond that the sign has been passed.
LARGEST_GROWTH, SMALLEST_GROWTH = 4.0, 0.5
# Rows of a table of motions: see `Motions`.
SEEN, Q, C, VAR_Q, VAR_C, COV_QC, ASPECT, VAR_ASPECT = range(8)
CENTRE, DRIFT, VAR_CENTRE, VAR_DRIFT, COV_DRIFT = (slice(row, row + 2) for row in range(8, 18, 2))
FIRST = slice(18, 22)
ROWS = 22
HALF_ASPECT = np.array([[0.5], [-0.5]])
# Further rows of a table of what is expected: see `Expected`.
DT, INVERSE, GROWTH, KEPT, REACH, SHAKE = range(22, 28)
AWAY, STRAIGHT, CENTRE_NOW = (slice(row, row + 2) for row in range(28, 34, 2))
ALL_ROWS = 34


@dataclass(slots=True)
class Motions:
    """The boxes of T signs when each was last seen, as independent Gaussians.

    A sign at distance Z with side S looks s = f S / Z large, so that its inverse side q = 1 / s falls at the constant
    rate c = v / (f S) while it is approached at speed v: what looms is a straight line in q, and the uncertainty of the
    speed stays Gaussian over any interval (q / c is the time to contact of Lee, A theory of visual control of braking
    based on information about time-to-collision, Perception 1976). The centre moves outwards from the vanishing point F
    as the sign grows, x' = F + (x - F) q / q', and drifts with a velocity w, an Ornstein-Uhlenbeck process that stands
    for the turning camera and for what is wrong about F.

    A state is that of the moment when the sign was last detected; a prediction is a function of it and of the real
    interval, whatever lay between. All of it is one table, as many small arrays cost more than the arithmetic.

    Attributes:
        table: float64 (ROWS, ...), a column a sign: seconds of the last detection; q in 1/px, c in 1/(px s), variances
            of both and their covariance; log of width over height and its variance; x and y in pixels, their drifts in
            pixels a second, variances of the places, of the drifts, and their covariances; centre, side and time when
            it was first seen, or last told of the vanishing point.
    """

    table: Array

    def __len__(self) -> int:
        return int(self.table.shape[1])

    @classmethod
    def empty(cls) -> Self:
        """Return the motions of no sign."""
        return cls(np.zeros((ROWS, 0)))

    @classmethod
    def born(cls, sight: Sight, now: float, road: Road) -> Self:
        """Return the motions of signs that were just seen for the first time, as a road implies them.

        Args:
            sight: Their boxes.
            now: Media time in seconds.
            road: What is known of the camera, of how it moves and of how fast.
        """
        table = np.zeros((ROWS, len(sight)))
        drift, drift_error = road.drift
        table[SEEN] = now
        table[Q] = 1 / sight.side
        table[VAR_Q] = (sight.error / sight.side) ** 2
        table[C], error = road.closing
        table[VAR_C] = error**2
        table[ASPECT], table[VAR_ASPECT] = sight.aspect, (ASPECT_ERROR * sight.error) ** 2 + ASPECT_BIRTH
        table[CENTRE], table[VAR_CENTRE] = sight.centre, (sight.error * sight.side) ** 2
        table[DRIFT], table[VAR_DRIFT] = drift[:, None], drift_error[:, None] ** 2
        table[FIRST] = sight.centre[0], sight.centre[1], sight.side, table[SEEN]
        return cls(table)

    def __getitem__(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Motions:
        return Motions(self.table[:, keep])

    def __setitem__(self, rows: npt.NDArray[np.int64], other: Motions) -> None:
        self.table[:, rows] = other.table

    def __add__(self, other: Motions) -> Motions:
        return Motions(np.concatenate([self.table, other.table], axis=1))

    @property
    def seen(self) -> Array:
        """float64 (T,), seconds of the last detection."""
        return np.asarray(self.table[SEEN])

    @property
    def side(self) -> Array:
        """float64 (T,), root of the area in pixels."""
        return np.asarray(1 / self.table[Q])

    @property
    def aspect(self) -> Array:
        """float64 (T,), log of width over height."""
        return np.asarray(self.table[ASPECT])

    @property
    def first(self) -> Array:
        """float64 (4, T), centre, side and time when each was first seen, or last told of the vanishing point."""
        return self.table[FIRST]

    def at(self, now: float, road: Road) -> Expected:
        """Return where the signs should be at `now`, seconds of media time."""
        table = np.empty((ALL_ROWS, len(self)))
        table[:ROWS] = self.table
        dt = np.maximum(now - self.seen, 0.0)
        q, vanishing = table[Q], road.vanishing[0][:, None]
        inverse = q - table[C] * dt
        growth = q / np.minimum(np.maximum(inverse, q / LARGEST_GROWTH), q / SMALLEST_GROWTH)
        kept = np.exp(dt / -DRIFT_TIME)
        reach = DRIFT_TIME - DRIFT_TIME * kept
        table[DT], table[INVERSE], table[GROWTH], table[KEPT], table[REACH] = dt, inverse, growth, kept, reach
        table[SHAKE] = road.shake_var(dt)
        table[AWAY] = table[CENTRE] - vanishing
        table[STRAIGHT] = vanishing + reach * table[DRIFT]
        table[CENTRE_NOW] = table[STRAIGHT] + growth * table[AWAY]
        return Expected(table, road)


@dataclass(slots=True)
class Expected:
    """Where signs should be after an interval.

    Attributes:
        table: float64 (ALL_ROWS, T), the signs as in `Motions`, when they were last seen, and besides: seconds since;
            the predicted inverse sides in 1/px, not above 0 for what has been passed; how many times as large each sign
            should be; the share of a drift that is left, and the pixels that one of a pixel a second has made; the
            variance that shaking causes; how far from the vanishing point it was, where it would be without growing,
            and where it should be, x and y in pixels. Or (ALL_ROWS, T, 1), where each sign is to meet every detection.
        road: What is known of camera and car.
    """

    table: Array
    road: Road

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Expected:
        return Expected(self.table[:, rows], self.road)

    def each(self) -> Expected:
        """Return the same for signs that are to meet all detections."""
        return Expected(self.table[..., None], self.road)

    @property
    def aspect(self) -> Array:
        """float64 (T,), log of width over height."""
        return np.asarray(self.table[ASPECT])

    @property
    def growth(self) -> Array:
        """float64 (T,), how many times as large as when it was last seen each sign should be."""
        return np.asarray(self.table[GROWTH])

    @property
    def side(self) -> Array:
        """float64 (T,), in pixels."""
        return np.asarray(self.table[GROWTH] / self.table[Q])

    @property
    def centre(self) -> Array:
        """float64 (2, T), in pixels."""
        return self.table[CENTRE_NOW]

    @property
    def velocity(self) -> Array:
        """float64 (2, T), pixels a second of the centres."""
        table = self.table
        rate = table[C] / np.maximum(table[INVERSE], table[Q] / LARGEST_GROWTH)
        away = table[CENTRE_NOW] - self.road.vanishing[0][:, None]
        return np.asarray(rate * away + table[KEPT] * table[DRIFT])

    @property
    def gone(self) -> npt.NDArray[np.bool_]:
        """Bool (T,), whether a sign should have been passed, be out of the picture, or fill it."""
        passed = self.table[INVERSE] <= self.table[Q] / LARGEST_GROWTH
        return np.asarray(passed | self.road.leaves(self.table[CENTRE_NOW], self.side))

    @property
    def xyxy(self) -> Array:
        """float64 (T, 4), the boxes, which may lie outside the picture."""
        half = np.exp(HALF_ASPECT * self.table[ASPECT]) * (self.side / 2)
        return np.concatenate([self.table[CENTRE_NOW] - half, self.table[CENTRE_NOW] + half]).T

    def _lifted(self, pair: Array) -> Array:
        """Return what is known of x and y (2,) in the shape that broadcasts with the signs'."""
        return pair.reshape(2, *([1] * (self.table.ndim - 1)))

    def meet(self, sight: Sight) -> Meeting:
        """Take a detection for each sign, or each detection for each sign (after `each`).

        The size is taken first, as it tells how much the sign has come nearer; the place is judged given that.
        """
        table = self.table
        dt, reach, inverse = table[DT], table[REACH], table[INVERSE]
        seen = 1 / sight.side
        # What the road did to size and speed since, the detected size, and what it tells of the speed.
        noise = (ACCELERATION * self.road.per_metre) ** 2 * dt
        faster = dt * table[VAR_C]
        var_q = table[VAR_Q] + dt * (faster - 2 * table[COV_QC] + noise * dt / 3)
        var_c, cov = table[VAR_C] + noise, table[COV_QC] - faster - noise * dt / 2
        spread = var_q + (sight.error * seen) ** 2
        off = seen - inverse
        gain_q, gain_c = var_q / spread, cov / spread
        q, c = np.maximum(inverse + gain_q * off, seen / 2), table[C] + gain_c * off
        size = q, c, var_q - gain_q * var_q, var_c - gain_c * cov, cov - gain_q * cov
        distance = off * off / spread
        size_log = (np.log(seen * seen / (2 * np.pi * spread)) - distance) / 2
        # The place, given how much nearer that size is.
        steps, rate = dt / q, c / q
        growth = np.minimum(np.maximum(1 + rate * dt, SMALLEST_GROWTH / 2), 3 * LARGEST_GROWTH)
        growth_var = steps * steps * (size[3] + rate * rate * size[2])
        wander = np.maximum(dt - 2 * reach + DRIFT_TIME * (1 - table[KEPT] ** 2) / 2, 0) * (2 * DRIFT_TIME)
        var = (
            growth * (growth * table[VAR_CENTRE] + 2 * reach * table[COV_DRIFT])
            + (reach * reach * table[VAR_DRIFT] + wander * self._lifted(self.road.drift_var))
            + table[AWAY] ** 2 * growth_var + (growth - 1) ** 2 * self._lifted(self.road.vanishing[1])
        )  # fmt: skip
        noise = (sight.error / q) ** 2 + table[SHAKE]
        off = sight.centre - table[STRAIGHT] - growth * table[AWAY]
        return Meeting(self, sight, size, distance, size_log, growth, off, var, var + noise)


@dataclass(slots=True)
class Meeting:
    """What it would mean if M detections were those of M signs; or each of N that of each of T, (T, N) in place of M.

    Attributes:
        expected: Where the signs should be.
        sight: The detections.
        size: q and c with the detection taken in, their variances, and their covariance, each float64 (M,).
        size_distance: float64 (M,), squared Mahalanobis distance of the size.
        size_log: float64 (M,), log density of the size, per unit of the log side.
        growth: float64 (M,), how many times as large as when it was last seen the sign is then.
        off: float64 (2, M), how far in pixels each detection lies from where a sign of that size was expected.
        var: float64 (2, M), variance of the expected place.
        spread: float64 (2, M), variance of the detected centre around the expected one.
    """

    expected: Expected
    sight: Sight
    size: tuple[Array, Array, Array, Array, Array]
    size_distance: Array
    size_log: Array
    growth: Array
    off: Array
    var: Array
    spread: Array

    @property
    def distance(self) -> Array:
        """float64 (M,), squared Mahalanobis distance of size and place."""
        apart = self.off**2 / self.spread
        return np.asarray(self.size_distance + apart[0] + apart[1])

    @property
    def turning(self) -> Array:
        """float64 (2, M), the part of `spread` that the camera's turning causes, which all signs in view share."""
        table = self.expected.table
        return np.asarray(np.minimum(table[REACH] ** 2 * table[VAR_DRIFT], self.var) + table[SHAKE])

    @property
    def aspect_var(self) -> tuple[Array, Array]:
        """Variances of the expected and of the detected log aspect, each float64 (M,)."""
        expected = self.expected.table[VAR_ASPECT] + ASPECT_NOISE * self.expected.table[DT]
        return expected, (ASPECT_ERROR * self.sight.error) ** 2

    def log_aspect(self) -> tuple[Array, Array]:
        """Return squared distance and log density of the log aspect, each (M,)."""
        var, noise = self.aspect_var
        spread = var + noise
        distance = (self.sight.aspect - self.expected.aspect) ** 2 / spread
        return distance, -(distance + np.log(2 * np.pi * spread)) / 2

    def taken(self, now: float) -> Motions:
        """Return the signs' states with the detections taken in."""
        before = self.expected.table
        kept, reach = before[KEPT], before[REACH]
        turned = self.expected.road.drift_var[:, None]
        var_drift = turned + kept * kept * (before[VAR_DRIFT] - turned)
        cov = kept * (self.growth * before[COV_DRIFT] + reach * before[VAR_DRIFT]) + turned * (reach * (1 - kept))
        gain, gain_drift = self.var / self.spread, cov / self.spread
        table = before[:ROWS].copy()
        table[SEEN] = now
        table[Q : COV_QC + 1] = self.size
        table[CENTRE] = self.sight.centre - (1 - gain) * self.off
        table[DRIFT] = kept * before[DRIFT] + gain_drift * self.off
        table[VAR_CENTRE] = self.var - gain * self.var
        table[VAR_DRIFT] = var_drift - gain_drift * cov
        table[COV_DRIFT] = cov - gain * cov
        var, noise = self.aspect_var
        share = var / (var + noise)
        table[ASPECT] += share * (self.sight.aspect - before[ASPECT])
        table[VAR_ASPECT] = (1 - share) * var
        return Motions(table)
