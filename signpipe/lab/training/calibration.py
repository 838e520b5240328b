"""Making a classifier's scores mean what they say, on validation pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from signpipe.types import FloatArray

# Times the temperature that fits best: being wrong and sure costs more than being right and unsure. Of 84 cells of
# validation crops, by occluder and hidden share, two had over 1 % wrong at 0.95 or more with the fit, one at 1.05; from
# 1.08 on hidden signs are more often right than is said by over 0.02.
CAUTION = 1.05


@dataclass(frozen=True, slots=True)
class Calibration:
    """The constants that turn a classifier's scores into what the exported graph gives.

    Attributes:
        temperature: Divides all scores (Guo et al., On calibration of modern neural networks, 2017).
        doubt: Is added to the scaled score of "cannot tell".
    """

    temperature: float
    doubt: float

    def probability(self, logits: FloatArray) -> FloatArray:
        """Return calibrated probabilities (N, C) of logits (N, C + 1); what is missing to 1 is "cannot tell"."""
        scaled = _scaled(logits, self.temperature, self.doubt)
        return np.exp(scaled - np.logaddexp.reduce(scaled, 1, keepdims=True))[:, :-1].astype(np.float32)


def calibrate(
    clean: FloatArray,
    labels: npt.NDArray[np.int64],
    hidden: FloatArray,
    hidden_labels: npt.NDArray[np.int64],
    backgrounds: FloatArray,
) -> Calibration:
    """Fit the constants that the exported graph holds.

    Temperature and doubt minimise the log loss of signs, clean and hidden, and of crops without a sign, of which
    "cannot tell" is the right answer: what is calibrated on clean signs alone is too sure of hidden ones. Then the
    temperature is raised by `CAUTION`.

    Args:
        clean: float32 (N, C + 1), scores of signs in plain view.
        labels: int64 (N,), their classes.
        hidden: float32 (K, C + 1), scores of signs that are partly hidden.
        hidden_labels: int64 (K,), their classes.
        backgrounds: float32 (M, C + 1), scores of crops without a sign.
    """
    scores = np.concatenate([clean, hidden, backgrounds])
    truth = np.concatenate([labels, hidden_labels, np.full(len(backgrounds), clean.shape[1] - 1)])

    def log_loss(parameters: npt.NDArray[np.float64]) -> float:
        scaled = _scaled(scores, float(np.exp(parameters[0])), float(parameters[1]))
        return float(np.mean(np.logaddexp.reduce(scaled, 1) - scaled[np.arange(len(truth)), truth]))

    log_temperature, doubt = minimize(log_loss, [0.0, 0.0], method="Nelder-Mead").x
    return Calibration(CAUTION * float(np.exp(log_temperature)), float(doubt))


def energy_of(logits: FloatArray) -> FloatArray:
    """Return (N,): how loudly the classes speak in logits (N, C + 1), all but the last (Liu et al., 2020).

    What "cannot tell" says is left out: it is loud for hidden signs too.
    """
    return np.asarray(np.logaddexp.reduce(logits[:, :-1].astype(np.float64), 1))


def _scaled(logits: FloatArray, temperature: float, doubt: float) -> npt.NDArray[np.float64]:
    scaled = logits.astype(np.float64) / temperature
    scaled[:, -1] += doubt
    return scaled
