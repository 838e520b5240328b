"""Recordings and results in a bucket: moto's server, which speaks S3 over HTTP."""

import io
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("s3fs", reason="needs s3fs, extra 'batch'")
pytest.importorskip("moto", reason="needs moto, extra 'dev'")
pytest.importorskip("flask_cors", reason="needs flask-cors, extra 'dev'")

import fsspec
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

import signpipe
from signpipe.batch.recordings import find_recordings
from signpipe.batch.run import Batch
from signpipe.batch.store import MARKER, Store
from signpipe.batch.work import Task, run_task
from signpipe.cli.main import app
from signpipe.errors import OutputError, SourceError
from signpipe.settings import load_settings
from tests.batch.conftest import FRAMES, Jobs, work
from tests.support.clip import SAMPLE
from tests.support.geotagged import photograph_sample

pytestmark = pytest.mark.slow
PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, clip: Path) -> Iterator[str]:
    """Return the address of a bucket with one recording and its positions."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_ACCESS_KEY_ID", "someone"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    fsspec.filesystem("s3").clear_instance_cache()
    s3 = fsspec.filesystem("s3")
    s3.mkdir("road")
    s3.pipe_file("road/drives/drive.mp4", clip.read_bytes())
    s3.pipe_file("road/drives/drive.gpx", SAMPLE.with_suffix(".gpx").read_bytes())
    yield "s3://road"
    server.stop()
    s3.clear_instance_cache()


def objects(address: str) -> dict[str, bytes]:
    """Return the objects of all recordings but those that tell when and where they were made."""
    fs, root = fsspec.core.url_to_fs(address)
    fs.invalidate_cache()
    names = [name for name in fs.find(root) if "/recordings/" in name and not name.endswith("provenance.json")]
    return {name.removeprefix(root): fs.cat_file(name) for name in names}


def test_from_a_bucket_to_a_bucket(bucket: str, jobs: Jobs) -> None:
    (job,) = jobs(f"{bucket}/drives", out=f"{bucket}/tables")
    assert job.recording.position == "s3://road/drives/drive.gpx"
    assert work(job).error is None
    (again,) = jobs(f"{bucket}/drives/*.mp4", out=f"{bucket}/tables")
    assert work(again).skipped
    (split,) = jobs(f"{bucket}/drives/drive.mp4", out=f"{bucket}/split", piece=0.15)
    assert work(split).pieces == 3
    assert objects(f"{bucket}/split") == objects(f"{bucket}/tables") != {}
    frames = pq.read_table(io.BytesIO(objects(f"{bucket}/tables")[f"/recordings/{job.recording.name}/frames.parquet"]))
    assert frames.num_rows == FRAMES
    assert None not in frames["latitude"].to_pylist()


def test_a_folder_of_pictures_in_a_bucket_is_a_recording(bucket: str, jobs: Jobs, tmp_path: Path) -> None:
    for file in photograph_sample(tmp_path / "walk", [0.0, 1.2, 2.4, 3.6]):
        fsspec.filesystem("s3").pipe_file(f"road/walks/first/{file.name}", file.read_bytes())
    (job,) = jobs(f"{bucket}/walks", out=f"{bucket}/tables")
    assert (job.recording.address, job.recording.is_folder) == ("s3://road/walks/first", True)
    assert work(job).error is None
    assert work(job).skipped
    written = objects(f"{bucket}/tables")
    folder = f"/recordings/{job.recording.name}"
    frames, run = (pq.read_table(io.BytesIO(written[f"{folder}/{name}.parquet"])) for name in ("frames", "run"))
    assert frames["media_time"].to_pylist() == pytest.approx([0.0, 1.2, 2.4, 3.6])
    assert None not in frames["latitude"].to_pylist()
    assert run["source"].to_pylist() == ["s3://road/walks/first"]


def test_what_lacks_its_manifest_is_worked_on_again(bucket: str, jobs: Jobs) -> None:
    (job,) = jobs(f"{bucket}/drives", out=f"{bucket}/tables")
    assert work(job).error is None
    whole = objects(f"{bucket}/tables")
    store = Store(f"{bucket}/tables")
    for name in (MARKER, "signs.parquet"):
        fsspec.filesystem("s3").rm_file(f"road/tables/recordings/{job.recording.name}/{name}")
    assert not store.read(f"recordings/{job.recording.name}/{MARKER}")
    outcome = work(job)
    assert not outcome.skipped
    assert objects(f"{bucket}/tables") == whole


def test_a_run_reads_a_recording_in_its_bucket(bucket: str) -> None:
    with signpipe.watch(f"{bucket}/drives/drive.mp4", runtime={"threads": 1}) as watching:
        assert sum(not result.is_gap for result in watching) == FRAMES
    with pytest.raises(SourceError, match="There is no recording s3://road/other"):
        signpipe.watch(f"{bucket}/other.mp4").__enter__()


def test_a_bucket_without_rights_is_told_in_a_sentence(bucket: str, jobs: Jobs, clip: Path, tmp_path: Path) -> None:
    (job,) = jobs(f"{bucket}/drives", out=f"{bucket}/tables")
    local = Batch([str(clip)], f"{bucket}/tables", load_settings(), 600.0)
    with pytest.raises(SourceError, match="There is no recording 's3://nowhere/drives'"):
        find_recordings(["s3://nowhere/drives"])
    endpoint = fsspec.filesystem("s3").s3.meta.endpoint_url
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=b"0", headers=PLAIN, method="POST")
    urllib.request.urlopen(request).close()  # from now on, nobody knows this user
    try:
        with pytest.raises(OutputError, match="can't be written to s3://road/tables"), local.open_engine(1):
            pass
        outcome = run_task(Task(job))
        assert outcome.error is not None
        assert outcome.error.count("\n") == 0
        fsspec.filesystem("s3").invalidate_cache()
        found, refused = find_recordings(["s3://road/drives/*.mp4", str(clip)])
        assert [recording.address for recording in found] == [str(clip)]
        assert "check your rights" in refused["s3://road/drives/*.mp4"]
        track, out = str(SAMPLE.with_suffix(".gpx")), str(tmp_path / "signs.geojson")
        ended = CliRunner().invoke(app, ["map", f"{bucket}/drives/drive.mp4", "--gpx", track, "--out", out])
        assert isinstance(ended.exception, SourceError)
        assert "s3://road/drives/drive.mp4 can't be read" in str(ended.exception)
        with pytest.raises(SourceError, match="check your rights"):
            find_recordings(["s3://road/drives/*.mp4"])
    finally:
        request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=b"inf", headers=PLAIN, method="POST")
        urllib.request.urlopen(request).close()
