"""Pictures of ROS and Foxglove messages, in the encodings that cameras use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.bags.bag import BagError
from signpipe.types import Image

COMPRESSED: Final = ("sensor_msgs/msg/CompressedImage", "foxglove.CompressedImage")


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How pixels are written.

    Attributes:
        channels: Numbers a pixel.
        bits: Of a number.
        to_bgr: cv2's code of the conversion, or None if there is nothing to convert.
        rows: Rows of numbers for each row of pixels.
    """

    channels: int
    bits: int = 8
    to_bgr: int | None = None
    rows: float = 1.0


_GREY, _UYVY, _YUY2 = cv2.COLOR_GRAY2BGR, cv2.COLOR_YUV2BGR_UYVY, cv2.COLOR_YUV2BGR_YUY2
_ENCODINGS: Final = {
    "bgr8": _Encoding(3),
    "8UC3": _Encoding(3),
    "rgb8": _Encoding(3, to_bgr=cv2.COLOR_RGB2BGR),
    "bgra8": _Encoding(4, to_bgr=cv2.COLOR_BGRA2BGR),
    "8UC4": _Encoding(4, to_bgr=cv2.COLOR_BGRA2BGR),
    "rgba8": _Encoding(4, to_bgr=cv2.COLOR_RGBA2BGR),
    "mono8": _Encoding(1, to_bgr=_GREY),
    "8UC1": _Encoding(1, to_bgr=_GREY),
    "mono16": _Encoding(1, 16, _GREY),
    "16UC1": _Encoding(1, 16, _GREY),
    "bgr16": _Encoding(3, 16),
    "16UC3": _Encoding(3, 16),
    "rgb16": _Encoding(3, 16, cv2.COLOR_RGB2BGR),
    "yuv422": _Encoding(2, to_bgr=_UYVY),
    "uyvy": _Encoding(2, to_bgr=_UYVY),
    "yuv422_yuy2": _Encoding(2, to_bgr=_YUY2),
    "yuyv": _Encoding(2, to_bgr=_YUY2),
    "nv12": _Encoding(1, to_bgr=cv2.COLOR_YUV2BGR_NV12, rows=1.5),
    "nv21": _Encoding(1, to_bgr=cv2.COLOR_YUV2BGR_NV21, rows=1.5),
    "i420": _Encoding(1, to_bgr=cv2.COLOR_YUV2BGR_I420, rows=1.5),
} | {
    # The pattern's name tells the colours of its first two rows.
    f"bayer_{pattern}{bits}": _Encoding(1, bits, code)
    for pattern, code in (
        ("rggb", cv2.COLOR_BayerRGGB2BGR),
        ("bggr", cv2.COLOR_BayerBGGR2BGR),
        ("gbrg", cv2.COLOR_BayerGBRG2BGR),
        ("grbg", cv2.COLOR_BayerGRBG2BGR),
    )
    for bits in (8, 16)
}


def picture_of(kind: str, message: Any) -> Image:
    """Return the picture of a message as BGR uint8 (H, W, 3); of 16 bits the upper 8 are kept.

    Args:
        kind: One of `signpipe.bags.bag.PICTURES`.
        message: Decoded.

    Raises:
        BagError: It is damaged, or in an encoding that isn't read.
    """
    return _compressed(message) if kind in COMPRESSED else _raw(message)


def encoding_of(kind: str, message: Any) -> str:
    """Return how a picture is written, for a person: such as "rgb8", or "jpeg"."""
    return str(message.format if kind in COMPRESSED else message.encoding)


def _compressed(message: Any) -> Image:
    data = np.frombuffer(message.data, np.uint8)
    try:
        # As it was recorded: an orientation in its EXIF would be a second rotation.
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if len(data) else None
    except cv2.error:
        image = None
    if image is None:
        raise BagError(f"{len(data)} bytes of '{message.format}' are no whole picture")
    return np.asarray(image, np.uint8)


def _raw(message: Any) -> Image:
    encoding = _ENCODINGS.get(message.encoding)
    if encoding is None:
        raise BagError(f"the encoding '{message.encoding}' isn't read; these are: {', '.join(_ENCODINGS)}")
    values = _values(message, encoding)
    if encoding.bits == 16:
        values = values >> 8
    image: npt.NDArray[Any] = np.ascontiguousarray(values, np.uint8)
    try:
        return image if encoding.to_bgr is None else np.asarray(cv2.cvtColor(image, encoding.to_bgr), np.uint8)
    except cv2.error:
        raise BagError(f"{message.width}x{message.height} pixels of '{message.encoding}' are no picture") from None


def _values(message: Any, encoding: _Encoding) -> npt.NDArray[Any]:
    """Return the numbers of a raw picture as (rows, width) or (rows, width, channels), without what fills the rows."""
    height, width, step = int(message.height * encoding.rows), int(message.width), int(message.step)
    data = np.frombuffer(message.data, np.uint8)
    filled = width * encoding.channels * encoding.bits // 8
    step = step or filled
    if not height or not width or step < filled or len(data) < step * (height - 1) + filled:
        raise BagError(
            f"{len(data)} bytes are no {message.width}x{message.height} pixels of '{message.encoding}', {step} a row"
        )
    # The last row need not be filled up.
    rows = np.lib.stride_tricks.as_strided(data, (height, filled), (step, 1), writeable=False)
    if encoding.bits == 16:
        order = ">" if getattr(message, "is_bigendian", 0) else "<"
        rows = np.ascontiguousarray(rows).view(f"{order}u2")
    return rows.reshape(height, width, encoding.channels) if encoding.channels > 1 else rows
