"""A pinhole camera on a vehicle that follows a winding road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """One picture's camera. The world is in metres: x to the right, y up, z along the road at its start.

    The camera turns about the vertical axis only; pitch is a shift of the horizon, so that vertical edges stay
    vertical and every row of the ground has one depth.

    Attributes:
        width: Picture width in pixels.
        height: Picture height in pixels.
        focal: Focal length in pixels.
        eye: Position of the camera as (x, y, z).
        yaw: Heading in radians, to the right positive.
        horizon: Row of the horizon in pixels.
    """

    width: int
    height: int
    focal: float
    eye: tuple[float, float, float]
    yaw: float
    horizon: float

    def project(self, points: Points) -> tuple[Points, Points]:
        """Project world points.

        Args:
            points: (N, 3) in metres.

        Returns:
            Pixels (N, 2), where pixel i covers i to i + 1, and depths (N,) in metres. The pixel of a point
            behind the camera (depth of 0 or less) has no meaning.
        """
        dx, dy, dz = (points - np.asarray(self.eye)).T
        right = dx * np.cos(self.yaw) - dz * np.sin(self.yaw)
        depth = dx * np.sin(self.yaw) + dz * np.cos(self.yaw)
        scale = self.focal / np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return np.stack([self.width / 2 + right * scale, self.horizon - dy * scale], axis=1), depth


@dataclass(frozen=True, slots=True)
class Road:
    """A level road whose centre line swings gently to the left and right.

    Attributes:
        amplitude: Largest swing in metres.
        wavelength: Length of a full swing in metres.
        phase: Where in the swing the road starts, in radians.
    """

    amplitude: float
    wavelength: float
    phase: float

    def centre(self, z: npt.ArrayLike) -> Points:
        """Return x of the centre line at `z`, in metres; it is 0 at z = 0."""
        turn = 2 * np.pi / self.wavelength
        swing: Points = self.amplitude * (np.sin(turn * np.asarray(z, np.float64) + self.phase) - np.sin(self.phase))
        return swing

    def heading(self, z: float) -> float:
        """Return the direction of the centre line at `z`, in radians, to the right positive."""
        turn = 2 * np.pi / self.wavelength
        return float(np.arctan(self.amplitude * turn * np.cos(turn * z + self.phase)))
