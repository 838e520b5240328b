"""A worker's process as the server sees it."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from signpipe.serve.wire import LARGEST, Message, pack, unpack
from signpipe.serve.worker import Task, run_worker

Receive = Callable[[Message, bytes], None]

_SPAWN = multiprocessing.get_context("spawn")  # a fork would take over the server's sockets and threads
_PAGE = 4096  # bytes, the unit of /proc/PID/statm

log = logging.getLogger(__name__)


class WorkerProcess:
    """Starts a process for a task, and hands on what it tells, from a thread of its own.

    Args:
        task: What to do.
        receive: Called with each message and the picture behind it; the last is `gone`, with the exit code and what the
            process said of its end: `{"type": "gone", "code": -9, "said": None}`.

    Attributes:
        pid: Its number.
        heard: `time.monotonic()` of its last word.
    """

    def __init__(self, task: Task, receive: Receive) -> None:
        self._connection, far = _SPAWN.Pipe()
        self._receive = receive
        self._sending = threading.Lock()
        self._process = _SPAWN.Process(target=run_worker, args=(far, task), name=f"signpipe {task.name}", daemon=True)
        self._process.start()
        self.pid = int(self._process.pid or 0)
        far.close()
        self.heard = time.monotonic()
        self._thread = threading.Thread(target=self._listen, name=f"listening to {task.name}", daemon=True)
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
        with suppress(OSError, ValueError):
            self._process.kill()

    def stop(self, patience: float) -> None:
        """Let it end; kill it if it doesn't within `patience` seconds."""
        self.ask("stop")
        self._thread.join(patience)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(patience)

    def _listen(self) -> None:
        said: Message | None = None
        while True:
            try:
                message, blob = unpack(self._connection.recv_bytes(LARGEST))
            except (EOFError, OSError, ValueError):
                break
            self.heard = time.monotonic()
            if message["type"] in ("end", "error"):
                said = message
            else:
                self._hand_on(message, blob)
        self.kill()  # what speaks no more, or nonsense, is over
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self._connection.close()
        self._hand_on({"type": "gone", "code": code, "said": said}, b"")

    def _hand_on(self, message: Message, blob: bytes) -> None:
        try:
            self._receive(message, blob)
        except Exception:  # a mistake in what takes it must not end the listening
            log.exception("A message of the kind '%s' could not be taken.", message["type"])
