"""Bounds hold for any distribution, and nothing is claimed that the samples can't support."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.lab.bench.statistics import PERCENTILES, describe, rank_interval, smallest_sample


@pytest.mark.parametrize("percentile", PERCENTILES)
@pytest.mark.parametrize("heavy", [False, True])
def test_bounds_hold_the_true_percentile_at_least_as_often_as_they_say(percentile: int, heavy: bool) -> None:
    rng = np.random.default_rng(5)
    draw = rng.standard_cauchy if heavy else rng.random
    true = np.tan(np.pi * (percentile / 100 - 0.5)) if heavy else percentile / 100
    ranks = rank_interval(500, percentile)
    assert ranks
    samples = np.sort(draw((4000, 500)), axis=1)
    held = (samples[:, ranks[0]] <= true) & (true <= samples[:, ranks[1]])
    assert 0.94 < held.mean() < 0.99


@pytest.mark.parametrize("percentile", PERCENTILES)
def test_a_percentile_is_given_from_the_number_of_samples_on_that_supports_it(percentile: int) -> None:
    enough = smallest_sample(percentile)
    assert rank_interval(enough, percentile) is not None
    assert rank_interval(enough - 1, percentile) is None
    name = f"p{percentile}"
    assert name in describe(range(enough))
    few = describe(range(enough - 1))
    assert name not in few
    assert name not in few["interval_95"]


def test_how_many_samples_it_takes() -> None:
    # 1 - q^n >= 0.975 for the upper bound: ln(0.025) / ln(q).
    assert [smallest_sample(percentile) for percentile in PERCENTILES] == [6, 36, 368]


@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=800))
def test_percentiles_are_ordered_and_within_their_bounds(values: list[float]) -> None:
    described = describe(values)
    assert described["n"] == len(values)
    given_ones = [f"p{p}" for p in PERCENTILES if f"p{p}" in described]
    numbers = [described[name] for name in given_ones] + [described["max"]]
    assert numbers == sorted(numbers)
    for name in given_ones:
        low, high = described["interval_95"][name]
        assert low <= described[name] <= high


def test_nothing_is_said_of_no_samples() -> None:
    assert describe([]) == {"n": 0}


def test_looks_at_the_same_thing_dont_support_a_percentile() -> None:
    looks = np.repeat(np.arange(40.0), 25)
    described = describe(looks, independent=40)
    assert described["n"] == 40
    assert "p99" not in described
    low, high = described["interval_95"]["p50"]
    all_alike = describe(looks)["interval_95"]["p50"]
    assert high - low > all_alike[1] - all_alike[0]
