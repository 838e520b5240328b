"""Pictures from clients: looked at before they are decoded, so that a small file can't fill the memory."""

from __future__ import annotations

import io
import warnings
from typing import Final

from PIL import Image as Pillow

from signpipe.sources.content import decode
from signpipe.types import Image

TYPES: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_SMALLEST, _LONGEST = 8, 16384  # pixels of a side


class PictureError(Exception):
    """A picture that can't be taken.

    Attributes:
        status: What HTTP calls that: 413, 415 or 422.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def open_picture(data: bytes, kind: str, megapixels: float) -> Image:
    """Return a picture as BGR uint8 (H, W, 3), upright.

    Args:
        data: The file.
        kind: Its type as the client says; what the file says must be the same.
        megapixels: Most pixels, in 10^6.

    Raises:
        PictureError: It is of another type, too large, or no picture that can be read.
    """
    expected = TYPES.get(kind.partition(";")[0].strip().lower())
    if expected is None:
        raise PictureError(415, f"A picture must be sent as {', '.join(TYPES)}, not '{kind[:64]}'.")
    width, height = _size(data, expected)
    if width * height > megapixels * 1e6 or max(width, height) > _LONGEST:
        raise PictureError(
            413, f"A picture of {width} x {height} pixels is too large; send up to {megapixels:g} million."
        )
    if min(width, height) < _SMALLEST:
        raise PictureError(422, f"A picture of {width} x {height} pixels is too small to hold a sign.")
    image = decode(data)
    if image is None or image.shape[0] * image.shape[1] != width * height:
        raise PictureError(422, "The picture is damaged and can't be read.")
    return image


def _size(data: bytes, expected: str) -> tuple[int, int]:
    """Return width and height as the file's head says them; nothing is decoded.

    Raises:
        PictureError: It is no such file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its size, which is judged here
            with Pillow.open(io.BytesIO(data), formats=[expected]) as picture:
                return picture.size
    except Pillow.DecompressionBombError:
        raise PictureError(413, "The picture has too many pixels.") from None
    except Exception:  # whatever a damaged file makes it raise
        raise PictureError(422, f"What was sent is no {expected} picture that can be read.") from None
