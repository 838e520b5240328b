"""A batch as a whole: what there is to do, who does it, and what is left of it in the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from signpipe.batch.cells import Cell
from signpipe.batch.engines import Engine
from signpipe.batch.engines.local import LocalEngine
from signpipe.batch.manifest import describe, identity_of, read_manifest
from signpipe.batch.recordings import find_recordings
from signpipe.batch.schedule import Report, Runner, Schedule
from signpipe.batch.store import MARKER, Store
from signpipe.batch.work import RESULTS, Job, Outcome
from signpipe.errors import ExtraMissingError, ModelError, OutputError, SettingsError
from signpipe.runtime.cores import usable_cores
from signpipe.runtime.manifest import find_model
from signpipe.settings import AUTO, OUTPUTS, Settings, override_settings
from signpipe.shipped import shipped

ENGINES = ("local", "ray")
FAILURES = "failures.json"


class Batch:
    """Recordings to be turned into tables.

    Args:
        specs: What `find_recordings` takes.
        out: Folder or address of the results.
        settings: The whole configuration; where it sends results is passed over.
        piece: Seconds of a piece of a long recording.

    Raises:
        SourceError: There is no recording by any of the names.
        OutputError: Nothing can be written there.
        ModelError: A model is unknown, missing or altered.
        SettingsError: There is no such kind of address, or an input that the settings name isn't there.

    Attributes:
        jobs: The recordings, the largest first.
        bytes: The size of all.
        refused: Why nothing can be read by a name, by that name.
    """

    def __init__(self, specs: Sequence[str], out: str, settings: Settings, piece: float) -> None:
        out = out.removeprefix("file://")
        self.out = out if "://" in out else str(Path(out).absolute())
        self._store = Store(self.out)
        recordings, self.refused = find_recordings(specs)
        _check_inputs(settings)
        plain, self._provider = _without_outputs(settings), settings.runtime.provider
        identity = identity_of(settings, model_digests(settings))
        self.jobs = [Job(recording, self.out, plain, identity, piece) for recording in recordings]
        self.bytes = sum(recording.bytes for recording in recordings)

    @contextmanager
    def open_engine(self, workers: int, kind: str = "local", address: str | None = None) -> Iterator[Engine]:
        """Give what does the work; while it is open, nobody else may write to the same place.

        Args:
            workers: How many tasks at a time; 0 is one for each core, or what the cluster has.
            kind: "local" or "ray".
            address: Of the cluster; None is one of its own.

        Raises:
            OutputError: Nothing can be written there, or another run writes there.
            SettingsError: There is no such engine, or no cluster at the address.
            ExtraMissingError: Ray isn't installed.
        """
        if kind not in ENGINES:
            raise SettingsError(f"There is no engine '{kind}'; there are {' and '.join(ENGINES)}.")
        self._store.prepare()
        with _lock(self._store):
            self._store.clear_work()
            engine = self._open(workers, kind, address)
            ended = False
            try:
                yield engine
                ended = True
            finally:
                engine.close(kill=not ended)

    def _open(self, workers: int, kind: str, address: str | None) -> Engine:
        if kind == "local":
            return LocalEngine(min(workers or usable_cores(), len(self.jobs)))
        try:
            from signpipe.batch.engines.ray import RayEngine
        except ModuleNotFoundError:
            raise ExtraMissingError("the engine ray", "ray") from None
        return RayEngine(workers, address, 1.0 if self._provider in ("cuda", "tensorrt") else 0.0)

    def run(
        self,
        engine: Engine,
        retries: int,
        drain: threading.Event,
        told: Callable[[Job, Outcome], None],
    ) -> Report:
        """Work on all recordings.

        Args:
            engine: Does the work.
            retries: How often a task is tried again.
            drain: Once it is set, nothing new is begun.
            told: Called when a recording is done with.

        Raises:
            OutputError: The list of failures can't be written.
        """
        report = Report()
        schedule = Schedule(Runner(engine, retries, drain, report), told)
        schedule.run(self.jobs)
        if not report.left:
            schedule.merge(self._cells(report))
        report.failed |= self.refused
        try:
            self._store.write(FAILURES, (json.dumps(report.failed, indent=1, sort_keys=True) + "\n").encode())
        except OSError as error:
            raise OutputError(f"The list of failures can't be written to {self.out}: {error.strerror}.") from None
        return report

    def _cells(self, report: Report) -> list[Cell]:
        """Return the cells of all recordings among the results, those of earlier runs too."""
        placed = dict(report.placed)
        for name in self._store.folders(RESULTS):
            if name not in placed:
                manifest = read_manifest(self._store.read(f"{RESULTS}/{name}/{MARKER}"))
                if manifest is not None:
                    placed[name] = (manifest.cells, manifest.placed)
        members: dict[str, list[tuple[str, str]]] = {}
        for name, (cells, digest) in sorted(placed.items()):
            for cell in cells:
                members.setdefault(cell, []).append((name, digest))
        return [Cell(cell, self.out, tuple(members[cell])) for cell in sorted(members)]


def model_digests(settings: Settings) -> dict[str, str]:
    """Return the SHA-256 of each model's file by its name, and of what names signs beyond the classifier's own.

    Raises:
        ModelError: One is unknown, missing or altered.
    """
    named = {"detector": settings.detector, "classifier": settings.classifier}
    if settings.country.code == AUTO:
        named["classifier"] = settings.classify.model
        named["embedder"] = settings.embedder
    digests = {}
    for role, name in named.items():
        found = find_model(name, "classifier" if role == "embedder" else role, settings.runtime.models)
        digests[role] = _digest(found if isinstance(found, Path) else found.path)
    if settings.figures.enabled:
        with suppress(ModelError):  # a folder of models without a reader is told of when they are opened
            reader = find_model(settings.figures.model, "reader", settings.runtime.models)
            digests["reader"] = _digest(reader if isinstance(reader, Path) else reader.path)
    prototypes = settings.country.prototypes or shipped("models") / "prototypes.npz"
    if prototypes.is_file():
        digests["prototypes"] = _digest(prototypes)
    return digests


def _digest(path: Path) -> str:
    try:
        return describe(path).sha256
    except OSError as error:
        raise ModelError(f"The model file {path} can't be read: {error.strerror}.") from None


def _check_inputs(settings: Settings) -> None:
    """Make sure that what all recordings need is there, before each of them says so."""
    if settings.map.file is not None and not settings.map.file.is_file():
        raise SettingsError(f"There is no map {settings.map.file}; give a GeoJSON, .osm or .osm.pbf file.")


def _without_outputs(settings: Settings) -> dict[str, object]:
    """Return the settings as plain values, with what recordings need."""
    kept = {name: section for name, section in settings.model_dump(mode="json").items() if name not in OUTPUTS}
    plain = override_settings(None, kept | {"capture.loop": 1, "capture.policy": "wait", "detect.raw": False})
    return plain.model_dump(mode="json", exclude=set(OUTPUTS))


@contextmanager
def _lock(store: Store) -> Iterator[None]:
    """Keep others from writing to a folder; a lock ends with its process, however that ends."""
    if not store.is_local:
        yield
        return
    import fcntl

    with Path(store.path(".lock")).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(f"Another batch is writing to {store.address}; wait for it, or end it.") from None
        yield
