"""`signpipe map`: from simulated drives to files that others read, and one sentence for what can't be used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signpipe.catalogue import load_catalogue
from signpipe.maps import open_map
from tests.cli.conftest import Outcome
from tests.support.clip import SAMPLE, cut_sample, slow_sample
from tests.support.limits import mounted_disk

Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two simulated drives."""
    folder = tmp_path_factory.mktemp("drives")
    from typer.testing import CliRunner

    from signpipe.cli.main import app

    outcome = CliRunner().invoke(
        app, ["simulate", str(folder), "--drives", "2", "--metres", "300", "--seed", "3", "--overwrite"]
    )
    assert outcome.exit_code == 0, outcome.output
    return folder


def test_two_drives_become_one_map_that_a_run_can_use(signpipe: Run, drives: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "signs.geojson", tmp_path / "signs.csv"
    outcome = signpipe(
        "map", drives / "drive-1.jsonl", drives / "drive-2.jsonl", "--in-time", "--out", out, "--out", table
    )
    assert outcome.code == 0, outcome.err
    features = json.loads(out.read_text())["features"]
    truth = json.loads((drives / "truth.geojson").read_text())["features"]
    assert 0.6 * len(truth) <= len(features) <= 1.4 * len(truth)
    assert len(open_map(out, load_catalogue())) == sum(one["properties"]["class"] is not None for one in features)
    assert len(table.read_text().splitlines()) == len(features) + 1
    for feature in features:
        told = feature["properties"]
        assert told["state"] in ("present", "new", "changed", "hidden", "gone", "damaged")
        assert 0 < told["error"] < 10
        assert told["seen"] <= told["passed"] + 1
    again = signpipe("map", drives / "drive-1.jsonl", "--out", out)
    again.assert_one_sentence("is there already")


def test_a_drive_that_cant_be_used_is_left_out_and_the_rest_goes_on(
    signpipe: Run, drives: Path, tmp_path: Path
) -> None:
    records = [json.loads(line) for line in (drives / "drive-1.jsonl").read_text().splitlines()]
    lost = tmp_path / "lost.jsonl"
    lost.write_text(
        "".join(json.dumps(record | ({"pose": None} if "pose" in record else {})) + "\n" for record in records)
    )
    out = tmp_path / "signs.geojson"
    outcome = signpipe("map", lost, drives / "drive-1.jsonl", "--in-time", "--out", out)
    assert outcome.code == 1
    assert "left out" in outcome.err
    assert "no positions" in outcome.err
    assert json.loads(out.read_text())["features"]
    signpipe("map", lost, "--out", tmp_path / "a.geojson").assert_one_sentence("no positions")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "can't be read"),
        ("", "no frame"),
        ('{"schema": "signpipe/1", "type": "run"}\n', "no frame"),
        ("{}\n", "schema signpipe/1"),
        ("no json\n", "no JSON"),
        ('{"schema": "signpipe/1", "type": "frame"}\n', "isn't a record"),
    ],
)
def test_records_that_are_none_end_in_one_sentence(
    signpipe: Run, tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "drive.jsonl"
    if content is not None:
        path.write_text(content)
    signpipe("map", path, "--out", tmp_path / "signs.geojson").assert_one_sentence(says)


def test_what_cant_be_written_is_told_before_anything_is_done(signpipe: Run, drives: Path, tmp_path: Path) -> None:
    drive = drives / "drive-1.jsonl"
    signpipe("map", drive, "--out", tmp_path / "signs.shp").assert_one_sentence(".geojson", ".gpkg")
    both = signpipe("map", drive, drives / "drive-2.jsonl", "--gpx", "a.gpx", "--out", tmp_path / "signs.csv")
    both.assert_one_sentence("the track of one recording")
    (tmp_path / "clip.mp4").write_bytes(b"")
    signpipe("map", tmp_path / "clip.mp4", "--out", tmp_path / "signs.csv").assert_one_sentence("clip.gpx")
    swept = signpipe(
        "map", drive, drives / "drive-2.jsonl", "--lidar", tmp_path, "--calibration", drive, "--out", "a.csv"
    )
    swept.assert_one_sentence("the sweeps of one recording")
    signpipe("map", drive, "--compare", tmp_path / "b.osm", "--out", tmp_path / "a.csv").assert_one_sentence("no map")
    signpipe("map", "s3://road/drive.mp4", "--out", tmp_path / "a.csv").assert_one_sentence(
        "s3://road/drive.mp4 has no"
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_bad_recording_is_left_out_with_a_sentence(
    signpipe: Run, drives: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty.mp4").touch()
    cut_sample(tmp_path / "moment.mp4", 1)
    slow_sample(tmp_path / "monday.mp4", 2, 1, made="2025-12-29T12:00:00Z")
    slow_sample(tmp_path / "abroad.mp4", 4, 1, made="2026-01-01T10:00:00Z")
    names = ("empty", "moment", "monday", "abroad")
    for name in names:
        shutil.copy(SAMPLE.with_suffix(".gpx"), tmp_path / f"{name}.gpx")
    cut_sample(tmp_path / "lost.mp4", 1)
    recordings = [tmp_path / f"{name}.mp4" for name in (*names, "lost")]
    out = tmp_path / "signs.geojson"
    outcome = signpipe("map", *recordings, drives / "drive-1.jsonl", "--in-time", "--out", out)
    assert outcome.code == 1, outcome.err
    assert outcome.err.count("left out:") == 4
    for says in (
        "empty.mp4 is empty (0 bytes)",
        "moment.mp4 has positions in less than three seconds",
        "monday.mp4 are of 2026-01-01, and it was recorded on 2025-12-29",
        "lost.mp4 has no positions",
    ):
        assert says in outcome.err
    assert "pictures and positions of abroad.mp4 are 2.0 h apart" in caplog.text
    assert json.loads(out.read_text())["features"]
    named = signpipe(
        "map", tmp_path / "monday.mp4", "--gpx", tmp_path / "monday.gpx", "--out", tmp_path / "named.geojson"
    )
    named.assert_one_sentence("positions in less than three seconds")  # whose day is warned of, since somebody named it


def test_a_full_disk_costs_the_file_that_doesnt_fit(signpipe: Run, drives: Path, tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", "size=16k") as disk:
        (disk / "filling").write_bytes(bytes(16 * 1024))
        out = tmp_path / "signs.geojson"
        outcome = signpipe("map", drives / "drive-1.jsonl", "--in-time", "--out", disk / "signs.csv", "--out", out)
        outcome.assert_one_sentence("can't be written to", "signs.csv: No space left on device")
        assert json.loads(out.read_text())["features"]
