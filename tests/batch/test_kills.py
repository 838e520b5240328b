"""Processes that are killed at any moment: the result has the same bytes, and nothing is doubled or half written."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from signpipe.batch.manifest import describe, read_manifest
from tests.batch.conftest import Jobs, results, work
from tests.support.clip import cut_sample

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE = 550.0  # seconds: a loaded machine may take long
COMMAND = (sys.executable, "-m", "signpipe", "batch", "--workers", "2", "--piece", "0.15")


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two recordings, one of them damaged beyond reading."""
    folder = tmp_path_factory.mktemp("drives")
    cut_sample(folder / "good.mp4", 16, start=60)
    (folder / "bad.mp4").write_text("no video")
    return folder


@pytest.fixture(scope="module")
def expected(drives: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what one process makes of them, unsplit."""
    from signpipe.batch.run import Batch
    from signpipe.settings import load_settings

    out = tmp_path_factory.mktemp("one")
    for job in Batch([str(drives)], str(out), load_settings(None, {"runtime.threads": 1}), 600.0).jobs:
        work(job)
    return results(out)


def started(drives: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, str(drives), "--out", str(out)], stderr=subprocess.PIPE, text=True)


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def files(out: Path) -> int:
    return sum(file.is_file() for file in out.rglob("*"))


def assert_whole(out: Path) -> None:
    """Check that what is in its place is all there."""
    for folder in (out / "recordings").glob("*"):
        manifest = read_manifest((folder / "manifest.json").read_bytes())
        assert manifest is not None
        assert {name: describe(folder / name) for name in manifest.files} == manifest.files


@contextmanager
def no_orphans(process: subprocess.Popen[str]) -> Iterator[None]:
    """Check that the workers end when the driver does."""
    children = psutil.Process(process.pid).children(recursive=True)
    yield
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(children, PATIENCE)
    assert not alive


def test_what_is_killed_and_ended_goes_on(drives: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(drives, out) as process:  # a worker is killed, then the driver is told to end
        wait_for(lambda: list(out.rglob("*.npz")) or process.poll() is not None)
        workers = [each for each in psutil.Process(process.pid).children() if "spawn_main" in " ".join(each.cmdline())]
        workers[0].kill()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 or results(out) == expected, told
    assert "Ending what was begun" in told
    assert_whole(out)
    before = files(out)
    with started(drives, out) as process:  # the driver is killed
        wait_for(lambda: files(out) > before + 1 or process.poll() is not None)
        with no_orphans(process):
            process.kill()
    assert_whole(out)
    with started(drives, out) as process:
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, told
    assert "bad.mp4" in told
    assert results(out) == expected
    assert not list((out / "pieces").glob("*"))
    assert not list((out / ".work").glob("*"))


def test_two_batches_cant_write_to_one_place(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    import fcntl

    assert jobs(clip)
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([*COMMAND, str(clip), "--out", str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Another batch is writing" in done.stderr
