"""Where a LiDAR's points lie in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from signpipe.errors import SourceError
from signpipe.types import FloatArray

_SHAPES: Final = {"P2": (3, 4), "R0_rect": (3, 3), "Tr_velo_to_cam": (3, 4)}


@dataclass(frozen=True, slots=True)
class Calibration:
    """A camera and the LiDAR beside it.

    Attributes:
        matrix: float32 (3, 4), LiDAR coordinates (x, y, z, 1) to (u * depth, v * depth, depth), with u and v in pixels
            of the rectified picture and depth in metres along the camera's axis.
        focal: Focal length in pixels as (horizontal, vertical).
        principal: Pixel column of the camera's axis.
    """

    matrix: FloatArray
    focal: tuple[float, float]
    principal: float


def read_calibration(path: Path) -> Calibration:
    """Read a calibration file of KITTI's object benchmark: `P2`, `R0_rect` and `Tr_velo_to_cam`, one a line.

    Pictures must have the size that was calibrated: the file doesn't tell it, so it can't be checked.

    Raises:
        SourceError: The file can't be read, or a matrix is missing or malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SourceError(f"The LiDAR calibration {path} can't be read: {reason}.") from None
    entries = {key.strip(): numbers for key, colon, numbers in (line.partition(":") for line in lines) if colon}
    matrices = {}
    for key, shape in _SHAPES.items():
        if key not in entries:
            raise SourceError(f"The LiDAR calibration {path} lacks {key}; give a KITTI file with {', '.join(_SHAPES)}.")
        try:
            matrices[key] = np.array(entries[key].split(), np.float64).reshape(shape)
        except ValueError:
            matrices[key] = np.full(shape, np.nan)
        if not np.isfinite(matrices[key]).all():
            raise SourceError(f"The LiDAR calibration {path} has a bad {key}: it must be {np.prod(shape)} numbers.")
    rotation, transform = np.eye(4), np.eye(4)
    rotation[:3, :3], transform[:3] = matrices["R0_rect"], matrices["Tr_velo_to_cam"]
    projection = matrices["P2"]
    if min(projection[0, 0], projection[1, 1]) <= 0:
        raise SourceError(f"The LiDAR calibration {path} has a bad P2: its focal lengths must be over 0.")
    matrix = (projection @ rotation @ transform).astype(np.float32)
    return Calibration(matrix, (float(projection[0, 0]), float(projection[1, 1])), float(projection[0, 2]))
