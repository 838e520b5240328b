"""What a classifier said of crops, kept small enough to remember thousands of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, Category
from signpipe.lab.evaluation.classification import calibration_error
from signpipe.lab.evaluation.interval import wilson
from signpipe.runtime.session import Session
from signpipe.settings import FallbackSettings
from signpipe.types import Classifications, Image

BATCH = 64

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Observations:
    """One answer per crop.

    Attributes:
        predicted: int64 (N,), the most probable classes.
        confidence: float64 (N,), their probabilities.
        category: int64 (N,), the most probable categories, in the order of `Category`.
        novelty: float64 (N,), how unfamiliar the crops looked.
        visible: float64 (N,), how much of the sign the classifier takes for visible, 0..1.
        known: bool (N,), whether the sign could still be told from all others by what is visible of it.
    """

    predicted: IntArray
    confidence: npt.NDArray[np.float64]
    category: IntArray
    novelty: npt.NDArray[np.float64]
    visible: npt.NDArray[np.float64]
    known: BoolArray

    def some(self, chosen: BoolArray) -> Observations:
        """Return the answers to chosen crops, bool (N,)."""
        return Observations(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def to_json(self) -> dict[str, list[Any]]:
        """Return plain lists; probabilities keep five places."""
        return {
            "predicted": self.predicted.tolist(),
            "confidence": self.confidence.tolist(),
            "category": self.category.tolist(),
            "novelty": self.novelty.tolist(),
            "visible": self.visible.tolist(),
            "known": self.known.astype(int).tolist(),
        }

    @classmethod
    def from_json(cls, lists: dict[str, list[Any]]) -> Observations:
        """Return what `to_json` gave.

        Raises:
            KeyError: A list is missing.
        """
        return cls(
            np.array(lists["predicted"], np.int64),
            np.array(lists["confidence"], np.float64),
            np.array(lists["category"], np.int64),
            np.array(lists["novelty"], np.float64),
            np.array(lists["visible"], np.float64),
            np.array(lists["known"], bool),
        )


def joined(several: Sequence[Observations]) -> Observations:
    """Return the answers of several, one at least, one after the other."""
    names = [field.name for field in fields(Observations)]
    return Observations(*(np.concatenate([getattr(one, name) for one in several]) for name in names))


class Observer:
    """Shows crops to a classifier.

    Args:
        session: The open classifier.
        catalogue: Its classes.
    """

    def __init__(self, session: Session, catalogue: Catalogue) -> None:
        self._session = session
        self._members = category_members(catalogue)

    def __call__(self, crops: Image, known: BoolArray) -> Observations:
        """Look at crops, uint8 (N, S, S, 3), of which it is known whether they can be told from others, bool (N,).

        Raises:
            ModelError: The network can't be run.
        """
        return observe(read_crops(self._session, crops), known, self._members)


def observe(told: Classifications, known: BoolArray, members: BoolArray) -> Observations:
    """Return the answers that a classifier gives; `members` as from `category_members`."""
    return Observations(
        np.asarray(told.probability.argmax(1), np.int64),
        told.probability.max(1).astype(np.float64).round(5),
        np.asarray((told.probability @ members.T).argmax(1), np.int64),
        told.novelty.astype(np.float64).round(5),
        told.visible_share.astype(np.float64).round(5),
        known,
    )


def read_crops(session: Session, crops: Image) -> Classifications:
    """Return what a classifier says of crops BGR uint8 (N, S, S, 3), one at least.

    Without novelty, it is one minus the highest probability, as where signs are classified.

    Raises:
        ModelError: The network can't be run.
    """
    outputs = [session.run(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
    told = {name: np.concatenate([one[name] for one in outputs]) for name in outputs[0]}
    probability = told["probabilities"]
    return Classifications(
        probability,
        told.get("embedding", np.zeros((len(crops), 0), np.float32)),
        told.get("novelty", 1 - probability.max(axis=1)).reshape(len(crops)),
        told.get("visible", np.zeros((len(crops), 0, 0), np.float32)),
    )


def category_members(catalogue: Catalogue) -> BoolArray:
    """Return which classes belong to which category, bool (categories, C)."""
    return np.array([[sign.category is category for sign in catalogue] for category in Category])


def measure(
    observations: Observations, labels: IntArray, catalogue: Catalogue, settings: FallbackSettings
) -> dict[str, Any]:
    """Return what answers are worth.

    A single observation would be published where its probability reaches `accept`, or `accept_hidden` where the sign
    looks partly hidden, and it isn't too unfamiliar, as the fallback decides of vision alone; `wrong_over_accept` goes
    by the probability and `accept` alone.

    Args:
        observations: The answers.
        labels: int64 (N,), the true classes.
        catalogue: The classes.
        settings: The levels.
    """
    members = category_members(catalogue)
    right = observations.predicted == labels
    sure = observations.confidence >= settings.accept
    enough = np.array([settings.accept_for(visible) for visible in observations.visible])
    familiar = observations.novelty <= [settings.novelty_for(visible) for visible in observations.visible]
    published = (observations.confidence >= enough) & familiar
    return {
        "n": len(labels),
        "accuracy": float(right.mean()),
        "accuracy_interval_95": wilson(int(right.sum()), len(right)),
        "category_accuracy": float((observations.category == members[:, labels].argmax(0)).mean()),
        "ece": calibration_error(observations.confidence, right),
        "published_right": float((published & right).mean()),
        "published_wrong": float((published & ~right).mean()),
        "uncertain": float((~published).mean()),
        "wrong_over_accept": float((sure & ~right).mean()),
        "ceiling": float(observations.known.mean()),
    }
