"""Everything countable about one source that is being watched: results, capture, outputs, review queue, process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from signpipe.metrics.meter import Meter, Snapshot, with_values
from signpipe.metrics.process import usage
from signpipe.review import ReviewQueue
from signpipe.review.item import Status
from signpipe.types.source import SourceInfo

_REVIEW_EVERY = 30.0  # seconds between two looks at the review queue on disk
_Value = tuple[str, float, tuple[str, ...]]


class _Capture(Protocol):
    """What takes pictures from the source."""

    reconnects: int

    @property
    def info(self) -> SourceInfo: ...


class _Output(Protocol):
    """An output that counts what it lost."""

    name: str
    dropped: int
    failures: int


class Watched:
    """Puts the counts of a source together when somebody asks; any thread may.

    Args:
        meter: Counts the results.
        capture: Takes pictures from the source.
        review: The review queue's folder, or None.

    Attributes:
        outputs: Where the results go.
        drift: Tells family, number and labels of what is compared with a reference, if anything is.
    """

    def __init__(self, meter: Meter, capture: _Capture, review: Path | None = None) -> None:
        self._meter = meter
        self._capture = capture
        self._queue = ReviewQueue(review) if review else None
        self._items: list[_Value] = []
        self._looked = float("-inf")
        self.outputs: Sequence[_Output] = ()
        self.drift: Callable[[], Iterable[_Value]] = tuple

    def snapshot(self) -> Snapshot:
        """Return all counts as they are now."""
        return with_values(self._meter.snapshot(), *self._elsewhere(), *self._review(), *self.drift(), *usage())

    def _elsewhere(self) -> Iterator[_Value]:
        yield "signpipe_source_reconnects_total", self._capture.reconnects, ()
        yield "signpipe_frames_damaged_total", self._capture.info.damaged, ()
        for output in self.outputs:
            yield "signpipe_sink_errors_total", output.failures, (output.name,)
            yield "signpipe_sink_dropped_total", output.dropped, (output.name,)

    def _review(self) -> list[_Value]:
        now = time.monotonic()
        if self._queue is not None and now - self._looked > _REVIEW_EVERY:
            self._looked = now
            with suppress(OSError):  # a disk that is away; the numbers of before stand
                found = Counter(entry.status for entry in self._queue.items())
                self._items = [("signpipe_review_items", found[status], (status.value,)) for status in Status]
        return self._items
