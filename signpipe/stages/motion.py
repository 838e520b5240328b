"""How signs move in the picture: outwards from the vanishing point, as large as one over their distance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from signpipe.stages.road import Road

Array = npt.NDArray[np.float64]

# Error of a measured box: a share of its side, and a part in pixels.
BOX_ERROR = 0.04
BOX_ERROR_PIXELS = 0.8
ASPECT_ERROR = 1.4  # of the log aspect, in errors of a side
# Where the picture's edge may cut a sign, the error is so many times as large.
CUT_ERROR = 4.0
# What braking and turning do to the closing speed: white acceleration, m/s to the power of -1.5.
ACCELERATION = 3.0
# What else moves a sign (the car turns and pitches, the vanishing point is off) fades in so many seconds.
DRIFT_TIME = 1.0
# Variance of the log aspect that comes a second, and at birth.
ASPECT_NOISE, ASPECT_BIRTH = 0.02**2, 0.1**2
# A prediction at most grows or shrinks a box so many times: beyond that the sign has been passed.
LARGEST_GROWTH, SMALLEST_GROWTH = 4.0, 0.5


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
    interval, whatever lay between.

    Attributes:
        seen: float64 (T,), seconds of the last detection.
        size: float64 (T, 2), q in 1/px and c in 1/(px s).
        size_cov: float64 (T, 3), variances of q and c, and their covariance.
        centre: float64 (T, 2, 2), x and y in pixels, each with its drift in pixels a second.
        centre_cov: float64 (T, 2, 3), variances of place and drift, and their covariance, for x and y.
        aspect: float64 (T, 2), log of width over height, and its variance.
        first: float64 (T, 4), centre, side and time when it was first seen, or last told of the vanishing point.
    """

    seen: Array
    size: Array
    size_cov: Array
    centre: Array
    centre_cov: Array
    aspect: Array
    first: Array

    @property
    def side(self) -> Array:
        """float64 (T,), root of the area in pixels."""
        return np.asarray(1 / self.size[:, 0])

    def __len__(self) -> int:
        return len(self.seen)

    @classmethod
    def empty(cls) -> Self:
        """Return the motions of no sign."""
        return cls(*(np.zeros(shape) for shape in ((0,), (0, 2), (0, 3), (0, 2, 2), (0, 2, 3), (0, 2), (0, 4))))

    @classmethod
    def born(cls, xyxy: npt.NDArray[np.floating], now: float, road: Road) -> Self:
        """Return the motions of signs that were just seen for the first time, as a road implies them.

        Args:
            xyxy: float (N, 4), their boxes in pixels.
            now: Media time in seconds.
            road: What is known of the camera, of how it moves and of how fast.
        """
        count = len(xyxy)
        whole, cut = road.completed(xyxy, np.zeros(count))
        measured = measure(whole)
        side = np.exp(measured[:, 2])
        error = box_error(side, cut)
        closing, closing_error = road.closing
        drift, drift_error = road.drift
        centre = np.stack([measured[:, :2], np.broadcast_to(drift, (count, 2))], axis=2)
        place = np.broadcast_to(((error * side) ** 2)[:, None], (count, 2))
        return cls(
            np.full(count, now),
            np.stack([1 / side, np.full(count, closing)], axis=1),
            np.stack([(error / side) ** 2, np.full(count, closing_error**2), np.zeros(count)], axis=1),
            centre.copy(),
            np.stack([place, np.broadcast_to(drift_error**2, (count, 2)), np.zeros((count, 2))], axis=2),
            np.stack([measured[:, 3], (ASPECT_ERROR * error) ** 2 + ASPECT_BIRTH], axis=1),
            np.stack([measured[:, 0], measured[:, 1], side, np.full(count, now)], axis=1),
        )

    def __getitem__(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Motions:
        return Motions(*(getattr(self, one.name)[keep] for one in fields(self)))

    def __setitem__(self, rows: npt.NDArray[np.int64], other: Motions) -> None:
        for one in fields(self):
            getattr(self, one.name)[rows] = getattr(other, one.name)

    def __add__(self, other: Motions) -> Motions:
        return Motions(*(np.concatenate([getattr(self, one.name), getattr(other, one.name)]) for one in fields(self)))

    def at(self, now: float, road: Road) -> Expected:
        """Return where the signs should be at `now`, seconds of media time."""
        dt = np.maximum(now - self.seen, 0.0)
        q, c = self.size.T
        var_q, var_c, cov = self.size_cov.T
        noise = (ACCELERATION * road.per_metre) ** 2
        predicted = np.stack([q - c * dt, c], axis=1)
        size_cov = np.stack(
            [
                var_q - 2 * dt * cov + dt**2 * var_c + noise * dt**3 / 3,
                var_c + noise * dt,
                cov - dt * var_c - noise * dt**2 / 2,
            ],
            axis=1,
        )
        return Expected(self, dt, road, predicted, size_cov)


@dataclass
class Expected:
    """Where signs should be after an interval.

    Attributes:
        start: Their states when they were last seen.
        dt: float64 (T,), seconds since.
        road: What is known of camera and car.
        size: float64 (T, 2), as in `Motions`, predicted.
        size_cov: float64 (T, 3), as in `Motions`, predicted.
    """

    start: Motions
    dt: Array
    road: Road
    size: Array
    size_cov: Array

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Expected:
        return Expected(self.start[rows], self.dt[rows], self.road, self.size[rows], self.size_cov[rows])

    @cached_property
    def growth(self) -> Array:
        """float64 (T,), how many times as large as when it was last seen each sign should be."""
        q = self.start.size[:, 0]
        return np.asarray(q / np.clip(self.size[:, 0], q / LARGEST_GROWTH, q / SMALLEST_GROWTH))

    @property
    def velocity(self) -> Array:
        """float64 (T, 2), pixels a second of the centres."""
        centre = self._centre
        rate = self.size[:, 1] / np.maximum(self.size[:, 0], self.start.size[:, 0] / LARGEST_GROWTH)
        return np.asarray(rate[:, None] * (centre[..., 0] - self.road.vanishing[0]) + centre[..., 1])

    @property
    def passed(self) -> npt.NDArray[np.bool_]:
        """Bool (T,), whether a sign should have been passed."""
        return np.asarray(self.size[:, 0] <= self.start.size[:, 0] / LARGEST_GROWTH)

    @property
    def xyxy(self) -> Array:
        """float64 (T, 4), the boxes, which may lie outside the picture."""
        log_side = np.log(self.growth * self.start.side)[:, None]
        return boxes(np.concatenate([self._centre[..., 0], log_side, self.start.aspect[:, :1]], axis=1))

    @cached_property
    def _centre(self) -> Array:
        """float64 (T, 2, 2), centres and drifts."""
        return self.centres(self.growth, np.zeros_like(self.growth))[0]

    def centres(self, growth: Array, growth_var: Array) -> tuple[Array, Array]:
        """Return centres and drifts (T, 2, 2), and their covariances (T, 2, 3), of signs that have grown so much.

        Args:
            growth: float64 (T,).
            growth_var: float64 (T,), its variance.
        """
        g = growth[:, None]
        vanishing, vanishing_var = self.road.vanishing
        kept = np.exp(-self.dt / DRIFT_TIME)[:, None]
        reach = DRIFT_TIME * (1 - kept)
        x, w = self.start.centre[..., 0], self.start.centre[..., 1]
        var_x, var_w, cov = np.moveaxis(self.start.centre_cov, 2, 0)
        stationary = self.road.drift_var
        away = x - vanishing
        wander = (
            stationary * np.maximum(self.dt[:, None] - 2 * reach + DRIFT_TIME * (1 - kept**2) / 2, 0) * 2 * DRIFT_TIME
        )
        place = np.stack([vanishing + g * away + reach * w, kept * w], axis=2)
        spread = (
            g**2 * var_x + 2 * g * reach * cov + reach**2 * var_w + wander
            + away**2 * growth_var[:, None] + (g - 1) ** 2 * vanishing_var
        )  # fmt: skip
        covs = [spread, kept**2 * var_w + stationary * (1 - kept**2), g * kept * cov + kept * reach * var_w
                + stationary * (1 - kept) ** 2 * DRIFT_TIME]  # fmt: skip
        return place, np.stack(covs, axis=2)

    def meet(self, xyxy: npt.NDArray[np.floating]) -> Meeting:
        """Take a detection for each sign.

        The size is taken first, as it tells how much the sign has come nearer; the place is judged given that.

        Args:
            xyxy: float (T, 4), the detected boxes in pixels.
        """
        whole, cut = self.road.completed(xyxy, self.start.aspect[:, 0])
        measured = measure(whole)
        error = box_error(np.exp(measured[:, 2]), cut)
        size, size_cov, size_distance, size_log = self._meet_size(measured[:, 2], error)
        q, c = size.T
        growth = np.clip(1 + c * self.dt / q, SMALLEST_GROWTH / 2, 3 * LARGEST_GROWTH)
        growth_var = (self.dt / q) ** 2 * (size_cov[:, 1] + (c / q) ** 2 * size_cov[:, 0])
        place, cov = self.centres(growth, growth_var)
        noise = ((error / q) ** 2 + self.road.shake_var(self.dt))[:, None]
        aspect, aspect_var = self.start.aspect.T
        aspect_var = aspect_var + ASPECT_NOISE * self.dt
        return Meeting(
            self, measured, size, size_cov, size_distance, size_log, place, cov, cov[..., 0] + noise, noise,
            np.stack([aspect, aspect_var], axis=1), (ASPECT_ERROR * error) ** 2,
        )  # fmt: skip

    def _meet_size(self, log_side: Array, error: Array) -> tuple[Array, Array, Array, Array]:
        """Return size and covariance after the detection, its squared distance, and its log density in log sides."""
        seen = np.exp(-log_side)
        spread = self.size_cov[:, 0] + (error * seen) ** 2
        off = seen - self.size[:, 0]
        gain = self.size_cov[:, [0, 2]] / spread[:, None]
        size = self.size + gain * off[:, None]
        size[:, 0] = np.maximum(size[:, 0], seen / 2)
        kept = self.size_cov[:, 0] * gain[:, 0], self.size_cov[:, 2] * gain[:, 1], self.size_cov[:, 0] * gain[:, 1]
        distance = off**2 / spread
        return size, self.size_cov - np.stack(kept, axis=1), distance, (
            np.log(seen) - (distance + np.log(2 * np.pi * spread)) / 2
        )  # fmt: skip


@dataclass(slots=True)
class Meeting:
    """What it would mean if M detections were those of M signs.

    Attributes:
        expected: Where the signs should be.
        measured: float64 (M, 4), the detections, as `measure` returns them.
        size: float64 (M, 2), as in `Motions`, with the detection taken in.
        size_cov: float64 (M, 3), of that.
        size_distance: float64 (M,), squared Mahalanobis distance of the size.
        size_log: float64 (M,), log density of the size, per unit of the log side.
        place: float64 (M, 2, 2), centre and drift as in `Motions`, predicted for that size.
        place_cov: float64 (M, 2, 3), of that.
        spread: float64 (M, 2), variance of the detected centre around the predicted one.
        noise: float64 (M, 1), the part of it that is the detection's.
        aspect: float64 (M, 2), log aspect and its variance, predicted.
        aspect_noise: float64 (M,), variance of the detected one.
    """

    expected: Expected
    measured: Array
    size: Array
    size_cov: Array
    size_distance: Array
    size_log: Array
    place: Array
    place_cov: Array
    spread: Array
    noise: Array
    aspect: Array
    aspect_noise: Array

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Meeting:
        return Meeting(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def off(self) -> Array:
        """float64 (M, 2), how far in pixels each detection lies from where the sign was expected."""
        return np.asarray(self.measured[:, :2] - self.place[..., 0])

    @property
    def turning(self) -> Array:
        """float64 (M, 2), the part of `spread` that the camera's turning causes, which all signs in view share."""
        reach = DRIFT_TIME * (1 - np.exp(-self.expected.dt / DRIFT_TIME))[:, None]
        drift = self.expected.start.centre_cov[..., 1]
        return np.asarray(np.minimum(reach**2 * drift, self.spread - self.noise) + self.shake)

    @property
    def shake(self) -> Array:
        """float64 (M, 1), the part of `spread` that a rough road causes."""
        return self.expected.road.shake_var(self.expected.dt)[:, None]

    def log_aspect(self) -> tuple[Array, Array]:
        """Return squared distance and log density of the log aspect, each (M,)."""
        spread = self.aspect[:, 1] + self.aspect_noise
        distance = (self.measured[:, 3] - self.aspect[:, 0]) ** 2 / spread
        return distance, -(distance + np.log(2 * np.pi * spread)) / 2

    def taken(self, now: float) -> Motions:
        """Return the signs' states with the detections taken in."""
        gain = self.place_cov[..., [0, 2]] / self.spread[..., None]
        centre = self.place + gain * self.off[..., None]
        var, _, cov = np.moveaxis(self.place_cov, 2, 0)
        kept = np.stack([gain[..., 0] * var, gain[..., 1] * cov, gain[..., 1] * var], axis=2)
        aspect, aspect_var = self.aspect.T
        share = aspect_var / (aspect_var + self.aspect_noise)
        aspects = np.stack([aspect + share * (self.measured[:, 3] - aspect), (1 - share) * aspect_var], axis=1)
        return Motions(
            np.full(len(aspect), now), self.size, self.size_cov, centre, self.place_cov - kept, aspects,
            self.expected.start.first,
        )  # fmt: skip


def measure(xyxy: npt.NDArray[np.floating]) -> Array:
    """Return boxes (..., 4) as centre x, centre y, log side and log aspect, float64 of the same shape."""
    sides = np.asarray(xyxy, np.float64)
    log_size = np.log(np.maximum(sides[..., 2:] - sides[..., :2], 1e-3))
    centre = (sides[..., :2] + sides[..., 2:]) / 2
    width, height = log_size[..., :1], log_size[..., 1:]
    return np.concatenate([centre, (width + height) / 2, width - height], axis=-1)


def boxes(measured: Array) -> Array:
    """Return (..., 4) of centre x, centre y, log side and log aspect as boxes: the inverse of `measure`."""
    centre, log_side, log_aspect = measured[..., :2], measured[..., 2:3], measured[..., 3:]
    half = np.exp(np.concatenate([log_side + log_aspect / 2, log_side - log_aspect / 2], axis=-1)) / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def box_error(side: Array, cut: npt.NDArray[np.bool_]) -> Array:
    """Return the error of measured boxes as a share of their side."""
    return np.asarray((BOX_ERROR + BOX_ERROR_PIXELS / side) * np.where(cut, CUT_ERROR, 1.0))
