"""The accept level keeps its promise on tracks that it wasn't chosen on, or says that it can't promise it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.lab.evaluation.conformal import accept_level, verify_by_splits

scores = st.lists(st.floats(0, 1), min_size=1, max_size=300).map(lambda values: np.array(values, np.float64))


@given(scores, st.floats(0.001, 0.5))
def test_the_corrected_rate_stays_under_what_is_allowed(wrong_at: np.ndarray, allowed: float) -> None:
    level = accept_level(wrong_at, allowed)
    wrong = int((wrong_at >= level.accept).sum())
    if level.promised:
        assert (wrong + 1) / (len(wrong_at) + 1) <= allowed + 1e-9
    else:
        assert wrong == 0
        assert level.lowest_rate > allowed


@given(scores, st.floats(0.01, 0.5))
def test_the_level_is_the_lowest_that_does(wrong_at: np.ndarray, allowed: float) -> None:
    level = accept_level(wrong_at, allowed)
    lower = np.nextafter(level.accept, 0)
    if level.promised and lower > 0:
        assert ((wrong_at >= lower).sum() + 1) / (len(wrong_at) + 1) > allowed


@given(scores)
def test_who_allows_more_gets_a_level_no_higher(wrong_at: np.ndarray) -> None:
    levels = [accept_level(wrong_at, allowed).accept for allowed in (0.001, 0.01, 0.1, 0.4)]
    assert levels == sorted(levels, reverse=True)


def test_too_few_tracks_promise_nothing_and_say_what_they_could() -> None:
    level = accept_level(np.linspace(0, 0.9, 200), 0.001)
    assert not level.promised
    assert level.accept > 0.9
    assert level.lowest_rate == pytest.approx(1 / 201)


def test_the_promise_holds_on_unseen_tracks() -> None:
    rng = np.random.default_rng(1)
    wrong_at = np.where(rng.random(2000) < 0.05, rng.random(2000), 0.0)
    verified = verify_by_splits(wrong_at, rng.random(2000), 0.01)
    assert verified.wrong <= 0.011
    assert verified.wrong > 0.005  # and it isn't had by never publishing
    assert verified.coverage > 0.1


def test_nothing_to_go_by_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 tracks"):
        accept_level(np.zeros(0), 0.01)
    with pytest.raises(ValueError, match="between 0 and 1"):
        accept_level(np.zeros(3), 0.0)
