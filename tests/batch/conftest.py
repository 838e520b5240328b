"""Short recordings, and the work on them in this process."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs pyarrow and fsspec, extra 'batch'")

from signpipe.batch.run import Batch
from signpipe.batch.work import Job, Outcome, Task, run_task
from signpipe.settings import load_settings
from tests.support.clip import cut_sample

FRAMES = 10
Jobs = Callable[..., list[Job]]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of 10 frames with a sign in sight."""
    return cut_sample(tmp_path_factory.mktemp("clip") / "drive.mp4", FRAMES, start=60)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """Return a function that says what there is to do for recordings, with settings by dotted name."""

    def plan(*specs: object, out: object = tmp_path / "out", piece: float = 600.0, **settings: object) -> list[Job]:
        overrides = {"runtime.threads": 1, **{name.replace("__", "."): value for name, value in settings.items()}}
        return Batch([*map(str, specs)], str(out), load_settings(None, overrides), piece).jobs

    return plan


def work(job: Job) -> Outcome:
    """Work on a recording to its end, with all its pieces."""
    outcome = run_task(Task(job))
    if not outcome.pieces:
        return outcome
    for piece in range(outcome.pieces):
        assert run_task(Task(job, piece, outcome.pieces)).error is None
    return replace(run_task(Task(job, None, outcome.pieces)), pieces=outcome.pieces)


def results(out: Path) -> dict[str, bytes]:
    """Return the files of all recordings but those that tell when and where they were made."""
    files = (file for file in sorted((out / "recordings").rglob("*")) if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files if file.name != "provenance.json"}
