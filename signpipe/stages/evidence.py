"""What the observations of one sign say of its class, added up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.settings import TrackSettings
from signpipe.types import SHAPES, Classifications, FloatArray

# How much an observation tells beyond the last one: all but exp(-seconds / independent_after - |change of log side| /
# GROWTH). Chosen with the settings' defaults on GTSRB's tracks, clean, behind occluders and damaged, thinned to 1 to 30
# frames a second, so that at every rate as much of what is published at 0.95 to 0.99 is right as that says. That other
# parts of a sign have come into view isn't counted: of signs behind leaves that move 3 % more would be published, but
# 1 to 2 % wrongly where leaves stand still, as what is seen of a sign wavers.
GROWTH = 1.0
# Looks of which the next one tells so much more are done with, and not averaged with it.
INDEPENDENT = 0.5
# No class may trail the best by more log-odds, so that no number of observations makes a track blind to later ones.
LARGEST_LEAD = 10.0
WORTHLESS = 0.01  # chance that one observation says nothing

# A detector that tells outlines names the right one in such a share; it sees the pixels that the classifier saw, so its
# log-odds count so much.
OUTLINE_RIGHT, OUTLINE_WEIGHT = 0.95, 0.25


@dataclass(frozen=True, slots=True)
class Look:
    """What one observation says.

    Attributes:
        probability: float32 (C,), calibrated, sums to 1.
        log: float64 (C,), its log-likelihoods, bounded by the chance that it is worthless.
        clarity: How much it tells at all: 1 for a sure class, 0 where all are alike.
        visible: How much of the sign can be seen, 0..1.
    """

    probability: FloatArray
    log: npt.NDArray[np.float64]
    clarity: float
    visible: float = 1.0


def looks_of(
    known: Classifications, outlined: npt.NDArray[np.float64] | None = None, worthless: float = WORTHLESS
) -> list[Look]:
    """Return N observations.

    Args:
        known: What the classifier says.
        outlined: float64 (N, C), what their outlines add, rows of `outline_table`.
        worthless: Chance that one says nothing.
    """
    belief = known.belief
    log = log_likelihood(belief, worthless)
    certain = np.maximum(belief.astype(np.float64), 1e-9)
    clarity = np.maximum(1 + (certain * np.log(certain)).sum(axis=1) / math.log(belief.shape[1]), 0.0)
    if outlined is not None:
        log += outlined
    return [Look(*one) for one in zip(belief, log, clarity.tolist(), known.visible_share.tolist(), strict=True)]


def log_likelihood(belief: FloatArray, worthless: float = WORTHLESS) -> npt.NDArray[np.float64]:
    """Return the log-likelihoods (..., C) of what looks say, bounded by the chance that one is worthless."""
    return np.asarray(np.log((1 - worthless) * belief.astype(np.float64) + worthless / belief.shape[-1]))


def outline_table(shapes: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return log-likelihoods (S + 1, C) of the classes by the outline that a detector tells; the last is for none.

    Args:
        shapes: The outline of each class, as in `signpipe.types.SHAPES`.
    """
    known = [SHAPES.index(shape) for shape in shapes]
    wrong = (1 - OUTLINE_RIGHT) / (len(SHAPES) - 1)
    share = np.where(np.arange(len(SHAPES))[:, None] == known, OUTLINE_RIGHT, wrong)
    return np.concatenate([OUTLINE_WEIGHT * np.log(share), np.zeros((1, len(shapes)))])


class ClassEvidence:
    """Class log-probabilities of one track, fused over its observations.

    Observations add up as weighted log-probabilities, the logarithmic opinion pool (Genest and Zidek, Combining
    probability distributions, Statistical Science 1986), which for independent ones is Bayes' rule in log-odds (Moravec
    and Elfes, High resolution maps from wide angle sonar, ICRA 1985). One counts less if the sign is small, cut off or
    unfamiliar, and only by what it tells beyond the one before it: soon after that, and as large, it shows the same
    blur and the same leaf. Looks that tell one thing together, until they tell as much as an independent one would, are
    averaged, so that none of them speaks louder for having come first. Old ones lose weight by the second. So the frame
    rate matters little.

    Args:
        classes: Number of classes.
        settings: Weights, half-life and hysteresis.

    Attributes:
        log: float32 (C,), fused log-probabilities, unnormalised: the best class has 0. Never changed, but replaced.
        probability: float32 (C,), the fused probabilities. Likewise.
    """

    def __init__(self, classes: int, settings: TrackSettings) -> None:
        self._settings = settings
        self._past = np.zeros(classes)  # of looks before the present ones
        self._present = np.zeros(classes)  # weighted mean of the present looks
        self._quality = 0.0  # sum of their weights
        self._worth = 1.0  # how many independent looks they count as: the first is one
        self._told = 0.0  # what they told beyond the first
        self._mean = np.full(classes, 1 / classes, np.float32)
        self._novelty = self._visible = 1.0
        self._total = 0.0
        self._pause = 0.0  # seconds since the last observation
        self._side = 0.0  # pixels of that one
        self._class_id: int | None = None
        self._fuse()

    def add(self, look: Look, novelty: float, side: float, visibility: float, elapsed: float) -> None:
        """Take one observation in.

        Args:
            look: What it says.
            novelty: 0 for a familiar sign, towards 1 for something never seen.
            side: Root of the box's area in pixels.
            visibility: 1 for a whole sign, less if the picture's edge cuts it.
            elapsed: Seconds since the last call of `add` or `fade`; ignored for the first.
        """
        self._age(elapsed)
        fresh = 1.0 if self._class_id is None else self._fresh(side)
        self._pause, self._side = 0.0, side
        quality = self._settings.weight * visibility * side / (side + self._settings.size_reference)
        if self._told >= 1 or (fresh >= INDEPENDENT and self._class_id is not None):
            self._past, self._quality, self._worth, self._told = self._sum(), 0.0, 0.0, 0.0
        if self._class_id is not None:
            self._worth += fresh * look.clarity
            self._told += fresh * look.clarity
        self._quality += quality * look.clarity
        share = quality * look.clarity / self._quality if self._quality > 0 else 0.0
        self._present = self._present + share * (quality * (1 - novelty) * look.log - self._present)
        # A mean needs no care for how independent its looks are: near ones are to count most, not the first.
        self._total += quality
        share = quality / self._total if self._total > 0 else 0.0
        self._mean = self._mean + np.float32(share) * (look.probability - self._mean)
        self._novelty += share * (novelty - self._novelty)
        self._visible += share * (look.visible - self._visible)
        self._hold()

    def fade(self, elapsed: float) -> None:
        """Let what is known lose weight, as time does, without an observation.

        Args:
            elapsed: Seconds since the last call of `add` or `fade`.
        """
        self._age(elapsed)
        self._fuse()

    def _age(self, elapsed: float) -> None:
        kept = 0.5 ** (elapsed / self._settings.forgetting)
        self._past, self._worth, self._total = kept * self._past, kept * self._worth, kept * self._total
        self._pause += elapsed

    def _fresh(self, side: float) -> float:
        """Return how much of an observation the last one didn't tell, 0..1."""
        grown = abs(math.log(max(side, 1.0) / max(self._side, 1.0)))
        return 1 - math.exp(-self._pause / self._settings.independent_after - grown / GROWTH)

    def _hold(self) -> None:
        """Change the class only for one that leads by far enough."""
        log = self._fuse()
        best = int(log.argmax())
        if self._class_id is None or log[best] - log[self._class_id] > self._settings.hold:
            self._class_id = best

    def _fuse(self) -> npt.NDArray[np.float64]:
        """Bring what is published up to date."""
        log = self._sum()
        likelihood = np.exp(log)
        self.log, self.probability = log.astype(np.float32), (likelihood / likelihood.sum()).astype(np.float32)
        return log

    def _sum(self) -> npt.NDArray[np.float64]:
        """Return past and present (C,) added up: the best class has 0, and none trails it by too much."""
        log = self._past + self._worth * self._present
        return np.asarray(np.maximum(log - log.max(), -LARGEST_LEAD))

    @property
    def mean(self) -> FloatArray:
        """float32 (C,), what an observation says on average: of a sign that flickers between two classes, both."""
        return self._mean

    @property
    def class_id(self) -> int:
        """The class with hysteresis applied; 0 before the first observation."""
        return self._class_id or 0

    @property
    def novelty(self) -> float:
        """Mean novelty of the observations, with their weights, 0..1; 1 before the first."""
        return min(max(self._novelty, 0.0), 1.0)

    @property
    def visible(self) -> float:
        """How much of the sign could be seen, the mean over the observations with their weights, 0..1."""
        return min(max(self._visible, 0.0), 1.0)
