"""Several processes at one queue, and a process that is killed: no label is lost, and no half item is seen."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest

from signpipe.review import ReviewQueue

REPOSITORY = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from signpipe.review import ReviewQueue
from tests.review.items import item, put
queue = ReviewQueue(Path(sys.argv[1]))
while True:
    put(queue, item())
    queue.prune(100, float(sys.argv[2]) / 86400)
"""


@contextmanager
def writer(folder: Path, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process add, and remove what is older, as fast as it can, until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(seconds)], cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)


def wait_for(queue: ReviewQueue, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(queue.refresh()) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_killed_process_leaves_whole_items_only(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path)
    for count in (20, 40):
        with writer(tmp_path, 1000):
            wait_for(queue, count)
    entries = ReviewQueue(tmp_path).items()
    assert len(entries) >= 40
    for entry in entries:
        assert cv2.imread(str(entry.crop)) is not None
        assert cv2.imread(str(entry.context)) is not None


@pytest.mark.slow
def test_labels_survive_processes_that_remove_what_is_open(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path)
    said: set[str] = set()
    with writer(tmp_path, 0.1), writer(tmp_path, 0.1):
        deadline = time.monotonic() + 240
        while len(said) < 30 and time.monotonic() < deadline:
            for item_id in list(queue.refresh()):
                try:
                    queue.label(item_id, "stop", "ada")
                except FileNotFoundError:
                    continue  # it was removed a moment ago, and the person is told
                said.add(item_id)
    queue.prune(100, 90)  # brings back what a killed process was about to remove
    assert len(said) >= 30
    assert said <= {entry.item.id for entry in ReviewQueue(tmp_path).items() if entry.label}
