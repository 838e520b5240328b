"""A recording that comes as if from a camera."""

from __future__ import annotations

import time
from dataclasses import replace

from signpipe.sources import Source
from signpipe.types import Frame


class PacedSource(Source):
    """Hands out the frames of a recording at a fixed rate, each at its time; who comes too late has missed it.

    Args:
        source: The open recording; it is closed with this source.
        rate: Frames a second.
    """

    def __init__(self, source: Source, rate: float) -> None:
        self._source = source
        self._interval = 1 / rate
        self._due: float | None = None
        self.info = replace(source.info, live=True, fps=rate, frames=None)

    def read(self) -> Frame | None:
        """Return the next frame when it is due; `captured_at` is that moment."""
        frame = self._source.read()
        if frame is None:
            return None
        now = time.monotonic()
        # One that was decoded too late is handed over at once, and the clock goes on from there.
        due = now if self._due is None else max(self._due + self._interval, now)
        time.sleep(due - now)
        self._due = due
        frame.captured_at = due
        return frame

    def close(self) -> None:
        """Close the recording."""
        self._source.close()
