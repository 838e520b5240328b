"""Whether two looks show one sign, by what is seen of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from signpipe.stages.association import disagree
from signpipe.types import Classifications, FloatArray

Array = npt.NDArray[np.float64]

# Log-odds that two looks are at one sign rather than at two, three in ten of which are of one class, by one minus the
# cosine of their embeddings, and what one minus the cosine of their class probabilities adds to that, or says alone:
# read off histograms over 20,000 pairs of each kind from GTSRB's training tracks, clean, hidden and damaged. Nothing
# counts for more than `MOST`.
BY_EMBEDDING = (
    (0.0, 0.01, 0.035, 0.075, 0.15, 0.28, 0.42, 0.6, 0.85),
    (4.0, 3.5, 2.0, 1.1, 0.3, -0.7, -2.2, -4.0, -6.0),
)
BY_CLASS_TOO = ((0.0, 0.5, 0.9, 0.99, 1.0), (0.0, 0.2, -0.2, -0.9, -1.6))
BY_CLASS_ALONE = ((0.0, 0.3, 0.7, 0.9, 0.99, 1.0), (1.2, 0.9, 0.0, -1.0, -6.0, -10.0))
MOST = (-9.0, 2.5)


def alike(usual: FloatArray, looks: FloatArray, seen: Classifications) -> Array:
    """Return the log-odds (T, N) that tracks and detections are of one sign, as they look.

    A look that can't tell contradicts nothing.

    Args:
        usual: float32 (T, C), what an observation of each track says on average.
        looks: float32 (T, D), mean embeddings of the tracks; D may be 0.
        seen: What is seen now.
    """
    classes = disagree(usual, seen.belief)
    if looks.shape[1]:
        log = np.interp(disagree(looks, seen.embedding), *BY_EMBEDDING) + np.interp(classes, *BY_CLASS_TOO)
    else:
        log = np.interp(classes, *BY_CLASS_ALONE)
    return np.asarray(np.clip(log, *MOST) * seen.known_mass)
