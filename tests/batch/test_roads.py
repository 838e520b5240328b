"""A batch's tables as drives of a map."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("pyarrow", reason="needs pyarrow and fsspec, extra 'batch'")

from signpipe.batch.roads import read_road, recordings_in
from signpipe.batch.schema import TABLES
from signpipe.batch.tables import TableFile
from signpipe.cli.main import app
from signpipe.errors import SourceError
from signpipe.mapping.placed import PlacedSign, Waypoint

STOP = PlacedSign(
    "monday-1", 4, 48.001, 11.0001, 2.3, 2.0, 2.0, 0.1, 0.2, 1.2, 30.0, 180.0, 8.0, 0.0, 3.0, 1.0, {"stop": 0.97},
    "other", True, 0.1, 3.0, 9.0, 1.8e9, 12, 60.0, 0.9, b"jpeg", [0.6, 0.8],
)  # fmt: skip

LEARNED = {
    "focal": 1300.0, "focal_sigma": 0.02, "yaw": 1.0, "yaw_sigma": 0.2, "pitch": -2.0, "pitch_sigma": 0.3,
    "ahead": 1.4, "ahead_sigma": 0.2,
}  # fmt: skip


def write(out: Path, placed: bool = True, warnings: tuple[str, ...] = ()) -> Path:
    """Write a recording's tables as a batch does: a way to the north past a sign, under two limits."""
    folder = out / "recordings" / "monday-1"
    folder.mkdir(parents=True)
    waypoints = [
        Waypoint("monday-1", float(number), 1.8e9 + number, 48 + number * 1e-4, 11.0, 0.0, 25.0) for number in range(12)
    ]
    limits = [(1.0, 50.0, "active"), (2.0, 50.0, "active"), (5.0, 50.0, "stale"), (7.0, None, "active")]
    rows = {
        "places": [asdict(STOP)] if placed else [],
        "waypoints": [asdict(one) for one in waypoints] if placed else [],
        "run": [{"recording": "monday-1", "country": "de", "warnings": list(warnings)} | LEARNED],
        "frames": [{"media_time": time, "limit_kmh": value, "limit_status": status} for time, value, status in limits],
    }
    for name, content in rows.items():
        table = TableFile(folder / f"{name}.parquet", TABLES[name])
        for row in content:
            table.add(dict.fromkeys(TABLES[name].names) | row)
        table.close()
    (folder / "manifest.json").write_text("{}")
    return folder


def test_what_was_placed_comes_back(tmp_path: Path) -> None:
    folder = write(tmp_path)
    assert recordings_in(tmp_path) == recordings_in(folder) == [folder]
    road, country = read_road(folder)
    assert (road.signs, country, len(road.waypoints)) == ([STOP], "de", 12)
    assert (road.focal, road.mounting, road.delay) == ((1300.0, 0.02), (1.0, 0.2, -2.0, 0.3), (1.4, 0.2))
    assert [(limit.value, limit.sure) for limit in road.limits] == [(50.0, True), (50.0, False), (None, True)]


def test_a_batch_becomes_a_map(tmp_path: Path) -> None:
    write(tmp_path / "tables")
    out = tmp_path / "signs.geojson"
    ended = CliRunner().invoke(app, ["map", str(tmp_path / "tables"), "--out", str(out)])
    assert ended.exit_code == 0, ended.output
    assert "1.4 s ±0.2" in ended.output
    (sign,) = json.loads(out.read_text())["features"]
    assert sign["geometry"]["coordinates"] == pytest.approx([11.0001, 48.001], abs=1e-6)
    assert sign["properties"]["class"] == "stop"


def test_what_cant_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No recording of the batch"):
        recordings_in(tmp_path)
    folder = write(tmp_path, placed=False, warnings=("the track is of another day.",))
    with pytest.raises(SourceError, match="monday-1 tells a map nothing: the track is of another day"):
        read_road(folder)
    (folder / "places.parquet").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="tables of monday-1 can't be read"):
        read_road(folder)
