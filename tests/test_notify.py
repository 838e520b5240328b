"""A service manager's socket hears that a run is ready, alive and ending."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from signpipe.notify import Notifier
from tests.support.clip import cut_sample


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def heard(manager: socket.socket) -> str:
    return manager.recv(4096).decode()


def test_ready_alive_and_stopping_are_told_once_each(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000000"})
    notifier.ready("watching\ncamera 0")
    for _ in range(100):
        notifier.alive()  # told at half the watchdog's time, not a hundred times
    notifier.stopping()
    assert [heard(manager) for _ in range(3)] == ["READY=1\nSTATUS=watching camera 0", "WATCHDOG=1", "STOPPING=1"]


def test_a_name_without_a_file_is_found() -> None:
    name = f"\0signpipe-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name)
        listening.settimeout(60)
        Notifier({"NOTIFY_SOCKET": "@" + name[1:]}).status("fine")
        assert heard(listening) == "STATUS=fine"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": "/nowhere"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"},
    ],
)
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    notifier.ready()
    notifier.alive()


@pytest.mark.slow
def test_a_run_tells_its_manager(manager: socket.socket, tmp_path: Path) -> None:
    film = cut_sample(tmp_path / "drive.mp4", 6)
    environ = os.environ | {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000000"}
    command = [sys.executable, "-m", "signpipe", "run", str(film), "--loop", "0", "--quiet"]
    with subprocess.Popen(command, env=environ) as run:
        messages = [heard(manager) for _ in range(2)]
        run.send_signal(signal.SIGTERM)
        messages.append(heard(manager))
        assert run.wait(60) == 130
    assert messages[0].startswith("READY=1")
    assert messages[1:] == ["WATCHDOG=1", "STOPPING=1"]
