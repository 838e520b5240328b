"""A real `signpipe serve` in a process of its own, on a port that is free."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import tomli_w

PATIENCE = 300.0  # seconds; a machine that tests can be slow


class Server:
    """The server; a context manager that ends it.

    Args:
        folder: For its file and its data.
        settings: The file's content.
        environment: Variables beside those of this process.
        command: What runs it, before the interpreter.
        token: Sent with each request.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        command: tuple[str, ...] = (),
        token: str | None = None,
    ) -> None:
        self.folder, self.data = folder, folder / "data"
        tree = settings or {}
        tree["server"] = {"port": 0, "data": str(self.data)} | tree.get("server", {})
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "server.toml"
        self._file.write_text(tomli_w.dumps(tree))
        self._environment = {"SIGNPIPE_RUNTIME__THREADS": "1", **(environment or {})}
        self._command = command
        self._token = token
        self.log: list[str] = []
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [*self._command, sys.executable, "-m", "signpipe", "serve", "--config", str(self._file)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **self._environment},
        )  # fmt: skip
        self._reading = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reading.start()
        wait_for(lambda: self._address() is not None or self._process.poll() is not None, "the server to start")
        address = self._address()
        assert address is not None, self.log
        self.address = address
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self.client = httpx.Client(base_url=address, timeout=PATIENCE, headers=headers)
        wait_for(self._answers, "the server to answer")

    def _answers(self) -> bool:
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def _address(self) -> str | None:
        told = [line for line in self.log if line.startswith("signpipe serves at ")]
        return told[-1].split()[-1].rstrip("/") if told else None

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.append(line.rstrip())

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def workers(self) -> list[int]:
        """Return the processes of its sources and jobs."""
        forking = self.forking()
        return [] if forking is None else _children(forking)

    def forking(self) -> int | None:
        """Return the process that forks them."""
        found = [
            pid for pid in _children(self.pid) if "multiprocessing.forkserver" in _text(Path(f"/proc/{pid}/cmdline"))
        ]
        return found[0] if found else None

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def source(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/sources/{name}")
        return found

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something holds, and return it."""
        return wait_for(condition, f"{what}; the server's log: {self.log[-20:]}")

    def kill(self) -> None:
        """Kill the server alone, as the kernel would; its processes have to notice it themselves."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """End it as a service manager would; return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        self.client.close()
        try:
            code = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        self._reading.join(PATIENCE)
        self.log = [line for line in self.log if not line.startswith("signpipe serves at ")]
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop()


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Return what a condition gives once that is true."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience:g} s for {what}")


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that is over but not yet asked for its end doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started; each of its threads lists those that it started itself."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    return [int(child) for thread in threads for child in _text(thread / "children").split()]


def _text(path: Path) -> str:
    """Return what a file says, and nothing if it has just gone."""
    try:
        return path.read_text()
    except OSError:
        return ""
