"""Making a classifier's scores mean what they say, on validation pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.stats import rankdata

from signpipe.types import FloatArray


def calibrate(
    logits: FloatArray, labels: npt.NDArray[np.int64], backgrounds: FloatArray, familiar: float = 0.98
) -> dict[str, float]:
    """Fit the constants that the exported graph holds.

    Args:
        logits: float32 (N, C + 1), scores of signs, the last for "cannot tell".
        labels: int64 (N,), their classes.
        backgrounds: float32 (M, C + 1), scores of crops without a sign.
        familiar: Share of the signs whose novelty must stay under 0.5.

    Returns:
        `temperature` (Guo et al., 2017) that minimises the log loss; `energy_limit` and `energy_scale` so that
        novelty = sigmoid((energy_limit - energy) / energy_scale), see `energy_of`.
    """
    temperature = fit_temperature(logits, labels)
    energy = energy_of(logits)
    limit = float(np.quantile(energy, 1 - familiar))
    gap = limit - float(np.median(energy_of(backgrounds)))
    # The middle background scores 0.95: logit(0.95) is 2.94 scales under the limit.
    return {"temperature": temperature, "energy_limit": limit, "energy_scale": max(gap / 2.94, 0.05)}


def energy_of(logits: FloatArray) -> FloatArray:
    """Return (N,): how much all classes together outweigh "cannot tell", the last of the logits (N, C + 1)."""
    scores = logits.astype(np.float64)
    return np.asarray(np.logaddexp.reduce(scores[:, :-1], 1) - scores[:, -1])


def fit_temperature(logits: FloatArray, labels: npt.NDArray[np.int64]) -> float:
    """Return the temperature in 0.2..5 at which the softmax of logits (N, C) has the lowest log loss."""
    scores = logits.astype(np.float64)

    def log_loss(temperature: float) -> float:
        scaled = scores / temperature
        return float(np.mean(np.logaddexp.reduce(scaled, 1) - scaled[np.arange(len(labels)), labels]))

    return float(minimize_scalar(log_loss, bounds=(0.2, 5.0), method="bounded").x)


def roc_auc(negative: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Return the chance that a positive scores over a negative, ties counted half."""
    low, high = np.ravel(negative), np.ravel(positive)
    ranks = rankdata(np.concatenate([low, high]))[len(low) :]
    return float((ranks.sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))
