"""How well any map could place signs with a receiver's errors: what no use of the pictures can better."""

from __future__ import annotations

import numpy as np

from signpipe.geodesy import Values
from signpipe.lab.simulation.drives import QUICK_TIMES, SLOW_SHARES, SLOW_TIME, Errors
from signpipe.mapping.trajectory import RADIUS_68

DRAWN = 100  # receivers
COMBINED = 20_000  # errors that are drawn with them


def least_errors(errors: Errors, seconds: int, drives: int, seed: int = 0) -> tuple[float, float]:
    """Return the median and the 95th percentile of the error in metres that several drives together can't better.

    The path is estimated from positions, whose errors last, and from velocities, with exactly these errors known (the
    best linear estimate); a sign then stands exactly where it was seen from.

    Args:
        errors: Of the receivers.
        seconds: That a drive lasts, with a position in each.
        drives: Number of drives, each with a receiver of its own.
        seed: Of what is left to chance.
    """
    rng = np.random.default_rng(seed)
    variances = np.array([_variance(errors, seconds, rng) for _ in range(DRAWN)])
    together = 1 / (1 / rng.choice(variances, (COMBINED, drives))).sum(axis=1)
    off = np.sqrt(together) * np.hypot(*rng.normal(size=(2, COMBINED)))
    return float(np.median(off)), float(np.percentile(off, 95))


def _variance(errors: Errors, seconds: int, rng: np.random.Generator) -> float:
    """Return the mean variance along one axis of the best path of one receiver, in square metres."""
    sigma, slow = rng.uniform(*errors.receiver) / RADIUS_68, rng.uniform(*SLOW_SHARES)
    apart: Values = np.abs(np.subtract.outer(np.arange(seconds), np.arange(seconds))).astype(np.float64)
    lasting = slow * np.exp(-apart / SLOW_TIME) + (1 - slow) * np.exp(-apart / rng.uniform(*QUICK_TIMES))
    positions = np.linalg.inv(sigma**2 * lasting + errors.jitter**2 * np.eye(seconds))
    steps = np.diff(np.eye(seconds), axis=0)
    return float(np.diag(np.linalg.inv(positions + steps.T @ steps / errors.doppler**2)).mean())
