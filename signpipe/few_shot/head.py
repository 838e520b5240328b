"""What a crop's embedding says of the classes that the network has no score for: those that were added, a country's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.types import Classifications, FloatArray

SHARPNESS = 90.0  # a cosine of 0.011 more makes a class e times as likely
ELSEWHERE = 0.77  # cosine at which a crop is as likely to be of none of the prototypes
LEAST = 1e-4  # probability of none of the known classes that the network is never too sure to leave


class Head(Protocol):
    """Widens classifications of the classes that the classifier knows by others."""

    @property
    def catalogue(self) -> Catalogue:
        """The classes of what it returns."""

    def __call__(self, known: Classifications, /) -> Classifications:
        """Widen classifications, one row per crop, with embeddings."""


@dataclass(frozen=True, slots=True)
class FewShotHead:
    """Classes as prototypes in the classifier's embedding space.

    A crop belongs to the class whose prototype, the mean embedding of its examples, is nearest, by a softmax over
    cosines (Snell, Swersky and Zemel, Prototypical networks for few-shot learning, NeurIPS 2017). The known classes
    have prototypes too, which take from an added one what is theirs, and so has "none of them", at a fixed cosine.

    What isn't of the known classes lies close together in the embedding of a classifier that learned only that it is
    none of them. So cosines are taken where looks at one sign spread alike in all directions (within-class covariance
    normalisation; Hatch, Kajarekar and Stolcke, Interspeech 2006).

    Both constants were chosen on photographs made of the drawings of ten signs outside the 43: of the crops that get
    0.95 or more, 97 to 99 % are right; of 7,289 validation crops of known signs none gets an added class at 0.95; of
    signs that nobody added, 5 % do by a single crop, and of those that resemble an added one about a third.

    Attributes:
        catalogue: The known classes and, after them, the added ones.
        prototypes: float32 (K, D), unit length, of the added classes.
        known: float32 (C, D), unit length, of the known ones.
        metric: float32 (D, D), what embeddings and prototypes are multiplied with before cosines are taken, or None.
    """

    catalogue: Catalogue
    prototypes: FloatArray
    known: FloatArray
    metric: FloatArray | None = None
    _directions: FloatArray = field(init=False, repr=False)  # float32 (C + K, D), prototypes where cosines are taken

    def __post_init__(self) -> None:
        object.__setattr__(self, "_directions", self._spread(np.concatenate([self.known, self.prototypes])))

    def cosine(self, embedding: FloatArray) -> FloatArray:
        """Return the cosines (N, C + K) to the prototypes, in the catalogue's order, of embeddings float32 (N, D)."""
        return np.asarray(self._spread(np.nan_to_num(embedding)) @ self._directions.T)

    def _spread(self, embedding: FloatArray) -> FloatArray:
        """Return embeddings (N, D) where cosines are taken, of unit length but for those that are all zero."""
        if self.metric is None:
            return embedding
        spread = embedding @ self.metric
        return np.asarray(spread / np.maximum(np.linalg.norm(spread, axis=1, keepdims=True), 1e-6), np.float32)

    def probability(self, embedding: FloatArray) -> FloatArray:
        """Return the probability of each added class, float32 (N, K), for embeddings float32 (N, D) of unit length.

        An embedding that is all zero, as of a crop that nobody looked at, speaks for none.
        """
        odds = np.exp(np.float32(SHARPNESS) * (self.cosine(embedding) - np.float32(ELSEWHERE)))
        return np.asarray(odds[:, len(self.known) :] / (1 + odds.sum(axis=1, keepdims=True)), np.float32)

    def __call__(self, known: Classifications) -> Classifications:
        """Widen classifications of the C known classes by the K added ones.

        The known classes and the novelty keep the share that the added ones leave.

        Args:
            known: One row per crop, with embeddings.
        """
        added = self.probability(known.embedding)
        left = 1 - added.sum(axis=1)
        probability = np.concatenate([known.probability * left[:, None], added], axis=1)
        return Classifications(probability, known.embedding, known.novelty * left, known.visible)


@dataclass(frozen=True, slots=True)
class PackHead:
    """A country's signs as prototypes in the classifier's embedding space.

    A sign can have several prototypes, of its drawings and of photographs; the nearest one counts. Network and
    prototypes are two witnesses whose likelihoods multiply: the network says how likely each class is that it knows,
    and how likely none of them; the prototypes say which sign it looks like, or none, at a fixed cosine.

    Attributes:
        catalogue: The known classes and, after them, the country's others.
        known: How many classes the network knows.
        prototypes: float32 (P, D), unit length.
        owners: int64 (P,), the class of each prototype.
        sharpness: A cosine of 1 / sharpness more makes a class e times as likely.
        elsewhere: Cosine at which a crop is as likely to be of none of the prototypes.
    """

    catalogue: Catalogue
    known: int
    prototypes: FloatArray
    owners: npt.NDArray[np.int64]
    sharpness: float
    elsewhere: float
    _present: FloatArray = field(init=False, repr=False)  # float32 (C,), 1 for the classes that the country has

    def __post_init__(self) -> None:
        object.__setattr__(self, "_present", np.array([sign.present for sign in self.catalogue], np.float32))

    def odds(self, embedding: FloatArray) -> FloatArray:
        """Return how much likelier each class is than none, by prototypes alone, float32 (N, C).

        Args:
            embedding: float32 (N, D), unit length; one that is all zero speaks for none.
        """
        nearest = np.full((len(self.catalogue), len(embedding)), -1, np.float32)
        np.maximum.at(nearest, self.owners, self.prototypes @ np.nan_to_num(embedding).T)
        return np.asarray(np.exp(np.float32(self.sharpness) * (nearest.T - np.float32(self.elsewhere))))

    def weigh(self, known: Classifications) -> tuple[FloatArray, FloatArray]:
        """Return what network and prototypes together say, not normalised: each class (N, C), and none (N, 1), float32.

        Args:
            known: One row per crop, with embeddings.
        """
        none = np.maximum(1 - known.probability.sum(axis=1, keepdims=True), LEAST)
        odds = self.odds(known.embedding)
        odds[:, : self.known] *= known.probability
        odds[:, self.known :] *= none
        return odds, none

    def __call__(self, known: Classifications) -> Classifications:
        """Widen classifications of the classes that the network knows by the country's others.

        The novelty keeps the share that the others leave. Classes that the country doesn't have get nothing.

        Args:
            known: One row per crop, with embeddings.
        """
        odds, none = self.weigh(known)
        probability = odds / (none + odds.sum(axis=1, keepdims=True))
        left = 1 - probability[:, self.known :].sum(axis=1)
        return Classifications(
            np.asarray(probability * self._present, np.float32),
            known.embedding,
            np.asarray(known.novelty * left, np.float32),
            known.visible,
        )
