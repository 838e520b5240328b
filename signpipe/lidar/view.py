"""A sweep as the camera sees it."""

from __future__ import annotations

from typing import Final

import numpy as np

from signpipe.lidar.calibration import Calibration
from signpipe.types import FloatArray

_NEAREST: Final = 1.0  # metres before the camera; nearer points are the car itself
_WIDEST: Final = 2.0  # tangent of the largest angle off the camera's axis that is kept, sideways: 63 degrees


class View:
    """The points of a sweep that the camera may see, projected once for all boxes of a frame.

    Args:
        sweep: float32 (N, 4) as x, y, z (up), reflectance.
        calibration: Camera and LiDAR.

    Attributes:
        points: float32 (4, M), rows x, y, z (up), reflectance of those before the camera.
        u: float32 (M,), pixels to the right.
        v: float32 (M,), pixels down.
        depth: float32 (M,), metres along the camera's axis.
        focal: Focal length in pixels as (horizontal, vertical).
    """

    def __init__(self, sweep: FloatArray, calibration: Calibration) -> None:
        matrix = calibration.matrix
        centre = (
            matrix[0] - calibration.principal * matrix[2]
        )  # (u - principal) * depth: no division for what is left out
        aside, depth = np.stack([centre, matrix[2]])[:, :3] @ sweep[:, :3].T + np.stack([centre, matrix[2]])[:, 3:]
        seen = np.flatnonzero((depth > _NEAREST) & (np.abs(aside) < _WIDEST * calibration.focal[0] * depth))
        self.points = np.ascontiguousarray(sweep[seen].T)
        self.depth = depth[seen]
        self.u = aside[seen] / self.depth + np.float32(calibration.principal)
        self.v = (matrix[1, :3] @ self.points[:3] + matrix[1, 3]) / self.depth
        self.focal = calibration.focal
