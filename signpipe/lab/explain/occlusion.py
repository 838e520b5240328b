"""Which part of a crop the classifier goes by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from signpipe.types import Classifications, FloatArray, Image

PATCH = 0.2  # side of the patch over that of the crop
STEP = 0.07  # how far it moves
GREY = 127
BATCH = 64


def occlusion_map(classify: Callable[[Image], Classifications], crop: Image, class_id: int) -> FloatArray:
    """Return by how much the probability of a class falls where a part of the crop is hidden.

    A grey patch is slid over the crop (Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV
    2014); a pixel's value is the mean over all patches that cover it. Negative where hiding makes the class likelier.

    Args:
        classify: The classifier, from crops uint8 (N, S, S, 3).
        crop: BGR uint8 (S, S, 3).
        class_id: The class.

    Returns:
        float32 (S, S), -1..1.

    Raises:
        ModelError: The classifier can't be run.
    """
    size = len(crop)
    patch, step = max(round(size * PATCH), 1), max(round(size * STEP), 1)
    # Patches reach over the edge, so that pixels there are covered as often as those in the middle.
    starts = range(1 - patch, size, step)
    places = [(slice(max(y, 0), y + patch), slice(max(x, 0), x + patch)) for y in starts for x in starts]
    hidden = np.repeat(crop[None], len(places), axis=0)
    for picture, place in zip(hidden, places, strict=True):
        picture[place] = GREY
    parts = [classify(hidden[start : start + BATCH]).probability for start in range(0, len(hidden), BATCH)]
    fall = classify(crop[None]).probability[0, class_id] - np.concatenate(parts)[:, class_id]
    total, count = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    for value, place in zip(fall, places, strict=True):
        total[place] += value
        count[place] += 1
    return np.asarray(total / count, np.float32)
