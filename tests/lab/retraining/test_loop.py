"""The loop back, whole: a sign that no model has learned is asked about, learned, promoted, published, and undone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from signpipe import Pipeline
from signpipe.cli.releases import with_models
from signpipe.review import ReviewQueue
from signpipe.settings import Settings, load_settings
from signpipe.shipped import shipped
from signpipe.sinks.base import RunInfo
from signpipe.sinks.review import ReviewSink
from tests.cli.conftest import Outcome
from tests.cli.conftest import signpipe as signpipe  # the fixture
from tests.lab.few_shot.ten import NAMES
from tests.lab.retraining.drives import Passes

Cli = Callable[..., Outcome]
NAME = "no_left_turn"


def published(passes: Passes, settings: Settings, queue: Path | None = None) -> set[str]:
    """Return which signs are published on the way, and fill a review queue."""
    with Pipeline(settings, stages={"detect": passes}) as pipeline:
        names, found = pipeline.catalogue.names, set[str]()
        review = settings.review.model_copy(update={"folder": queue, "similarity": 1.0})
        classifier = pipeline.models.classifier
        digest = classifier.entry.sha256 if classifier else None
        run = RunInfo("drive")
        sink = ReviewSink(review, settings.fallback.novelty, run, pipeline.catalogue, digest) if queue else None
        for frame in passes.frames:
            result = pipeline.process(frame)
            found |= {names[track.class_id] for track in result.tracks if track.is_sure}
            if sink:
                sink.write(result)
        if sink:
            sink.close()
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sign_that_no_model_has_learned_is_learned_promoted_and_undone(signpipe: Cli, tmp_path: Path) -> None:
    assert NAME in NAMES
    queue, root, candidate = tmp_path / "queue", tmp_path / "models", tmp_path / "candidate"
    settings = load_settings()
    assert NAME not in published(Passes(NAME, 8, seed=1), settings, queue)
    waiting = ReviewQueue(queue).items()
    assert len(waiting) >= 4
    asked = signpipe("review", "ask", queue, "--count", 3)
    assert f"3 of {len(waiting)} open signs" in asked.out
    for entry in waiting:
        assert signpipe("review", "label", queue, entry.item.id, NAME, "--new").code == 0

    assert signpipe("models", "promote", root, shipped("models"), "--by", "ada", "--reason", "as shipped").code == 0
    first = (root / "current").resolve().name
    made = signpipe("retrain", queue, "--models", root / "current", "--out", candidate)
    assert made.code == 0, made.out + made.err
    result = json.loads((candidate / "retrained.json").read_text())
    assert result["passed"]
    assert result["taken"][NAME] >= 3
    assert result["judged"]["known_right"] >= result["judged"]["known_right_before"] - 0.001
    assert signpipe("models", "promote", root, candidate, "--reason", "no left turn").code == 0
    running = with_models(settings, root / "current")
    again = Passes(NAME, 6, seed=2)
    assert NAME in published(again, running)
    assert signpipe("models", "rollback", root, "--by", "ada").code == 0
    assert (root / "current").resolve().name == first
    assert NAME not in published(again, with_models(settings, root / "current"))
    history = tomllib.loads((root / "history.toml").read_text())["change"]
    assert [change["action"] for change in history] == ["promote", "promote", "rollback"]
    assert [change["reason"] for change in history][:2] == ["as shipped", "no left turn"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_canary_sees_no_difference_between_a_model_and_itself(signpipe: Cli, tmp_path: Path) -> None:
    from tests.support.clip import cut_sample

    film = cut_sample(tmp_path / "drive.mp4", 30, start=60)
    result = tmp_path / "canary.json"
    done = signpipe("models", "canary", shipped("models"), film, "--json", result)
    found = json.loads(result.read_text())
    assert not found["differences"]
    assert found["before"]["published"] == found["now"]["published"]
    assert done.code in (0, 1)  # on a machine that is busy with other things, one of two may be slower
    assert all("frame takes" in problem for problem in found["problems"])
