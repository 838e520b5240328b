"""What a LiDAR says of a sign: whether its real size, height and surroundings are those of a sign of each class."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.lidar import Calibration, Sighting, View, sight
from signpipe.opinion import Opinion, Range, Role
from signpipe.settings import LidarSettings
from signpipe.types import FloatArray, Frame, SignTrack

# Sizes in shares of the usual one (VwV-StVO, sizes 1 to 3: circles of 420, 600, 750 mm, triangles of 630, 900, 1260 mm;
# gantries have larger ones), and how often each is met.
_SIZES: Final = ((0.7, 0.25), (1.0, 0.5), (1.25, 0.12), (1.4, 0.08), (2.0, 0.05))
_SIZE_SPREAD: Final = 0.08  # of the logarithm: makers, and boxes that hug a rim or don't
_STRAY: Final = 0.03  # likelihood that no size explains: a box cut by an occluder, say
_SMALLEST, _LARGEST = 0.42, 2.5  # shares of the usual size that no sign has: 0.25 m of a circle, 2.25 m of a triangle
_SENSOR: Final = 0.05  # metres that a LiDAR and its calibration err by, whatever the spread of the points on a face
_SIGMAS: Final = 2.0  # by which a size must be out before it rules out a sign

_LOW: Final = 1.5  # metres over the road that part low mounting (islands, bollards) from posts and gantries
_LOW_SOFT: Final = 0.25
_KEEP: Final = ("keep_right", "keep_left")
_SHARE_LOW, _SHARE_LOW_KEEP = 0.15, 0.5  # of signs that are mounted low

_LAMP_SIZE, _LAMP_HEIGHT = 0.38, 1.3  # metres: smaller than any sign's face, and no higher than tail lamps sit
_AROUND, _AROUND_AREA = 0.5, 0.64  # metres, and metres by metres, that a surface goes on beyond a printed sign


class LidarWitness:
    """Opinions from range: a real sign of a class has a known size, and stands free in the air.

    It rules out what is far too small or large, tail lamps, and pictures on trucks and billboards (the face's plane
    goes on far beyond the box, both ways). A face of retroreflective film on a surface without is let pass: a sign on
    a wall. Where the sweep has no reflectances, a sign less than about half a metre before a wall can't be told
    from a picture on it.

    Args:
        settings: The LiDAR's settings.
        catalogue: The classes with their real sizes.
        calibration: Where the LiDAR's points lie in the picture.
    """

    name = "lidar"
    role = Role.MEASURES
    expensive = False

    def __init__(self, settings: LidarSettings, catalogue: Catalogue, calibration: Calibration) -> None:
        self.weight = settings.weight
        self._calibration = calibration
        self._sensor_height = settings.sensor_height
        self._real = np.array([(sign.width, sign.height) for sign in catalogue])
        low = np.array([_SHARE_LOW_KEEP if sign.value in _KEEP else _SHARE_LOW for sign in catalogue])
        self._mounted = np.stack([low, 1 - low])
        self._sweep: FloatArray | None = None
        self._view: View | None = None

    def __call__(self, track: SignTrack, frame: Frame) -> Opinion | None:
        """Give an opinion on a sign; see `Witness`. None without a sweep, or with too few points on the sign."""
        if frame.lidar is None:
            self._sweep = self._view = None
            return None
        if self._view is None or frame.lidar is not self._sweep:
            self._sweep, self._view = frame.lidar, View(frame.lidar, self._calibration)
        seen = sight(self._view, track.xyxy, self._sensor_height)
        if seen is None:
            return None
        text = f"{seen.width:.2f} m wide at {seen.depth:.1f} m, {seen.above_road:.1f} m over the road"
        objection = self._objection(seen)
        return Opinion(
            self.name,
            (self._size(seen) + self._height(seen)).astype(np.float32),
            f"{text}: {objection}" if objection else text,
            impossible=objection is not None,
            range=Range(seen.depth, float(np.hypot(_SENSOR, seen.spread)), frame.media_time),
        )

    def _ratios(self, seen: Sighting) -> npt.NDArray[np.float64]:
        """Return width and height as shares of each class's usual ones, float64 (C, 2)."""
        return np.asarray(np.array((seen.width, seen.height)) / self._real)

    def _size(self, seen: Sighting) -> npt.NDArray[np.float64]:
        """Return the log-likelihood of the size, float64 (C,): a mixture of log-normals, one an official size.

        The larger share of width and height counts: turning and partial cover make a sign look smaller, never larger.
        """
        shares = np.log(self._ratios(seen).max(axis=1))
        sigma = float(np.hypot(_SIZE_SPREAD, seen.uncertainty))
        density = sum(part * np.exp(-(((shares - np.log(size)) / sigma) ** 2) / 2) / sigma for size, part in _SIZES)
        return np.asarray(np.log(density + _STRAY / _SIZE_SPREAD))

    def _height(self, seen: Sighting) -> npt.NDArray[np.float64]:
        """Return the log-likelihood of the height over the road, float64 (C,)."""
        low = 1 / (1 + np.exp(np.clip((seen.above_road - _LOW) / _LOW_SOFT, -50, 50)))
        return np.asarray(np.log(np.array((low, 1 - low)) @ self._mounted))

    def _objection(self, seen: Sighting) -> str | None:
        """Say why this can't be a sign, if it can't."""
        slack = np.exp(_SIGMAS * seen.uncertainty)
        ratios = self._ratios(seen)
        if ratios.max() * slack < _SMALLEST:
            return "too small for a sign"
        if ratios.min(axis=1).min() > _LARGEST * slack:
            return "too large for a sign"
        if max(seen.width, seen.height) * slack < _LAMP_SIZE and seen.above_road < _LAMP_HEIGHT:
            return "as small and low as a tail lamp"
        across, upright = seen.surface
        film = seen.bright >= 0.5 and seen.bright_around < 0.5 * seen.bright
        if min(across, upright) >= _AROUND and across * upright >= _AROUND_AREA and not film:
            return f"part of a surface of at least {seen.width + across:.1f} m by {seen.height + upright:.1f} m"
        return None
