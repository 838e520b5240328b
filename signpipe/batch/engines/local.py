"""Processes of this machine: one a core, each with its own models and one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import cv2

from signpipe.batch.engines import LOST
from signpipe.batch.work import Outcome, Work, run_task

_WATCH = 1.0  # seconds after which an orphan ends


class LocalEngine:
    """Keeps one process for each task that may be under way.

    Each process is an executor of its own, so that one that is killed takes no other with it, and it is known what it
    was working on.

    Args:
        workers: How many processes.
    """

    def __init__(self, workers: int) -> None:
        self._idle: list[ProcessPoolExecutor] = [_executor() for _ in range(workers)]
        self._busy: dict[Future[Outcome], tuple[ProcessPoolExecutor, Work]] = {}
        self._workers = workers

    @property
    def workers(self) -> int:
        """How many tasks it can do at a time."""
        return self._workers

    def submit(self, task: Work) -> None:
        """Begin with a task."""
        executor = self._idle.pop()
        try:
            future = executor.submit(run_task, task)
        except BrokenProcessPool:  # killed while it was idle
            executor.shutdown(wait=False)
            executor = _executor()
            future = executor.submit(run_task, task)
        self._busy[future] = (executor, task)

    def wait(self, seconds: float) -> list[tuple[Work, Outcome]]:
        """Return what has ended."""
        done, _ = wait(self._busy, seconds, FIRST_COMPLETED)
        ended = []
        for future in done:
            executor, task = self._busy.pop(future)
            try:
                outcome = future.result()
                self._idle.append(executor)
            except BrokenProcessPool:
                executor.shutdown(wait=False)
                self._idle.append(_executor())
                outcome = Outcome(f"Work on {task} stopped: {LOST}.")
            ended.append((task, outcome))
        return ended

    def close(self, *, kill: bool = False) -> None:
        """End all processes."""
        executors = [*self._idle, *(executor for executor, _ in self._busy.values())]
        if kill:
            for executor in executors:
                for process in list((executor._processes or {}).values()):
                    process.kill()
        for executor in executors:
            executor.shutdown(wait=True, cancel_futures=True)


def _executor() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # a fork would inherit locks that threads of this process hold
    return ProcessPoolExecutor(1, context, initializer=start_worker, initargs=(os.getpid(),))


def start_worker(parent: int) -> None:
    """Make a process a worker: being told to end is its parent's affair, and without a parent it ends.

    Args:
        parent: Process that it belongs to.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # they may go to all processes of a terminal or a service
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    cv2.setNumThreads(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="signpipe-orphan", daemon=True).start()
