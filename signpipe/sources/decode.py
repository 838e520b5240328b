"""Decoding video with FFmpeg's libraries through PyAV, the same way for files and streams."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, Protocol

import av
import av.error
import av.filter
import cv2
import numpy as np
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from signpipe.types import Image
from signpipe.types.source import SourceInfo

_MOST_THREADS: Final = 4
_MOST_BAD_READS: Final = 50  # in a row, after which the rest of a file counts as unreadable
_LARGEST_ASPECT: Final = 8  # of a pixel; of more, a file has it wrong
_TURNS: Final = {
    1: cv2.ROTATE_90_COUNTERCLOCKWISE,
    2: cv2.ROTATE_180,
    3: cv2.ROTATE_90_CLOCKWISE,
}


class Readable(Protocol):
    """What a recording can be read from, if it isn't named."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`, and none at the end."""


class NoVideoError(Exception):
    """The container opened, but holds no video track of a known codec."""


class Decoder:
    """The pictures of one video track, upright and with their timestamps.

    Args:
        address: Path or address, or something with a method `read`.
        live: Decode without delay (one thread); a recording is decoded by several threads ahead of its reader.
        deinterlace: "auto" deinterlaces from the first picture on that says it is interlaced, "on" all, "off" none.
        container: FFmpeg's name of the container format, where it mustn't be guessed.
        options: Options of FFmpeg's demuxer and protocol.
        timeout: Seconds to open, and seconds for one read; None waits for ever.

    Raises:
        av.error.FFmpegError: The address can't be opened. Its text may hold credentials.
        NoVideoError: There is no video track.
    """

    def __init__(
        self,
        address: str | Readable,
        *,
        live: bool = False,
        deinterlace: str = "auto",
        container: str | None = None,
        options: dict[str, str] | None = None,
        timeout: tuple[float, float] | None = None,
    ) -> None:
        self._container = av.open(
            address, "r", format=container, options=options or {}, timeout=timeout, metadata_errors="replace"
        )
        self._deinterlace = deinterlace
        self._deinterlacer = Deinterlacer() if deinterlace == "on" else None
        try:
            self._stream = self._choose_stream(live)
        except BaseException:
            self._container.close()
            raise
        self._reformatter = VideoReformatter()
        self._frames = self._decode()
        self.damaged = 0

    def _choose_stream(self, live: bool) -> VideoStream:
        stream = self._container.streams.best("video")
        if isinstance(stream, VideoStream) and _is_cover(stream):  # music; a video may have a cover too
            stream = next((other for other in self._container.streams.video if not _is_cover(other)), None)
        # FFmpeg renders plain text files as video ("tty"); nobody means that.
        if not isinstance(stream, VideoStream) or self.format == "tty":
            raise NoVideoError
        context = stream.codec_context
        if not context:  # a codec that FFmpeg doesn't know
            raise NoVideoError
        context.thread_type = "AUTO"
        context.thread_count = 1 if live else min(_MOST_THREADS, os.cpu_count() or 1)
        return stream

    @property
    def format(self) -> str:
        """FFmpeg's name of the container format."""
        return self._container.format.name

    @property
    def duration(self) -> float | None:
        """Seconds that the container announces, or None for a live stream."""
        return None if self._container.duration is None else self._container.duration / av.time_base

    @property
    def fps(self) -> float | None:
        """Frames per second that the container announces, or None."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    def describe(self, source_id: str, kind: str, live: bool, first: Image) -> SourceInfo:
        """Return what is known of the source once its first picture is there."""
        return SourceInfo(
            source_id=source_id,
            kind=kind,
            live=live,
            width=first.shape[1],
            height=first.shape[0],
            fps=self.fps,
            frames=self._stream.frames or None,
            details={"container": self.format, "codec": self._stream.codec_context.name},
            made_at=self._made_at(),
        )

    def _made_at(self) -> float | None:
        """Return when the container says that it was made, in seconds since 1970; None where it doesn't."""
        try:
            moment = datetime.fromisoformat(self._container.metadata.get("creation_time", ""))
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def read(self) -> tuple[Image, float | None] | None:
        """Return the next picture, BGR uint8 (H, W, 3), with its time in seconds, or None at the end.

        The time counts from the start of the stream; it is None where the container has none.

        Raises:
            av.error.FFmpegError: The connection was lost, timed out, or the rest can't be read.
        """
        frame = next(self._frames, None)
        if frame is None:
            return None
        width, height = self._square(frame)
        # One thread: splitting a conversion of 1 ms costs more than it saves.
        bgr = self._reformatter.reformat(frame, width, height, format="bgr24", threads=1).to_ndarray()
        return _upright(np.asarray(bgr, np.uint8), frame.rotation), self._seconds(frame)

    def _square(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the width and height that a picture has with square pixels; none of its own are lost."""
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
        if not aspect or not 1 / _LARGEST_ASPECT <= aspect <= _LARGEST_ASPECT:  # unknown, or nonsense
            return frame.width, frame.height
        if aspect > 1:
            return round(frame.width * aspect), frame.height
        return frame.width, round(frame.height / aspect)

    def _seconds(self, frame: VideoFrame) -> float | None:
        # AVI knows no presentation times: its decoding times, in the order of display, are the clock.
        stamp = frame.dts if self.format == "avi" else frame.pts
        if stamp is None or frame.time_base is None:
            return None
        return float(stamp * frame.time_base)

    def start(self) -> float | None:
        """Return the time of the stream's start in seconds on the clock of `read`, or None if it isn't known."""
        stream = self._stream
        if stream.start_time is None or stream.time_base is None or self.format == "avi":
            return None
        return float(stream.start_time * stream.time_base)

    def _decode(self) -> Iterator[VideoFrame]:
        """Yield the frames that can be decoded; what is damaged is counted and left out."""
        yield from self._decoded()
        if self._deinterlacer is not None:
            yield from self._deinterlacer.flush()

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damaged += 1
                else:
                    yield from self._progressive(frame)

    def _progressive(self, frame: VideoFrame) -> Iterable[VideoFrame]:
        """Return a picture without the combs of two half-pictures that were taken one after the other."""
        if self._deinterlacer is None and self._deinterlace == "auto" and frame.interlaced_frame:
            self._deinterlacer = Deinterlacer()
        return [frame] if self._deinterlacer is None else self._deinterlacer(frame)

    def _packets(self) -> Iterator[av.Packet[VideoStream]]:
        demux = self._container.demux(self._stream)
        bad = 0
        while True:
            try:
                packet = next(demux)
            except StopIteration:
                return
            except av.error.InvalidDataError:
                bad += 1
                self.damaged += 1
                if bad > _MOST_BAD_READS:
                    raise
                demux = self._container.demux(self._stream)
                continue
            bad = 0
            yield packet

    def seek(self, seconds: float) -> None:
        """Go to the last key frame up to a time on the clock of `read`.

        Raises:
            av.error.FFmpegError: The container can't be searched.
        """
        self._container.seek(round(seconds * av.time_base))
        self._frames = self._decode()

    def close(self) -> None:
        """Close the file or connection; safe to call twice."""
        self._frames = iter(())
        self._container.close()


class Deinterlacer:
    """FFmpeg's filter bwdif, one picture for each that is given."""

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._form: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> list[VideoFrame]:
        """Return the pictures that are ready: at first none, as the filter looks one ahead, and then one each time."""
        form = (frame.width, frame.height, frame.format.name)
        if form != self._form:
            self._form, self._graph = form, self._build(frame)
        assert self._graph is not None
        self._graph.vpush(frame)
        return self._ready()

    def flush(self) -> list[VideoFrame]:
        """Return the pictures that are still held, at the end."""
        if self._graph is None:
            return []
        self._graph.vpush(None)
        return self._ready()

    def _ready(self) -> list[VideoFrame]:
        assert self._graph is not None
        ready = []
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                ready.append(self._graph.vpull())
        return ready

    @staticmethod
    def _build(frame: VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        time_base = frame.time_base or Fraction(1, 1000)
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
        graph.link_nodes(source, graph.add("bwdif", "mode=send_frame"), graph.add("buffersink")).configure()
        return graph


def _is_cover(stream: VideoStream) -> bool:
    """Return True for the picture on a piece of music."""
    return bool(stream.disposition & Disposition.attached_pic)


def _upright(image: Image, degrees: int) -> Image:
    """Turn a picture counterclockwise, as its rotation flag asks for."""
    turns = round(degrees / 90) % 4
    return np.asarray(cv2.rotate(image, _TURNS[turns]), np.uint8) if turns else image
