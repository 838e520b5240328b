"""Several looks at one sign, as one reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from signpipe.figures.reader import Reading

MOST = 6  # looks that are kept: the clearest ones
BEYOND = 0.25  # what a further look adds to the first one: they show the same sign, from nearly the same place
SHARP = 28.0  # pixels of the shorter side from which a look counts in full
LEAST = 1e-6  # no text is less probable in one look


@dataclass(slots=True)
class Looks:
    """The looks at one sign.

    What they say adds up as log-probabilities, but not as if they were independent: n looks count as
    1 + 0.25 (n - 1), so that an equal look repeated makes a text little surer. Small looks count less.

    Attributes:
        readings: The looks, the oldest first.
        count: Looks that there were, those that aren't kept among them.
    """

    readings: list[Reading] = field(default_factory=list)
    count: int = 0
    _known: list[dict[str, float]] = field(default_factory=list)

    def add(self, reading: Reading) -> None:
        """Take in another look; of too many, the smallest sign is dropped."""
        self.readings.append(reading)
        self._known.append({})
        self.count += 1
        if len(self.readings) > MOST:
            smallest = int(np.argmin([one.side for one in self.readings]))
            del self.readings[smallest], self._known[smallest]

    def probability(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the probability of each text and, last, of any other one: float64 (len(texts) + 1,), its sum is 1.

        Args:
            texts: Different texts.
        """
        logs = np.stack([_with_rest(self._log_probability(look, texts)) for look in range(len(self.readings))])
        quality = np.array([min(reading.side / SHARP, 1.0) ** 2 for reading in self.readings])
        total = 1 + BEYOND * (len(self.readings) - 1)
        mean = (quality[:, None] * logs).sum(0) / quality.sum() * total
        share = np.exp(mean - mean.max())
        return np.asarray(share / share.sum(), np.float64)

    def _log_probability(self, look: int, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the log-probability of each text in one look; what was asked before is known."""
        known = self._known[look]
        new = [text for text in texts if text not in known]
        known.update(zip(new, self.readings[look].log_probability(new).tolist(), strict=True))
        return np.array([known[text] for text in texts])

    def texts(self) -> tuple[str, ...]:
        """Return what the looks read, each text once."""
        return tuple(dict.fromkeys(reading.text for reading in self.readings))

    @property
    def struck(self) -> float:
        """Probability that the sign is struck through."""
        odds = [np.log(max(r.struck, LEAST)) - np.log(max(1 - r.struck, LEAST)) for r in self.readings]
        total = 1 + BEYOND * (len(odds) - 1)
        return float(1 / (1 + np.exp(-np.mean(odds) * total)))


def _with_rest(logs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the log-probability of each text and, last, of any other."""
    logs = np.maximum(logs, np.log(LEAST))
    return np.append(logs, np.log(max(1 - float(np.exp(logs).sum()), LEAST)))
