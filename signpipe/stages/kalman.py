"""The box of one sign as a Kalman filter that knows how an approached sign grows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from filterpy.kalman import KalmanFilter

from signpipe.types import FloatArray

Array = npt.NDArray[np.float64]

# Diagonals of the four quarters of a flattened (8, 8) matrix; the state's halves are the box and its rates.
BOX_BOX, BOX_RATE, RATE_BOX, RATE_RATE = slice(0, 28, 9), slice(4, 32, 9), slice(32, 60, 9), slice(36, 64, 9)

# Densities of the white-noise acceleration, a second to the power of -1.5: what turning, braking and a rough road do.
# The centre's grows with the box and the picture: a jolt moves the whole picture, however small the sign in it.
CENTRE_NOISE_SIDES = 4.0
CENTRE_NOISE_PICTURE = 0.08
SCALE_NOISE = 0.5
ASPECT_NOISE = 0.05
# What is not known at birth: standard deviations of the rates, a second.
CENTRE_RATE_SIDES = 5.0
CENTRE_RATE_PICTURE = 0.1
SCALE_RATE = 1.0
ASPECT_RATE = 0.05
# Error of a measured box: a share of its side, and a part in pixels.
BOX_ERROR = 0.05
BOX_ERROR_PIXELS = 1.0
# A box this near to the picture's edge, in pixels, may be cut off: its error is so many times as large.
BORDER = 2.0
CUT_ERROR = 4.0
# Bounds of the looming: a step may at most halve the distance, and an approach ends when the sign is passed.
LARGEST_STEP = 0.5
LARGEST_RATE = 4.0


class BoxFilter:
    """Centre, scale and aspect of one sign, and their rates.

    The state is (x, y, log side, log aspect) followed by the four rates; side is the root of the area and aspect width
    over height. Neither motion nor noise mixes the four, so that all covariances between them stay zero. Noise is white
    acceleration, integrated over the real interval (Bar-Shalom, Li and Kirubarajan, Estimation with Applications to
    Tracking and Navigation, 2001, chapter 6), so that it adds up to the same at every frame rate.

    Constant velocity is that of the vehicle, not of the picture. A sign at distance Z that is approached at constant
    speed v has the log-scale rate r = v / Z, the inverse of the time to contact (Lee, A theory of visual control of
    braking based on information about time-to-collision, Perception, 1976). After dt both Z and the offset from the
    focus of expansion have changed by 1 / (1 - r dt), which is what the transition applies.

    Args:
        xyxy: float (4,), the first box in pixels.
        picture: Height and width of the picture in pixels.
    """

    def __init__(self, xyxy: FloatArray, picture: tuple[int, int]) -> None:
        self._height, self._width = picture
        self._corner = np.array([self._width, self._height] * 2, np.float64)
        self._filter = KalmanFilter(dim_x=8, dim_z=4)
        self._filter.H = np.eye(4, 8)
        self._filter.inv = _invert_diagonal
        self._filter.x = np.concatenate([measure(xyxy), np.zeros(4)])
        rate = CENTRE_RATE_SIDES * self.side + CENTRE_RATE_PICTURE * self._height
        rates = np.array([rate, rate, SCALE_RATE, ASPECT_RATE])
        self._filter.P = np.diag(np.concatenate([box_noise(self.side), rates**2]))

    @property
    def side(self) -> float:
        """Root of the box's area in pixels."""
        return math.exp(self._filter.x[2])

    @property
    def velocity(self) -> tuple[float, float]:
        """Pixels per second of the centre."""
        return float(self._filter.x[4]), float(self._filter.x[5])

    @property
    def xyxy(self) -> Array:
        """The box in pixels, float64 (4,)."""
        x, y, log_side, log_aspect = self._filter.x[:4].tolist()
        half_width = math.exp(log_side + log_aspect / 2) / 2
        half_height = math.exp(log_side - log_aspect / 2) / 2
        return np.array([x - half_width, y - half_height, x + half_width, y + half_height])

    @property
    def visible(self) -> Array:
        """The part of the box that lies in the picture, float64 (4,)."""
        return np.minimum(np.maximum(self.xyxy, 0.0), self._corner)

    @property
    def has_left(self) -> bool:
        """True if the centre lies outside the picture, or the sign would fill it."""
        x, y = self._filter.x[:2]
        return not (0 <= x < self._width and 0 <= y < self._height) or self.side > min(self._height, self._width)

    @property
    def spread(self) -> Array:
        """Variances (4,) of the next measurement around the visible part of the box; they aren't correlated."""
        noise = box_noise(self.side) * (CUT_ERROR**2 if self.cuts(self.visible) else 1.0)
        return np.asarray(self._filter.P.diagonal()[:4] + noise)

    def cuts(self, xyxy: npt.NDArray[np.floating]) -> bool:
        """Return True if the picture's edge may cut a sign with this box (4,)."""
        return bool(min(xyxy[0], xyxy[1], self._width - xyxy[2], self._height - xyxy[3]) < BORDER)

    def predict(self, dt: float) -> None:
        """Advance by a real interval.

        Args:
            dt: Seconds, not negative.
        """
        if dt <= 0:
            return
        largest = min(LARGEST_RATE, LARGEST_STEP / dt)
        self._filter.x[6] = min(max(self._filter.x[6], -largest), largest)
        step = float(self._filter.x[6]) * dt
        nearer = 1 / (1 - step)
        growth = -math.log1p(-step) / step if abs(step) > 1e-6 else 1.0
        transition = np.eye(8)
        entries = transition.ravel()
        entries[BOX_RATE] = dt * nearer, dt * nearer, dt * growth, dt
        entries[RATE_RATE] = nearer**2, nearer**2, nearer, 1.0
        self._filter.predict(F=transition, Q=self._process_noise(dt))

    def update(self, xyxy: FloatArray) -> None:
        """Take a detection in.

        Where the picture's edge cuts the sign, its box tells less, and the part that is cut off is put back as
        predicted, so that the sign doesn't seem to shrink.

        Args:
            xyxy: float (4,), the detected box in pixels.
        """
        measured = measure(xyxy)
        noise = box_noise(math.exp(measured[2]))
        if self.cuts(xyxy):
            measured = measured + measure(self.xyxy) - measure(self.visible)
            noise = noise * CUT_ERROR**2
        self._filter.update(measured, R=np.diag(noise))

    def _process_noise(self, dt: float) -> Array:
        centre = CENTRE_NOISE_SIDES * self.side + CENTRE_NOISE_PICTURE * self._height
        density = np.array([centre, centre, SCALE_NOISE, ASPECT_NOISE]) ** 2
        noise = np.zeros(64)
        noise[BOX_BOX] = density * (dt**3 / 3)
        noise[BOX_RATE] = noise[RATE_BOX] = density * (dt**2 / 2)
        noise[RATE_RATE] = density * dt
        return noise.reshape(8, 8)


def measure(xyxy: npt.NDArray[np.floating]) -> Array:
    """Return boxes (..., 4) as centre x, centre y, log side and log aspect, float64 of the same shape."""
    boxes = np.asarray(xyxy, np.float64)
    log_size = np.log(np.maximum(boxes[..., 2:] - boxes[..., :2], 1e-3))
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    width, height = log_size[..., :1], log_size[..., 1:]
    return np.concatenate([centre, (width + height) / 2, width - height], axis=-1)


def box_noise(side: float) -> Array:
    """Return the variances (4,) of a measured box of that side."""
    error = BOX_ERROR + BOX_ERROR_PIXELS / side
    return np.array([(error * side) ** 2, (error * side) ** 2, error**2, 2 * error**2])


def _invert_diagonal(matrix: Array) -> Array:
    """Return the inverse of a diagonal matrix, at a third of the price of any matrix's."""
    return np.diag(1 / matrix.diagonal())
