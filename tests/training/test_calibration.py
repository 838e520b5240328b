"""Calibration on cases where the right answer is known."""

import numpy as np
import pytest

from signpipe.training.calibration import calibrate, energy_of, fit_temperature, roc_auc

RNG = np.random.default_rng(0)


def test_the_temperature_that_overconfident_scores_were_made_with_is_found() -> None:
    honest = RNG.normal(0, 2, (20000, 5))
    probability = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    labels = np.array([RNG.choice(5, p=p) for p in probability])
    assert fit_temperature((honest * 2.5).astype(np.float32), labels) == pytest.approx(2.5, rel=0.05)


def test_novelty_leaves_the_familiar_share_under_one_half() -> None:
    signs, backgrounds = (RNG.normal(m, 1, (5000, 44)).astype(np.float32) for m in (0, -3))
    signs[:, 0] += 8
    constants = calibrate(signs, np.zeros(5000, np.int64), backgrounds, familiar=0.98)
    energy = energy_of(np.concatenate([signs, backgrounds]))
    novelty = 1 / (1 + np.exp(-(constants["energy_limit"] - energy) / constants["energy_scale"]))
    assert (novelty[:5000] < 0.5).mean() == pytest.approx(0.98, abs=0.002)
    assert np.median(novelty[5000:]) == pytest.approx(0.95, abs=0.01)


def test_auroc_counts_pairs_and_ties() -> None:
    assert roc_auc([1, 2], [3, 4]) == 1.0
    assert roc_auc([3, 4], [1, 2]) == 0.0
    assert roc_auc([1, 3], [2, 2]) == 0.5
    assert roc_auc([2], [2]) == 0.5
