"""An annotated H.264 video."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from signpipe.errors import OutputError
from signpipe.sinks.base import RunInfo
from signpipe.sinks.files import CONTAINERS, prepare_file, stream_of
from signpipe.sinks.overlay import Overlay
from signpipe.types import Frame, FrameResult, Image

_TIME_BASE = Fraction(1, 90_000)
_BT601 = 6  # ITU-T H.273 number of the matrix that cv2 converts with (SMPTE 170M)
_CODEC_OPTIONS = {"preset": "ultrafast", "crf": "24"}
# Fragments of a second while it is written, so that a file cut off anywhere plays up to its last fragment;
# an ordinary file with its index once it is closed.
_FRAGMENTS = {"movflags": "hybrid_fragmented+default_base_moof", "frag_duration": "1000000"}
_UNSEEKABLE = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}  # for a pipe: there is no going back


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
            OutputError: The file can't be written, or its name names no container.
        """
        if stream_of(path) is not None:
            raise OutputError("The video can't go to standard output; give it a file, such as --video annotated.mp4.")
        prepare_file(path, "video", run.source)
        self._format = _container(path)
        self._path = path
        self._overlay = overlay
        self._fps = Fraction(run.fps or 25).limit_denominator(1001)
        # AVI knows no times: a picture has the number of the moment that it is shown at.
        self._time_base = 1 / self._fps if self._format == "avi" else _TIME_BASE
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._clock = _Clock(1 / float(self._fps), self._time_base)
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
            frame = _encodable(_fit(picture, stream.width, stream.height), self._time_base)
            frame.pts = self._clock(result.frame.media_time)
            self._mux(frame)
        except (OSError, av.FFmpegError) as error:
            self._failure = OSError(error.errno, error.strerror)
            with contextlib.suppress(OSError, av.FFmpegError):
                self.close()
            raise self._failure from error

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
        options = {"flush_packets": "1"}
        if self._format in ("mp4", "mov"):
            options |= _UNSEEKABLE if self._path.is_fifo() else _FRAGMENTS
        # An absolute path: FFmpeg would take what stands before a colon for a protocol.
        self._container = av.open(os.path.abspath(self._path), "w", format=self._format, options=options)  # noqa: PTH100
        stream = self._container.add_stream("libx264", rate=self._fps, options=_CODEC_OPTIONS)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.colorspace = _BT601
        context.gop_size = max(1, round(2 * self._fps))
        context.thread_count = 1  # the models need the other cores
        self._stream = stream
        return stream

    def _mux(self, frame: av.VideoFrame) -> None:
        if self._container and self._stream:
            self._container.mux(self._stream.encode(frame))


def _container(path: Path) -> str:
    """Return the container that a name asks for; a device or pipe without one gets Matroska."""
    if path.suffix.lower() in CONTAINERS:
        return CONTAINERS[path.suffix.lower()]
    if path.is_fifo() or path.is_char_device():
        return "matroska"
    raise OutputError(f"No video can be written to {path}: its name must end in {', '.join(CONTAINERS)}.")


class _Clock:
    """Turns media times into strictly growing time stamps from 0, also where a source jumps back."""

    def __init__(self, step: float, time_base: Fraction) -> None:
        self._step = step
        self._time_base = time_base
        self._offset: float | None = None
        self._last = -1

    def __call__(self, media_time: float) -> int:
        if self._offset is None:
            self._offset = media_time
        stamp = round((media_time - self._offset) / self._time_base)
        if stamp <= self._last:
            stamp = self._last + max(1, round(self._step / self._time_base))
            self._offset = media_time - float(stamp * self._time_base)
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


def _encodable(picture: Image, time_base: Fraction) -> av.VideoFrame:
    """Return a BGR picture of even size as a frame in 4:2:0 with the video's time base."""
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.time_base = time_base
    frame.colorspace = _BT601
    return frame
