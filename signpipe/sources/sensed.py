"""A source whose frames get what the vehicle's other sensors say."""

from __future__ import annotations

from collections.abc import Callable

from signpipe.types import Frame
from signpipe.types.source import Source

Attach = Callable[[Frame, bool], Frame]  # takes the frame, and whether its source is live


class SensedSource(Source):
    """Passes each frame on with what `attach` puts on it, in the thread that reads ahead.

    Args:
        source: The open source; it is closed with this one.
        attach: Such as `Sensors.sense`.
    """

    def __init__(self, source: Source, attach: Attach) -> None:
        self._source = source
        self._attach = attach
        self.info = source.info

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end.

        Raises:
            SourceError: The source can't be read any more.
        """
        frame = self._source.read()
        return None if frame is None else self._attach(frame, self.info.live)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
