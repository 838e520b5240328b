"""How well crops were classified: accuracy, F1, calibration, and how wrong the sure ones are."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from signpipe.catalogue import Catalogue, Effect
from signpipe.lab.evaluation.interval import wilson
from signpipe.types import FloatArray

CONFUSIONS = 20  # most confusions listed


@dataclass(frozen=True, slots=True)
class ClassificationEvaluation:
    """The calibrated probabilities of a set of crops, beside the truth.

    Attributes:
        probability: float32 (N, C), each row sums to at most 1; the rest is "cannot tell".
        labels: int64 (N,), the true classes.
        catalogue: Names and categories of the C classes.
    """

    probability: FloatArray
    labels: npt.NDArray[np.int64]
    catalogue: Catalogue

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable classes, int64 (N,)."""
        return np.asarray(self.probability.argmax(1), np.int64)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the most probable class is the true one, bool (N,)."""
        return np.asarray(self.predicted == self.labels)

    def macro_f1(self) -> float:
        """Return the mean F1 of the classes that occur, each counting the same."""
        predicted, scores = self.predicted, []
        for class_id in np.unique(self.labels):
            hits = np.count_nonzero((predicted == class_id) & (self.labels == class_id))
            total = np.count_nonzero(predicted == class_id) + np.count_nonzero(self.labels == class_id)
            scores.append(2 * hits / total)
        return float(np.mean(scores))

    def category_accuracy(self) -> float:
        """Return the share of crops whose most probable category is the true one."""
        categories = [sign.category for sign in self.catalogue]
        names = sorted(set(categories))
        members = np.array([[category == name for category in categories] for name in names])
        best = (self.probability @ members.T).argmax(1)
        return float(np.mean([names[b] == categories[label] for b, label in zip(best, self.labels, strict=True)]))

    def confusions(self) -> list[dict[str, Any]]:
        """Return the commonest mistakes, the commonest first."""
        wrong = ~self.right
        pairs = Counter(zip(self.labels[wrong].tolist(), self.predicted[wrong].tolist(), strict=True))
        return [
            {"true": self.catalogue[true].name, "predicted": self.catalogue[predicted].name, "n": count}
            for (true, predicted), count in pairs.most_common(CONFUSIONS)
        ]

    def limits(self) -> dict[str, Any]:
        """Return how often a speed limit was read as another one, which costs most: in all, and for each pair."""
        limit = np.array([sign.effect is Effect.LIMIT for sign in self.catalogue])
        shown = limit[self.labels]
        mixed = shown & limit[self.predicted] & ~self.right
        count, wrong = int(shown.sum()), int(mixed.sum())
        pairs = Counter(zip(self.labels[mixed].tolist(), self.predicted[mixed].tolist(), strict=True))
        return {
            "n": count,
            "read_as_another": wrong / count if count else 0.0,
            "interval_95": list(wilson(wrong, count)) if count else [0.0, 1.0],
            "pairs": [
                {"true": self.catalogue[true].value, "read": self.catalogue[read].value, "n": times}
                for (true, read), times in pairs.most_common()
            ],
        }

    def summary(self, accept: float) -> dict[str, Any]:
        """Return the usual metrics, each number of cases under `n`.

        Args:
            accept: The probability from which a single observation would be published.
        """
        right = self.right
        count = len(right)
        sure = self.probability.max(1) >= accept
        recalls = {
            self.catalogue[int(class_id)].name: float(right[self.labels == class_id].mean())
            for class_id in np.unique(self.labels)
        }
        return {
            "accuracy": float(right.mean()),
            "accuracy_interval_95": list(wilson(int(right.sum()), count)),
            "macro_f1": self.macro_f1(),
            "category_accuracy": self.category_accuracy(),
            "ece": expected_calibration_error(self.probability, self.labels),
            "sure": float(sure.mean()),
            "sure_and_wrong": float((sure & ~right).mean()),
            "recall_by_class": recalls,
            "confusions": self.confusions(),
            "limits": self.limits(),
            "reliability": [asdict(b) for b in reliability(self.probability.max(1), right)],
            "n": {"accuracy": count, "macro_f1": len(recalls), "ece": count, "sure": count},
        }


def expected_calibration_error(probability: FloatArray, labels: npt.NDArray[np.int64], bins: int = 15) -> float:
    """Return the expected calibration error of the most probable class, over bins of equal width.

    The mean gap between confidence and accuracy, weighted by how many crops a bin holds (Guo et al., On calibration of
    modern neural networks, ICML 2017).

    Args:
        probability: float32 (N, C), each row sums to at most 1.
        labels: int64 (N,), the true classes.
        bins: Number of bins.
    """
    return calibration_error(probability.max(1), probability.argmax(1) == labels, bins)


def calibration_error(confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Return the expected calibration error of answers; see `expected_calibration_error`.

    Args:
        confidence: float (N,), how sure each answer was, 0..1.
        right: bool (N,), whether it was right.
        bins: Number of bins.
    """
    return float(
        sum(abs(b.accuracy - b.confidence) * b.count for b in reliability(confidence, right, bins)) / len(right)
    )


def calibration_error_by_chance(confidence: npt.NDArray[np.floating], bins: int = 15, draws: int = 20) -> float:
    """Return the calibration error that these answers would show on average if each were right as often as it says.

    With few answers a bin's accuracy is off by chance, so that even a perfectly calibrated classifier shows an error.

    Args:
        confidence: float (N,), how sure each answer was, 0..1.
        bins: Number of bins.
        draws: How often it is drawn which answers are right; the same each time.
    """
    rng = np.random.default_rng(0)
    return float(
        np.mean([calibration_error(confidence, rng.random(len(confidence)) < confidence, bins) for _ in range(draws)])
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers that were about equally sure.

    Attributes:
        count: How many.
        confidence: How sure they were on average.
        accuracy: Share of them that was right.
    """

    count: int
    confidence: float
    accuracy: float


def reliability(confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int = 15) -> list[Bin]:
    """Return the reliability diagram: the bins of equal width over 0..1 that hold any answer, the least sure first."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        Bin(int((index == b).sum()), float(confidence[index == b].mean()), float(right[index == b].mean()))
        for b in np.unique(index)
    ]


def roc_auc(negative: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Return the chance that a positive scores over a negative, ties counted half."""
    low, high = np.ravel(negative), np.ravel(positive)
    ranks = rankdata(np.concatenate([low, high]))[len(low) :]
    return float((ranks.sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))
