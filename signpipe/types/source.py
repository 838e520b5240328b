"""What every source of frames looks like to the capture stage."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from signpipe.types.frame import Frame

log = logging.getLogger("signpipe.sources")


@dataclass(slots=True)
class SourceInfo:
    """What a source turned out to be once it was open.

    Attributes:
        source_id: Name of the source without credentials.
        kind: "video", "camera", "stream", "image sequence", "pictures", ...
        live: True if frames come at their own pace and are lost when nobody takes them.
        width: Pixels of the first upright frame.
        height: Pixels of the first upright frame.
        fps: Nominal frames per second, or None where the source doesn't say. Never use it as a clock.
        frames: Number of frames the source announces, or None.
        details: Further facts for a person, such as the codec or what a camera made of each requested control.
        warnings: What a user should know, each reported once; it grows while the source is read.
        damaged: Packets and pictures that couldn't be decoded and were skipped so far.
        made_at: When the recording was made, by itself: seconds since 1970, or None where it doesn't say. Many cameras
            mean their local time.
    """

    source_id: str
    kind: str
    live: bool
    width: int
    height: int
    fps: float | None = None
    frames: int | None = None
    details: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    damaged: int = 0
    made_at: float | None = None

    def warn(self, message: str) -> None:
        """Keep a warning for the user and log it."""
        self.warnings.append(message)
        log.warning("%s", message)


class Source(ABC):
    """A camera, stream, recording or folder that is open; an iterable of frames and a context manager.

    A source is used by one thread. `Frame.index` counts from 0 and `Frame.media_time` from the first frame;
    the capture stage makes both continuous over reconnects.

    Attributes:
        info: What the source is.
    """

    info: SourceInfo

    @abstractmethod
    def read(self) -> Frame | None:
        """Return the next frame, or None at the end of a recording.

        Raises:
            SourceError: The signal of a live source was lost, or the rest of a recording can't be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the device, connection or file; safe to call twice."""

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None:
            yield frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
