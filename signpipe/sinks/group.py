"""All sinks of a run as one."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from signpipe.sinks.worker import SinkWorker
from signpipe.types import FrameResult


class Sinks:
    """Gives each result to every sink; a context manager that finishes them all.

    Attributes:
        workers: The sinks, each with its counts of what it dropped and failed to write.
        stop: Set by the window when the person closes it.
    """

    def __init__(self, workers: list[SinkWorker], stop: threading.Event) -> None:
        self.workers = workers
        self.stop = stop

    @property
    def closed(self) -> bool:
        """True once the person closed the window, or nobody reads standard output: the run should end."""
        return self.stop.is_set() or self.reader_gone

    @property
    def reader_gone(self) -> bool:
        """True once whoever read standard output has left."""
        return any(worker.reader_gone for worker in self.workers)

    @property
    def missing(self) -> dict[str, str]:
        """Outputs that can't be used, and why, by the name of the sink; whole once the sinks are closed."""
        return {worker.name: worker.missing for worker in self.workers if worker.missing}

    def write(self, result: FrameResult) -> None:
        """Queue a result for every sink; nothing that a sink does is raised here."""
        for worker in self.workers:
            worker.write(result)

    def close(self) -> None:
        """Finish every sink; a second call does nothing."""
        for worker in self.workers:
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
