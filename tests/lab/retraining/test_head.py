"""The last layer learns what it is taught, says of all else what it said, and is written into both files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import ModelError
from signpipe.lab.few_shot.examples import Examples, read_examples
from signpipe.lab.retraining.head import Head, exact_of, features_of, read_head, teach, write_head
from signpipe.review import ReviewQueue
from signpipe.runtime.manifest import FILE_NAME, load_manifest
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.shipped import shipped
from tests.cli.conftest import Outcome
from tests.cli.conftest import signpipe as signpipe  # the fixture
from tests.lab.few_shot.ten import photographs
from tests.review.items import item
from tests.runtime import graphs

NAMES = load_catalogue().names


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a folder with the shipped classifier, in int8 and float32."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in (FILE_NAME, "classifier.onnx", "classifier-fp32.onnx"):
        shutil.copy(shipped("models") / name, folder)
    return folder


def test_what_is_new_is_learned_and_what_was_said_is_said() -> None:
    rng = np.random.default_rng(4)
    head = Head(rng.normal(size=(6, 16)), rng.normal(size=6))
    old = rng.normal(size=(400, 16)).astype(np.float32)
    new = (3.0 * np.eye(16)[[1] * 12] + 0.2 * rng.normal(size=(12, 16))).astype(np.float32)
    wrong = int((head(new).argmax(axis=1)[0] + 1) % 6)
    taught = teach(head, old, new, np.full(12, wrong, np.int64))
    assert (taught(new).argmax(axis=1) == wrong).all()
    same = taught(old).argmax(axis=1) == head(old).argmax(axis=1)
    assert same.mean() > 0.9


def test_features_are_those_that_the_file_itself_classifies_by(models: Path) -> None:
    crops = np.random.default_rng(2).integers(0, 255, (5, 48, 48, 3), np.uint8)
    entry = exact_of(models, "classifier")
    assert entry.name == "classifier-fp32"
    session = open_session(entry.name, RuntimeSettings(models=models, provider="cpu"), "classifier")
    said = session.run(crops)["probabilities"]
    mine = read_head(entry.path)(features_of(entry.path, crops))[:, :-1]
    # Probabilities are these scores, scaled by a temperature that is the same for all.
    assert (mine.argmax(axis=1) == said.argmax(axis=1)).all()
    slopes = [np.polyfit(row, np.log(p), 1)[0] for row, p in zip(mine, said, strict=True)]
    assert np.allclose(slopes, slopes[0], rtol=0.02)


def test_both_files_get_the_head_and_the_manifest_their_checksums(models: Path) -> None:
    head = read_head(models / "classifier.onnx")
    write_head(models, "classifier", Head(head.weight * 0, head.bias + np.eye(44)[7] * 50))
    crops = np.random.default_rng(2).integers(0, 255, (3, 48, 48, 3), np.uint8)
    for name in ("classifier", "classifier-fp32"):
        entry = load_manifest(models)[name]
        entry.verify()
        assert "signs that people labelled in a review queue" in entry.trained_on
        session = open_session(name, RuntimeSettings(models=models, provider="cpu"), "classifier")
        assert (session.run(crops)["probabilities"].argmax(axis=1) == 7).all()


def test_a_classifier_of_another_make_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be taught"):
        read_head(graphs.classifier(tmp_path / "other.onnx"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_labels_of_known_classes_are_taught_and_the_old_validation_stands(
    signpipe: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNPIPE_DATA", raising=False)  # whoever has photographs is judged on these instead
    queue, out = ReviewQueue(tmp_path / "queue"), tmp_path / "candidate"
    for picture in photographs("no_left_turn", 8, seed=3):  # as a country's own drawing of "no vehicles" might be
        place = tmp_path / "pictures"
        place.mkdir(exist_ok=True)
        cv2.imwrite(str(place / "one.png"), picture)
        source: Examples = read_examples(place, None, 0.1)
        crop = np.asarray(cv2.resize(source.sources[0], (80, 80)), np.uint8)
        saved = item().model_copy(update={"crop": (0, 0, 80, 80), "xyxy": (16.0, 16.0, 64.0, 64.0)})
        queue.add(saved, cv2.imencode(".png", crop)[1].tobytes(), b"jpeg")
        queue.label(saved.id, "no_vehicles", "ada")
    done = signpipe("retrain", queue.folder, "--out", out)
    found = json.loads((out / "retrained.json").read_text())
    assert done.code == 0, done.out + done.err
    assert found["taken"] == {"no_vehicles": 6}
    assert found["judged"]["held_back_right"] >= found["judged"]["held_back_right_before"]
    assert found["judged"]["known_right"] >= found["judged"]["known_right_before"] - 0.001
    for entry in load_manifest(out).values():
        entry.verify()
