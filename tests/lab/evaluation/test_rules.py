"""The suites of conditional limits: enough scenes, told right, and nothing lifted by what was not read."""

from __future__ import annotations

import pytest

from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.rule_scenes import KINDS, SEEN_FROM, SPEED
from signpipe.lab.evaluation.rules import evaluate_rules
from signpipe.settings import DecideSettings


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_has_a_truth_from_its_start_and_allows_both_limits_near_a_change(kind: str) -> None:
    scene = KINDS[kind](seeded("test", kind))
    assert scene.truth[0].begin == 0
    assert [stretch.begin for stretch in scene.truth] == sorted(stretch.begin for stretch in scene.truth)
    last = scene.truth[-1]
    assert last in scene.allowed(last.begin + 2 * SPEED + 1)
    assert len(scene.allowed(last.begin + 2 * SPEED + 1)) == 1
    assert scene.truth[-2] in scene.allowed(last.begin - min(last.margin, SEEN_FROM) / 2)


def test_limits_are_told_right_and_never_too_high() -> None:
    metrics = evaluate_rules(6, DecideSettings(), lambda *_: None)
    for kind in metrics["kinds"].values():
        assert kind["right"] >= 0.95
        assert kind["higher"] == 0.0
