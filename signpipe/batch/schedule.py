"""Who works on what, and when: recordings, their pieces, second tries, and the end."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from signpipe.batch.engines import Engine
from signpipe.batch.work import Job, Outcome, Task

_POLL = 0.2  # seconds after which Ctrl-C is noticed


@dataclass(slots=True)
class Report:
    """What a run amounted to.

    Attributes:
        done: Recordings that were worked on, and so many seconds of video.
        skipped: Recordings that had been done before.
        failed: Why a recording couldn't be worked on, by its address.
        left: Recordings that weren't begun or ended, because the run was ended.
        retries: Tasks that were tried again.
        seconds: Seconds of video that were worked on.
        cpu: Seconds of processor time of all workers.
        memory: Most memory of a worker, bytes.
    """

    done: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    left: int = 0
    retries: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0


class Schedule:
    """Gives an engine its tasks until every recording is done or has failed.

    Args:
        engine: Does the tasks.
        retries: How often a task is tried again if its process was lost or something passing went wrong.
        drain: Once it is set, nothing new is begun.
        told: Called when a recording is done with, with what became of it.
    """

    def __init__(
        self, engine: Engine, retries: int, drain: threading.Event, told: Callable[[Job, Outcome], None]
    ) -> None:
        self._engine = engine
        self._retries = retries
        self._drain = drain
        self._told = told
        self._urgent: deque[Task] = deque()  # pieces, recordings to be joined, and second tries: before new recordings
        self._tries: Counter[str] = Counter()
        self._missing: dict[str, int] = {}  # pieces that a recording still waits for
        self._running = 0
        self.report = Report()

    def run(self, jobs: Iterable[Job]) -> Report:
        """Work on recordings; return what it amounted to."""
        pending = list(reversed(list(jobs)))
        total, report = len(pending), self.report
        for task in self._next(pending):
            if task is not None:
                self._engine.submit(task)
                self._running += 1
                continue
            for ended, outcome in self._engine.wait(_POLL):
                self._running -= 1
                self._take(ended, outcome)
        report.left = total - report.done - report.skipped - len(report.failed)
        return report

    def _next(self, pending: list[Job]) -> Iterator[Task | None]:
        """Yield the next task wherever a worker is free; None to wait for one to end."""
        while True:
            free = self._running < self._engine.workers and not self._drain.is_set()
            if free and self._urgent:
                yield self._urgent.popleft()
            elif free and pending:
                yield Task(pending.pop())
            elif self._running:
                yield None
            elif self._drain.is_set() or not (self._urgent or pending):
                return
            else:
                yield None  # no worker is there yet

    def _take(self, task: Task, outcome: Outcome) -> None:
        """Note what became of a task, and what follows from it."""
        self._count(outcome)
        if outcome.error is not None and not outcome.lasting and self._tries[str(task)] < self._retries:
            self._tries[str(task)] += 1
            self.report.retries += 1
            self._urgent.append(task)
        elif task.piece is not None:  # one that failed for good is perceived with the whole
            self._piece_ended(task)
        elif outcome.pieces:
            self._missing[task.job.recording.name] = outcome.pieces
            self._urgent.extend(Task(task.job, piece, outcome.pieces) for piece in range(outcome.pieces))
        else:
            self._recording_ended(task.job, outcome)

    def _piece_ended(self, task: Task) -> None:
        name = task.job.recording.name
        self._missing[name] -= 1
        if not self._missing[name]:
            del self._missing[name]
            self._urgent.append(Task(task.job, None, task.pieces))

    def _recording_ended(self, job: Job, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.report.failed[job.recording.address] = outcome.error
        elif outcome.skipped:
            self.report.skipped += 1
        else:
            self.report.done += 1
            self.report.seconds += outcome.seconds
        self._told(job, outcome)

    def _count(self, outcome: Outcome) -> None:
        self.report.cpu += outcome.cpu
        self.report.memory = max(self.report.memory, outcome.memory)
