"""How much boxes share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.floating]


def overlaps(first: Boxes, second: Boxes) -> tuple[Array, Array]:
    """Return intersection over union, and over the smaller box, of (T, 4) with (N, 4) boxes, each (T, N)."""
    corner = np.maximum(first[:, None, :2], second[None, :, :2])
    opposite = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(opposite - corner, 0, None).astype(np.float64).prod(axis=2)
    areas = [
        np.maximum((boxes[:, 2:] - boxes[:, :2]).astype(np.float64).prod(axis=1), 1e-9) for boxes in (first, second)
    ]
    one, other = areas[0][:, None], areas[1][None, :]
    return shared / (one + other - shared), shared / np.minimum(one, other)
