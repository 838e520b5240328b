"""Which of the waiting signs are worth a person's time: active learning for the review queue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signpipe.review.queue import Queued
from signpipe.types import FloatArray

_SAME = 0.95  # cosine from which two signs teach the same


@dataclass(frozen=True, slots=True)
class Proposal:
    """A sign to ask a person about.

    Attributes:
        entry: The item of the queue.
        uncertainty: How undecided vision is between the classes, 0..1.
        novelty: How unlike all known signs it is, 0..1.
        unlike: How unlike what was labelled and what is asked before it, 0..1.
        worth: What all of that comes to.
    """

    entry: Queued
    uncertainty: float
    novelty: float
    unlike: float
    worth: float


def propose(waiting: Sequence[Queued], known: Sequence[Queued], count: int) -> list[Proposal]:
    """Choose which signs to ask about, the one that is worth most first.

    The worth is uncertainty times novelty, more where the like was often seen, times how far the embedding is from all
    that is labelled and from what was chosen before: ten pictures of one unknown sign teach little more than two.

    Args:
        waiting: Items that nobody has labelled.
        known: Items that somebody has.
        count: How many at most.
    """
    left = list(waiting)
    said = [_unit(entry) for entry in known]
    taken: list[Proposal] = []
    unlike = [min((_distance(_unit(entry), one) for one in said), default=1.0) for entry in left]
    while left and len(taken) < count:
        worths = [_value(entry) * (0.05 + far) for entry, far in zip(left, unlike, strict=True)]
        best = int(np.argmax(worths))
        entry, far = left.pop(best), unlike.pop(best)
        taken.append(Proposal(entry, uncertainty(entry), entry.item.novelty, far, worths[best]))
        look = _unit(entry)
        unlike = [min(far, _distance(_unit(other), look)) for other, far in zip(left, unlike, strict=True)]
    return taken


def uncertainty(entry: Queued) -> float:
    """Return the entropy of the probabilities that were kept, as a share of the most there could be; 1 without any."""
    kept = [max(choice.probability, 1e-9) for choice in entry.item.top]
    rest = max(1 - sum(kept), 0.0)
    shares = [*kept, rest] if rest > 1e-9 else kept
    if not kept or len(shares) < 2:
        return 1.0 if not kept else 0.0
    total = sum(shares)
    return -sum(share / total * math.log(share / total) for share in shares) / math.log(len(shares))


def _value(entry: Queued) -> float:
    """Return what a sign would teach by itself."""
    conflict = 1.5 if entry.item.conflict else 1.0
    return (0.1 + uncertainty(entry)) * (0.1 + entry.item.novelty) * conflict * (1 + math.log1p(entry.again) / 4)


def _unit(entry: Queued) -> FloatArray:
    return np.array(entry.item.embedding, np.float32)


def _distance(one: FloatArray, other: FloatArray) -> float:
    """Return how unlike two embeddings are: 0 from the cosine on that counts as the same, 1 from a cosine of 0."""
    if not len(one) or len(one) != len(other):
        return 1.0
    return float(np.clip((_SAME - float(one @ other)) / _SAME, 0.0, 1.0))
