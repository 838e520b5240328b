"""One recording: its tables, when it is worked on again, and what becomes of one that can't be read."""

import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import signpipe
from signpipe.batch.schema import TABLES, reference
from signpipe.batch.work import Task, run_task
from tests.batch.conftest import FRAMES, Jobs, results, work
from tests.support.clip import SAMPLE
from tests.support.limits import mounted_disk


@pytest.mark.slow
def test_a_recording_becomes_tables_that_say_what_a_run_says(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "drive.mp4")
    shutil.copy(SAMPLE.with_suffix(".gpx"), tmp_path / "drive.gpx")
    (job,) = jobs(tmp_path / "drive.mp4")
    assert work(job).error is None
    folder = tmp_path / "out" / "recordings" / job.recording.name
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}
    for name, table in tables.items():
        assert [(field.name, field.metadata) for field in table.schema] == [
            (field.name, field.metadata) for field in TABLES[name]
        ]
        if "recording" in table.schema.names:  # what is mapped names its drive
            assert set(table["recording"].to_pylist()) == {job.recording.name}
    assert tables["frames"]["frame"].to_pylist() == list(range(FRAMES))
    assert None not in tables["frames"]["latitude"].to_pylist()
    (run,) = tables["run"].to_pylist()
    assert (run["frames"], run["width"], run["height"], run["country"]) == (FRAMES, 1280, 720, "de")
    assert run["metres"] > 1
    with signpipe.watch(tmp_path / "drive.mp4", runtime={"threads": 1}) as watching:
        looks = [
            (r.frame.index, t.id, t.class_id) for r in watching for t in r.tracks if isinstance(r.frame, signpipe.Frame)
        ]
        names = watching.catalogue.names
    columns = (tables["tracks"][name].to_pylist() for name in ("frame", "track", "best_class_name"))
    assert list(zip(*columns, strict=True)) == [(frame, track, names[best]) for frame, track, best in looks]
    assert set(tables["signs"]["track"].to_pylist()) == {track for _, track, _ in looks} != set()


@pytest.mark.slow
def test_what_was_split_is_the_same_to_the_byte(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    (whole,), (split,) = jobs(clip), jobs(clip, out=tmp_path / "split", piece=0.15)
    work(whole)
    outcome = work(split)
    assert (outcome.error, outcome.pieces) == (None, 3)
    assert results(tmp_path / "split") == results(tmp_path / "out") != {}
    assert not (tmp_path / "split" / "pieces" / next((tmp_path / "out" / "recordings").iterdir()).name).exists()


@pytest.mark.slow
def test_a_piece_that_is_missing_changes_nothing(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    (whole,), (split,) = jobs(clip), jobs(clip, out=tmp_path / "split", piece=0.15)
    work(whole)
    assert run_task(Task(split, 1, 3)).error is None
    assert run_task(Task(split, None, 3)).error is None
    assert results(tmp_path / "split") == results(tmp_path / "out")


@pytest.mark.slow
def test_only_what_must_be_is_worked_on_again(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    video = tmp_path / "drive.mp4"
    shutil.copy(clip, video)

    def again(**settings: object) -> bool:
        (job,) = jobs(video, **settings)
        outcome = work(job)
        assert outcome.error is None
        return not outcome.skipped

    assert again()
    assert not again()
    os.utime(video, (1, 1))
    assert not again(), "the content is the same"
    assert not again(output__folder=tmp_path / "elsewhere"), "where results go is no matter"
    assert again(decide__ban_expiry=200.0)
    assert not again(decide__ban_expiry=200.0)
    (tables,) = (tmp_path / "out" / "recordings").iterdir()
    (tables / "signs.parquet").write_bytes((tables / "signs.parquet").read_bytes()[:-1] + b"?")
    assert again(decide__ban_expiry=200.0), "a table was altered"
    (tables / "manifest.json").write_text("{")
    assert again(decide__ban_expiry=200.0), "the manifest can't be read"
    shutil.copy(SAMPLE.with_suffix(".gpx"), tmp_path / "drive.gpx")
    assert again(decide__ban_expiry=200.0), "it has positions now"


def test_a_bad_recording_is_told_in_a_sentence_and_leaves_nothing(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.mp4").touch()
    (tmp_path / "in" / "text.mp4").write_text("no video" * 100)
    for job in jobs(tmp_path / "in"):
        outcome = run_task(Task(job))
        assert outcome.lasting
        assert outcome.error is not None
        assert outcome.error.endswith(".")
        assert job.recording.address in outcome.error
    assert not results(tmp_path / "out")
    assert not list((tmp_path / "out" / ".work").iterdir())


@pytest.mark.slow
def test_what_is_wrong_with_a_recording_goes_with_it(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes())
    track = SAMPLE.with_suffix(".gpx").read_text()
    (tmp_path / "cut.gpx").write_text(track.replace('lat="', 'lat="9', 1))
    (job,) = jobs(tmp_path / "cut.mp4")
    assert work(job).error is None
    (run,) = pq.read_table(tmp_path / "out" / "recordings" / job.recording.name / "run.parquet").to_pylist()
    assert any("cut.gpx" in warning for warning in run["warnings"])


@pytest.mark.slow
def test_a_full_disk_is_told_in_a_sentence(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", "size=256k") as disk:
        (job,) = jobs(clip, out=disk / "tables")
        (disk / "filling").write_bytes(bytes(240 * 1024))
        outcome = run_task(Task(job))
        assert outcome.error is not None
        assert outcome.error.startswith(f"The results can't be written to {disk / 'tables'}: ")
        assert "No space left on device" in outcome.error
        assert outcome.lasting
        assert not results(disk / "tables")
        (disk / "filling").unlink()
        assert run_task(Task(job)).error is None


def test_the_reference_lists_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "batch.md").read_text(encoding="utf-8")
    assert reference() in page


@pytest.mark.slow
def test_the_manifest_names_every_table_with_its_digest(clip: Path, jobs: Jobs, tmp_path: Path) -> None:
    (job,) = jobs(clip)
    work(job)
    manifest = json.loads((tmp_path / "out" / "recordings" / job.recording.name / "manifest.json").read_text())
    assert set(manifest["files"]) == {f"{name}.parquet" for name in TABLES}
    assert manifest["identity"] == job.identity
