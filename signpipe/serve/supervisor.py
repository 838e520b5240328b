"""Keeps each source's process running, and tells what it tells."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from signpipe.metrics import Exposition, Snapshot
from signpipe.serve.process import WorkerProcess, stop_all
from signpipe.serve.rounds import Rounds
from signpipe.serve.store import SignStore
from signpipe.serve.wire import Message
from signpipe.serve.worker import Task

_MOST_STARTS = 5  # within _WINDOW, or in a row that led to nothing; of more, a source has failed
_WINDOW = 60.0  # seconds
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 8.0  # seconds before a restart; doubles each time
_RETRY = 300.0  # seconds after which a source that has failed is tried once more
_STARTING = 4  # so many times as long a process may say nothing while it loads its models and opens its source

log = logging.getLogger(__name__)


class SourceState(StrEnum):
    """How a source is."""

    WAITING = "waiting"  # for its first start, a restart, or a place among the processes
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"  # a recording was watched to its end
    FAILED = "failed"  # it was restarted too often; the reason is told


@dataclass(eq=False)
class Watched:
    """A source and how it is; changed under the supervisor's lock alone.

    Attributes:
        task: What its process does.
        shown: Its address without credentials.
        added: True if it came over the API, and may go over it.
        state: How it is.
        reason: Why it is not running, or what it lacks.
        run: Name of its current or last run; a sign is one of a run.
        starts: `time.monotonic()` of its latest starts.
        restarts: How often it was restarted.
        fruitless: Starts in a row after which it never ran.
        due: `time.monotonic()` of its next start.
        process: Its process, while there is one.
        info: What the source turned out to be.
        stats: How it does.
    """

    task: Task
    shown: str
    added: bool
    state: SourceState = SourceState.WAITING
    reason: str | None = None
    run: str = ""
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_STARTS))
    restarts: int = 0
    fruitless: int = 0
    due: float = 0.0
    process: WorkerProcess | None = None
    info: Message = field(default_factory=dict)
    stats: Message = field(default_factory=dict)

    def speaks(self, run: str) -> bool:
        """Return whether a run's process is heard: one that was asked to end goes on telling for a while, but isn't."""
        return self.process is not None and self.run == run

    def described(self) -> Message:
        """Return what is told of it."""
        return {
            "name": self.task.name,
            "address": self.shown,
            "added": self.added,
            "state": self.state.value,
            "reason": self.reason,
            "restarts": self.restarts,
            "run": self.run,
            "info": self.info,
            "stats": self.stats,
        }


class Supervisor:
    """Starts, watches, restarts and ends the processes of sources.

    A process that ends with an error, is killed, uses too much memory or says nothing for long is started again after
    a wait that doubles. After five starts within a minute, or five in a row after which it never ran, it has failed;
    minutes later it is tried once more, so that a camera that was away overnight is found again.

    Args:
        store: Where signs go.
        tell: Called with the kind of each event and what it says, from any thread.
        show: Called with the name of a source and a picture of it.
        metrics: Where the counts of sources are put together.
        processes: Most sources that run at once.
        memory: Bytes that one may use, or None.
        silence: Seconds without a word after which a process counts as stuck.

    Attributes:
        rounds: What looks after them.
    """

    def __init__(
        self,
        store: SignStore,
        tell: Callable[[str, Message], None],
        show: Callable[[str, bytes], None],
        metrics: Exposition,
        processes: int,
        memory: int | None,
        silence: float,
    ) -> None:
        self._store, self._tell, self._show, self._metrics = store, tell, show, metrics
        self._processes, self._memory, self._silence = processes, memory, silence
        self._sources: dict[str, Watched] = {}
        self._lock = threading.RLock()
        self.rounds = Rounds("supervisor", self._look_after_all)

    def add(self, task: Task, shown: str, added: bool) -> None:
        """Watch a source from now on.

        Raises:
            KeyError: There is one of that name.
        """
        with self._lock:
            if task.name in self._sources:
                raise KeyError(task.name)
            self._sources[task.name] = watched = Watched(task, shown, added)
            self._changed(watched)

    def remove(self, name: str) -> None:
        """End a source and forget it.

        Raises:
            KeyError: There is none of that name.
        """
        with self._lock:
            watched = self._sources.pop(name)
            process, watched.process = watched.process, None
            self._metrics.remove(name)
        self._tell("source", {"name": name, "state": "removed"})
        if process is not None:
            process.stop()

    def restart(self, name: str) -> None:
        """Start a source anew, whatever its state.

        Raises:
            KeyError: There is none of that name.
        """
        with self._lock:
            watched = self._sources[name]
            process, watched.process = watched.process, None
            watched.starts.clear()
            watched.fruitless = 0
            watched.state, watched.reason, watched.due = SourceState.WAITING, None, 0.0
            self._changed(watched)
        if process is not None:
            process.stop()

    def described(self, name: str | None = None) -> list[Message]:
        """Return what is known of all sources, or of one; none if there is none of that name."""
        with self._lock:
            chosen = [watched for key, watched in self._sources.items() if name in (None, key)]
            return [watched.described() for watched in chosen]

    def added(self, name: str) -> bool:
        """Return whether a source came over the API.

        Raises:
            KeyError: There is none of that name.
        """
        with self._lock:
            return self._sources[name].added

    def processes(self) -> dict[str, int]:
        """Return the number of each running process by the name of its source."""
        with self._lock:
            return {name: one.process.pid for name, one in self._sources.items() if one.process is not None}

    def ask_for_picture(self, name: str) -> None:
        """Let a source give its next picture."""
        with self._lock:
            watched = self._sources.get(name)
            process = watched.process if watched else None
        if process is not None:
            process.ask("picture")

    def close(self) -> None:
        """End all processes."""
        self.rounds.close()
        with self._lock:
            processes = [one.process for one in self._sources.values() if one.process is not None]
            for watched in self._sources.values():
                watched.process = None
        stop_all(processes)

    def _look_after_all(self) -> None:
        with self._lock:
            for watched in self._sources.values():
                self._look_after(watched)
        self._store.retry()

    def _look_after(self, watched: Watched) -> None:
        process, now = watched.process, time.monotonic()
        if process is not None:
            silent = now - process.heard
            if self._memory is not None and process.memory > self._memory:
                watched.reason = f"it used more than {self._memory / 2**20:.0f} MB (server.memory)"
                process.kill()
            elif silent > self._silence * (_STARTING if watched.state is SourceState.STARTING else 1):
                watched.reason = f"it said nothing for {silent:.0f} s (server.silence)"
                process.kill()
        elif watched.state in (SourceState.WAITING, SourceState.FAILED) and now >= watched.due:
            self._start(watched, now)

    def _start(self, watched: Watched, now: float) -> None:
        running = sum(one.process is not None for one in self._sources.values())
        if running >= self._processes:
            reason = f"all {self._processes} processes are taken (server.processes)"
            if watched.reason != reason:
                watched.reason = reason
                self._changed(watched)
            return
        watched.starts.append(now)
        watched.run = secrets.token_hex(8)
        watched.state, watched.reason, watched.stats = SourceState.STARTING, None, {}
        run = watched.run
        watched.process = WorkerProcess(watched.task, lambda *told: self._receive(watched, run, *told))
        self._changed(watched)

    def _receive(self, watched: Watched, run: str, message: Message, blob: bytes) -> None:
        """Take what a process tells; from the thread that listens to it."""
        kind, name = message.pop("type"), watched.task.name
        if kind == "picture":
            self._show(name, blob)
        elif kind == "sign":
            self._sighted(name, run, message, blob)
        elif kind == "advisory":
            self._tell("advisory", {"source": name, **message})
        elif kind == "metrics":
            self._count(watched, run, message["snapshot"])
        else:
            with self._lock:
                if watched.speaks(run):
                    self._note(watched, kind, message)

    def _count(self, watched: Watched, run: str, snapshot: Snapshot) -> None:
        with self._lock:
            if watched.speaks(run):
                self._metrics.update(watched.task.name, snapshot)

    def _sighted(self, name: str, run: str, sign: Message, crop: bytes) -> None:
        stored = self._store.put({"source": name, "run": run, **sign}, crop)
        self._tell("sign", stored)

    def _note(self, watched: Watched, kind: str, message: Message) -> None:
        """Take what changes the state of a source."""
        if kind == "ready":
            watched.state, watched.info, watched.reason = SourceState.RUNNING, message, None
            watched.fruitless = 0
            self._changed(watched)
        elif kind == "stats":
            watched.stats = message
            self._tell("stats", {"source": watched.task.name, **message})
        elif kind == "gone":
            watched.process = None
            said = message["said"] or {}
            if said.get("type") == "end":
                watched.state, watched.reason = SourceState.ENDED, None
            else:
                reason = said.get("reason") or watched.reason or _of_code(message["code"])
                self._ended(watched, str(reason), bool(said.get("lasting")))
            self._changed(watched)

    def _ended(self, watched: Watched, reason: str, lasting: bool) -> None:
        """Set when a source that broke is started again."""
        now = time.monotonic()
        recent = [start for start in watched.starts if now - start < _WINDOW]
        watched.reason = reason
        watched.restarts += 1
        watched.fruitless += watched.state is SourceState.STARTING
        if lasting or max(len(recent), watched.fruitless) >= _MOST_STARTS:
            log.error("The source %s has failed: %s", watched.task.name, reason)
            watched.state, watched.due = SourceState.FAILED, now + _RETRY
        else:
            log.warning("The source %s broke off and is started again: %s", watched.task.name, reason)
            watched.state = SourceState.WAITING
            watched.due = now + min(_FIRST_WAIT * 2.0 ** (len(recent) - 1), _LONGEST_WAIT)

    def _changed(self, watched: Watched) -> None:
        name = watched.task.name
        self._metrics.remove(name)  # what a process told that is gone would look like a source that stands still
        if watched.state is not SourceState.RUNNING:
            self._metrics.put(name, "signpipe_source_up", 0)
        self._metrics.put(name, "signpipe_source_restarts_total", watched.restarts)
        self._tell("source", watched.described())


def _of_code(code: Any) -> str:
    """Say how a process ended that couldn't say it itself."""
    if code == -9:
        return "its process was killed (by the system, if memory ran out)"
    if isinstance(code, int) and code < 0:
        return f"its process died of signal {-code}"
    return f"its process ended with code {code}"
