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


class Fusion:
    """What several independent beliefs make together; classes are equally likely beforehand."""

    def __init__(self) -> None:
        self._logs: dict[str, float] = {}
        self._other = 0.0  # of each class that none told

    def add(self, belief: Belief) -> None:
        """Take a belief in."""
        for name in belief:
            self._logs.setdefault(name, self._other)
        for name in self._logs:
            self._logs[name] += math.log(probability(belief, name))
        self._other += math.log((1 - DOUBT) * _rest(belief) + DOUBT / CLASSES)

    @property
    def belief(self) -> dict[str, float]:
        """Probability of each class that was told."""
        highest = max([*self._logs.values(), self._other])
        weights = {name: math.exp(log - highest) for name, log in sorted(self._logs.items())}
        total = sum(weights.values()) + max(CLASSES - len(weights), 0) * math.exp(self._other - highest)
        return {name: weight / total for name, weight in weights.items()}


def fuse(beliefs: Iterable[Belief]) -> dict[str, float]:
    """Return what several independent beliefs make together; see `Fusion`."""
    fusion = Fusion()
    for belief in beliefs:
        fusion.add(belief)
    return fusion.belief


def _rest(belief: Belief) -> float:
    """Return the probability of each class that a belief doesn't tell."""
    return max(1 - sum(belief.values()), 0.0) / max(CLASSES - len(belief), 1)
