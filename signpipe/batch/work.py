"""The work on recordings: functions of plain values, which any process on any machine can run."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from signpipe.batch.cells import Cell, merge_cell, touched
from signpipe.batch.manifest import Manifest, content_digest, describe, read_manifest
from signpipe.batch.pieces import Memo, duration_of, perceive
from signpipe.batch.recordings import Recording, list_pictures
from signpipe.batch.schema import SCHEMA, TABLES
from signpipe.batch.store import MARKER, Store, explain, file_system
from signpipe.batch.tables import Tables
from signpipe.errors import SignpipeError, SourceError
from signpipe.mapping.driven import place_watched, sizes_of
from signpipe.mapping.watched import gather_watched
from signpipe.position import find_positions
from signpipe.runtime.session import Models, open_models
from signpipe.settings import AUTO, Settings, override_settings
from signpipe.sinks.base import settings_digest
from signpipe.sources import redact
from signpipe.watching import watch

RESULTS = "recordings"
PIECES = "pieces"
PROVENANCE = "provenance.json"
_NO_USE = (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError)  # trying again won't help
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Job:
    """A recording to be worked on, with all that the work depends on.

    Attributes:
        recording: What it is.
        out: Where the results go.
        settings: `Settings`, as plain values.
        identity: Digest of settings, models and version.
        piece: Seconds of a piece; a recording of more than one and a half is split.
    """

    recording: Recording
    out: str
    settings: dict[str, Any] = field(repr=False)
    identity: str
    piece: float


@dataclass(frozen=True, slots=True)
class Task:
    """Something for one process to do.

    Attributes:
        job: The recording.
        piece: Number of the piece to perceive, or None for the recording itself.
        pieces: Of how many pieces it is; 0 where that isn't known yet.
    """

    job: Job
    piece: int | None = None
    pieces: int = 0

    @property
    def out(self) -> str:
        """Where the results go."""
        return self.job.out

    def __str__(self) -> str:
        part = "" if self.piece is None else f", piece {self.piece + 1} of {self.pieces}"
        return f"{self.job.recording.name}{part}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        error: One sentence, or None if it was done.
        lasting: True if trying again wouldn't help.
        pieces: The recording is to be perceived in so many pieces first.
        skipped: It had been done before.
        seconds: Seconds of video that were worked on.
        cpu: Seconds of processor time.
        wall: Seconds on the clock.
        memory: Most memory that the process has had, bytes.
        cells: Cells of the map that a recording has something to say of.
        placed: Digest of that.
    """

    error: str | None = None
    lasting: bool = False
    pieces: int = 0
    skipped: bool = False
    seconds: float = 0.0
    cpu: float = 0.0
    wall: float = 0.0
    memory: int = 0
    cells: tuple[str, ...] = ()
    placed: str = ""


Work = Task | Cell


def run_task(task: Work) -> Outcome:
    """Do a task; whatever goes wrong with it is told, not raised."""
    cpu, wall = time.process_time(), time.monotonic()
    try:
        if isinstance(task, Cell):
            outcome = Outcome(skipped=not merge_cell(task))
        else:
            outcome = _perceive(task) if task.piece is not None else _work(task)
    except SignpipeError as error:
        return Outcome(str(error), lasting=True)
    except OSError as error:
        no_room = error.errno in _NO_ROOM
        where = f"The results can't be written to {task.out}" if no_room else f"Work on {task} stopped"
        return Outcome(f"{where}: {explain(error)}.", lasting=no_room or isinstance(error, _NO_USE))
    except Exception as error:  # of any library: the other recordings go on
        logging.getLogger(__name__).debug("The failure of %s in full:", task, exc_info=error)
        return Outcome(f"Work on {task} stopped: {type(error).__name__}: {explain(error)}.")
    return replace(
        outcome,
        cpu=time.process_time() - cpu,
        wall=time.monotonic() - wall,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def _work(task: Task) -> Outcome:
    """Work on a recording, unless it is done already, or is to be split."""
    job, store = task.job, Store(task.job.out)
    folder = f"{RESULTS}/{job.recording.name}"
    before = read_manifest(store.read(f"{folder}/{MARKER}"))
    provenance = _read_provenance(store.read(f"{folder}/{PROVENANCE}")) if before else {}
    known = _known(before.source if before else None, provenance.get("source"))
    source, seen = content_digest(job.recording.address, known, job.recording.is_folder)
    position, seen_position = None, None
    if job.recording.position:
        known = _known(before.position if before else None, provenance.get("position"))
        position, seen_position = content_digest(job.recording.position, known)
    if before and before.rests_on(source, position, job.identity) and _is_whole(store, folder, before):
        return Outcome(skipped=True, cells=before.cells, placed=before.placed)
    pieces = task.pieces or _split(job)
    if pieces > 1 and not task.pieces:
        return Outcome(pieces=pieces)
    start, cpu = time.time(), time.process_time()
    with store.scratch(job.recording.name) as scratch:
        seconds = _tabulate(job, scratch, _memo(store, task))
        files = {name: describe(scratch / name) for name in sorted(each.name for each in scratch.iterdir())}
        cells = touched({table: pq.read_table(scratch / f"{table}.parquet") for table in ("places", "waypoints")})
        manifest = Manifest(job.recording.name, source, position, job.identity, cells, files)
        told = {
            "schema": SCHEMA,
            "source": seen,
            "position": seen_position,
            "started": start,
            "wall_seconds": time.time() - start,
            "cpu_seconds": time.process_time() - cpu,
            "machine": platform.node(),
            "process": os.getpid(),
        }
        (scratch / PROVENANCE).write_text(json.dumps(told, indent=1) + "\n")
        (scratch / MARKER).write_bytes(manifest.to_json())
        store.commit(scratch, folder)
    store.remove(_pieces_folder(job))
    return Outcome(seconds=seconds, cells=cells, placed=manifest.placed)


def _perceive(task: Task) -> Outcome:
    """Perceive one piece of a recording, unless that is done already."""
    assert task.piece is not None
    job, store = task.job, Store(task.job.out)
    name = f"{_pieces_folder(job)}/{task.piece:04d}-{task.pieces:04d}.npz"
    if name.rpartition("/")[2] in store.sizes(_pieces_folder(job)):
        return Outcome(skipped=True)
    start, end = task.piece * job.piece, (task.piece + 1) * job.piece if task.piece + 1 < task.pieces else math.inf
    settings = settings_of(job)
    content, seconds = perceive(job.recording.address, settings, _models(job), start, end)
    store.write(name, content)
    return Outcome(seconds=seconds)


def _split(job: Job) -> int:
    """Return of how many pieces a recording is; 1 where its length isn't known, and of pictures, which are few."""
    if job.recording.is_folder:
        return 1
    seconds = duration_of(job.recording.address, settings_of(job).capture)
    return max(math.ceil(seconds / job.piece), 1) if seconds and seconds > 1.5 * job.piece else 1


def _memo(store: Store, task: Task) -> Memo | None:
    """Return what was perceived of the pieces; a piece that is missing is perceived again with the rest."""
    if not task.pieces:
        return None
    folder = _pieces_folder(task.job)
    parts = (store.read(f"{folder}/{piece:04d}-{task.pieces:04d}.npz") for piece in range(task.pieces))
    return Memo.load(part for part in parts if part is not None)


def _pieces_folder(job: Job) -> str:
    return f"{PIECES}/{job.recording.name}-{job.identity[:12]}"


def _tabulate(job: Job, folder: Path, memo: Memo | None) -> float:
    """Write the tables of a recording; return its seconds."""
    with _warnings() as warned, _at_hand(job.recording) as (address, position):
        settings = override_settings(settings_of(job), {"position.source": position} if position else {})
        with (
            watch(address, settings, models=_models(job)) as watching,
            closing(Tables(folder, job.recording.name, watching.catalogue)) as tables,
        ):
            pipeline = watching.pipeline
            if memo is not None:
                memo.attach(pipeline)
            country = pipeline.country.code if pipeline.country else None
            recording = gather_watched(job.recording.name, country, tables.through(watching))
            if recording.placed:
                made_at = None if position == address else watching.info.made_at
                try:
                    tables.add_road(
                        place_watched(
                            recording, watching.settings.camera, sizes_of(pipeline.catalogue), made_at,
                            one_clock=position == address,
                        )
                    )  # fmt: skip
                except SourceError as error:  # too few positions, or another drive's: all but the map goes on without
                    warned.append(str(error))
            source = redact(job.recording.address)
            told = [
                text.replace(address, source).replace(str(position), str(job.recording.position)) for text in warned
            ]
            tables.finish(watching.info, source, settings_digest(settings_of(job)), country, list(dict.fromkeys(told)))
    return tables.seconds


@contextmanager
def _at_hand(recording: Recording) -> Iterator[tuple[str, str | None]]:
    """Give where a recording and its positions can be read from: beside it, or in itself.

    Videos of a store are read in place; pictures and positions of one are fetched for as long.
    """
    address, position = recording.address, recording.position
    with tempfile.TemporaryDirectory(prefix="signpipe-") as folder:
        if recording.is_folder and "://" in address:
            address = str(Path(folder) / "pictures")
            _fetch([entry["name"] for entry in list_pictures(recording.address)], recording.address, Path(address))
        if position is not None and "://" in position:
            (local,) = _fetch([file_system(position)[1]], position, Path(folder))
            position = str(local)
        if position is None and "://" not in address:
            inside = find_positions(Path(address))
            position = None if inside is None else str(inside)
        yield address, position


def _fetch(names: Sequence[str], address: str, folder: Path) -> list[Path]:
    """Fetch files of the store of an address into a folder."""
    fs, _ = file_system(address)
    folder.mkdir(exist_ok=True)
    files = [folder / PurePosixPath(name).name for name in names]
    for name, file in zip(names, files, strict=True):
        fs.get_file(name, str(file))
    return files


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect what is warned of, instead of printing it: it belongs to the recording."""
    logger, told = logging.getLogger("signpipe"), []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    handler = Collect(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def settings_of(job: Job) -> Settings:
    """Return the settings of a job."""
    return override_settings(None, job.settings)


def _models(job: Job) -> Models | None:
    """Return the models, open; a process opens them once. None where a recording's place tells which they are."""
    settings = settings_of(job)
    return None if settings.country.code == AUTO else _open(json.dumps(job.settings))


@lru_cache(maxsize=1)
def _open(settings: str) -> Models:
    return open_models(override_settings(None, json.loads(settings)))


def _known(digest: str | None, seen: Any) -> tuple[dict[str, Any], str] | None:
    return (seen, digest) if digest and isinstance(seen, dict) else None


def _read_provenance(content: bytes | None) -> dict[str, Any]:
    try:
        tree = json.loads(content or b"{}")
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _is_whole(store: Store, folder: str, manifest: Manifest) -> bool:
    """Return True if the tables are there: on a disk by their content, in a store by their sizes."""
    sizes = store.sizes(folder)
    if set(manifest.files) != {f"{table}.parquet" for table in TABLES}:
        return False
    if any(sizes.get(name) != file.bytes for name, file in manifest.files.items()):
        return False
    if not store.is_local:
        return True
    return all(describe(Path(store.path(f"{folder}/{name}"))) == file for name, file in manifest.files.items())
