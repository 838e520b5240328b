"""What a file is, told from its first bytes: names lie, or say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from signpipe.errors import ExtraMissingError
from signpipe.types import Image

HEAD: Final = 32  # bytes that tell
MANY_JPEGS: Final = (".mjpeg", ".mjpg")  # JPEG after JPEG: by its bytes, the first could be a picture of its own
_MAGIC: Final = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF8",
    b"BM",
    b"II*\0",  # TIFF, and BigTIFF below
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\0\0\0\x0cjP  ",  # JPEG 2000, as a file and as a stream
    b"\xff\x4f\xff\x51",
    b"#?RADIANCE",
    b"\x59\xa6\x6a\x95",  # Sun raster
)
_PORTABLE: Final = b"123456Ff7"  # P1 to P7, PF and Pf: the portable pictures, behind which white space follows
_AVIF: Final = (b"avif",)
_HEIF: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1")


def is_picture(head: bytes) -> bool:
    """Tell from the first `HEAD` bytes of a file whether it is a still picture."""
    if head[:1] == b"P" and head[1:2] and head[1] in _PORTABLE:
        return head[2:3].isspace()
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    return head.startswith(_MAGIC) or is_heif(head) or _brand(head) in _AVIF


def is_heif(head: bytes) -> bool:
    """Tell from the first bytes whether a file is a HEIC or HEIF picture, as phones take them."""
    return _brand(head) in _HEIF


def _brand(head: bytes) -> bytes:
    """Return the main brand of a file of ISO boxes (MP4, HEIF, AVIF, ...), or nothing."""
    return head[8:12] if head[4:8] == b"ftyp" else b""


def is_picture_file(path: Path) -> bool:
    """Tell from its content whether a file is a still picture.

    Raises:
        OSError: It can't be read.
    """
    if path.suffix.lower() in MANY_JPEGS or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD)
    return is_picture(head) and not (head.startswith(b"GIF8") and _is_animated(path.read_bytes()))


def _is_animated(data: bytes) -> bool:
    """Return True for a GIF of several pictures, which is a video."""
    return len(cv2.imdecodeanimation(np.frombuffer(data, np.uint8), count=2)[1].frames) > 1


def decode(data: bytes) -> Image | None:
    """Return a picture as BGR uint8 (H, W, 3), upright as its EXIF orientation says, or None if it can't be read.

    Raises:
        ExtraMissingError: It is HEIC, and pillow-heif isn't installed: FFmpeg would give one tile of it.
    """
    if is_heif(data[:HEAD]):
        return _decode_heif(data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _decode_heif(data: bytes) -> Image | None:
    try:
        import pillow_heif
    except ImportError:
        raise ExtraMissingError("reading HEIC pictures", "heif") from None
    try:
        rgb = np.asarray(pillow_heif.open_heif(data, convert_hdr_to_8bit=True).to_pillow().convert("RGB"))
    except (ValueError, RuntimeError, SyntaxError, EOFError, OSError):  # all that a damaged file makes it raise
        return None
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)
