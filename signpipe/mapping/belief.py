"""What several drives believe of one sign's class, added up in log-odds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

CLASSES = 50  # over which what isn't told of a belief is spread
# Of what a drive says so much may be wrong whatever it says: no drive can outvote two others alone.
DOUBT = 0.02

Belief = Mapping[str, float]


def probability(belief: Belief, name: str) -> float:
    """Return what a drive's belief gives to a class, with the doubt that any belief deserves."""
    told = min(max(belief.get(name, _rest(belief)), 0.0), 1.0)
    return (1 - DOUBT) * told + DOUBT / CLASSES


def agreement(one: Belief, other: Belief) -> float:
    """Return the log of how much likelier two beliefs are of one class than of any two: 0 says nothing."""
    names = {*one, *other}
    both = sum(probability(one, name) * probability(other, name) for name in names)
    rest = max(CLASSES - len(names), 0)
    both += rest * ((1 - DOUBT) * _rest(one) + DOUBT / CLASSES) * ((1 - DOUBT) * _rest(other) + DOUBT / CLASSES)
    return math.log(max(both * CLASSES, 1e-12))


def fuse(beliefs: Iterable[Belief]) -> dict[str, float]:
    """Return what several independent beliefs make together; classes are equally likely beforehand."""
    told = list(beliefs)
    names = sorted({name for belief in told for name in belief})
    logs = {name: sum(math.log(probability(belief, name)) for belief in told) for name in names}
    other = sum(math.log((1 - DOUBT) * _rest(belief) + DOUBT / CLASSES) for belief in told)
    highest = max([*logs.values(), other])
    weights = {name: math.exp(log - highest) for name, log in logs.items()}
    total = sum(weights.values()) + max(CLASSES - len(names), 0) * math.exp(other - highest)
    return {name: weight / total for name, weight in weights.items()}


def _rest(belief: Belief) -> float:
    """Return the probability of each class that a belief doesn't tell."""
    return max(1 - sum(belief.values()), 0.0) / max(CLASSES - len(belief), 1)
