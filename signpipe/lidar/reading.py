"""One sweep from a file: KITTI's or nuScenes' .bin, .npy, or PCD."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signpipe.errors import ExtraMissingError, SourceError
from signpipe.lidar.columns import columns, with_reflectance
from signpipe.types import FloatArray

SUFFIXES: Final = (".bin", ".npy", ".pcd")
NUSCENES: Final = ".pcd.bin"
_REFLECTANCE: Final = ("reflectance", "intensity", "i", "reflectivity", "remission", "intensities")  # in any capitals


def read_sweep(path: Path) -> FloatArray:
    """Read a sweep.

    Points without a return (not finite, as organised PCD files have them) are left out. Reflectances up to 255 are
    scaled to 0..1; where there are none, they are 0.

    Args:
        path: `.bin` (KITTI's float32 x, y, z, reflectance, or three, five or six columns or float64 where the values
            show it), `.pcd.bin` (nuScenes: float32 x, y, z, intensity, ring), `.npy` ((N, 3 or more) numbers) or `.pcd`
            (ascii, binary or binary_compressed, with fields x, y, z, and intensity or reflectance if it has one).

    Returns:
        float32 (N, 4) as x, y, z in metres (z up) and reflectance in 0..1, N at least 1.

    Raises:
        SourceError: The file can't be read, is of another kind, empty, of the wrong size, or holds no point.
        ExtraMissingError: It is a PCD file and pypcd4 isn't installed.
    """
    read = {".bin": _read_bin, ".npy": _read_npy, ".pcd": _read_pcd}.get(path.suffix.lower())
    if read is None:
        raise SourceError(f"The sweep {path} is none of the files that can be read ({', '.join(SUFFIXES)}).")
    try:
        points = read(path)
    except OSError as error:
        raise SourceError(f"The sweep {path} can't be read: {error.strerror or error}.") from None
    points = np.asarray(points[np.isfinite(points).all(axis=1)])
    if not len(points):
        raise SourceError(f"The sweep {path} holds no point that is a number; leave it out or write it again.")
    brightest = float(points[:, 3].max())
    if brightest > 1:
        points[:, 3] /= 255 if brightest <= 255 else brightest
    return points


def _read_bin(path: Path) -> FloatArray:
    content = path.read_bytes()
    nuscenes = path.name.lower().endswith(NUSCENES)
    size, names = (20, "intensity, ring") if nuscenes else (16, "reflectance")
    if nuscenes and content and len(content) % size == 0:
        return with_reflectance(np.frombuffer(content, np.float32).reshape(-1, 5))
    points = None if nuscenes else columns(content)
    if points is not None:
        return with_reflectance(points)
    kind = "nuScenes" if nuscenes else "KITTI"
    raise SourceError(
        f"The sweep {path} has {len(content)} bytes, but a {kind} sweep has {size} a point (float32 x, y, z, {names}), "
        "and they don't look like points in other columns; it is cut off or of another format."
    )


def _read_npy(path: Path) -> FloatArray:
    try:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise SourceError(f"The sweep {path} is no whole .npy file of numbers: {_first_line(error)}.") from None
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise SourceError(f"The sweep {path} must be an array (N, 4) of x, y, z, reflectance; write it anew.")
    return with_reflectance(array)


def _read_pcd(path: Path) -> FloatArray:
    try:
        from pypcd4.pypcd4 import PointCloud
    except ImportError:
        raise ExtraMissingError("reading PCD sweeps", "lidar") from None
    try:
        cloud = PointCloud.from_path(path)
    except OSError:
        raise
    except Exception as error:  # the library lets through whatever a damaged file makes its helpers raise
        raise SourceError(f"The sweep {path} is no whole PCD file: {_first_line(error)}.") from None
    data = np.atleast_1d(cloud.pc_data)
    if len(data) < cloud.metadata.points:
        raise SourceError(
            f"The header of the sweep {path} promises {cloud.metadata.points} points, but there are {len(data)}; "
            "it is cut off, write it again."
        )
    fields = {name.lower(): name for name in reversed(cloud.fields)}
    if missing := [name for name in "xyz" if name not in fields]:
        raise SourceError(f"The sweep {path} has no field {missing[0]}; it needs x, y and z.")
    reflectance = next((data[fields[name]] for name in _REFLECTANCE if name in fields), np.zeros(len(data)))
    return np.stack([*(data[fields[name]] for name in "xyz"), reflectance], axis=1).astype(np.float32)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
