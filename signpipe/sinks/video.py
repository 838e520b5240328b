"""An annotated H.264 video."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from signpipe.sinks.base import RunInfo, prepare_file
from signpipe.sinks.overlay import Overlay
from signpipe.types import Frame, FrameResult, Image

_TIME_BASE = Fraction(1, 90_000)
_BT601 = 6  # ITU-T H.273 number of the matrix that cv2 converts with (SMPTE 170M)
_CODEC_OPTIONS = {"preset": "ultrafast", "crf": "24"}
# Fragments of a second while it is written, so that a file cut off anywhere plays up to its last fragment;
# an ordinary file with its index once it is closed.
_CONTAINER_OPTIONS = {
    "movflags": "hybrid_fragmented+default_base_moof",
    "frag_duration": "1000000",
    "flush_packets": "1",
}


class VideoSink:
    """Draws on each picture and encodes it with its true time.

    The first picture sets the size; later ones of another size are fitted into it. A gap writes nothing, so that
    no old picture passes for a live one: the picture before it simply lasts until the next.
    """

    def __init__(self, path: Path, run: RunInfo, overlay: Overlay) -> None:
        """Make sure that the file can be written; it is created with the first picture.

        Args:
            path: The file; folders above it are created.
            run: Tells the source, which must not be overwritten, and its frame rate.
            overlay: Draws on the pictures.

        Raises:
            OutputError: The file can't be written.
        """
        prepare_file(path, "video", run.source)
        self._path = path
        self._overlay = overlay
        self._fps = Fraction(run.fps or 25).limit_denominator(1001)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._clock = _Clock(1 / float(self._fps))
        self._failure: OSError | None = None

    def write(self, result: FrameResult) -> None:
        """Draw and encode one frame.

        Raises:
            OSError: It can't be written. The video then ends with what went before, and every later call fails too.
        """
        if not isinstance(result.frame, Frame):
            return
        if self._failure:
            raise OSError(self._failure.errno, self._failure.strerror)
        picture = _even(self._overlay(result))
        try:
            stream = self._stream or self._open(picture)
            frame = _encodable(_fit(picture, stream.width, stream.height))
            frame.pts = self._clock(result.frame.media_time)
            self._mux(frame)
        except OSError as error:  # PyAV's errors of reading and writing are OSErrors
            self._failure = error
            with contextlib.suppress(OSError):
                self.close()
            raise

    def close(self) -> None:
        """Write the index and close the file; a second call does nothing.

        Raises:
            OSError: The end can't be written; the file is closed all the same.
        """
        container, self._container = self._container, None
        if container is None:
            return
        try:
            if self._stream and not self._failure:
                container.mux(self._stream.encode())
        finally:
            container.close()

    def _open(self, picture: Image) -> VideoStream:
        self._container = av.open(str(self._path), "w", format="mp4", options=_CONTAINER_OPTIONS)
        stream = self._container.add_stream("libx264", rate=self._fps, options=_CODEC_OPTIONS)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = _TIME_BASE
        context.colorspace = _BT601
        context.gop_size = max(1, round(2 * self._fps))
        context.thread_count = 1  # the models need the other cores
        self._stream = stream
        return stream

    def _mux(self, frame: av.VideoFrame) -> None:
        if self._container and self._stream:
            self._container.mux(self._stream.encode(frame))


class _Clock:
    """Turns media times into strictly growing time stamps from 0, also where a source jumps back."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._offset: float | None = None
        self._last = -1

    def __call__(self, media_time: float) -> int:
        if self._offset is None:
            self._offset = media_time
        stamp = round((media_time - self._offset) / _TIME_BASE)
        if stamp <= self._last:
            stamp = self._last + max(1, round(self._step / _TIME_BASE))
            self._offset = media_time - float(stamp * _TIME_BASE)
        self._last = stamp
        return stamp


def _even(picture: Image) -> Image:
    """Repeat the last row or column where the size is odd: H.264 in 4:2:0 needs even sizes."""
    bottom, right = picture.shape[0] % 2, picture.shape[1] % 2
    if not bottom and not right:
        return picture
    return np.asarray(cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def _fit(picture: Image, width: int, height: int) -> Image:
    """Scale a picture into another size, with black beside it where the proportions differ."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=interpolation)
    return fitted


def _encodable(picture: Image) -> av.VideoFrame:
    """Return a BGR picture of even size as a frame in 4:2:0 with the video's time base."""
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.time_base = _TIME_BASE
    frame.colorspace = _BT601
    return frame
