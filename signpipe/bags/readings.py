"""What messages beside the pictures say: when, where, how the camera sees, and what the LiDAR saw."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from signpipe.bags.bag import BagError, Message
from signpipe.position.fix import RANGE_ERROR, Fix, number
from signpipe.types import FloatArray

FARTHEST_STAMP: Final = 10.0  # seconds by which a stamp may differ from when it was recorded; beyond, it is no clock's
_NO_FIX: Final = -1  # NavSatStatus
_REFLECTANCE: Final = ("intensity", "reflectivity", "reflectance", "i")
# sensor_msgs/PointField
_TYPES: Final = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}


def stamp_of(message: Message, content: Any) -> float:
    """Return when a message was taken, in seconds: by the stamp in it, unless that is no time of the recording."""
    header = getattr(content, "header", None)
    stamp = getattr(content, "timestamp", None) if header is None else header.stamp
    if stamp is None:
        return message.at
    seconds = getattr(stamp, "sec", None)
    taken = stamp.seconds + stamp.nanos * 1e-9 if seconds is None else seconds + stamp.nanosec * 1e-9
    return float(taken) if abs(taken - message.at) <= FARTHEST_STAMP else message.at


def fix_of(message: Message, content: Any) -> Fix | None:
    """Return where a receiver was, or None if it didn't know."""
    latitude, longitude = number(content.latitude), number(content.longitude)
    status = getattr(getattr(content, "status", None), "status", 0)
    if latitude is None or longitude is None or status == _NO_FIX or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    known = list(content.position_covariance) if content.position_covariance_type else []
    variance = max((float(known[0]), float(known[4]))) if len(known) == 9 else 0.0
    sigma = math.sqrt(variance) if variance > 0 else RANGE_ERROR
    return Fix(stamp_of(message, content), latitude, longitude, sigma=sigma)


def focal_of(content: Any, rectified: bool) -> float | None:
    """Return a camera's focal length in pixels of its pictures, or None if it wasn't calibrated.

    Args:
        content: A CameraInfo or CameraCalibration.
        rectified: True if the pictures were rectified: the new camera's counts, which is in P.
    """
    names = ("p", "P") if rectified else ("k", "K")
    matrix: Any = next((getattr(content, name) for name in names if hasattr(content, name)), ())
    focal = float(matrix[0]) if len(matrix) else 0.0
    return focal if focal > 0 else None


def sweep_of(content: Any) -> FloatArray:
    """Return the points of a PointCloud2 as float32 (N, 4): x, y, z in metres and reflectance in 0..1 (0 if unknown).

    Raises:
        BagError: It has no x, y and z, or fewer bytes than it says.
    """
    fields = {field.name.lower(): field for field in content.fields}
    reflectance = next((name for name in _REFLECTANCE if name in fields), None)
    if missing := [name for name in "xyz" if name not in fields]:
        raise BagError(f"the point cloud has no field {missing[0]}")
    names = [*"xyz", *([reflectance] if reflectance else [])]
    order = ">" if content.is_bigendian else "<"
    kinds = [order + _TYPES.get(fields[name].datatype, "V1") for name in names]
    offsets = [int(fields[name].offset) for name in names]
    try:
        layout = np.dtype({"names": names, "formats": kinds, "offsets": offsets, "itemsize": int(content.point_step)})
        width, height, step = int(content.width), int(content.height), int(content.row_step)
        data = np.ascontiguousarray(np.frombuffer(content.data, np.uint8))
        shape, strides = (height, width), (step or width * layout.itemsize, layout.itemsize)
        points = np.ndarray(shape, layout, data, strides=strides).ravel()
        columns = [points[name].astype(np.float32) for name in names]
    except (TypeError, ValueError) as error:
        raise BagError(f"the point cloud isn't whole ({error})") from None
    sweep = np.stack([*columns, *([] if reflectance else [np.zeros(len(points), np.float32)])], axis=1)
    sweep = sweep[np.isfinite(sweep).all(axis=1)]
    brightest = float(sweep[:, 3].max(initial=0.0))
    if brightest > 1:
        sweep[:, 3] /= 255 if brightest <= 255 else brightest
    return np.asarray(sweep, np.float32)
