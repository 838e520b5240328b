"""How familiar a crop looks: how close its embedding lies to the signs that the classifier was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

from signpipe.types import FloatArray
from signpipe.types.detections import visible_share

EACH = 6  # prototypes per class: a sign has several looks, by day, at night, blurred
# Cosine that one log-odd of "cannot tell" against all classes counts for, and that a wholly hidden face is forgiven.
# Hidden signs lie far from the prototypes too, but are told from new ones by both: of a new one in plain view nothing
# is hidden.
DOUBT, HIDDEN = 0.03, 0.3
# Share of the known signs in plain view whose novelty stays under 0.5. With 99 % of them, 12 % of those that are hidden
# would be held back as new, with 99.5 % 7 %; of drawings of other signs fewer than one in a hundred pass with either.
FAMILIAR = 0.995


@dataclass(frozen=True, slots=True)
class Familiarity:
    """The constants of the novelty score: cosine to the nearest of several prototypes per class, less doubt.

    A sign that is partly hidden is expected to lie farther off, by what the gate takes for hidden.

    Distances to neighbours in a normalised embedding tell what is new better than the scores of the classes do (Sun et
    al., Out-of-distribution detection with deep nearest neighbors, ICML 2022). Prototypes, the means of clusters, stand
    for the neighbours: they tell as much, and fit into the graph. Doubt is the log-odds of "cannot tell", which is
    learned from signs outside the catalogue (outlier exposure, Hendrycks et al., ICLR 2019).

    Attributes:
        prototypes: float32 (P, D), unit length.
        limit: Score at which novelty is 0.5.
        scale: Score by which its log-odds change by 1.
    """

    prototypes: FloatArray
    limit: float
    scale: float

    def score(self, logits: FloatArray, features: FloatArray, visible: FloatArray) -> FloatArray:
        """Return (N,): how familiar crops look, from scores (N, C + 1), features (N, D), visible shares (N, P, P)."""
        cosine = (_unit(features) @ self.prototypes.T).max(1)
        doubt = logits[:, -1] - np.logaddexp.reduce(logits[:, :-1].astype(np.float64), 1)
        return np.asarray(cosine - DOUBT * doubt + HIDDEN * (1 - visible_share(visible)))

    def novelty(self, logits: FloatArray, features: FloatArray, visible: FloatArray) -> FloatArray:
        """Return (N,), 0..1: how unfamiliar crops look."""
        return np.asarray(1 / (1 + np.exp((self.score(logits, features, visible) - self.limit) / self.scale)))


def fit_familiarity(
    train: FloatArray,
    labels: npt.NDArray[np.int64],
    clean: tuple[FloatArray, FloatArray, FloatArray],
) -> Familiarity:
    """Fit the novelty score.

    Args:
        train: float32 (N, D), features of signs that the network was trained on.
        labels: int64 (N,), their classes.
        clean: Scores float32 (K, C + 1), features (K, D) and visible shares (K, P, P) of signs in plain view that it
            wasn't trained on; the novelty of `FAMILIAR` of them stays under 0.5.
    """
    unit = _unit(train).astype(np.float64)
    of_class = [unit[labels == c] for c in np.unique(labels)]
    clusters = [kmeans2(one, min(EACH, len(one)), seed=0, minit="++")[0] for one in of_class]
    prototypes = _unit(np.concatenate(clusters)).astype(np.float32)
    scores = Familiarity(prototypes, 0.0, 1.0).score(*clean)
    limit, middle = np.quantile(scores, (1 - FAMILIAR, 0.5))
    # The middle one scores 0.05, logit(0.05) is -2.94: looks count by their familiarity, and a usual one should fully.
    return Familiarity(prototypes, float(limit), max(float(middle - limit) / 2.94, 0.005))


def _unit(features: FloatArray) -> FloatArray:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
