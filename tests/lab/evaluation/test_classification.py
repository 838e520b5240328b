"""What the numbers on a classifier mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.lab.evaluation.classification import (
    ClassificationEvaluation,
    calibration_error,
    calibration_error_by_chance,
    expected_calibration_error,
)
from signpipe.types import FloatArray

CATALOGUE = load_catalogue()


def rows(*chosen: tuple[int, float]) -> FloatArray:
    """Return rows that give a class a probability and spread the rest evenly."""
    table = np.empty((len(chosen), 43), np.float32)
    for row, (class_id, probability) in zip(table, chosen, strict=True):
        row[:] = (1 - probability) / 42
        row[class_id] = probability
    return table


def test_accuracy_confusions_and_sure_mistakes() -> None:
    # A 50 read as 80 with certainty, a 30 read as 50 in doubt, and two that are right.
    probability = rows((5, 0.99), (2, 0.5), (14, 0.95), (13, 0.6))
    summary = ClassificationEvaluation(probability, np.array([2, 1, 14, 13]), CATALOGUE).summary(accept=0.9)
    assert summary["accuracy"] == 0.5
    assert summary["sure"] == 0.5
    assert summary["sure_and_wrong"] == 0.25
    assert summary["category_accuracy"] == 1.0  # a limit read as another limit is still prohibitory
    assert {"true": "speed_limit_50", "predicted": "speed_limit_80", "n": 1} in summary["confusions"]
    assert summary["recall_by_class"]["stop"] == 1.0
    low, high = summary["accuracy_interval_95"]
    assert low < 0.5 < high
    assert summary["n"]["accuracy"] == 4


def test_macro_f1_counts_each_class_the_same() -> None:
    # Nine stops right and the only give way wrong: F1 of stop 18/19, of give way 0.
    probability = rows(*[(14, 0.9)] * 10)
    evaluation = ClassificationEvaluation(probability, np.array([14] * 9 + [13]), CATALOGUE)
    assert evaluation.macro_f1() == pytest.approx(18 / 19 / 2)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    labels = np.array([14] * 8 + [13] * 2)
    assert expected_calibration_error(rows(*[(14, 0.8)] * 10), labels) == pytest.approx(0.0, abs=1e-6)
    assert expected_calibration_error(rows(*[(14, 0.95)] * 10), labels) == pytest.approx(0.15, abs=1e-6)


def test_few_answers_show_an_error_that_chance_makes() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.random(20_000)
    assert calibration_error_by_chance(confidence) < 0.01
    few = confidence[:300]
    by_chance = calibration_error_by_chance(few)
    calibrated = [calibration_error(few, rng.random(300) < few) for _ in range(30)]
    assert by_chance == pytest.approx(np.mean(calibrated), rel=0.2)
    assert by_chance > 0.04
    assert calibration_error_by_chance(np.ones(300)) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 42), st.floats(0.05, 1.0), st.integers(0, 42)), min_size=1, max_size=30))
def test_every_share_lies_between_0_and_1(cases: list[tuple[int, float, int]]) -> None:
    probability = rows(*[(class_id, share) for class_id, share, _ in cases])
    evaluation = ClassificationEvaluation(probability, np.array([label for *_, label in cases]), CATALOGUE)
    summary = evaluation.summary(0.9)
    for name in ("accuracy", "macro_f1", "category_accuracy", "ece", "sure", "sure_and_wrong"):
        assert 0.0 <= summary[name] <= 1.0
    assert summary["sure_and_wrong"] <= 1 - summary["accuracy"] + 1e-9
