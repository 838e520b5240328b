"""Intervals: known values, and that they hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.lab.evaluation.interval import bootstrap, share, wilson


def test_wilson_of_a_published_example() -> None:
    # Newcombe, Statistics in Medicine 1998, table I: 81 of 263, and 0 of 20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_share_lies_in_its_interval(case: tuple[int, int]) -> None:
    hits, count = case
    low, high = wilson(hits, count)
    assert 0 <= low <= hits / count + 1e-12
    assert hits / count - 1e-12 <= high <= 1
    assert low < high


def test_a_share_is_written_with_n_and_interval() -> None:
    assert share(158, 166) == "95.2 % (n=166, 95 % interval 90.8 to 97.5)"
    assert share(7227, 7289, digits=2) == "99.15 % (n=7,289, 95 % interval 98.91 to 99.34)"
    assert share(1, 2, (0.25, 0.75)) == "50.0 % (n=2, 95 % interval 25.0 to 75.0)"
    assert share(0, 0) == "not measured (n=0)"


def mean(groups: object) -> float:
    return float(np.mean(np.concatenate(list(groups))))  # type: ignore[call-overload]


def test_groups_that_agree_within_make_the_interval_wider_than_their_frames_would() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(40) < 0.8
    tracks = [np.full(30, float(value)) for value in right]  # 30 frames of a sign, all right or all wrong
    low, high = bootstrap(tracks, mean)
    narrow = wilson(int(30 * right.sum()), 30 * 40)
    assert low < narrow[0] < mean(tracks) < narrow[1] < high


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        low, high = bootstrap([rng.normal(3, 1, 1) for _ in range(60)], mean, rounds=200, seed=trial)
        covered += low <= 3 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_bootstrap_is_the_same_for_a_seed() -> None:
    values = [np.array([float(i)]) for i in range(10)]
    assert bootstrap(values, mean, seed=5) == bootstrap(values, mean, seed=5)
