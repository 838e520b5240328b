"""Leaves that stand before a sign move across it as the car comes closer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from signpipe.lab.evaluation.parallax import BEFORE, NEAREST, PASSED, Curtain, distances

MARGIN = 0.25
OTHERS = np.zeros((2, 32, 32, 3), np.uint8)


def curtain(share: float = 0.5, seed: int = 0) -> Curtain:
    return Curtain.of("leaves", share, OTHERS, np.random.default_rng(seed))


def covered(of: Curtain, distance: float) -> npt.NDArray[np.bool_]:
    """Return which pixels of a white sign are hidden, bool (64, 64)."""
    white = np.full((64, 64, 3), 255, np.uint8)
    return np.asarray((of.hide(white, MARGIN, distance) != white).any(2))


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_as_much_is_hidden_as_was_asked_for(share: float) -> None:
    hidden = [covered(curtain(share, seed), 30.0).mean() for seed in range(12)]
    assert np.mean(hidden) == pytest.approx(share, abs=0.12)


def test_other_parts_are_hidden_from_nearer() -> None:
    leaves = curtain()
    far, near = covered(leaves, 40.0), covered(leaves, 12.0)
    same = covered(leaves, 40.0)
    assert (far == same).all()
    assert (far != near).mean() > 0.15


def test_leaves_that_are_passed_hide_nothing() -> None:
    leaves = curtain()
    assert not covered(leaves, leaves.before + 0.9 * PASSED).any()
    assert BEFORE[0] <= leaves.before <= BEFORE[1]


def test_a_small_picture_keeps_its_size() -> None:
    grey = np.full((17, 17, 3), 90, np.uint8)
    assert curtain().hide(grey, MARGIN, 40.0).shape == grey.shape


def test_distance_goes_with_the_size_of_the_box() -> None:
    metres = distances(np.array([20, 40, 80], np.float32))
    assert metres == pytest.approx([4 * NEAREST, 2 * NEAREST, NEAREST])
