"""What the observations of one sign say of its class, added up."""

from __future__ import annotations

import numpy as np

from signpipe.log_odds import softmax
from signpipe.settings import TrackSettings
from signpipe.types import FloatArray

# Chance that an observation says nothing of the sign (blur, glare, a bad crop), which bounds what one can claim.
WORTHLESS = 0.05
# An observation counts by the seconds since the one before it, as those in quick succession show much the same:
# `weight` is that of one after this interval, and one after a longer pause counts at most so many times as much.
USUAL_INTERVAL = 0.1
LONGEST_PAUSE = 2.0
# No class may trail the best by more log-odds, so that no number of observations makes a track blind to later ones.
LARGEST_LEAD = 16.0


class ClassEvidence:
    """Class log-probabilities of one track, fused over its observations.

    Observations add up as weighted log-probabilities, the logarithmic opinion pool (Genest and Zidek, Combining
    probability distributions, Statistical Science 1986), which for independent ones is Bayes' rule in log-odds (Moravec
    and Elfes, High resolution maps from wide angle sonar, ICRA 1985). One counts less if the sign is small, cut off or
    unfamiliar, or if the one before it was just now; old ones lose weight by the second, so that the frame rate
    matters little.

    Args:
        classes: Number of classes.
        settings: Weights, half-life and hysteresis.
    """

    def __init__(self, classes: int, settings: TrackSettings) -> None:
        self._settings = settings
        self._log = np.zeros(classes)
        self._mean = np.full(classes, 1 / classes)
        self._novelty = 1.0
        self._total = 0.0
        self._pause = 0.0  # seconds since the last observation
        self._class_id: int | None = None

    def add(self, probability: FloatArray, novelty: float, side: float, visibility: float, elapsed: float) -> None:
        """Take one observation in.

        Args:
            probability: float32 (C,), calibrated, sums to 1.
            novelty: 0 for a familiar sign, towards 1 for something never seen.
            side: Root of the box's area in pixels.
            visibility: 1 for a whole sign, less if the picture's edge cuts it.
            elapsed: Seconds since the last call of `add` or `fade`; ignored for the first.
        """
        self.fade(elapsed)
        fresh = 1.0 if self._class_id is None else min(self._pause / USUAL_INTERVAL, LONGEST_PAUSE)
        self._pause = 0.0
        weight = self._settings.weight * visibility * fresh * side / (side + self._settings.size_reference)
        heard = (1 - WORTHLESS) * probability.astype(np.float64) + WORTHLESS / len(probability)
        self._log = self._log + weight * (1 - novelty) * np.log(heard)
        self._log = np.maximum(self._log - self._log.max(), -LARGEST_LEAD)
        self._total += weight
        share = weight / self._total
        self._mean += share * (probability - self._mean)
        self._novelty += share * (novelty - self._novelty)
        self._hold()

    def fade(self, elapsed: float) -> None:
        """Let what is known lose weight, as time does, without an observation.

        Args:
            elapsed: Seconds since the last call of `add` or `fade`.
        """
        kept = 0.5 ** (elapsed / self._settings.forgetting)
        self._log, self._total = kept * self._log, kept * self._total
        self._pause += elapsed

    def _hold(self) -> None:
        """Change the class only for one that leads by far enough."""
        best = int(self._log.argmax())
        if self._class_id is None or self._log[best] - self._log[self._class_id] > self._settings.hold:
            self._class_id = best

    @property
    def log(self) -> FloatArray:
        """float32 (C,), fused log-probabilities, unnormalised: the best class has 0."""
        return self._log.astype(np.float32)

    @property
    def probability(self) -> FloatArray:
        """float32 (C,), the fused probabilities."""
        return softmax(self._log)

    @property
    def mean(self) -> FloatArray:
        """float32 (C,), what an observation says on average: of a sign that flickers between two classes, both."""
        return self._mean.astype(np.float32)

    @property
    def class_id(self) -> int:
        """The class with hysteresis applied; 0 before the first observation."""
        return self._class_id or 0

    @property
    def novelty(self) -> float:
        """Mean novelty of the observations, with their weights, 0..1; 1 before the first."""
        return min(max(self._novelty, 0.0), 1.0)
