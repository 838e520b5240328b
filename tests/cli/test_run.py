"""`signpipe run`: what it writes, what it says in the end, and how it is interrupted."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]
REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "samples" / "drive.mp4"
DATA = Path(os.environ.get("SIGNPIPE_DATA", REPOSITORY.parent / "shared" / "data"))
needs_photographs = pytest.mark.skipif(
    not (DATA / "gtsdb").is_dir(), reason="the photographs aren't here: set SIGNPIPE_DATA to their folder"
)


def frames(path: Path) -> list[dict[str, Any]]:
    """Return the frame records of a JSONL file; every line must be whole."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [record for record in records if record["type"] == "frame"]


def pictures_of(path: Path) -> int:
    """Return how many pictures of a video can be decoded."""
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def test_a_run_writes_everything_and_says_where(signpipe: Run, tmp_path: Path) -> None:
    outcome = signpipe("run", SAMPLE, "--out", tmp_path / "out", "--frames", 30)
    assert outcome.code == 0, outcome.err
    assert "Priority road" in outcome.out
    assert "frames/s" in outcome.out
    for name in ("annotated.mp4", "detections.jsonl", "events.jsonl"):
        assert name in outcome.out
        assert (tmp_path / "out" / name).stat().st_size > 0
    records = frames(tmp_path / "out" / "detections.jsonl")
    assert [record["index"] for record in records] == list(range(30))
    assert records[25]["media_time"] == pytest.approx(1.0, abs=0.001)
    assert pictures_of(tmp_path / "out" / "annotated.mp4") == 30


@pytest.mark.slow
def test_the_end_of_a_run_tells_conflicts_and_what_was_queued(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "map.geojson").write_text(
        SAMPLE.with_suffix(".geojson").read_text().replace('"priority_road"', '"give_way"', 1)
    )
    options = ("--map", tmp_path / "map.geojson", "--gpx", SAMPLE.with_suffix(".gpx"), "--review", tmp_path / "queue")
    outcome = signpipe("run", SAMPLE, "--frames", 55, *options)
    assert outcome.code == 0, outcome.err
    assert "conflict about track 1: " in outcome.out
    assert "the map says give way" in outcome.out
    assert f"review queue: 1 sign from this run; see `signpipe review list {tmp_path / 'queue'}`" in outcome.out


def test_quiet_says_nothing(signpipe: Run) -> None:
    outcome = signpipe("run", SAMPLE, "--frames", 2, "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


@pytest.mark.slow
def test_raw_writes_candidates_of_low_score(signpipe: Run, tmp_path: Path) -> None:
    arguments = ("run", SAMPLE, "--frames", 30, "--quiet", "--jsonl")
    assert signpipe(*arguments, tmp_path / "published.jsonl").code == 0
    assert signpipe(*arguments, tmp_path / "raw.jsonl", "--detections", "raw").code == 0
    published, raw = frames(tmp_path / "published.jsonl"), frames(tmp_path / "raw.jsonl")
    assert sum(len(record["detections"]) for record in raw) > sum(len(record["detections"]) for record in published)
    for few, many in zip(published, raw, strict=True):
        assert few["tracks"] == many["tracks"]
        assert many["detections"][: len(few["detections"])] == few["detections"]
        assert all(other["track_id"] is None for other in many["detections"][len(few["detections"]) :])
        assert all(other["class_name"] is not None for other in many["detections"])


def test_unrelated_pictures_are_judged_alone(signpipe: Run, tmp_path: Path) -> None:
    with av.open(str(SAMPLE)) as video:
        for index, frame in enumerate(video.decode(video=0)):
            if index in (40, 41):
                cv2.imwrite(str(tmp_path / f"picture{index}.png"), frame.to_ndarray(format="bgr24"))
            if index > 41:
                break
    assert signpipe("run", tmp_path, "--independent", "--jsonl", tmp_path / "out.jsonl", "--quiet").code == 0
    first, second = frames(tmp_path / "out.jsonl")
    assert (first["name"], second["name"]) == ("picture40.png", "picture41.png")
    assert {"priority_road"} <= {track["class_name"] for track in first["tracks"]}
    assert not {track["id"] for track in first["tracks"]} & {track["id"] for track in second["tracks"]}


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.3, 0.6, 1.0])
def test_ctrl_c_is_quiet_from_the_first_moment(delay: float) -> None:
    command = [sys.executable, "-m", "signpipe", "run", str(SAMPLE), "--loop", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.15 + delay)  # the interpreter itself has to start
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    if process.returncode == -signal.SIGINT:  # where a machine is slow, the interpreter hasn't come to us yet
        assert set(re.findall(r'File ".*/signpipe/(.*)"', err)) <= {"__init__.py"}, err
        return
    assert process.returncode == 130, err
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_whole_files(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "signpipe.cli.main", "run", str(SAMPLE), "--loop", "0", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    records = tmp_path / "detections.jsonl"
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and not (records.exists() and records.read_bytes().count(b"\n") > 10):
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "frames/s" in out
    written = frames(records)
    assert len(written) >= 10
    assert json.loads(records.read_text().splitlines()[-1])["type"] == "end"
    assert pictures_of(tmp_path / "annotated.mp4") == len(written)


@needs_photographs
def test_photographs_of_a_folder(signpipe: Run, tmp_path: Path) -> None:
    pictures = DATA / "gtsdb" / "images" / "0000[0-4].jpg"
    outcome = signpipe("run", pictures, "--independent", "--jsonl", tmp_path / "out.jsonl", "--quiet")
    assert outcome.code == 0, outcome.err
    records = frames(tmp_path / "out.jsonl")
    assert [record["name"] for record in records] == [f"0000{digit}.jpg" for digit in range(5)]
    assert {(record["width"], record["height"]) for record in records} == {(1360, 800)}
    # 00000.jpg shows "priority at the next intersection", 00001.jpg "keep right" and "roundabout" among others.
    assert "priority_next_intersection" in {d["class_name"] for d in records[0]["detections"]}


@pytest.mark.slow
@needs_photographs
def test_an_approach_on_film(signpipe: Run, tmp_path: Path) -> None:
    film = DATA / "videos" / "stop_sign.mp4"
    outcome = signpipe("run", film, "--out", tmp_path, "--frames", 200, "--quiet")
    assert outcome.code == 0, outcome.err
    confirmed = {
        track["class_name"]
        for record in frames(tmp_path / "detections.jsonl")
        for track in record["tracks"]
        if track["verdict"] == "confirmed"
    }
    assert "stop" in confirmed
