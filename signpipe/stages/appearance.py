"""Whether two looks show one sign, by what is seen of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from signpipe.stages.association import disagree
from signpipe.types import UNKNOWN_SHAPE, Classifications, FloatArray, ShapeArray

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
# From here on, two looks are not at one sign, whatever their place: of pairs of looks at one sign of those tracks, 1 in
# 2,000 are so far apart; of looks at two signs of different classes, 95 % are where they are clean.
RULED_OUT = -4.5
# Nor are they where looks at the one are so sure of a class on average, and a look at the other of another class, no
# less familiar: so it was with none of 2,662 clean looks at the signs of GTSRB's validation tracks, a third of a second
# or a second after the one before, and with 5 of 27,390 hidden and damaged ones of both parts.
SURE_USUALLY, SURE, UNFAMILIAR = 0.95, 0.99, 0.3
# What the same outline adds, and another, where the detector tells them: chosen, for one that is wrong of 3 % of signs
# on roads where 45 % of pairs have one outline, and halved, as class and embedding have told much of it.
BY_OUTLINE = (0.4, -1.5)


def alike(
    usual: FloatArray, looks: FloatArray, outlines: ShapeArray, seen: Classifications, shape: ShapeArray
) -> Array:
    """Return the log-odds (T, N) that tracks and detections are of one sign, as they look; minus infinity for a no.

    A look that can't tell contradicts nothing, and one at something unfamiliar rules nothing out.

    Args:
        usual: float32 (T, C), what an observation of each track says on average.
        looks: float32 (T, D), mean embeddings of the tracks; D may be 0.
        outlines: uint8 (T,), their outlines.
        seen: What is seen now.
        shape: uint8 (N,), outlines of the detections.
    """
    classes = disagree(usual, seen.belief)
    if looks.shape[1]:
        log = np.interp(disagree(looks, seen.embedding), *BY_EMBEDDING) + np.interp(classes, *BY_CLASS_TOO)
        # A crop that nobody looked at has no embedding.
        blank = (np.abs(looks).max(axis=1) == 0)[:, None] | (np.abs(seen.embedding).max(axis=1) == 0)
        if blank.any():
            log = np.where(blank, np.interp(classes, *BY_CLASS_ALONE), log)
        ruled_out = ~blank & (log * seen.known_mass * (1 - seen.novelty) <= RULED_OUT)
    else:
        ruled_out = np.zeros(classes.shape, bool)
        log = np.interp(classes, *BY_CLASS_ALONE)
    other = usual.argmax(axis=1)[:, None] != seen.belief.argmax(axis=1)
    sure = (seen.belief.max(axis=1) >= SURE) & (seen.novelty < UNFAMILIAR)
    ruled_out |= other & sure & (usual.max(axis=1) >= SURE_USUALLY)[:, None]
    told = (outlines != UNKNOWN_SHAPE)[:, None] & (shape != UNKNOWN_SHAPE)
    outline = np.where(outlines[:, None] == shape, *BY_OUTLINE) * told
    log = np.minimum(np.maximum(log, MOST[0]), MOST[1]) * seen.known_mass + outline
    return np.where(ruled_out, -np.inf, log)
