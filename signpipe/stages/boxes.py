"""How much boxes share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.floating]


def overlaps(first: Boxes, second: Boxes) -> tuple[Array, Array]:
    """Return intersection over union, and over the smaller box, of (T, 4) with (N, 4) boxes, each (T, N)."""
    one, other = np.asarray(first, np.float64).T[..., None], np.asarray(second, np.float64).T[:, None]
    shared = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    both = shared[0] * shared[1]
    areas = [np.maximum((edges[2] - edges[0]) * (edges[3] - edges[1]), 1e-9) for edges in (one, other)]
    return both / (areas[0] + areas[1] - both), both / np.minimum(*areas)
