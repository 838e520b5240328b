"""`signpipe map`: from simulated drives to files that others read, and one sentence for what can't be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from signpipe.catalogue import load_catalogue
from signpipe.maps import open_map
from tests.cli.conftest import Outcome

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
