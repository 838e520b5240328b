"""Capture: takes frames from a source at its own pace, survives losing it, and keeps one clock over all of it."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.stages.reader import Reader
from signpipe.types import Frame, Gap
from signpipe.types.source import Source, SourceInfo

log = logging.getLogger("signpipe.capture")

_CLOSE_WAIT: Final = 1.0  # seconds for a reader to end by itself; one that hangs is left behind
_MOST_ABANDONED: Final = 4  # readers that hang at the same time; beyond, no new one is started
_JUMP: Final = 5.0  # a recording's clock jumps where an interval is so many times the longest of the last few
_INTERVALS: Final = 5
_FEWEST_INTERVALS: Final = 2


class Capture:
    """Frames and gaps of a source, in order; a context manager and an iterator.

    A thread reads ahead. With the policy WAIT (recordings) it waits while the buffer is full, with DROP_OLDEST (live
    sources) it keeps the newest frame only. A live source that is lost, or whose read hangs, is opened again after
    a wait that doubles each time (exponential backoff with jitter); meanwhile a `Gap` is yielded every `gap_after`
    seconds. A recording whose rest can't be read ends there, with a warning; where its clock jumps (a camera that was
    paused, a file with a piece cut out), a `Gap` stands for what is missing.

    `media_time` is the recording's own for a recording. For a live source it counts from the first frame's
    `captured_at`, over reconnects too. It never goes back; `index` never repeats.

    Args:
        open: Opens the source; called again to reconnect.
        settings: Buffering, timeouts and reconnection.

    Raises:
        SourceError: On entering, the source can't be opened; this first try isn't repeated. While iterating, a live
            source was lost and reconnecting is off or was given up.

    Attributes:
        reconnects: How often a lost source came back.
    """

    def __init__(self, open: Callable[[], Source], settings: CaptureSettings) -> None:  # noqa: A002
        self._open = open
        self._settings = settings
        self._reader = Reader(open, settings)
        self._abandoned: list[Reader] = []
        self._closed = threading.Event()
        self._info: SourceInfo | None = None
        # Reconnecting
        self._retry_at: float | None = None  # when to reconnect; None while a reader runs
        self._returning = False  # the reader is a new one that hasn't delivered yet
        self._failures = 0
        self._reason = ""
        self.reconnects = 0
        # Counting and timing
        self._dropped = 0
        self._base_index = 0
        self._next_index = 0
        self._origin: float | None = None
        self._media_time = 0.0
        self._last_frame = 0.0
        self._last_item = 0.0
        self._held: Frame | None = None  # comes after the gap before it
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)  # seconds between a recording's frames

    @property
    def info(self) -> SourceInfo:
        """What the source is; after a reconnect, what it is now.

        Raises:
            RuntimeError: The capture hasn't been entered.
        """
        if self._info is None:
            raise RuntimeError("enter the capture before asking what its source is")
        return self._info

    @property
    def dropped(self) -> int:
        """Frames that were read, but gave way to a newer one before they were taken."""
        return self._dropped + self._reader.dropped

    def __enter__(self) -> Self:
        self._reader.start()
        limit = self._settings.open_timeout + self._settings.stall_timeout + 1.0
        try:
            self._info = self._reader.wait_open(limit)
        except BaseException:
            self._reader.stop()
            raise
        if self._info is None:
            self._reader.stop()
            raise SourceError(f"The source didn't open within {limit:g} s: check it, or raise capture.open_timeout.")
        self._last_frame = self._last_item = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration and free the source; a read that hangs is left behind."""
        self._closed.set()
        self._reader.stop()
        if self._reader.is_alive():
            self._reader.join(_CLOSE_WAIT)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame | Gap:
        """Return the next frame, or a gap where a live source has none to give.

        Raises:
            SourceError: A live source was lost and won't be opened again.
        """
        while not self._closed.is_set():
            if not self.info.live:
                recorded = self._next_recorded()
                if recorded is None:
                    self._end_recording()
                    break
                return recorded
            item = self._next_live()
            if item is not None:
                return item
        raise StopIteration

    def _next_recorded(self) -> Frame | Gap | None:
        """Return the next frame of a recording, or the gap before it; None at the end."""
        if self._held is not None:
            frame, self._held = self._held, None
            return frame
        taken = self._reader.take(None)
        if taken is None:
            return None
        frame, before = self._accept(taken), self._media_time
        self._media_time = frame.media_time
        interval = frame.media_time - before
        if self._jumps(interval) and not frame.independent:
            self._held = frame
            reason = f"the recording's clock jumps by {interval:.1f} s"
            return Gap(frame.captured_at, frame.media_time, self.info.source_id, reason, interval)
        if interval > 0:
            self._intervals.append(interval)
        return frame

    def _jumps(self, interval: float) -> bool:
        """Return True if an interval is as long as a gap, and much longer than those before it."""
        if len(self._intervals) < _FEWEST_INTERVALS:  # what is usual isn't known yet; announced rates can be wrong
            return False
        return interval > max(self._settings.gap_after, _JUMP * max(self._intervals))

    def _end_recording(self) -> None:
        """Tell why a recording ended before its end, if it did."""
        error = self._reader.error
        if isinstance(error, SourceError):
            self.info.warn(f"{error} What was read until then is kept.")
        elif error is not None:
            raise error

    def _next_live(self) -> Frame | Gap | None:
        """Wait for a frame until something else has to be done, and do it."""
        deadline = self._last_item + self._settings.gap_after
        if self._retry_at is None:
            frame = self._reader.take(max(deadline - time.monotonic(), 0.0))
            if frame is not None:
                return self._accept(frame)
            loss = self._loss()
            if loss:
                self._lose(loss)
        else:
            self._closed.wait(max(min(deadline, self._retry_at) - time.monotonic(), 0.0))
            if time.monotonic() >= self._retry_at:
                self._reopen()
        return self._gap() if time.monotonic() >= deadline else None

    def _accept(self, frame: Frame) -> Frame:
        """Put a frame on the clock and the count of the whole capture."""
        if self._returning:
            self._returning = False
            self._failures = 0
            self._reason = ""
            self.reconnects += 1
            log.warning("%s is back.", self.info.source_id)
        self._info = self._reader.info or self._info
        self._last_frame = self._last_item = time.monotonic()
        frame.index += self._base_index
        self._next_index = frame.index + 1
        if self.info.live:
            frame.media_time = self._clock(frame.captured_at)
        return frame

    def _clock(self, moment: float) -> float:
        """Return the media time of a moment on the monotonic clock; it never goes back."""
        if self._origin is None:
            self._origin = moment
        self._media_time = max(self._media_time, moment - self._origin)
        return self._media_time

    def _gap(self) -> Gap:
        now = time.monotonic()
        self._last_item = now
        silence = now - self._last_frame
        reason = f"no frame for {silence:.1f} s" + (f": {self._reason}" if self._reason else "")
        return Gap(now, self._clock(now), self.info.source_id, reason, silence)

    def _loss(self) -> str:
        """Say why the reader of a live source is of no use any more, or nothing if it is."""
        reader = self._reader
        if reader.over:
            if reader.error is not None and not isinstance(reader.error, SourceError):
                raise reader.error
            return str(reader.error or f"{self.info.source_id} ended.")
        limit = self._settings.stall_timeout + (0.0 if reader.info else self._settings.open_timeout)
        if reader.waited() > limit:
            return f"{self.info.source_id} hangs: it gave nothing for {limit:g} s."
        return ""

    def _lose(self, loss: str) -> None:
        """Leave the reader and set the time of the next try.

        Raises:
            SourceError: There is to be none.
        """
        settings = self._settings
        self._leave_reader()
        if not settings.reconnect:
            raise SourceError(f"{loss} Reconnecting is off (capture.reconnect).")
        if settings.reconnect_attempts and self._failures >= settings.reconnect_attempts:
            raise SourceError(f"{loss} Given up after {self._failures} failed tries (capture.reconnect_attempts).")
        wait = min(settings.reconnect_first * 2.0 ** min(self._failures, 30), settings.reconnect_longest)
        wait *= random.uniform(0.5, 1.0)  # many clients of one server mustn't come back all at once
        self._failures += 1
        self._retry_at = time.monotonic() + wait
        self._reason = loss.rstrip(".")
        log.warning("%s Trying again in %.1f s.", loss, wait)

    def _leave_reader(self) -> None:
        self._reader.stop()
        self._dropped += self._reader.dropped
        self._reader.dropped = 0
        self._base_index = self._next_index
        self._abandoned = [reader for reader in (*self._abandoned, self._reader) if reader.is_alive()]

    def _reopen(self) -> None:
        """Start a new reader, unless too many hang already."""
        self._abandoned = [reader for reader in self._abandoned if reader.is_alive()]
        if len(self._abandoned) > _MOST_ABANDONED:
            self._retry_at = time.monotonic() + self._settings.reconnect_longest
            return
        self._retry_at = None
        self._returning = True
        self._reader = Reader(self._open, self._settings)
        self._reader.start()
