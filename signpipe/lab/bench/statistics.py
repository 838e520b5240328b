"""Percentiles with bounds that hold for any distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr  # scipy.stats takes a second to import

PERCENTILES = (50, 90, 99)
CONFIDENCE = 0.95


def rank_interval(n: int, percentile: float) -> tuple[int, int] | None:
    """Return the ranks of two sorted samples between which a percentile lies with 95 % confidence.

    The number of samples below a quantile is binomial whatever the distribution (David and Nagaraja, Order Statistics,
    2003, section 7.1), if the samples are independent. Frames of one recording aren't quite: what lasts for several of
    them, such as a busy machine, makes the true bounds wider.

    Args:
        n: Number of samples.
        percentile: 0 < percentile < 100.

    Returns:
        Positions from 0 of the lower and upper bound, or None if n samples can't bound the percentile on both sides:
        the 50th needs 6 of them, the 90th 36, the 99th 368.
    """
    share, tail = percentile / 100, (1 - CONFIDENCE) / 2
    cumulative = bdtr(np.arange(n + 1, dtype=np.float64), n, share)
    low, high = int(np.searchsorted(cumulative, tail)) - 1, int(np.searchsorted(cumulative, 1 - tail))
    return (low, high) if low >= 0 and high < n else None


def smallest_sample(percentile: float) -> int:
    """Return how many samples it takes to bound a percentile with 95 % confidence."""
    rarer = min(percentile, 100 - percentile) / 100
    return int(np.ceil(np.log((1 - CONFIDENCE) / 2) / np.log(1 - rarer)))


def describe(values: Sequence[float] | npt.NDArray[np.floating], independent: int | None = None) -> dict[str, Any]:
    """Return `n`, `mean`, `max`, the percentiles that so many values support, and bounds of those.

    Args:
        values: Samples in any order.
        independent: How many of the values count, if several of them look at the same thing; None is all.

    Returns:
        Without a value `n` alone; otherwise also `mean`, `max`, `p50`, `p90` and `p99` where n supports them, and
        `interval_95` with a pair of bounds for each of these percentiles.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    n = len(ordered) if independent is None else min(independent, len(ordered))
    if not n:
        return {"n": 0}
    described: dict[str, Any] = {"n": n, "mean": rounded(ordered.mean()), "max": rounded(ordered[-1])}
    intervals: dict[str, list[float]] = {}
    for percentile in PERCENTILES:
        ranks = rank_interval(n, percentile)
        if ranks is not None:
            described[f"p{percentile}"] = rounded(np.percentile(ordered, percentile))
            places = [rank * (len(ordered) - 1) // max(n - 1, 1) for rank in ranks]
            intervals[f"p{percentile}"] = [rounded(ordered[place]) for place in places]
    return described | {"interval_95": intervals}


def rounded(value: float) -> float:
    """Return a number with the four significant places that a measurement can have at most."""
    return float(f"{float(value):.4g}")
