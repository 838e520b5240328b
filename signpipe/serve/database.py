"""What the server remembers: sources that were added, jobs, and signs, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError
from signpipe.serve.wire import Message

VERSION = 1

_SCHEMA = """
CREATE TABLE sources (name TEXT PRIMARY KEY, address TEXT NOT NULL, settings TEXT NOT NULL);
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, video INTEGER NOT NULL, created REAL NOT NULL,
    started REAL, finished REAL, attempts INTEGER NOT NULL DEFAULT 0, reason TEXT, files TEXT NOT NULL DEFAULT '[]');
CREATE INDEX jobs_by_state ON jobs (state, created);
CREATE TABLE signs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, run TEXT NOT NULL, track INTEGER NOT NULL,
    first REAL NOT NULL, last REAL NOT NULL, class_name TEXT NOT NULL, title TEXT NOT NULL, category TEXT NOT NULL,
    probability REAL NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, witnesses TEXT NOT NULL, conflict TEXT,
    media_time REAL, latitude REAL, longitude REAL, ended INTEGER NOT NULL, crop BLOB NOT NULL,
    UNIQUE (run, track));
CREATE INDEX signs_by_time ON signs (last);
CREATE INDEX signs_by_source ON signs (source, id);
CREATE INDEX signs_by_class ON signs (class_name, id);
"""
_SHOWN = (
    "id, source, run, track, first, last, class_name, title, category, probability, verdict, reason, witnesses, "
    "conflict, media_time, latitude, longitude, ended"
)  # all of a sign but its crop


class JobState(StrEnum):
    """Where a job is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A recording that was sent in.

    Attributes:
        id: Its name in addresses and on disk.
        name: What whoever sent it calls it.
        state: Where it is on its way.
        video: Whether an annotated video is wanted.
        created: Seconds since 1970.
        started: The same, of its last beginning.
        finished: The same.
        attempts: How often it was begun.
        reason: Why it failed.
        files: Names of the result's files.
    """

    id: str
    name: str
    state: JobState
    video: bool
    created: float
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    reason: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignFilter:
    """Which signs are wanted; None is any.

    Attributes:
        source: Name of the source, or of the job.
        class_name: Class of the catalogue.
        since: Seen at or after, seconds since 1970.
        until: Seen before.
    """

    source: str | None = None
    class_name: str | None = None
    since: float | None = None
    until: float | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL and its values."""
        given = {
            "source = ?": self.source,
            "class_name = ?": self.class_name,
            "last >= ?": self.since,
            "first < ?": self.until,
        }
        used = {text: value for text, value in given.items() if value is not None}
        return " AND ".join(used) or "1", list(used.values())


@dataclass(frozen=True, slots=True)
class AddedSource:
    """A source that was added over the API."""

    name: str
    address: str
    settings: dict[str, Any] = field(default_factory=dict)


class Database:
    """The file; any thread may call any method.

    Args:
        path: The file; created if need be.

    Raises:
        OutputError: It can't be opened, is damaged, or was made by a later version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, timeout=10.0, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")  # a job that is done stays so, whatever is unplugged
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            whole = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
            if version == 0:
                self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.Error as error:
            raise OutputError(
                f"The database {path} can't be used ({error}); make room or name another folder."
            ) from None
        if not whole or version > VERSION:
            why = "was made by a later version" if whole else "is damaged: restore it or move it away"
            raise OutputError(f"The database {path} {why}.")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def check(self) -> None:
        """Try to write.

        Raises:
            sqlite3.Error: It can't be written.
        """
        with self._write() as write:
            write.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Do all or nothing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    # Sources

    def sources(self) -> list[AddedSource]:
        """Return the sources that were added, in the order in which they were."""
        rows = self._rows("SELECT * FROM sources ORDER BY rowid")
        return [AddedSource(row["name"], row["address"], json.loads(row["settings"])) for row in rows]

    def add_source(self, source: AddedSource) -> None:
        """Keep a source."""
        with self._write() as write:
            values = (source.name, source.address, json.dumps(source.settings))
            write.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", values)

    def remove_source(self, name: str) -> None:
        """Forget a source; its signs stay."""
        with self._write() as write:
            write.execute("DELETE FROM sources WHERE name = ?", (name,))

    # Jobs

    def jobs(self, state: JobState | None = None) -> list[Job]:
        """Return the jobs, the oldest first."""
        condition, values = ("WHERE state = ?", (state.value,)) if state else ("", ())
        return [_job(row) for row in self._rows(f"SELECT * FROM jobs {condition} ORDER BY created, id", values)]

    def job(self, job_id: str) -> Job | None:
        """Return a job."""
        rows = self._rows("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return _job(rows[0]) if rows else None

    def add_job(self, job: Job) -> None:
        """Keep a new job."""
        with self._write() as write:
            values = (job.id, job.name, job.state.value, job.video, job.created)
            write.execute("INSERT INTO jobs (id, name, state, video, created) VALUES (?, ?, ?, ?, ?)", values)

    def begin_job(self, job_id: str, now: float) -> None:
        """Note that a job is begun, once more perhaps."""
        with self._write() as write:
            write.execute(
                "UPDATE jobs SET state = 'running', started = ?, attempts = attempts + 1 WHERE id = ?", (now, job_id)
            )

    def queue_job(self, job_id: str) -> None:
        """Put a job that was begun back into the queue."""
        with self._write() as write:
            write.execute("UPDATE jobs SET state = 'queued' WHERE id = ? AND state = 'running'", (job_id,))

    def finish_job(
        self,
        job_id: str,
        state: JobState,
        now: float,
        reason: str | None = None,
        files: Sequence[str] = (),
        signs: Sequence[tuple[Message, bytes]] = (),
    ) -> None:
        """Note how a job ended, with its files and its signs, all of it or nothing."""
        with self._write() as write:
            write.execute(
                "UPDATE jobs SET state = ?, finished = ?, reason = ?, files = ? WHERE id = ?",
                (state.value, now, reason, json.dumps(list(files)), job_id),
            )
            for sign, crop in signs:
                _put_sign(write, sign, crop)

    def remove_job(self, job_id: str) -> None:
        """Forget a job; its signs stay."""
        with self._write() as write:
            write.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    # Signs

    def put_sign(self, sign: Message, crop: bytes) -> int:
        """Keep a sign, or what is newly known of it.

        Returns:
            Its number.
        """
        with self._write() as write:
            return _put_sign(write, sign, crop)

    def recent_sign(self, source: str, class_name: str, run: str, since: float) -> Message | None:
        """Return the newest sign of a class that another run of a source saw, if it was lately.

        Args:
            source: Name of the source.
            class_name: Class of the catalogue.
            run: The run that asks; its own signs don't count.
            since: Seconds since 1970.
        """
        rows = self._rows(
            f"SELECT {_SHOWN} FROM signs WHERE source = ? AND class_name = ? AND run != ? AND last >= ? "
            "ORDER BY id DESC LIMIT 1",
            (source, class_name, run, since),
        )
        return _sign(rows[0]) if rows else None

    def signs(self, wanted: SignFilter, before: int | None, limit: int) -> list[Message]:
        """Return signs, the newest first.

        Args:
            wanted: Which.
            before: Only those with a lower number: the last one of the page before.
            limit: Most of them.
        """
        condition, values = wanted.where()
        if before is not None:
            condition, values = f"{condition} AND id < ?", [*values, before]
        rows = self._rows(f"SELECT {_SHOWN} FROM signs WHERE {condition} ORDER BY id DESC LIMIT ?", [*values, limit])
        return [_sign(row) for row in rows]

    def sign(self, number: int) -> Message | None:
        """Return one sign."""
        rows = self._rows(f"SELECT {_SHOWN} FROM signs WHERE id = ?", (number,))
        return _sign(rows[0]) if rows else None

    def crop(self, number: int) -> bytes | None:
        """Return the JPEG of one sign."""
        rows = self._rows("SELECT crop FROM signs WHERE id = ?", (number,))
        return bytes(rows[0]["crop"]) if rows else None

    def prune(self, before: float, most: int) -> int:
        """Remove signs that are old, or too many; return how many went."""
        with self._write() as write:
            old = write.execute("DELETE FROM signs WHERE last < ?", (before,)).rowcount
            many = write.execute(
                "DELETE FROM signs WHERE id <= (SELECT id FROM signs ORDER BY id DESC LIMIT 1 OFFSET ?)", (most,)
            ).rowcount
        return old + many


def _put_sign(write: sqlite3.Connection, sign: Message, crop: bytes) -> int:
    names = [name.strip() for name in _SHOWN.split(",")][1:]
    later = ", ".join(f"{name} = excluded.{name}" for name in (*names, "crop") if name not in ("run", "track", "first"))
    row = write.execute(
        f"INSERT INTO signs ({', '.join(names)}, crop) VALUES ({', '.join('?' * len(names))}, ?) "
        f"ON CONFLICT (run, track) DO UPDATE SET {later} RETURNING id",
        [*(sign.get(name) for name in names), crop],
    ).fetchone()
    return int(row["id"])


def _job(row: sqlite3.Row) -> Job:
    values = dict(row) | {"state": JobState(row["state"]), "video": bool(row["video"])}
    return Job(**values | {"files": tuple(json.loads(row["files"]))})


def _sign(row: sqlite3.Row) -> Message:
    return dict(row) | {"ended": bool(row["ended"])}
