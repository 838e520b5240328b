"""Recordings that are sent in: what becomes of them, and of those that were under way when something died."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from signpipe.serve.database import Database, Job, JobState, SignFilter
from signpipe.serve.jobs import Jobs
from tests.serve.test_store import sign
from tests.support.serving import Server


def send(server: Server, clip: Path, **parameters: Any) -> str:
    """Send in a recording; return its job."""
    answer = server.client.post("/v1/jobs", params={"name": "drive.mp4", **parameters}, content=clip.read_bytes())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ended(server: Server, job_id: str) -> dict[str, Any]:
    """Wait until a job is over."""

    def over() -> Any:
        job = server.get(f"/v1/jobs/{job_id}")
        return job if job["state"] in ("done", "failed", "cancelled") else None

    found: dict[str, Any] = server.wait_for(over, f"job {job_id} to end")
    return found


def signs_of(server: Server, job_id: str) -> list[tuple[int, str]]:
    signs = server.get("/v1/signs", source=f"job-{job_id}", limit=500)["signs"]
    return sorted((sign["track"], sign["class_name"]) for sign in signs)


@pytest.mark.slow
def test_a_recording_is_watched_and_its_results_can_be_fetched(server: Server, clip: Path) -> None:
    job = ended(server, job_id := send(server, clip, video=True))
    assert job["state"] == "done"
    assert job["progress"] == 1.0
    assert job["files"] == ["annotated.mp4", "detections.jsonl", "events.jsonl", "signs.json"]
    text = server.client.get(f"/v1/jobs/{job_id}/files/detections.jsonl").text
    records = [json.loads(line) for line in text.splitlines()]
    assert [record["type"] for record in records] == ["run", *["frame"] * 48, "end"]
    assert server.client.get(f"/v1/jobs/{job_id}/files/annotated.mp4").content[4:8] == b"ftyp"
    assert signs_of(server, job_id)
    assert not list((server.data / "uploads").iterdir())
    assert server.client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert server.client.get(f"/v1/jobs/{job_id}").status_code == 404
    assert not (server.data / "jobs" / job_id).exists()


@pytest.mark.slow
def test_what_is_no_recording_fails_with_the_reason(server: Server) -> None:
    answer = server.client.post("/v1/jobs", params={"name": "x.mp4"}, content=b"no video at all")
    job = ended(server, answer.json()["id"])
    assert job["state"] == "failed"
    assert job["reason"]
    assert job["files"] == []


@pytest.mark.slow
def test_a_job_can_be_cancelled_before_and_while_it_runs(server: Server, clip: Path) -> None:
    first, second = send(server, clip), send(server, clip)
    server.wait_for(lambda: server.get(f"/v1/jobs/{first}")["state"] == "running", "the first job to run")
    for job_id in (second, first):
        assert server.client.delete(f"/v1/jobs/{job_id}").status_code == 204
        assert ended(server, job_id)["state"] == "cancelled"
    server.wait_for(lambda: not list((server.data / "jobs").glob("*.part")), "half a result to go")
    assert not list((server.data / "uploads").iterdir())


def test_a_database_keeps_all_of_a_job_or_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    database.add_job(Job("a", "a.mp4", JobState.QUEUED, False, 1.0))
    database.begin_job("a", 2.0)
    with pytest.raises(sqlite3.IntegrityError):
        database.finish_job("a", JobState.DONE, 3.0, files=["x"], signs=[({"source": "s", "run": "r"}, b"")])
    job = database.job("a")
    assert job is not None
    assert (job.state, job.files, job.attempts) == (JobState.RUNNING, (), 1)
    database.close()


def test_a_job_that_was_kept_but_not_recorded_when_the_server_died_is_recorded_once(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    database.add_job(Job("0" * 16, "a.mp4", JobState.QUEUED, False, 1.0))
    database.begin_job("0" * 16, 2.0)
    kept = tmp_path / "jobs" / ("0" * 16)
    kept.mkdir(parents=True)
    told = sign(source="job-x", run="job-x", first=1.0, last=2.0, crop="ff")
    (kept / "signs.json").write_text(json.dumps([told]))
    half = tmp_path / "jobs" / "1111.part"
    half.mkdir()
    left = tmp_path / "uploads" / "2222.mp4.part"
    left.parent.mkdir()
    left.touch()
    for _ in range(2):  # and the next server changes nothing
        Jobs(database, tmp_path, {}, lambda *_: None).close()
        job = database.job("0" * 16)
        assert job is not None
        assert (job.state, job.files) == (JobState.DONE, ("signs.json",))
        assert [one["track"] for one in database.signs(SignFilter(), None, 9)] == [1]
    assert not half.exists()
    assert not left.exists()
