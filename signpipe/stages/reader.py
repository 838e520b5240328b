"""A thread that reads a source ahead of its consumer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from signpipe.settings import BufferPolicy, CaptureSettings
from signpipe.types import Frame
from signpipe.types.source import Source, SourceInfo


class Reader(threading.Thread):
    """Opens a source and reads it until it ends, fails or is stopped, into a buffer of its own.

    As every reader has its own buffer, whatever an abandoned one still delivers is never seen. The thread is a
    daemon: one that hangs in a driver can't keep the program alive.

    Args:
        opener: Opens the source, in this thread.
        settings: Policy and size of the buffer.

    Attributes:
        info: What the source is, once it is open.
        error: Why it ended, if it didn't end by itself.
        over: True once nothing more will come and the source is closed.
        dropped: Frames that gave way to a newer one.
    """

    def __init__(self, opener: Callable[[], Source], settings: CaptureSettings) -> None:
        super().__init__(name="signpipe-reader", daemon=True)
        self._opener = opener
        self._settings = settings
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._busy_since: float | None = time.monotonic()
        self.info: SourceInfo | None = None
        self.error: Exception | None = None
        self.over = False
        self.dropped = 0

    def run(self) -> None:
        """Read until the end, an error or `stop`."""
        source: Source | None = None
        try:
            source = self._opener()
            with self._changed:
                self.info = source.info
                self._changed.notify_all()
            self._read(source, source.info)
        except Exception as error:  # handed over to the consumer, whatever it is
            self.error = error
        finally:
            try:
                if source is not None:
                    self._busy_since = time.monotonic()
                    source.close()
            finally:
                with self._changed:
                    self.over = True
                    self._changed.notify_all()

    def _read(self, source: Source, info: SourceInfo) -> None:
        policy = self._settings.policy
        if policy is BufferPolicy.AUTO:
            policy = BufferPolicy.DROP_OLDEST if info.live else BufferPolicy.WAIT
        while not self._stopped:
            self._busy_since = time.monotonic()
            frame = source.read()
            self._busy_since = None
            if frame is None:
                return
            with self._changed:
                if policy is BufferPolicy.WAIT:
                    self._changed.wait_for(lambda: self._stopped or len(self._frames) < self._settings.buffer)
                elif self._frames:
                    self._frames.popleft()
                    self.dropped += 1
                self._frames.append(frame)
                self._changed.notify_all()

    def wait_open(self, timeout: float) -> SourceInfo | None:
        """Wait for the source to open and say what it is, or None if it takes longer than `timeout` seconds.

        Raises:
            Exception: Whatever opening it raised, a `SourceError` as a rule.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.info is not None or self.over, timeout)
        if self.info is None and self.error is not None:
            raise self.error
        return self.info

    def take(self, timeout: float | None) -> Frame | None:
        """Return the oldest frame of the buffer; None if there is none within `timeout` seconds or any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self.over or self._stopped, timeout)
            if not self._frames or self._stopped:
                return None
            frame = self._frames.popleft()
            self._changed.notify_all()
            return frame

    def waited(self) -> float:
        """Return for how many seconds the present read (or open, or close) has been going on; 0 if none is."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def stop(self) -> None:
        """Ask the thread to end, and throw away what it read."""
        with self._changed:
            self._stopped = True
            self._frames.clear()
            self._changed.notify_all()
