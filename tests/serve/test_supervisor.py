"""What a process still tells after it was asked to end, in the order in which it hurts."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signpipe.metrics import Exposition
from signpipe.serve import supervisor as supervising
from signpipe.serve.database import Database
from signpipe.serve.process import Receive
from signpipe.serve.store import SignStore
from signpipe.serve.supervisor import Supervisor
from signpipe.serve.worker import Task
from tests.support.serving import wait_for


class Process:
    """A process whose words come when the test says so; what it is asked is all done by then."""

    started: list["Process"]
    memory = 0
    pid = 1

    def __init__(self, task: Task, receive: Receive) -> None:
        self.task = task
        self.heard = time.monotonic()
        self._receive = receive
        self.last_words: list[dict[str, Any]] = []
        self.started.append(self)

    def tell(self, kind: str, **message: Any) -> None:
        self._receive({"type": kind, **message}, b"")

    def ask(self, kind: str) -> None:
        """It has heard."""

    def kill(self) -> None:
        self.stop()

    def stop(self) -> None:
        for message in self.last_words:
            self.tell(**message)
        self.tell("gone", code=0, said=None)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    Process.started = []
    monkeypatch.setattr(supervising, "WorkerProcess", Process)
    return Process.started


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def supervisor(
    tmp_path: Path,
    processes: list[Process],  # noqa: ARG001, it makes them the test's
    told: list[tuple[str, dict[str, Any]]],
) -> Iterator[Supervisor]:
    store = SignStore(Database(tmp_path / "signs.db"), 3600.0, 100)
    made = Supervisor(
        store, lambda *event: told.append(event), lambda *_: None, Exposition(), processes=2, memory=None, silence=30.0
    )
    made.add(Task("road", "road.mp4"), "road.mp4", added=False)
    yield made
    made.close()


@pytest.mark.parametrize("word", [{"kind": "ready", "width": 640}, {"kind": "stats", "frames": 9}])
def test_a_restart_isnt_undone_by_what_the_ended_process_still_tells(
    supervisor: Supervisor, processes: list[Process], word: dict[str, Any]
) -> None:
    wait_for(lambda: processes, "the first start")
    processes[0].last_words = [word]
    supervisor.restart("road")
    wait_for(lambda: len(processes) == 2, "the second start")
    processes[1].tell("ready", width=320)
    (now,) = supervisor.described("road")
    assert now["state"] == "running"
    assert now["info"] == {"width": 320}
    assert now["stats"] == {}
    assert now["restarts"] == 0


def test_nothing_is_told_of_a_source_after_its_removal(
    supervisor: Supervisor, processes: list[Process], told: list[tuple[str, dict[str, Any]]]
) -> None:
    wait_for(lambda: processes, "the first start")
    processes[0].last_words = [{"kind": "ready", "width": 640}, {"kind": "stats", "frames": 9}]
    supervisor.remove("road")
    assert told[-1] == ("source", {"name": "road", "state": "removed"})
    assert supervisor.described() == []
