"""A recording that plays live."""

from __future__ import annotations

import time
from dataclasses import replace

from signpipe.types import Frame
from signpipe.types.source import Source


class PacedSource(Source):
    """Hands out the frames of a recording each at its time, as a camera would; who comes too late has missed it.

    Args:
        source: The open recording; it is closed with this source.
        rate: Frames per second, or None for the recording's own times.
    """

    def __init__(self, source: Source, rate: float | None = None) -> None:
        self._source = source
        self._interval = 1 / rate if rate else None
        self._due: float | None = None
        self._media_time = 0.0
        self.info = replace(source.info, fps=rate) if rate else source.info

    def read(self) -> Frame | None:
        """Return the next frame when it is due; `captured_at` is that moment."""
        frame = self._source.read()
        if frame is None:
            return None
        now = time.monotonic()
        passed = max(frame.media_time - self._media_time, 0.0) if self._interval is None else self._interval
        self._media_time = frame.media_time
        # One that was decoded too late is handed over at once, and the clock goes on from there.
        due = now if self._due is None else max(self._due + passed, now)
        time.sleep(due - now)
        self._due = due
        frame.captured_at = due
        return frame

    def close(self) -> None:
        """Close the recording."""
        self._source.close()
