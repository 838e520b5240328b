"""Bad recordings among good ones, by the command: each ends in one sentence, and the rest goes on."""

import json
import shutil
from pathlib import Path

import av
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from signpipe.batch.recordings import find_recordings
from signpipe.cli.main import app
from signpipe.errors import SourceError
from tests.support.clip import SAMPLE, cut_sample, slow_sample
from tests.support.geotagged import photograph_sample


def without_pictures(path: Path) -> Path:
    """Write a video with a track and no picture."""
    with av.open(str(path), "w") as container:
        track = container.add_stream("mpeg4", rate=10)
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    return path


def test_a_name_by_which_nothing_is_there_costs_itself_alone(clip: Path, tmp_path: Path) -> None:
    found, refused = find_recordings([str(tmp_path / "typo.mp4"), str(clip)])
    assert [recording.address for recording in found] == [str(clip)]
    assert list(refused) == [str(tmp_path / "typo.mp4")]
    assert refused[str(tmp_path / "typo.mp4")].startswith("There is no recording")
    (tmp_path / "list.txt").write_text("# nothing\n")
    with pytest.raises(SourceError, match="the list of them is empty"):
        find_recordings([f"@{tmp_path / 'list.txt'}"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_bad_recording_is_told_in_a_sentence_and_the_rest_goes_on(tmp_path: Path) -> None:
    drives, out = tmp_path / "drives", tmp_path / "tables"
    drives.mkdir()
    photograph_sample(drives / "good", [0.0, 1.0, 2.0, 3.0])
    cut_sample(drives / "lost.mp4", 2)
    slow_sample(drives / "monday.mp4", 2, 1, made="2025-12-29T12:00:00Z")
    slow_sample(drives / "abroad.mp4", 4, 1, made="2026-01-01T10:00:00Z")
    for name in ("monday", "abroad"):
        shutil.copy(SAMPLE.with_suffix(".gpx"), drives / f"{name}.gpx")
    (drives / "empty.mp4").touch()
    without_pictures(drives / "zero.mp4")
    typo = str(tmp_path / "typo.mp4")
    ended = CliRunner().invoke(app, ["batch", str(drives), typo, "--out", str(out), "--workers", "1"])
    assert ended.exit_code == 1, ended.output
    assert "4 done, 0 had been done before, 3 failed" in ended.output
    failures = json.loads((out / "failures.json").read_text())
    assert {Path(name).name for name in failures} == {"empty.mp4", "zero.mp4", "typo.mp4"}
    assert all(told.endswith(".") and "\n" not in told for told in failures.values())
    runs = {
        Path(run["source"]).stem: (run, pq.read_table(path.parent / "waypoints.parquet").num_rows)
        for path in out.glob("recordings/*/run.parquet")
        for run in pq.read_table(path).to_pylist()
    }
    assert {name: rows > 0 for name, (_, rows) in runs.items()} == {
        "good": True, "lost": False, "monday": False, "abroad": True,
    }  # fmt: skip
    assert "it was recorded on 2025-12-29" in runs["monday"][0]["warnings"][0]
    assert "2.0 h apart" in runs["abroad"][0]["warnings"][0]
    assert runs["lost"][0]["metres"] is None
    mapped = CliRunner().invoke(app, ["map", str(out), "--out", str(tmp_path / "signs.geojson")])
    assert mapped.exit_code == 1
    assert mapped.output.count("left out:") == 2
    assert json.loads((tmp_path / "signs.geojson").read_text())["type"] == "FeatureCollection"
