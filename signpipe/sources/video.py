"""Video files: MP4, Matroska, AVI and whatever else FFmpeg reads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

import av.error

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.decode import Decoder, NoVideoError
from signpipe.types import Frame, Image
from signpipe.types.source import Source


class VideoSource(Source):
    """The pictures of a recording, upright, in order, with the container's timestamps.

    Damaged packets and pictures are left out and counted in `info.damaged`; the first one is warned of.

    Args:
        decoder: The open recording; the source closes it.
        source_id: Name of the recording, without credentials.

    Raises:
        SourceError: No picture can be decoded.
    """

    def __init__(self, decoder: Decoder, source_id: str) -> None:
        self._decoder = decoder
        first = self._next(source_id)
        if first is None:
            decoder.close()
            raise SourceError(f"No picture of {source_id} can be decoded: the file is damaged or cut off.")
        self.info = decoder.describe(source_id, "video", live=False, first=first[0])
        self._first: tuple[Image, float | None] | None = first
        starts = [start for start in (decoder.start(), first[1]) if start is not None]
        self._start = min(starts, default=0.0)
        self._interval = 1.0 / self.info.fps if self.info.fps else 0.04
        self._index = 0
        self._media_time = -self._interval

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end.

        Raises:
            SourceError: The rest of the recording can't be read.
        """
        picture = self._first or self._next(self.info.source_id)
        self._first = None
        self._report_damage()
        if picture is None:
            return None
        image, stamp = picture
        media_time = -1.0 if stamp is None else stamp - self._start
        if media_time <= self._media_time:  # no timestamp, or one that goes back
            media_time = self._media_time + self._interval
        frame = Frame(image, self._index, time.monotonic(), media_time, self.info.source_id)
        self._index += 1
        self._media_time = media_time
        return frame

    def _next(self, source_id: str) -> tuple[Image, float | None] | None:
        try:
            return self._decoder.read()
        except av.error.FFmpegError as error:
            raise SourceError(f"The rest of {source_id} can't be read: {error.strerror}.") from None

    def _report_damage(self) -> None:
        if self._decoder.damaged and not self.info.damaged:
            self.info.warn(f"{self.info.source_id} is damaged; what can't be decoded is skipped and counted.")
        self.info.damaged = self._decoder.damaged

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()


def open_video(path: Path, settings: CaptureSettings | None = None) -> VideoSource:
    """Open a video file.

    Args:
        path: An existing regular file.
        settings: `deinterlace` is what counts.

    Raises:
        SourceError: The file is empty, is no video, or none of its pictures can be decoded.
    """
    name = str(path)
    if path.stat().st_size == 0:
        raise SourceError(f"{name} is empty (0 bytes): record or copy it again.")
    try:
        # An absolute path: FFmpeg would read "a:b.mp4" as an address.
        return VideoSource(Decoder(str(path.absolute()), deinterlace=(settings or CaptureSettings()).deinterlace), name)
    except NoVideoError:
        raise SourceError(f"{name} has no video track that can be decoded.") from None
    except av.error.PermissionError:
        raise SourceError(f"{name} can't be read: permission denied.") from None
    except av.error.FFmpegError:
        raise SourceError(
            f"{name} is no video that can be read; if it was one, it is damaged or was cut off before its end."
        ) from None


def open_pipe(pipe: BinaryIO, settings: CaptureSettings) -> VideoSource:
    """Open a recording that comes through a pipe, such as standard input.

    Raises:
        SourceError: It is no video, or one that can't be read from its start on.
    """
    source = pipe if pipe.seekable() else _Unseekable(pipe)
    try:
        return VideoSource(Decoder(source, deinterlace=settings.deinterlace), "standard input")
    except NoVideoError:
        raise SourceError("Standard input has no video track that can be decoded.") from None
    except (av.error.FFmpegError, SourceError):
        raise SourceError(
            "Standard input is no video that can be read from a pipe: an MP4 has its index at its end as a rule; give "
            "the file's name, or send Matroska, MPEG-TS or a fragmented MP4."
        ) from None


class _Unseekable:
    """A pipe as FFmpeg takes it: it can be read, and nothing else."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`."""
        return self._pipe.read(size)
