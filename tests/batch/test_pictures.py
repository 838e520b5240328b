"""Folders of geotagged pictures as recordings: each is one, and one that is damaged costs its picture alone."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from signpipe.batch.manifest import content_digest
from signpipe.batch.recordings import find_recordings
from signpipe.batch.work import Task, run_task
from signpipe.errors import SourceError
from tests.batch.conftest import Jobs, work
from tests.support.geotagged import NOON, photograph_sample, write_geotagged


def test_a_folder_of_pictures_is_a_recording_and_each_below_it(clip: Path, tmp_path: Path) -> None:
    for name in (
        "drives/a/1.jpg",
        "drives/a/b/2.JPG",
        "drives/a/b/3.png",
        "drives/c.1/4.jpeg",
        "drives/video/cover.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_geotagged((tmp_path / name).with_suffix(".jpg"), NOON, (48.0, 11.0)).rename(tmp_path / name)
    shutil.copy(clip, tmp_path / "drives" / "video" / "drive.mp4")
    (tmp_path / "drives" / "c.1.gpx").write_text("<gpx/>")
    (tmp_path / "drives" / "c.1" / "._4.jpeg").write_text("what a system keeps for itself")
    (tmp_path / "drives" / "notes").mkdir()
    (tmp_path / "drives" / "notes" / "read.me").write_text("no picture")
    found = {
        recording.address.removeprefix(f"{tmp_path}/drives/"): recording
        for recording in find_recordings([str(tmp_path / "drives")])[0]
    }
    assert set(found) == {"a", "a/b", "c.1", "video/drive.mp4"}
    assert [name for name, recording in found.items() if recording.is_folder] != ["video/drive.mp4"]
    assert {recording.is_folder for name, recording in found.items() if name != "video/drive.mp4"} == {True}
    assert found["c.1"].position == str(tmp_path / "drives" / "c.1.gpx")
    assert found["c.1"].name.startswith("c.1-")
    assert found["a/b"].bytes == sum(file.stat().st_size for file in (tmp_path / "drives" / "a" / "b").iterdir())
    for pattern in ("drives/*", "drives/a/b/*.JPG"):
        named, _ = find_recordings([str(tmp_path / pattern)])
        assert {one.address for one in named} >= {str(tmp_path / "drives" / "a" / "b")}
    with pytest.raises(SourceError, match="no video and no picture in"):
        find_recordings([str(tmp_path / "drives" / "notes")])


def test_the_content_is_that_of_all_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    for number in range(3):
        write_geotagged(folder / f"{number}.jpg", NOON, (48.0, 11.0 + number))
    first, seen = content_digest(str(folder), is_folder=True)
    (folder / "notes.txt").write_text("no picture")
    os.utime(folder / "1.jpg", (1, 1))
    touched, seen_again = content_digest(str(folder), (seen, first), is_folder=True)
    assert touched == first
    assert seen_again != seen
    assert content_digest(str(folder), (seen_again, "known"), is_folder=True)[0] == "known"
    digests = {first}
    (folder / "1.jpg").rename(folder / "4.jpg")
    digests.add(content_digest(str(folder), is_folder=True)[0])
    write_geotagged(folder / "4.jpg", NOON, (49.0, 11.0))
    digests.add(content_digest(str(folder), is_folder=True)[0])
    (folder / "4.jpg").unlink()
    digests.add(content_digest(str(folder), is_folder=True)[0])
    assert len(digests) == 4
    shutil.rmtree(folder)
    with pytest.raises(SourceError, match="There is no recording"):
        content_digest(str(folder), is_folder=True)


@pytest.mark.slow
def test_a_damaged_picture_is_told_of_and_the_rest_is_mapped(jobs: Jobs, tmp_path: Path) -> None:
    seconds = [0.0, 0.8, 1.2, 1.6, 2.0, 2.8, 3.2, 3.6]
    photograph_sample(tmp_path / "in" / "walk", seconds)
    (tmp_path / "in" / "walk" / "3.jpg").write_bytes(b"")
    bad = tmp_path / "in" / "bad"
    bad.mkdir()
    (bad / "0.jpg").write_text("no picture")
    outcomes = {job.recording.address: (job, run_task(Task(job))) for job in jobs(tmp_path / "in")}
    _, outcome = outcomes[str(bad)]
    assert outcome.lasting
    assert outcome.error is not None
    assert outcome.error.startswith(f"{bad} is no picture that can be read")
    job, outcome = outcomes[str(tmp_path / "in" / "walk")]
    assert outcome.error is None
    folder = tmp_path / "out" / "recordings" / job.recording.name
    tables = {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("frames", "run", "waypoints")}
    (run,) = tables["run"]
    assert (run["frames"], run["damaged"], run["source"]) == (7, 1, str(tmp_path / "in" / "walk"))
    assert any("3.jpg is no picture that can be read" in warning for warning in run["warnings"])
    assert [row["media_time"] for row in tables["frames"]] == pytest.approx(seconds[:3] + seconds[4:])
    assert None not in [row["latitude"] for row in tables["frames"]]
    assert len(tables["waypoints"]) > 3
    assert work(job).skipped
    write_geotagged(tmp_path / "in" / "walk" / "9.jpg", None, None)
    assert not work(job).skipped
