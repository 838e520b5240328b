"""A candidate that its own result speaks against isn't promoted, unless that is asked for and written down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from signpipe.lab.retraining.canary import Seen, _judged
from signpipe.lab.retraining.candidate import Retrained, passed_gate, usual_sign
from signpipe.review import ReviewQueue
from signpipe.runtime import releases
from tests.cli.conftest import Outcome
from tests.cli.conftest import signpipe as signpipe  # the fixture
from tests.review.items import filled
from tests.runtime import graphs

Cli = Callable[..., Outcome]


def folder_of_models(folder: Path) -> Path:
    folder.mkdir()
    graphs.write_manifest(folder, graphs.detector_table(graphs.detector(folder / "find.onnx", np.zeros((1, 300, 6)))))
    return folder


def test_the_gate_holds_back_and_can_be_forced(signpipe: Cli, tmp_path: Path) -> None:
    candidate, root = folder_of_models(tmp_path / "candidate"), tmp_path / "root"
    assert passed_gate(candidate) == []
    Retrained(problems=["of the old validation 90 % are read right, and 99 % were before"]).write(candidate)
    signpipe("models", "promote", root, candidate).assert_one_sentence("aren't promoted", "99 %", "--force")
    assert releases.current(root) == ""
    assert signpipe("models", "promote", root, candidate, "--force", "--by", "ada").code == 0
    assert [change.gate for change in releases.history(root)] == ["forced"]
    (candidate / "retrained.json").write_text("{")
    assert passed_gate(candidate) == ["its retrained.json can't be read"]
    listed = signpipe("models", "history", root)
    assert "forced" in listed.out
    assert "runs" in listed.out


def test_bad_input_is_one_sentence(signpipe: Cli, tmp_path: Path) -> None:
    queue, _ = filled(tmp_path / "queue")
    signpipe("retrain", tmp_path / "none", "--out", tmp_path / "out").assert_one_sentence("no review queue")
    signpipe("retrain", queue.folder, "--out", tmp_path / "out").assert_one_sentence("labelled yet")
    assert not (tmp_path / "out").exists()
    queue.label(ReviewQueue(queue.folder).items()[0].item.id, "zebra", "ada")
    full = folder_of_models(tmp_path / "full")
    signpipe("retrain", queue.folder, "--out", full).assert_one_sentence("isn't empty")
    signpipe("models", "rollback", tmp_path / "root").assert_one_sentence("nothing to go back to")
    signpipe("models", "promote", tmp_path / "root", tmp_path).assert_one_sentence("no model manifest")


def seen(published: dict[int, str], milliseconds: float = 10.0) -> Seen:
    return Seen(frames=50, latencies_ms=[milliseconds] * 50, published=published)


def test_the_canary_objects_to_other_classes_to_silence_and_to_slowness() -> None:
    before = dict.fromkeys(range(20), "stop")
    pairs = {(number, number): 1.0 for number in range(20)}
    known = frozenset({"stop", "give_way"})
    assert _judged(seen(before), seen(before), pairs, known).problems == ()
    other = before | dict.fromkeys(range(3), "give_way")
    assert "another known class" in _judged(seen(before), seen(other), pairs, known).problems[0]
    fewer = dict.fromkeys(range(15), "stop")
    assert "aren't any more" in _judged(seen(before), seen(fewer), pairs, known).problems[0]
    assert "20.0 ms instead of 10.0 ms" in _judged(seen(before), seen(before, 20.0), pairs, known).problems[0]
    learned = _judged(seen(before), seen(before | {0: "zebra"}), pairs, known)  # a new class may take a sign over
    assert learned.problems == ()
    assert [(one.before, one.now) for one in learned.differences] == [("stop", "zebra")]


def test_a_new_class_is_as_usual_for_its_category() -> None:
    assert usual_sign("no_left_turn", "prohibitory").category == "prohibitory"
    assert usual_sign("zebra", None).category == "information"
    assert usual_sign("end_of_something", "end_of").category == "information"  # what it ends isn't known
