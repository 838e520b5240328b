"""Playing a recording more than once."""

from __future__ import annotations

from collections.abc import Callable

from signpipe.types import Frame
from signpipe.types.source import Source


class LoopedSource(Source):
    """A recording that starts again when it ends; index and media time go on.

    Args:
        source: The open recording.
        reopen: Opens it again.
        times: How often it is played; 0 is for ever.
    """

    def __init__(self, source: Source, reopen: Callable[[], Source], times: int) -> None:
        self._source = source
        self.info = source.info
        self._reopen = reopen
        self._left = times
        self._index = 0
        self._time = 0.0
        self._next_index = 0
        self._next_time = 0.0

    def read(self) -> Frame | None:
        """Return the next frame, or None after the last round.

        Raises:
            SourceError: The recording can't be read or opened any more.
        """
        frame = self._source.read()
        if frame is None:
            if self._left == 1:
                return None
            self._left = max(self._left - 1, 0)
            self._source.close()
            self._source = self._reopen()
            self.info = self._source.info
            self._index, self._time = self._next_index, self._next_time
            frame = self._source.read()
            if frame is None:
                return None
        interval = 1.0 / self.info.fps if self.info.fps else 0.04
        frame.index += self._index
        frame.media_time += self._time
        self._next_index, self._next_time = frame.index + 1, frame.media_time + interval
        return frame

    def close(self) -> None:
        """Close the recording."""
        self._source.close()
