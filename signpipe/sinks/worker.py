"""Running a sink in a thread of its own, so that neither its speed nor its faults reach the pipeline."""

from __future__ import annotations

import logging
import threading
from collections import deque

from signpipe.sinks.base import ReaderGoneError, Sink
from signpipe.types import FrameResult

_log = logging.getLogger(__name__)


class SinkWorker:
    """A bounded queue and a thread around a sink.

    Where results may not be lost, a full queue holds the pipeline up, at most for `patience`: a sink that takes
    nothing for so long counts as stuck, and results are dropped until it moves again. A sink that fails is
    reported once, its failures are counted, and it is tried again with the next result.

    Attributes:
        name: What the sink is, for messages.
        dropped: Results that never reached the sink, because it was too slow.
        failures: Results that the sink failed to write.
        missing: Why it can't be used, since nothing of it was written or it could not be finished; None if it can.
        reader_gone: True once nobody reads it any more.
    """

    def __init__(self, sink: Sink, name: str, queue: int, patience: float, transient: bool = False) -> None:
        """Start the thread.

        Args:
            sink: Where the results go; from now on only the thread calls it.
            name: What the sink is, for messages.
            queue: Results that may wait.
            patience: Seconds for which `write` waits for a free place; 0 drops the oldest at once.
            transient: True if the sink only shows the present, so that what it misses is worth no warning.
        """
        self.name = name
        self.dropped = 0
        self.failures = 0
        self.missing: str | None = None
        self.reader_gone = False
        self._written = 0
        self._sink = sink
        self._size = queue
        self._patience = patience
        self._transient = transient
        self._stuck = False
        self._closing = False
        self._waiting: deque[FrameResult] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)
        self._thread.start()

    def write(self, result: FrameResult) -> None:
        """Queue a result; whatever the sink does, this waits no longer than `patience`.

        Raises:
            ValueError: The worker is closed.
        """
        with self._changed:
            if self._closing:
                raise ValueError(f"the {self.name} is closed")
            if not self._stuck:
                self._stuck = not self._changed.wait_for(lambda: len(self._waiting) < self._size, self._patience)
            if len(self._waiting) >= self._size:
                self._waiting.popleft()
                if not self.dropped and not self._transient:
                    _log.warning("The %s can't keep up: some frames are left out of it.", self.name)
                self.dropped += 1
            self._waiting.append(result)
            self._changed.notify_all()

    def close(self, timeout: float = 30.0) -> None:
        """Let the sink take what is queued and finish; a second call does nothing.

        Args:
            timeout: Seconds to wait; a sink that is still busy then is left behind.
        """
        with self._changed:
            already = self._closing
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        if already:
            return
        if self._thread.is_alive():
            _log.warning("The %s doesn't finish within %g s; it is left as it is.", self.name, timeout)
        lost = self.dropped + self.failures
        if lost and not self._transient:
            _log.warning("The %s lacks %d results.", self.name, lost)

    def _run(self) -> None:
        while (result := self._take()) is not None:
            try:
                self._sink.write(result)
                self._written += not result.is_gap
                self.missing = None if self._written else self.missing
            except ReaderGoneError:
                self.reader_gone = True
            except Exception as error:  # whatever a sink raises must not end the run
                self._failed(error)
        try:
            self._sink.close()
        except ReaderGoneError:
            self.reader_gone = True
        except Exception as error:
            self.missing = self.missing or f"its end could not be written ({_explain(error)})"
            _log.warning("The %s can't be finished: %s.", self.name, _explain(error))

    def _take(self) -> FrameResult | None:
        """Return the next result, or None once the worker is closed and the queue empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._waiting:
                return None
            result = self._waiting.popleft()
            self._stuck = False
            self._changed.notify_all()
            return result

    def _failed(self, error: Exception) -> None:
        if not self._written and not self._transient:
            self.missing = f"nothing of it could be written ({_explain(error)})"
        if not self.failures:
            _log.warning("The %s can't be written: %s. The run goes on without it.", self.name, _explain(error))
            _log.debug("The failure of the %s in full:", self.name, exc_info=error)
        self.failures += 1


def _explain(error: Exception) -> str:
    """Say in a few words what went wrong."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
