"""Fusion: what several sources say of one sign, added up in log-odds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from signpipe.catalogue import Effect, SignClass
from signpipe.stages.evidence import softmax
from signpipe.types import FloatArray, Opinion

# Log-odds by which a source must raise the chosen class over the average class to count as one of those who said so.
SUPPORT = 0.7
# Who asks more of the driver: of two readings on the same matter, the one that is higher here is the more cautious.
RIGHT_OF_WAY = {Effect.STOP: 3.0, Effect.GIVE_WAY: 2.0, Effect.PRIORITY_ROAD: 1.0, Effect.PRIORITY_NEXT: 1.0}
OVERTAKING = {Effect.OVERTAKING_BAN: 1.0, Effect.END_OVERTAKING_BAN: 0.0}
LIMITS = (Effect.LIMIT, Effect.END_LIMIT, Effect.END_ALL)


def fuse(evidence: FloatArray, opinions: Iterable[Opinion], weights: Mapping[str, float]) -> FloatArray:
    """Return float32 (C,), the probability of each class after all opinions.

    Bayes' rule in log-odds, on the assumption that given the class the sources err independently of each other. Where
    they don't quite (a drawing is matched with the very pixels that the CNN saw), a weight below 1 takes the double
    counting back: the logarithmic opinion pool of Genest and Zidek (Combining probability distributions, Statistical
    Science 1986).

    Args:
        evidence: float32 (C,), vision's log-probabilities, unnormalised.
        opinions: What the other sources say.
        weights: Weight of each source, 0..1; 1 for one that isn't named.
    """
    log = evidence.astype(np.float64)
    for opinion in opinions:
        log = log + weights.get(opinion.source, 1.0) * opinion.log_likelihood
    return softmax(log)


def supporters(class_id: int, opinions: Iterable[Opinion], weights: Mapping[str, float]) -> list[str]:
    """Return the sources that speak for a class, in their order."""
    return [
        opinion.source
        for opinion in opinions
        if weights.get(opinion.source, 1.0) * (opinion.log_likelihood[class_id] - opinion.log_likelihood.mean())
        >= SUPPORT
    ]


def is_more_cautious(one: SignClass, other: SignClass) -> bool:
    """Return True if two signs speak of the same matter and the first asks more of the driver.

    A lower limit is more cautious than a higher one, and any limit than the end of one; to stop is more than to give
    way, and that is more than to go first; a ban on overtaking is more than its end.
    """
    return any(
        one.effect in scale and other.effect in scale and scale[one.effect] > scale[other.effect]
        for scale in (RIGHT_OF_WAY, OVERTAKING)
    ) or (one.effect in LIMITS and other.effect in LIMITS and _limit(one) < _limit(other))


def _limit(sign: SignClass) -> float:
    """Return the limit in km/h, infinite for the end of one."""
    return float(sign.value) if sign.effect is Effect.LIMIT and isinstance(sign.value, int | float) else math.inf
