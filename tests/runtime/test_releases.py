"""Releases change whole or not at all, in whatever order and by however many they are asked for."""

from __future__ import annotations

import multiprocessing
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from signpipe.errors import ModelError, OutputError
from signpipe.runtime import releases
from signpipe.runtime.manifest import load_manifest
from tests.runtime import graphs


@pytest.fixture
def others(models: Path, tmp_path: Path) -> Path:
    """Return a folder of models that differs from `models`."""
    folder = tmp_path / "others"
    shutil.copytree(models, folder)
    (folder / "card.md").write_text("another one")
    return folder


def running(root: Path) -> str:
    """Return what runs, after looking whether it is whole."""
    for entry in load_manifest(root / "current").values():
        entry.verify()
    return releases.current(root)


def test_promoted_rolled_back_and_written_down(models: Path, others: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    first = releases.promote(root, models, "ada", "the first")
    second = releases.promote(root, others, "bob", gate="forced")
    assert running(root) == second.release != first.release
    assert second.before == first.release
    back = releases.rollback(root, "ada", "worse at night")
    assert running(root) == first.release == back.release
    assert releases.history(root) == [first, second, back]
    assert [change.gate for change in releases.history(root)] == ["passed", "forced", "passed"]
    with pytest.raises(ModelError, match="nothing to go back to"):
        releases.rollback(root, "ada")
    again = releases.promote(root, others, "ada")  # the same models have the same name
    assert again.release == second.release
    assert len(list((root / "releases").iterdir())) == 2


def test_what_runs_already_and_what_is_altered_is_refused(models: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    with pytest.raises(ModelError, match="nothing to go back to"):
        releases.rollback(root, "ada")
    first = releases.promote(root, models, "ada")
    with pytest.raises(ModelError, match="what runs already"):
        releases.promote(root, models, "ada")
    altered = tmp_path / "altered"
    shutil.copytree(models, altered)
    (altered / "read.onnx").write_bytes(b"something else")
    with pytest.raises(ModelError, match="isn't the one that its manifest describes"):
        releases.promote(root, altered, "ada")
    assert running(root) == first.release


def test_a_promotion_that_was_cut_off_leaves_what_ran(
    models: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    first = releases.promote(root, models, "ada")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(releases, "_write", full)
        with pytest.raises(OutputError, match=r"No space left on device.*still does"):
            releases.promote(root, others, "ada")
    assert running(root) == first.release
    assert len(releases.history(root)) == 1
    (root / "releases" / ".half.part").mkdir()  # as a process leaves it that was killed while it copied
    second = releases.promote(root, others, "ada")
    assert running(root) == second.release
    assert len(releases.history(root)) == 2


def _promote(root: Path, models: Path, times: int) -> None:
    for _ in range(times):
        try:
            releases.promote(root, models, "one of two")
        except ModelError:  # the other one's turn has not come in between
            continue


@pytest.mark.slow
def test_two_at_once_wait_for_each_other(models: Path, others: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_promote, args=(root, folder, 15)) for folder in (models, others)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        if (root / "current").exists():
            assert running(root)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    changes = releases.history(root)
    assert changes[-1].release == running(root)
    for before, change in pairwise(changes):
        assert change.before == before.release


def test_who_opened_the_models_before_a_promotion_keeps_them(models: Path, others: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    releases.promote(root, models, "ada")
    (others / "read.onnx").write_bytes((models / "find.onnx").read_bytes())
    opened = load_manifest(root / "current")
    graphs.write_manifest(others, graphs.detector_table(others / "find.onnx"))
    releases.promote(root, others, "ada")
    for entry in opened.values():
        entry.verify()
    assert list(load_manifest(root / "current")) == ["find"]
