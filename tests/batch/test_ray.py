"""A Ray cluster of two nodes on this machine, of which one is lost, and a worker before it: the bytes are the same."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from signpipe.batch.run import Batch
from signpipe.cli.main import app
from signpipe.errors import SettingsError
from signpipe.settings import load_settings
from tests.batch.conftest import results, work
from tests.support.clip import cut_sample

ray = pytest.importorskip("ray", reason="needs Ray, extra 'ray'")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE = 400.0  # seconds
STORE = 80 * 2**20  # bytes of shared memory a node
BUSY = "RayWorker.run"  # Ray puts what a process is doing into its title


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Return a cluster of two nodes with a core each; the first is the head."""
    cluster = started()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def started(tries: int = 3) -> Any:
    """Start a cluster; Ray gives a node 30 seconds to start, which may be too few on a loaded machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=1, object_store_memory=STORE, include_dashboard=False)
        cluster.add_node(num_cpus=1, object_store_memory=STORE)
    except Exception:  # it has no kind of its own
        cluster.shutdown()
        if tries == 1:
            raise
        return started(tries - 1)
    return cluster


def begun(node: Any) -> psutil.Process | None:
    """Return the worker of a node that is at work, stopped in the middle of it, or None."""
    (raylet,) = node.all_processes["raylet"]
    for process in psutil.Process(raylet.process.pid).children(recursive=True):
        if BUSY in " ".join(process.cmdline()):
            process.send_signal(signal.SIGSTOP)
            if BUSY in " ".join(process.cmdline()):
                return process
            process.send_signal(signal.SIGCONT)
    return None


def wait_for(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (value := what()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return value


def test_a_worker_and_a_node_that_are_lost_cost_what_they_were_working_on(cluster: Any, tmp_path: Path) -> None:
    drives, out = tmp_path / "drives", tmp_path / "out"
    drives.mkdir()
    cut_sample(drives / "good.mp4", 10, start=60)
    (drives / "bad.mp4").write_text("no video")
    for job in Batch([str(drives)], str(tmp_path / "one"), load_settings(None, {"runtime.threads": 1}), 600.0).jobs:
        work(job)
    lost: list[str] = []

    def lose() -> None:
        wait_for(lambda: list(out.rglob("*.npz")))
        worker = wait_for(lambda: begun(cluster.head_node))
        worker.kill()
        lost.append("worker")
        node = cluster.list_all_nodes()[-1]
        working = wait_for(lambda: begun(node))
        cluster.remove_node(node, allow_graceful=False)
        with suppress(psutil.NoSuchProcess):  # stopped, it may not have noticed that its node is gone
            working.kill()
        lost.append("node")

    thread = threading.Thread(target=lose)
    thread.start()
    command = ["batch", str(drives), "--out", str(out), "--piece", "0.15", "--engine", "ray", "--address"]
    ended = CliRunner().invoke(app, [*command, cluster.address])
    thread.join()
    assert lost == ["worker", "node"]
    assert ended.exit_code == 1, ended.output
    assert "1 done, 0 had been done before, 1 failed" in ended.output
    assert "2 tries again" in ended.output
    assert list(json.loads((out / "failures.json").read_text())) == [str(drives / "bad.mp4")]
    assert results(out) == results(tmp_path / "one") != {}
    assert not list((out / "pieces").glob("*"))


def test_a_cluster_that_isnt_there_is_told_in_a_sentence(clip: Path, tmp_path: Path) -> None:
    batch = Batch([str(clip)], str(tmp_path / "out"), load_settings(None, {"runtime.threads": 1}), 600.0)
    with pytest.raises(SettingsError, match="There is no engine"), batch.open_engine(1, "slurm"):
        pass
    with (
        pytest.raises(SettingsError, match="There is no Ray cluster at auto"),
        batch.open_engine(1, "ray", "auto"),
    ):
        pass
