"""Video before and after an event: a ring of small pictures in memory, and the clip that is written of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from signpipe.types import Image

_TIME_BASE = Fraction(1, 1000)
_CODEC = {"preset": "veryfast", "crf": "28"}
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}  # plays as far as it was written
_QUALITY = 85
_BT601 = 6  # ITU-T H.273
MOST_BYTES = 64 * 2**20  # of memory, whatever the rate and size of the pictures


class Ring:
    """The pictures of the last seconds, as JPEG.

    Args:
        seconds: How long each is kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: deque[tuple[float, bytes]] = deque()
        self.bytes = 0

    def add(self, time: float, picture: Image) -> None:
        """Keep a picture, and forget those that are too old or too many."""
        data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].tobytes()
        self._kept.append((time, data))
        self.bytes += len(data)
        while self._kept and (time - self._kept[0][0] > self._seconds or self.bytes > MOST_BYTES):
            self.bytes -= len(self._kept.popleft()[1])

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[float, Image]]:
        for time, data in self._kept:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            yield time, np.asarray(picture, np.uint8)


class Clip:
    """An H.264 video that is being written.

    Args:
        path: The file, .mp4.
        until: Media time of its end.

    Attributes:
        until: Media time of its end.
    """

    def __init__(self, path: Path, until: float) -> None:
        self.until = until
        self._path = path
        self._first: float | None = None
        self._last = -1
        self._stream: VideoStream | None = None
        self._container = av.open(str(path), "w", options=_FRAGMENTS)

    def add(self, time: float, picture: Image) -> None:
        """Append a picture of a media time; BGR uint8 (H, W, 3) of even size, the same for all.

        Raises:
            OSError: It can't be written.
        """
        stream = self._stream
        if stream is None:
            stream = self._stream = self._container.add_stream("libx264", rate=25, options=_CODEC)
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = _TIME_BASE
            stream.codec_context.colorspace = _BT601
            stream.codec_context.thread_count = 1  # the models need the other cores
        if picture.shape[:2] != (stream.height, stream.width):
            picture = np.asarray(cv2.resize(picture, (stream.width, stream.height)), np.uint8)
        self._first = time if self._first is None else self._first
        stamp = max(round((time - self._first) / float(_TIME_BASE)), self._last + 1)
        self._last = stamp
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = stamp, _TIME_BASE
        self._container.mux(stream.encode(frame))

    def close(self) -> int:
        """Finish the file, and return its size in bytes.

        Raises:
            OSError: It can't be written.
        """
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._path.stat().st_size
