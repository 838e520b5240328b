"""Videos for the tests: small, written by PyAV, each frame recognisable by its brightness."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from signpipe.types import Image

WIDTH, HEIGHT = 160, 96
_STEP = 8


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Return a grey frame whose brightness tells its number (0 to 25), blue at the top left and red at the right."""
    image = np.full((height, width, 3), 40 + _STEP * number, np.uint8)
    image[: height // 4, : width // 4] = (255, 0, 0)
    image[: height // 4, -width // 4 :] = (0, 0, 255)
    return image


def number_of(image: Image) -> int:
    """Return the number of a frame by its brightness."""
    height, width = image.shape[:2]
    return round((float(image[height // 2, width // 2].mean()) - 40) / _STEP)


def write_video(
    path: Path,
    codec: str = "libx264",
    frames: int = 20,
    times: list[float] | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> Path:
    """Write `frames` numbered pictures.

    Args:
        path: The ending chooses the container.
        codec: FFmpeg's name of the encoder.
        frames: How many.
        times: Presentation time of each frame in seconds (multiples of 1/1000), 25 frames/s if absent.
        rotation: Degrees counterclockwise that a player is asked to turn the picture.
        options: Of the encoder.
        container: Options of the muxer.
    """
    with av.open(path, "w", options=container or {}) as file:
        stream = file.add_stream(codec, rate=25, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path
