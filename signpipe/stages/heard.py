"""What was heard of a sign from others than vision, and what it comes to with what vision says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.log_odds import FLOOR, SUPPORT, fuse, supports
from signpipe.opinion import Opinion, Role, Witness
from signpipe.types import FloatArray

# Share of signs of which vision is mistaken however sure it is, where it was trained on other typefaces and figures.
MISTAKEN = 0.02
# Log-odds, weighted, by which another must speak for vision's class over its runner-up to agree with it: for a drawing
# with its weight of a half, 20 to 1. Of 60 of GTSRB's validation tracks, clean, hidden and damaged, at 3 a second, half
# that was right wherever vision was over `release`, and the one that it got wrong was under that.
AGREES = 1.5


@dataclass(slots=True)
class Heard:
    """What one witness said of a track.

    Attributes:
        witness: Who it is.
        opinion: The latest opinion.
        denials: How often in a row it has said that this is no real sign.
    """

    witness: Witness
    opinion: Opinion
    denials: int = 0

    @property
    def weighted(self) -> tuple[float, FloatArray]:
        """Weight and log-likelihoods, as `fuse` takes them."""
        return self.witness.weight, self.opinion.log_likelihood


def of_roles(heard: tuple[Heard, ...], *roles: Role) -> tuple[Heard, ...]:
    """Return those who have one of the roles."""
    return tuple(one for one in heard if one.witness.role in roles)


def fused(evidence: FloatArray, heard: Sequence[Heard]) -> FloatArray:
    """Return float32 (C,), the probability of each class after all were heard; the rest is for a sign of none of them.

    Where one is among them who can tell signs that the catalogue doesn't have (`Opinion.unlisted`), vision may also be
    mistaken altogether, with the prior `MISTAKEN`: such a sign, or a known one in a typeface that it never saw, gets a
    class from it all the same, and a sure one. What was read is then all that there is to go by. The less it fits what
    vision says, the more probable is that.
    """
    listed = fuse(evidence, (one.weighted for one in heard))
    telling = [one for one in heard if one.opinion.unlisted is not None]
    if not telling:
        return listed
    read = np.zeros(len(evidence) + 1)
    for one in telling:
        read += _stretched(one, one.opinion.unlisted or 0.0)
    for one in heard:
        if one.witness.role is Role.PRIOR:  # it knows what should be there, whatever vision is mistaken about
            read += _stretched(one, _unnamed(one.opinion.log_likelihood))
    said = np.exp(read - read.max())
    sight = (one.weighted for one in heard if one.opinion.unlisted is None and one.witness.role is not Role.PRIOR)
    fit = float(fuse(evidence, sight).astype(np.float64) @ said[:-1])
    mistaken = 1 / (1 + fit * (1 - MISTAKEN) / MISTAKEN)
    alone = said - said.min()
    alone /= max(float(alone.sum()), 1e-9)
    return np.asarray((1 - mistaken) * listed + mistaken * alone[:-1], np.float32)


def _stretched(one: Heard, unlisted: float) -> npt.NDArray[np.float64]:
    """Return float64 (C + 1,), the weighted log-likelihoods with that of a sign that the catalogue doesn't have."""
    weight, log_likelihood = one.weighted
    said = np.append(log_likelihood, unlisted)
    return np.asarray(weight * np.maximum(said - said.max(), FLOOR))


def _unnamed(log_likelihood: FloatArray) -> float:
    """Return the log of the mean likelihood of all classes but the likeliest."""
    likelihood = np.exp(np.sort(log_likelihood.astype(np.float64))[:-1])
    return math.log(max(float(likelihood.mean()), 1e-30))


def supporters(class_id: int, held: int | None, heard: tuple[Heard, ...]) -> tuple[Heard, ...]:
    """Return who a class rests on besides vision: nobody where vision alone is sure of it."""
    return () if class_id == held else tuple(one for one in heard if supports(class_id, *one.weighted))


def agree(class_id: int, evidence: FloatArray, heard: Sequence[Heard]) -> bool:
    """Return True if someone speaks for vision's class, rather than for its runner-up, and nobody for another."""
    others = evidence.copy()
    others[class_id] = -np.inf
    second = int(others.argmax())
    said = [weight * log_likelihood for weight, log_likelihood in (one.weighted for one in heard)]
    spoken = any(float(log[class_id] - log[second]) >= AGREES for log in said)
    return spoken and not opposed(class_id, heard)


def opposed(class_id: int, heard: Sequence[Heard]) -> bool:
    """Return True if someone speaks for another class, or rather for a sign that the catalogue doesn't have."""
    for one in heard:
        weight, log_likelihood = one.weighted
        said = float(log_likelihood[class_id])
        if weight * (float(log_likelihood.max()) - said) >= SUPPORT:
            return True
        if one.opinion.unlisted is not None and weight * (one.opinion.unlisted - said) > 0:
            return True
    return False


def reasons(opinions: tuple[Opinion, ...]) -> str:
    """Return who said what."""
    return "; ".join(f"{opinion.witness}: {opinion.text}" for opinion in opinions)
