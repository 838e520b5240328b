"""Publishing with a guarantee: the accept level that keeps wrong publications under a rate that the user states."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """An accept level, and what it promises.

    Attributes:
        accept: Publish from this fused probability on; over 1 if nothing may be published.
        promised: True if the rate is guaranteed; False if there are too few tracks to promise it.
        lowest_rate: The lowest rate that so many tracks can promise.
    """

    accept: float
    promised: bool
    lowest_rate: float


def accept_level(wrong_at: FloatVector, allowed: float) -> Level:
    """Return the lowest accept level at which at most a share `allowed` of new tracks is published wrongly.

    Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster, ICLR 2024) with the loss "a wrong class was
    published at any time", which never grows with the level: the level must satisfy (wrong + 1) / (n + 1) <= allowed.
    It holds on average over tracks that come from where the calibration tracks came from, whatever the network is; the
    share is of all tracks, not of those that are published. Occlusion that the calibration didn't have isn't covered.

    Where the tracks are too few to promise the rate, the level lets none of them be published wrongly.

    Args:
        wrong_at: float64 (N,), the highest fused probability that a wrong class ever reached in each track while it
            would have been published; 0 for tracks without one.
        allowed: Highest share of tracks that may be published wrongly, 0..1.

    Raises:
        ValueError: There is no track, or the share isn't between 0 and 1.
    """
    count = len(wrong_at)
    if count == 0 or not 0 < allowed < 1:
        raise ValueError(f"an accept level needs tracks and a rate between 0 and 1, not {count} tracks and {allowed:g}")
    lowest = 1 / (count + 1)
    spared = math.floor(allowed * (count + 1) + 1e-9) - 1  # so many calibration tracks may be wrong
    promised = spared >= 0
    worst = np.sort(wrong_at)[::-1]
    limit = float(worst[min(max(spared, 0), count - 1)])
    return Level(math.nextafter(limit, math.inf), promised, lowest)


@dataclass(frozen=True, slots=True)
class Verified:
    """What an accept level was worth on tracks that it wasn't chosen on.

    Attributes:
        splits: Number of random halvings.
        wrong: Mean share of the unseen tracks that were published wrongly.
        wrong_worst: Its 95th percentile over the splits.
        coverage: Mean share of the unseen tracks of which the right class was published.
    """

    splits: int
    wrong: float
    wrong_worst: float
    coverage: float


def verify_by_splits(
    wrong_at: FloatVector, right_at: FloatVector, allowed: float, splits: int = 500, seed: int = 0
) -> Verified:
    """Choose the level on one random half of the tracks and count on the other, many times.

    Args:
        wrong_at: float64 (N,), as in `accept_level`.
        right_at: float64 (N,), the highest fused probability that the right class reached in each track.
        allowed: The rate that is promised.
        splits: Number of halvings.
        seed: Seed of the halvings.

    Raises:
        ValueError: There are fewer than two tracks, or the rate isn't between 0 and 1.
    """
    count = len(wrong_at)
    if count < 2:
        raise ValueError("halving takes two tracks or more")
    rng = np.random.default_rng(seed)
    wrong, coverage = np.empty(splits), np.empty(splits)
    for split in range(splits):
        order = rng.permutation(count)
        known, unseen = order[: count // 2], order[count // 2 :]
        accept = accept_level(wrong_at[known], allowed).accept
        wrong[split] = (wrong_at[unseen] >= accept).mean()
        coverage[split] = (right_at[unseen] >= accept).mean()
    return Verified(splits, float(wrong.mean()), float(np.percentile(wrong, 95)), float(coverage.mean()))
