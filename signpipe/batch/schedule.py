"""Who works on what, and when: recordings, their pieces, cells of the map, second tries, and the end."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from signpipe.batch.cells import Cell
from signpipe.batch.engines import Engine
from signpipe.batch.work import Job, Outcome, Task, Work

_POLL = 0.2  # seconds after which Ctrl-C is noticed


@dataclass(slots=True)
class Report:
    """What a run amounted to.

    Attributes:
        done: Recordings that were worked on.
        skipped: Recordings that had been done before.
        failed: Why a recording couldn't be worked on, by its address, or wasn't found, by the name that was given for
            it; why a cell couldn't be merged, by its name.
        left: Recordings that weren't begun or ended, because the run was ended.
        retries: Tasks that were tried again.
        seconds: Seconds of video that were worked on.
        cpu: Seconds of processor time of all workers.
        memory: Most memory of a worker, bytes.
        merged: Cells of the map that were merged, and those that had been before.
        placed: What each recording has to say of cells, by its name: the cells, and a digest of it.
    """

    done: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    left: int = 0
    retries: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    merged: tuple[int, int] = (0, 0)
    placed: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Runner:
    """Gives an engine its tasks, and tries again what was lost.

    Attributes:
        engine: Does the tasks.
        retries: How often a task is tried again if its process was lost or something passing went wrong.
        drain: Once it is set, nothing new is begun.
        report: Counts.
    """

    engine: Engine
    retries: int
    drain: threading.Event
    report: Report

    def run(self, tasks: Iterable[Work], ended: Callable[[Work, Outcome], Sequence[Work]]) -> None:
        """Do tasks until none is left.

        Args:
            tasks: In this order.
            ended: Called when a task is done or has failed for good; what it returns is done before all others.
        """
        pending, urgent, tries, running = deque(tasks), deque[Work](), Counter[str](), 0
        while running or (not self.drain.is_set() and (urgent or pending)):
            while running < self.engine.workers and not self.drain.is_set() and (urgent or pending):
                self.engine.submit((urgent or pending).popleft())
                running += 1
            for task, outcome in self.engine.wait(_POLL):
                running -= 1
                self._count(outcome)
                if outcome.error is not None and not outcome.lasting and tries[str(task)] < self.retries:
                    tries[str(task)] += 1
                    self.report.retries += 1
                    urgent.append(task)
                else:
                    urgent.extend(ended(task, outcome))

    def _count(self, outcome: Outcome) -> None:
        self.report.cpu += outcome.cpu
        self.report.memory = max(self.report.memory, outcome.memory)


class Schedule:
    """What follows from what.

    Args:
        runner: Does the tasks.
        told: Called when a recording is done with, with what became of it.
    """

    def __init__(self, runner: Runner, told: Callable[[Job, Outcome], None]) -> None:
        self._runner = runner
        self._told = told
        self._missing: dict[str, int] = {}  # pieces that a recording still waits for
        self.report = runner.report

    def run(self, jobs: Sequence[Job]) -> None:
        """Work on recordings."""
        self._runner.run([Task(job) for job in jobs], self._ended)
        report = self.report
        report.left = len(jobs) - report.done - report.skipped - len(report.failed)

    def merge(self, cells: Sequence[Cell]) -> None:
        """Merge cells of the map."""

        def ended(cell: Work, outcome: Outcome) -> Sequence[Work]:
            if outcome.error is not None:
                self.report.failed[str(cell)] = outcome.error
            else:
                new, old = self.report.merged
                self.report.merged = (new + (not outcome.skipped), old + outcome.skipped)
            return ()

        self._runner.run(cells, ended)

    def _ended(self, task: Work, outcome: Outcome) -> Sequence[Work]:
        """Note what became of a task; return what follows from it."""
        assert isinstance(task, Task)
        name = task.job.recording.name
        if task.piece is not None:  # one that failed for good is perceived with the whole
            self._missing[name] -= 1
            return () if self._missing[name] else (Task(task.job, None, task.pieces),)
        if outcome.pieces:
            self._missing[name] = outcome.pieces
            return [Task(task.job, piece, outcome.pieces) for piece in range(outcome.pieces)]
        self._recording_ended(task.job, outcome)
        return ()

    def _recording_ended(self, job: Job, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.report.failed[job.recording.address] = outcome.error
        else:
            self.report.placed[job.recording.name] = (outcome.cells, outcome.placed)
            self.report.skipped += outcome.skipped
            self.report.done += not outcome.skipped
            self.report.seconds += outcome.seconds
        self._told(job, outcome)
