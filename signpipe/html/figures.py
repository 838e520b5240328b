"""Figures as PNG, without a display and without matplotlib's global state."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import cv2

from signpipe.errors import ExtraMissingError
from signpipe.types import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100


def new_figure(width: float = 7.0, height: float = 4.0) -> Figure:
    """Return an empty matplotlib figure with a constrained layout.

    Args:
        width: Inches.
        height: Inches.

    Raises:
        ExtraMissingError: The extra "report" isn't installed.
    """
    try:
        from matplotlib.figure import Figure as MatplotlibFigure
    except ImportError:
        raise ExtraMissingError("A report with figures", "report") from None
    return MatplotlibFigure(figsize=(width, height), layout="constrained")


def png(drawn: Figure, dpi: int = DPI) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def thumbnail(image: Image, side: int = 96) -> bytes:
    """Return a BGR uint8 (H, W, 3) picture as PNG, its longer side shrunk to `side` pixels; a smaller one stays."""
    height, width = image.shape[:2]
    scale = min(side / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    _, encoded = cv2.imencode(".png", cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    return encoded.tobytes()


def data_uri(picture: bytes | Any) -> str:
    """Return a PNG or JPEG (bytes), or a matplotlib figure, as a data URI, which needs no file beside the page."""
    content = picture if isinstance(picture, bytes) else png(picture)
    kind = "jpeg" if content.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
