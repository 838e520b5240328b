"""The novelty score on clusters whose distances are known."""

import numpy as np
import pytest

from signpipe.lab.training.familiarity import EACH, FAMILIAR, Familiarity, fit_familiarity
from signpipe.types import FloatArray

RNG = np.random.default_rng(0)


def cluster(axis: int, count: int, spread: float = 0.1) -> FloatArray:
    """Return features (count, 8) around an axis, of any length."""
    features = RNG.normal(0, spread, (count, 8))
    features[:, axis] += 1
    return (features * RNG.uniform(0.5, 20, (count, 1))).astype(np.float32)


def sure(features: FloatArray, doubt: float = 0.0, visible: float = 1.0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return scores (count, 3) that leave so much log-odds to "cannot tell", the features, and what can be seen."""
    scores = np.tile(np.array([0, -30, doubt], np.float32), (len(features), 1))
    return scores, features, np.full((len(features), 6, 6), visible, np.float32)


def fitted() -> Familiarity:
    train = np.concatenate([cluster(0, 300), cluster(1, 300), cluster(1, 300) * -1])
    labels = np.repeat([4, 7, 7], 300)
    return fit_familiarity(train, labels, sure(np.concatenate([cluster(0, 1000), cluster(1, 1000)])))


def test_the_familiar_share_stays_under_one_half_and_the_strange_over_it() -> None:
    familiarity = fitted()
    signs = familiarity.novelty(*sure(np.concatenate([cluster(0, 3000), cluster(1, 3000)])))
    assert (signs < 0.5).mean() == pytest.approx(FAMILIAR, abs=0.008)
    assert np.median(signs) == pytest.approx(0.05, abs=0.02)
    assert (familiarity.novelty(*sure(cluster(5, 500))) > 0.95).all()


def test_a_class_may_look_in_several_ways() -> None:
    familiarity = fitted()
    assert familiarity.prototypes.shape == (2 * EACH, 8)
    np.testing.assert_allclose(np.linalg.norm(familiarity.prototypes, axis=1), 1, rtol=1e-5)
    assert np.median(familiarity.novelty(*sure(cluster(1, 500) * -1))) < 0.5
    assert np.median(familiarity.novelty(*sure(cluster(0, 500) * -1))) > 0.5


def test_the_length_of_features_does_not_matter() -> None:
    familiarity, features = fitted(), cluster(0, 50)
    np.testing.assert_allclose(familiarity.score(*sure(features)), familiarity.score(*sure(30 * features)), atol=1e-5)


def test_what_the_network_cannot_tell_is_less_familiar() -> None:
    familiarity, features = fitted(), cluster(0, 50)
    levels = [familiarity.novelty(*sure(features, doubt)).mean() for doubt in (-8, 0, 8)]
    assert levels == sorted(levels)
    assert levels[2] > levels[0] + 0.1


def test_a_sign_behind_leaves_may_lie_farther_off() -> None:
    familiarity, features = fitted(), cluster(0, 200, 0.3)
    levels = [familiarity.novelty(*sure(features, visible=visible)).mean() for visible in (1.0, 0.6, 0.2)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[2] + 0.1


def test_a_class_with_few_examples_has_few_prototypes() -> None:
    train = np.concatenate([cluster(0, 100), cluster(1, 2)])
    familiarity = fit_familiarity(train, np.repeat([0, 1], [100, 2]), sure(cluster(0, 50)))
    assert len(familiarity.prototypes) == EACH + 2
