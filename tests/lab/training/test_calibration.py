"""Calibration on cases where the right answer is known."""

import numpy as np
import numpy.typing as npt
import pytest

from signpipe.lab.evaluation.classification import expected_calibration_error, roc_auc
from signpipe.lab.training.calibration import CAUTION, Calibration, calibrate
from signpipe.types import FloatArray

RNG = np.random.default_rng(0)
CLASSES = 5


def cases(n: int, sure: float, spread: float) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return honest scores (n, CLASSES + 1), with labels drawn from what they say of the classes."""
    honest = RNG.normal(0, spread, (n, CLASSES + 1))
    honest[:, -1] = sure
    probability = np.exp(honest[:, :-1])
    probability /= probability.sum(1, keepdims=True)
    labels = np.array([RNG.choice(CLASSES, p=p) for p in probability])
    return honest.astype(np.float32), labels


def test_scores_that_are_too_sure_are_tempered() -> None:
    clean, labels = cases(6000, -20, 2)
    hidden, hidden_labels = cases(6000, -20, 1)
    nothing = np.full((50, CLASSES + 1), 0, np.float32)
    nothing[:, -1] = 30
    constants = calibrate(2.5 * clean, labels, 2.5 * hidden, hidden_labels, 2.5 * nothing)
    assert constants.temperature == pytest.approx(2.5 * CAUTION, rel=0.07)
    assert expected_calibration_error(constants.probability(2.5 * clean), labels) < 0.02
    assert expected_calibration_error(constants.probability(2.5 * hidden), hidden_labels) < 0.03


def test_a_cannot_tell_that_is_too_loud_is_turned_down() -> None:
    """Scores that say "cannot tell" of half the signs that can be told: the signs, not the network, are believed."""
    clean, labels = cases(4000, -20, 3)
    hidden, hidden_labels = cases(4000, -20, 3)
    hidden[:, -1] = np.logaddexp.reduce(hidden[:, :-1], 1)
    nothing = np.zeros((200, CLASSES + 1), np.float32)
    nothing[:, -1] = 12
    constants = calibrate(clean, labels, hidden, hidden_labels, nothing)
    assert constants.doubt < -2
    assert constants.probability(hidden).sum(1).mean() > 0.85
    assert constants.probability(nothing).sum(1).mean() < 0.2


def test_probabilities_leave_room_for_cannot_tell() -> None:
    logits = np.array([[0, 0, 0], [0, 0, 50]], np.float32)
    plain, doubtful = Calibration(1, 0), Calibration(2, float(np.log(2)))
    np.testing.assert_allclose(plain.probability(logits), np.array([[1 / 3, 1 / 3], [0, 0]]), atol=1e-6)
    np.testing.assert_allclose(doubtful.probability(logits), np.array([[1 / 4, 1 / 4], [0, 0]]), atol=1e-6)


def test_auroc_counts_pairs_and_ties() -> None:
    assert roc_auc([1, 2], [3, 4]) == 1.0
    assert roc_auc([3, 4], [1, 2]) == 0.0
    assert roc_auc([1, 3], [2, 2]) == 0.5
    assert roc_auc([2], [2]) == 0.5
