"""A stretch of a recording, decoded from the key frame before it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av.error

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.decode import Decoder, NoVideoError
from signpipe.sources.redact import redact
from signpipe.sources.remote import open_file
from signpipe.types import Frame

_LEAD = 1.0  # seconds before the stretch: pictures before the first key frame of an open group need the one before


class Stretch:
    """The frames of a recording from one time to another; a context manager and an iterator.

    Args:
        spec: Path or address of a video.
        settings: `deinterlace` is what counts.
        start: Seconds since the start of the recording.
        end: Seconds since the start of the recording; the frame at that time isn't part of it.

    Raises:
        SourceError: It can't be read.
    """

    def __init__(self, spec: str, settings: CaptureSettings, start: float, end: float) -> None:
        self._decoder, self._file = _open(spec, settings)
        self._name = redact(spec)
        self._start, self._end = start, end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoder.close()
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; what can't be read to its end ends there.

        Raises:
            SourceError: Nothing of the stretch can be read.
        """
        origin = self._decoder.start() or 0.0
        if self._start > 0:
            self._decoder.seek(origin + self._start - _LEAD)
        index = 0
        while (picture := self._next()) is not None:
            image, stamp = picture
            media_time = (stamp or 0.0) - origin
            if media_time >= self._end:
                return
            if media_time >= self._start:
                yield Frame(image, index, time.monotonic(), media_time, self._name)
                index += 1

    def _next(self) -> Any:
        try:
            return self._decoder.read()
        except av.error.FFmpegError:
            return None  # whoever reads the whole recording tells of it


def duration_of(spec: str, settings: CaptureSettings) -> float | None:
    """Return the seconds of a recording as its container announces them; None where it doesn't, or can't be read."""
    try:
        decoder, file = _open(spec, settings)
    except SourceError:
        return None
    try:
        return decoder.duration if decoder.start() is not None else None
    finally:
        decoder.close()
        if file is not None:
            file.close()


def _open(spec: str, settings: CaptureSettings) -> tuple[Decoder, Any]:
    file = None if "://" not in spec else open_file(spec)
    try:
        return Decoder(file or str(Path(spec).absolute()), deinterlace=settings.deinterlace), file
    except (NoVideoError, av.error.FFmpegError):
        if file is not None:
            file.close()
        raise SourceError(f"{redact(spec)} is no video that can be read.") from None
