"""What all signs in view tell together: how fast the car is, where it heads for, and how the camera turns."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from filterpy.kalman import KalmanFilter

from signpipe.settings import CameraSettings

Array = npt.NDArray[np.float64]

# The side of a usual sign in metres, by which pixels become metres where nothing else is known.
USUAL_SIDE = 0.7
# Closing speed in metres a second where neither a position nor a track tells: its mean and spread over all roads, towns
# and waiting at lights included.
USUAL_SPEED, SPEED_SPREAD = 12.0, 9.0
# Spread of a sign's closing speed around the car's own, as a share: signs are smaller and larger than the usual one.
SIZE_SPREAD, SPEED_ERROR = 0.35, 1.5
# What was learned of speed and turning fades in so many seconds.
SPEED_MEMORY, TURN_MEMORY = 6.0, 1.5
# Turning rates in degrees a second, to the side and up and down: on a road of which nothing is known, and on one that
# has been straight for long.
TURNING, TURNING_LEAST = (7.0, 2.5), (2.5, 1.2)
# A rough road shakes the picture by so many degrees, within so many seconds: one that isn't known, the smoothest and
# the roughest. What signs did within so short a time tells how rough it is.
SHAKE, SHAKE_LEAST, SHAKE_MOST, SHAKE_TIME = 0.3, 0.12, 0.6, 0.15
SHAKE_INTERVAL = 0.25
# Turning and shaking are averaged over so many seconds.
HABIT = 6.0
# Where the vanishing point may lie around the picture's middle, as a share of its height, and how it moves in a second.
VANISHING_SPREAD = (0.12, 0.12)
VANISHING_NOISE = 0.004
# Of the road, something is learned once in so many seconds at most: in less, no more is told.
STEP = 0.1


class Road:
    """The camera and the car, as far as known or learned from the tracks.

    Args:
        picture: Height and width of the picture in pixels.
        camera: Its optics.
    """

    def __init__(self, picture: tuple[int, int], camera: CameraSettings) -> None:
        self.height, self.width = picture
        focal = camera.focal_for(self.width)
        self.per_metre = 1 / (focal * USUAL_SIDE)
        self._per_degree = focal * np.pi / 180
        self._corner = np.array([self.width, self.height] * 2, np.float64)
        self._middle = self._corner[:2, None] / 2
        self.drift_var: Array = (self._per_degree * np.array(TURNING)) ** 2
        self._shake_var = (self._per_degree * SHAKE) ** 2
        self._point = KalmanFilter(dim_x=2, dim_z=2)  # the vanishing point, which a car that nods moves
        self._point.x = np.array([camera.vanishing_x * self.width, camera.vanishing_y * self.height])
        self._point.P = np.diag((np.array(VANISHING_SPREAD) * self.height) ** 2)
        self._point.F = self._point.H = np.eye(2)
        self._largest = (np.array(VANISHING_SPREAD) * self.height) ** 2
        self._vanishing = self._point.x, np.diag(self._point.P)
        self._least, self._most = ((self._per_degree * np.array(rates)) ** 2 for rates in (TURNING_LEAST, TURNING))
        self._now = self._elapsed = self._told = 0.0  # seconds: the last frame's, since it was learned, and that counts
        self._speed: float | None = None
        self._learned: tuple[float, float, float] | None = None  # closing speed, its spread, and when
        self._drift = (np.zeros(2), -np.inf)

    def advance(self, now: float, speed: float | None) -> None:
        """Take the time of a frame, and the car's speed in metres a second where it is known."""
        interval = min(max(now - self._now, 0.0), 10.0)
        self._elapsed = min(self._elapsed + interval, 10.0)
        self._told = min(self._elapsed, max(interval, STEP))
        self._now = now
        self._speed = speed

    @property
    def is_due(self) -> bool:
        """Whether there may be something to learn since that was done last."""
        return self._elapsed >= STEP

    def learned(self) -> None:
        """Note that all was learned; what else moves the vanishing point until the next time is the car that nods."""
        self._point.predict(Q=np.eye(2) * (VANISHING_NOISE * self.height) ** 2 * self._elapsed)
        self._point.P = np.minimum(self._point.P, np.diag(self._largest))
        self._vanishing = self._point.x, np.diag(self._point.P)
        self._elapsed = 0.0

    @property
    def closing(self) -> tuple[float, float]:
        """Closing speed of a sign that is new, and its spread, in 1/(px s)."""
        usual, spread = USUAL_SPEED * self.per_metre, SPEED_SPREAD * self.per_metre
        if self._speed is not None and np.isfinite(self._speed):
            known = abs(self._speed) * self.per_metre
            return known, SIZE_SPREAD * known + SPEED_ERROR * self.per_metre
        if self._learned is None:
            return usual, spread
        learned, error, when = self._learned
        kept = math.exp(-max(self._now - when, 0.0) / SPEED_MEMORY)
        mean = kept * learned + (1 - kept) * usual
        return mean, kept * error + (1 - kept) * spread

    @property
    def drift(self) -> tuple[Array, Array]:
        """Drift of a sign that is new, float64 (2,) in pixels a second, and its spread."""
        drift, when = self._drift
        kept = math.exp(-max(self._now - when, 0.0) / TURN_MEMORY)
        return kept * drift, np.sqrt(self.drift_var * (1 - 0.75 * kept))

    @property
    def vanishing(self) -> tuple[Array, Array]:
        """The vanishing point (x, y) in pixels, float64 (2,), and its variances."""
        return self._vanishing

    def shake_var(self, dt: Array) -> Array:
        """Variance of places in pixels, of the shape of `dt`, that shaking within so many seconds causes."""
        return np.asarray(self._shake_var * (1 - np.exp(dt / -SHAKE_TIME)))

    def clip(self, xyxy: Array) -> Array:
        """Return the parts of boxes (..., 4) that lie in the picture."""
        return np.minimum(np.maximum(xyxy, 0.0), self._corner)

    def learn_motion(self, closing: Array, closing_var: Array, drift: Array, drift_var: Array) -> None:
        """Learn speed and turning from the signs that were just seen.

        Args:
            closing: float64 (T,), their closing speeds in 1/(px s).
            closing_var: float64 (T,), the variances of these.
            drift: float64 (2, T), their drifts in pixels a second.
            drift_var: float64 (2, T), the variances of these.
        """
        sure = (closing_var < (0.5 * SPEED_SPREAD * self.per_metre) ** 2) & (closing > -self.per_metre)
        if sure.any():
            weight = 1 / closing_var[sure]
            speed = float(np.maximum(closing[sure], 0.0) @ weight / weight.sum())
            error = 1 / math.sqrt(float(weight.max()))
            self._learned = speed, SIZE_SPREAD * speed + SPEED_ERROR * self.per_metre + error, self._now
        turning = (drift_var < 0.49 * self.drift_var[:, None]).all(axis=0)
        if turning.any():
            turned = _middle(drift[:, turning])
            self._drift = turned, self._now
            share = 1 - math.exp(-self._told / HABIT)
            # The first moments of a bend are told by its variance at once, its end by and by.
            habit = np.maximum(self.drift_var + share * (turned**2 - self.drift_var), turned**2)
            self.drift_var = np.minimum(np.maximum(habit, self._least), self._most)

    def learn_shaking(self, off: Array, noise: Array, dt: Array) -> None:
        """Learn how rough the road is from how far signs were from where they were expected.

        Args:
            off: float64 (2, T), pixels.
            noise: float64 (2, T), the variance that other things than shaking explain.
            dt: float64 (T,), seconds for which each sign wasn't seen.
        """
        soon = (dt > 0) & (dt <= SHAKE_INTERVAL)
        if soon.any():
            shaken = np.maximum(2 * off**2 - noise, 0.0)[:, soon] / (1 - np.exp(dt[soon] / -SHAKE_TIME))
            seen = float(_middle(shaken.ravel()))
            share = 1 - math.exp(-self._told / HABIT * (3 if seen > self._shake_var else 1))
            least, most = ((self._per_degree * degrees) ** 2 for degrees in (SHAKE_LEAST, SHAKE_MOST))
            self._shake_var = min(max(self._shake_var + share * (seen - self._shake_var), least), most)

    def leaves(self, centre: Array, side: Array) -> npt.NDArray[np.bool_]:
        """Return bool (N,), whether signs at places (2, N) with sides (N,) are out of the picture, or would fill it."""
        outside = np.abs(centre - self._middle) >= self._middle
        return np.asarray(outside[0] | outside[1] | (side > min(self.width, self.height)))

    def learn_vanishing(self, before: Array, after: Array) -> None:
        """Learn the vanishing point from signs that have grown: what looms moves away from it.

        Args:
            before: float64 (T, 4), centre and side in pixels of each sign at first, and when, in seconds.
            after: float64 (T, 4), the same later, when it was larger.
        """
        for one, later in zip(before, after, strict=True):
            ratio, moved = later[2] / one[2], later[:2] - one[:2]
            found = one[:2] - moved / (ratio - 1)
            turned = self.drift_var * min(later[3] - one[3], 2.0) ** 2 + self._shake_var
            error = (ratio / (ratio - 1)) ** 2 * (turned + (0.1 * one[2]) ** 2 + 1)
            error = error + (0.06 * ratio / (ratio - 1) ** 2 * moved) ** 2
            reach = 0.3 * self.height
            near = self._point.x + np.clip(found - self._point.x, -reach, reach)
            self._point.update(near, R=np.diag(error))
        self._vanishing = self._point.x, np.diag(self._point.P)


def _middle(values: Array) -> Array:
    """Return the median over the last axis; `np.median` takes ten times as long for a handful."""
    ordered, count = np.sort(values, axis=-1), values.shape[-1]
    return np.asarray((ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2)
