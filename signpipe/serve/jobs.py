"""Recordings that are sent in: a queue that survives whatever happens to the server."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from signpipe.serve.database import Database, Job, JobState
from signpipe.serve.process import WorkerProcess, stop_all
from signpipe.serve.rounds import Rounds
from signpipe.serve.wire import Message
from signpipe.serve.worker import Task

SUFFIXES: Final = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".webm", ".jpg", ".jpeg", ".png", ".webp")
_SIGNS = "signs.json"
_AGAIN = 5.0  # seconds after which what the disk or the database refused is tried again
_PRUNE = 3600.0  # seconds between two looks for old results

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Running:
    """A job under way.

    Attributes:
        job: What it is.
        process: Its process.
        stats: How it does.
        signs: What it has seen, by track.
        gone: What its process said of its end, once it is over.
    """

    job: Job
    process: WorkerProcess | None = None
    stats: Message = field(default_factory=dict)
    signs: dict[int, tuple[Message, bytes]] = field(default_factory=dict)
    gone: Message | None = None
    cancelled: bool = False


class Jobs:
    """Runs the jobs, the oldest first, each in a process of its own.

    What is on disk is always whole: an upload is named in the database once all of it is there; results are written
    beside their place and moved into it, and only then is the job done, in one step with its signs. So a server or a
    process that is killed at any moment costs time, but neither a job that is done nor a sign that is counted twice.

    Args:
        database: Remembers them.
        folder: Where uploads and results lie.
        settings: Tree of the pipeline's settings.
        tell: Called with the kind of each event and what it says, from any thread.
        parallel: Jobs that run at once.
        attempts: How often a job whose process died is begun.
        days: Days for which results are kept.
        memory: Bytes that a job may use, or None.
        privacy: No annotated video is written, and nothing is kept around a sign in its crop.

    Attributes:
        uploads: Where recordings lie until their job is over.
        results: Where results lie, a folder a job.
        rounds: What runs them.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        settings: Mapping[str, Any],
        tell: Callable[[str, Message], None],
        *,
        parallel: int = 1,
        attempts: int = 3,
        days: float = 30.0,
        memory: int | None = None,
        privacy: bool = False,
    ) -> None:
        self.uploads, self.results = folder / "uploads", folder / "jobs"
        self._database, self._settings, self._tell = database, dict(settings), tell
        self._parallel, self._attempts, self._days = parallel, attempts, days
        self._memory, self._privacy = memory, privacy
        self._running: dict[str, _Running] = {}
        self._lock = threading.RLock()
        self._next_prune = 0.0
        self._recover()
        self.rounds = Rounds("jobs", self._go_on)

    def new_upload(self, name: str) -> tuple[str, Path]:
        """Return the id of a new job and where its recording is to be written; `add` then moves it to its place.

        Args:
            name: What whoever sends it calls it; its ending must be one of `SUFFIXES`.
        """
        job_id = secrets.token_hex(8)
        return job_id, self.uploads / f"{job_id}{Path(name).suffix.lower()}.part"

    def add(self, job_id: str, name: str, upload: Path, video: bool) -> Job:
        """Queue a job whose recording has arrived.

        Raises:
            OSError: The recording can't be kept.
            sqlite3.Error: The job can't be.
        """
        with upload.open("rb") as file:
            os.fsync(file.fileno())
        upload.rename(upload.with_suffix(""))
        job = Job(job_id, name, JobState.QUEUED, video, time.time())
        self._database.add_job(job)
        self._tell("job", self.described(job))
        return job

    def waiting(self) -> int:
        """Return how many jobs wait."""
        return len(self._database.jobs(JobState.QUEUED))

    def described(self, job: Job) -> Message:
        """Return what is told of a job."""
        with self._lock:
            running = self._running.get(job.id)
            stats = running.stats if running else {}
        done = job.state is JobState.DONE
        return {
            "id": job.id,
            "name": job.name,
            "state": job.state.value,
            "created": job.created,
            "started": job.started,
            "finished": job.finished,
            "attempts": job.attempts,
            "reason": job.reason,
            "progress": 1.0 if done else stats.get("progress"),
            "seconds_left": None if done else stats.get("left"),
            "files": list(job.files),
        }

    def file(self, job: Job, name: str) -> Path | None:
        """Return a file of a result; only those that the job is known to have made can be asked for."""
        path = self.results / job.id / name
        return path if name in job.files and path.is_file() else None

    def remove(self, job: Job) -> None:
        """Cancel a job, or remove one that is over with its results."""
        with self._lock:
            running = self._running.get(job.id)
            if running is not None:
                running.cancelled = True
                if running.process is not None:
                    running.process.kill()
                return
            if job.state is JobState.QUEUED:
                self._finish(job, JobState.CANCELLED)
                return
        self._database.remove_job(job.id)
        self._discard(job.id)
        shutil.rmtree(self.results / job.id, ignore_errors=True)

    def close(self) -> None:
        """End what runs; it is begun again when the server is."""
        self.rounds.close()
        with self._lock:
            running = [one.process for one in self._running.values() if one.process is not None]
        stop_all(running)

    def _recover(self) -> None:
        """Bring the disk and the database together after whatever ended the last server."""
        for folder in (self.uploads, self.results):
            folder.mkdir(parents=True, exist_ok=True)
        for part in self.results.glob("*.part"):
            shutil.rmtree(part, ignore_errors=True)
        for job in self._database.jobs(JobState.RUNNING):
            if (self.results / job.id / _SIGNS).is_file():
                self._record(job)
            else:
                self._database.queue_job(job.id)
        wanted = {job.id for job in self._database.jobs(JobState.QUEUED)}
        for upload in self.uploads.iterdir():
            if upload.suffix == ".part" or upload.stem not in wanted:
                upload.unlink(missing_ok=True)

    def _go_on(self) -> None:
        try:
            self._step()
        except (OSError, sqlite3.Error) as error:
            log.error("Jobs can't go on (%s); they are tried again.", error)
            self.rounds.closing.wait(_AGAIN)

    def _step(self) -> None:
        with self._lock:
            over = [one for one in self._running.values() if one.gone is not None]
            for one in self._running.values():
                if self._memory is not None and one.process is not None and one.process.memory > self._memory:
                    one.process.kill()
        for one in over:
            self._conclude(one)
        if len(self._running) < self._parallel:
            for job in self._database.jobs(JobState.QUEUED)[: self._parallel - len(self._running)]:
                self._begin(job)
        if time.monotonic() >= self._next_prune:
            self._next_prune = time.monotonic() + _PRUNE
            self._prune()

    def _begin(self, job: Job) -> None:
        upload = next(self.uploads.glob(f"{job.id}.*"), None)
        if upload is None:
            self._finish(job, JobState.FAILED, "its recording is gone")
            return
        self._database.begin_job(job.id, time.time())
        part = self.results / f"{job.id}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        output = {"jsonl": str(part / "detections.jsonl"), "events": str(part / "events.jsonl"), "status": False}
        if job.video and not self._privacy:
            output["video"] = str(part / "annotated.mp4")
        settings = {**self._settings, "output": output}
        task = Task(f"job {job.id}", str(upload), settings, self._privacy, tells=False)
        begun = self._database.job(job.id)
        if begun is None:
            return
        with self._lock:
            running = self._running[job.id] = _Running(begun)
            running.process = WorkerProcess(task, lambda message, blob: self._receive(running, message, blob))
        self._tell("job", self.described(begun))

    def _receive(self, running: _Running, message: Message, blob: bytes) -> None:
        """Take what a process tells; from the thread that listens to it."""
        kind = message.pop("type")
        with self._lock:
            if kind == "stats":
                running.stats = message
                self._tell("job", self.described(running.job))
            elif kind == "sign":
                running.signs[message["track"]] = message, blob
            elif kind == "gone":
                running.gone = message

    def _conclude(self, running: _Running) -> None:
        """Note how a job ended, or queue it again where its process died."""
        job, said = running.job, (running.gone or {}).get("said") or {}
        part = self.results / f"{job.id}.part"
        if running.cancelled:
            self._finish(job, JobState.CANCELLED)
        elif said.get("type") == "end" and not self.rounds.closing.is_set():
            if part.is_dir():  # else it was kept, but couldn't be recorded a moment ago
                self._keep(running, part)
            self._record(job)
        elif said.get("type") == "error":
            self._finish(job, JobState.FAILED, str(said.get("reason")))
        elif job.attempts >= self._attempts:
            self._finish(job, JobState.FAILED, f"its process died {job.attempts} times; the recording may be damaged")
        else:
            self._database.queue_job(job.id)
        shutil.rmtree(part, ignore_errors=True)
        with self._lock:
            self._running.pop(job.id, None)

    def _keep(self, running: _Running, part: Path) -> None:
        """Move the results of a job into their place: from here on it is done, even if the server dies."""
        now = time.time()
        run = f"job-{running.job.id}"
        signs = [{**sign, "source": run, "run": run, "first": now, "last": now} for sign, _ in running.signs.values()]
        for (_, crop), sign in zip(running.signs.values(), signs, strict=True):
            sign["crop"] = crop.hex()
        (part / _SIGNS).write_text(json.dumps(signs), encoding="utf-8")
        for path in part.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        part.rename(self.results / running.job.id)
        _flush(self.results)

    def _record(self, job: Job) -> None:
        """Note in the database what lies in its place."""
        folder = self.results / job.id
        signs = json.loads((folder / _SIGNS).read_text(encoding="utf-8"))
        crops = [bytes.fromhex(sign.pop("crop")) for sign in signs]
        files = sorted(path.name for path in folder.iterdir())
        self._finish(job, JobState.DONE, files=files, signs=list(zip(signs, crops, strict=True)))

    def _finish(self, job: Job, state: JobState, reason: str | None = None, **found: Any) -> None:
        self._database.finish_job(job.id, state, time.time(), reason, **found)
        self._discard(job.id)
        finished = self._database.job(job.id)
        if finished is not None:
            self._tell("job", self.described(finished))

    def _discard(self, job_id: str) -> None:
        """Remove the recording of a job."""
        for upload in self.uploads.glob(f"{job_id}.*"):
            upload.unlink(missing_ok=True)

    def _prune(self) -> None:
        """Remove jobs that were over long ago."""
        before = time.time() - self._days * 86400
        for job in self._database.jobs():
            if job.finished is not None and job.finished < before:
                self._database.remove_job(job.id)
                shutil.rmtree(self.results / job.id, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Write down to the disk that a folder has come into another, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            os.fsync(handle)
        os.close(handle)
