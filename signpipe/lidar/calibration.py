"""Where a LiDAR's points lie in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from signpipe.errors import SourceError
from signpipe.types import FloatArray

_RAW: Final = ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt")
Values = npt.NDArray[np.float64]


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
    """Read a calibration file of KITTI, whose benchmarks write it differently.

    - object: `P2`, `R0_rect` and `Tr_velo_to_cam`;
    - tracking: the same as `P2`, `R_rect` and `Tr_velo_cam`, some without colons;
    - odometry: `P2` and `Tr`, which leads to the rectified camera;
    - raw data: `calib_cam_to_cam.txt` with `calib_velo_to_cam.txt` beside it, whichever is named.

    Pictures must have the size that was calibrated: the file doesn't tell it, so it can't be checked.

    Raises:
        SourceError: The file can't be read, or a matrix is missing or malformed.
    """
    entries = _entries(path)
    raw = path.with_name(_RAW[1] if path.name == _RAW[0] else _RAW[0]) if path.name in _RAW else None
    if raw is not None:
        entries |= _entries(raw)
    rotation, transform = np.eye(4), np.eye(4)
    projection = _matrix(path, entries, ("P2", "P_rect_02"), (3, 4))
    if "Tr" not in entries:
        rotation[:3, :3] = _matrix(path, entries, ("R0_rect", "R_rect", "R_rect_00"), (3, 3))
    if "T" in entries:
        transform[:3, :3] = _matrix(path, entries, ("R",), (3, 3))
        transform[:3, 3:] = _matrix(path, entries, ("T",), (3, 1))
    else:
        transform[:3] = _matrix(path, entries, ("Tr_velo_to_cam", "Tr_velo_cam", "Tr"), (3, 4))
    if min(projection[0, 0], projection[1, 1]) <= 0:
        raise SourceError(f"The LiDAR calibration {path} has a bad P2: its focal lengths must be over 0.")
    matrix = (projection @ rotation @ transform).astype(np.float32)
    return Calibration(matrix, (float(projection[0, 0]), float(projection[1, 1])), float(projection[0, 2]))


def _entries(path: Path) -> dict[str, list[str]]:
    """Return the words of each line by its first, which may end in a colon."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SourceError(f"The LiDAR calibration {path} can't be read: {reason}.") from None
    words = [line.replace(":", " ", 1).split() for line in lines]
    return {key: values for key, *values in filter(None, words)}


def _matrix(path: Path, entries: dict[str, list[str]], names: tuple[str, ...], shape: tuple[int, int]) -> Values:
    """Return the matrix that has one of some names."""
    name = next((name for name in names if name in entries), None)
    if name is None:
        raise SourceError(
            f"The LiDAR calibration {path} lacks {names[0]}; give a KITTI file with P2, R0_rect, Tr_velo_to_cam."
        )
    try:
        matrix = np.array(entries[name], np.float64).reshape(shape)
    except ValueError:
        matrix = np.full(shape, np.nan)
    if not np.isfinite(matrix).all():
        raise SourceError(f"The LiDAR calibration {path} has a bad {name}: it must be {np.prod(shape)} numbers.")
    return matrix
