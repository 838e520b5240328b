"""How sure a measured number is: 95 % intervals, and shares written with theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from scipy.stats import binomtest, chi2

Group = TypeVar("Group")


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (Wilson, JASA 1927): right for few cases and for shares near 0 and 1.

    It takes the cases as independent. Frames of one sign aren't: use `bootstrap` over the signs where that matters.

    Args:
        hits: Cases that count.
        count: All cases, at least one.
    """
    interval = binomtest(hits, count).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(
    groups: Sequence[Group], statistic: Callable[[Sequence[Group]], float], rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic over whole groups drawn anew (Efron, 1979).

    Args:
        groups: What is independent of each other: all crops of a track, or a scene with its detections.
        statistic: The number of a selection of groups, in which some occur several times; NaN is left out.
        rounds: How often groups are drawn.
        seed: Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(groups), size=(rounds, len(groups)))
    values = [statistic([groups[i] for i in draw]) for draw in draws]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def poisson(count: int) -> tuple[float, float]:
    """Return Garwood's exact 95 % interval of the expected count of rare events (Garwood, Biometrika 1936)."""
    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2)) / 2


def share(hits: int, count: int, interval: tuple[float, float] | None = None, digits: int = 1) -> str:
    """Write a share with its number of cases and its 95 % interval, as model cards have it.

    Args:
        hits: Cases that count.
        count: All cases.
        interval: Its bounds as shares; those of Wilson if not given.
        digits: Places after the point.

    Returns:
        Such as "95.2 % (n=166, 95 % interval 90.8 to 97.5)".
    """
    if not count:
        return "not measured (n=0)"
    value, low, high = (f"{100 * part:.{digits}f}" for part in (hits / count, *(interval or wilson(hits, count))))
    return f"{value} % (n={count:,}, 95 % interval {low} to {high})"
