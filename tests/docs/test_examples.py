"""The examples run as they are, on the first seconds of the sample drive."""

import csv
import io
import runpy
import sqlite3
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import pytest

from tests.support.clip import SAMPLE, cut_sample

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT = 85  # frames until the drive has passed its first limit of 80
Run = Callable[..., str]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_sample(tmp_path_factory.mktemp("clip") / "drive.mp4", LIMIT)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs an example with arguments and returns what it printed."""

    def call(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return call


def test_every_example_is_run() -> None:
    files = (Path(__file__), Path(__file__).parents[1] / "serve" / "test_server.py")  # one example needs a server
    tests = "".join(file.read_text(encoding="utf-8") for file in files)
    assert not [path.name for path in EXAMPLES.iterdir() if path.is_file() and f'"{path.name}"' not in tests]


def test_webcam(run: Run, clip: Path) -> None:
    assert len((EXAMPLES / "webcam.py").read_text(encoding="utf-8").splitlines()) <= 10
    assert "limit 80 (active, " in run("webcam.py", clip)


def test_folder_to_csv(run: Run, tmp_path: Path) -> None:
    with av.open(str(SAMPLE)) as video:
        for index, frame in enumerate(video.decode(video=0)):
            if index in (40, 80):
                cv2.imwrite(str(tmp_path / f"{index}.png"), frame.to_ndarray(format="bgr24"))
            if index == 80:
                break
    rows = list(csv.DictReader(io.StringIO(run("folder_to_csv.py", tmp_path))))
    assert {(row["picture"], row["sign"]) for row in rows} >= {("80.png", "speed_limit_80")}
    for row in rows:
        assert float(row["left"]) < float(row["right"])
        assert 0.9 < float(row["probability"]) <= 1


def test_two_cameras(run: Run, clip: Path) -> None:
    lines = run("two_cameras.py", clip, clip).splitlines()
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert "Speed limit 80 km/h" in lines[0]


def test_own_detector(run: Run, clip: Path) -> None:
    assert "limit 80" in run("own_detector.py", clip)


def test_own_sink(run: Run, clip: Path, tmp_path: Path) -> None:
    run("own_sink.py", clip, tmp_path / "signs.sqlite")
    with sqlite3.connect(tmp_path / "signs.sqlite") as database:
        rows = database.execute("select time, status from events where message = 'limit 80'").fetchall()
    ((time, status),) = rows
    assert 0.2 < time < LIMIT / 25
    assert status == "active"


def test_own_witness(run: Run, clip: Path) -> None:
    told = [line for line in run("own_witness.py", clip).splitlines() if "priority road" in line]
    assert len(told) == 1
    assert "vision" in told[0]
    assert "town" in told[0]


def test_the_notebook_runs_and_is_committed_without_outputs() -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat and nbclient, extra 'docs'")
    nbclient = pytest.importorskip("nbclient", reason="needs nbformat and nbclient, extra 'docs'")
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "image/jpeg" in str(notebook.cells)
    assert "Speed limit 80" in str(notebook.cells[-1].outputs)


@pytest.mark.skipif(find_spec("rclpy") is not None, reason="ROS 2 is here, and the node would run for ever")
def test_ros2_node_says_what_it_needs(run: Run) -> None:
    with pytest.raises(SystemExit, match=r"needs ROS 2 with vision_msgs .*: source /opt/ros"):
        run("ros2_node.py")
