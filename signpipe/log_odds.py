"""Probabilities as sums of log-odds: what several observers say of one sign, added up."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from signpipe.types import FloatArray

# Log-odds by which an observer must raise a class over the average class to count as one of those who spoke for it.
SUPPORT = 0.7
# No class is less likely than another by more log-odds to one observer: none can rule out what all others see.
FLOOR = -100.0


def softmax(log: npt.NDArray[np.floating]) -> FloatArray:
    """Return float32 probabilities (C,) of unnormalised log-probabilities (C,)."""
    likelihood = np.exp(log - log.max())
    return np.asarray(likelihood / likelihood.sum(), np.float32)


def fuse(evidence: FloatArray, heard: Iterable[tuple[float, FloatArray]]) -> FloatArray:
    """Return float32 (C,), the probability of each class after all observers were heard.

    Bayes' rule in log-odds, on the assumption that given the class the observers err independently of each other. Where
    they don't quite (a drawing is matched with the very pixels that the CNN saw), a weight below 1 takes the double
    counting back: the logarithmic opinion pool of Genest and Zidek (Combining probability distributions, Statistical
    Science 1986).

    Args:
        evidence: float32 (C,), vision's log-probabilities, unnormalised.
        heard: Weight 0..1 and log-likelihoods float32 (C,) of each other observer.
    """
    log = evidence.astype(np.float64)
    for weight, log_likelihood in heard:
        log = log + weight * _bounded(log_likelihood)
    return softmax(log)


def supports(class_id: int, weight: float, log_likelihood: FloatArray) -> bool:
    """Return True if an observer speaks for a class rather than for the average one."""
    log = _bounded(log_likelihood)
    return bool(weight * (log[class_id] - log.mean()) >= SUPPORT)


def _bounded(log_likelihood: FloatArray) -> FloatArray:
    """Return log-likelihoods of which the highest is 0 and none is under `FLOOR`."""
    return np.asarray(np.maximum(log_likelihood - log_likelihood.max(), np.float32(FLOOR)))
