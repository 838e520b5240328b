"""A worker's process as the server sees it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from signpipe.serve.wire import LARGEST, Message, pack, unpack
from signpipe.serve.worker import Task, run_worker

Receive = Callable[[Message, bytes], None]

_PATIENCE = 5.0  # seconds for a process to end by itself
_PAGE = 4096  # bytes, the unit of /proc/PID/statm

log = logging.getLogger(__name__)


def _context() -> ForkServerContext | SpawnContext:
    """Return how processes are started: never by a fork of the server, whose sockets and threads they would take over.

    On Linux a small process has loaded the libraries already and is forked, so that a start takes a tenth of the time
    and workers share the libraries' memory. It has opened no model and no source; a worker that breaks can't harm it.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["signpipe.serve.preloaded"])
    return context


_CONTEXT = _context()


def prepare() -> None:
    """Let what forks processes begin to load the libraries, while the server opens its models."""
    if sys.platform == "linux":
        forkserver.ensure_running()


class WorkerProcess:
    """Starts a process for a task, and hands on what it tells, from a thread of its own.

    Args:
        task: What to do.
        receive: Called with each message and the picture behind it; the last is `gone`, with the exit code and what the
            process said of its end: `{"type": "gone", "code": -9, "said": None}`.

    Attributes:
        pid: Its number; 0 before it has one.
        heard: `time.monotonic()` of its last word.
    """

    def __init__(self, task: Task, receive: Receive) -> None:
        self._connection, self._far = _CONTEXT.Pipe()
        self._receive = receive
        self._sending, self._changing = threading.Lock(), threading.Lock()
        self._unwanted = self._over = False
        self._process = _CONTEXT.Process(
            target=run_worker, args=(self._far, task), name=f"signpipe {task.name}", daemon=True
        )
        self.pid = 0
        self.heard = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"listening to {task.name}", daemon=True)
        self._thread.start()

    @property
    def memory(self) -> int:
        """Bytes of memory that it holds, or 0 where that can't be told."""
        with suppress(OSError, ValueError, IndexError):
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        return 0

    def ask(self, kind: str) -> None:
        """Send an order: "picture" or "stop"."""
        with self._sending, suppress(OSError, ValueError):  # it is gone, as will be told
            self._connection.send_bytes(pack({"type": kind}))

    def kill(self) -> None:
        """End it at once."""
        with self._changing, suppress(OSError):
            self._unwanted = True
            if self.pid and not self._over:
                if sys.platform == "win32":
                    self._process.kill()
                else:  # by its number, which holds even if what forked it is gone
                    os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Let it end; kill it if it doesn't within some seconds."""
        self.ask("stop")
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        said: Message | None = None
        code: int | None = None
        try:
            self._process.start()
        except OSError as error:
            said = {"type": "error", "reason": f"no process can be started ({error.strerror})"}
        else:
            with self._changing:
                self.pid = int(self._process.pid or 0)
            self._far.close()  # so that the other end is the process's alone, and ends with it
            if self._unwanted:
                self.kill()
            said = self._listen()
            self.kill()  # what speaks no more, or nonsense, is over
            self._process.join()
            with self._changing:
                self._over = True
            code = self._process.exitcode
            self._process.close()
        self._connection.close()
        self._hand_on({"type": "gone", "code": code, "said": said}, b"")

    def _listen(self) -> Message | None:
        """Hand on what the process tells until it is over; return what it said of its end."""
        said: Message | None = None
        while True:
            self.heard = time.monotonic()
            try:
                message, blob = unpack(self._connection.recv_bytes(LARGEST))
            except (EOFError, OSError, ValueError):
                return said
            if message["type"] in ("end", "error"):
                said = message
            else:
                self._hand_on(message, blob)

    def _hand_on(self, message: Message, blob: bytes) -> None:
        try:
            self._receive(message, blob)
        except Exception:  # a mistake in what takes it must not end the listening
            log.exception("A message of the kind '%s' could not be taken.", message["type"])


def stop_all(processes: Iterable[WorkerProcess]) -> None:
    """Let processes end, all at once; kill those that don't within some seconds."""
    asked = list(processes)
    for process in asked:
        process.ask("stop")
    for process in asked:
        process.stop()
