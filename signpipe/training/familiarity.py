"""How familiar a crop looks: how close its embedding lies to the signs that the classifier was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

from signpipe.types import FloatArray

EACH = 6  # prototypes a class: a sign has several looks, by day, at night, blurred


@dataclass(frozen=True, slots=True)
class Familiarity:
    """The constants of the novelty score: cosine distance to the nearest of several prototypes a class.

    Distances to neighbours in a normalised embedding tell what is new better than the scores of the classes do (Sun et
    al., Out-of-distribution detection with deep nearest neighbors, ICML 2022). Prototypes, the means of clusters, stand
    for the neighbours: they tell as much, and fit into the graph.

    Attributes:
        prototypes: float32 (P, D), unit length.
        limit: Cosine at which novelty is 0.5.
        scale: Cosine by which its log-odds change by 1.
    """

    prototypes: FloatArray
    limit: float
    scale: float

    def cosine(self, features: FloatArray) -> FloatArray:
        """Return (N,): the cosine between features (N, D) and the nearest prototype."""
        return np.asarray((_unit(features) @ self.prototypes.T).max(1))

    def novelty(self, features: FloatArray) -> FloatArray:
        """Return (N,), 0..1: how unfamiliar features (N, D) look."""
        return np.asarray(1 / (1 + np.exp((self.cosine(features) - self.limit) / self.scale)))


def fit_familiarity(
    train: FloatArray,
    labels: npt.NDArray[np.int64],
    clean: FloatArray,
    familiar: float = 0.98,
) -> Familiarity:
    """Fit the novelty score.

    Args:
        train: float32 (N, D), features of signs that the network was trained on.
        labels: int64 (N,), their classes.
        clean: float32 (K, D), features of signs in plain view that it wasn't trained on.
        familiar: Share of `clean` whose novelty must stay under 0.5.
    """
    unit = _unit(train).astype(np.float64)
    clusters = [
        kmeans2(unit[labels == c], min(EACH, int((labels == c).sum())), seed=0, minit="++")[0]
        for c in np.unique(labels)
    ]
    prototypes = _unit(np.concatenate(clusters)).astype(np.float32)
    raw = Familiarity(prototypes, 0.0, 1.0)
    limit, middle = np.quantile(raw.cosine(clean), (1 - familiar, 0.5))
    # The middle one scores 0.05, logit(0.05) is -2.94: looks count by their familiarity, and a usual one should fully.
    return Familiarity(prototypes, float(limit), max(float(middle - limit) / 2.94, 0.005))


def _unit(features: FloatArray) -> FloatArray:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
