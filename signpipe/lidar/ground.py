"""How high the road lies around a place, from the lowest dense layer of points there."""

from __future__ import annotations

from typing import Final

import numpy as np

from signpipe.types import FloatArray

_BIN: Final = 0.1  # metres
_FEWEST: Final = 6  # points of a layer that may be ground
_SHARE: Final = 0.08  # of the points below the place; echoes from under the road are rarer


def ground_height(points: FloatArray, place: FloatArray, radius: float) -> float | None:
    """Return z of the ground around a place, or None if no ground is seen there.

    Lone points far below the road (mirrored echoes) are passed over: the ground is the lowest layer of 0.3 m with a
    fair share of the points.

    Args:
        points: float32 (4, N), rows x, y, z (up), reflectance.
        place: float32 (3,), x, y, z in the same coordinates.
        radius: Metres around the place, in plan.
    """
    x, y, z = points[:3]
    near = np.flatnonzero(np.abs(y - place[1]) < radius)
    heights = z[near[(np.abs(x[near] - place[0]) < radius)]]
    heights = heights[heights < place[2] - 0.2]
    if len(heights) < _FEWEST:
        return None
    lowest = max(float(heights.min()), float(place[2]) - 12)
    bins = np.floor((heights - lowest) / _BIN).astype(np.int64)
    counts = np.bincount(bins[bins >= 0])
    layers = np.convolve(counts, np.ones(3), "valid") if len(counts) >= 3 else np.array([counts.sum()])
    dense = np.flatnonzero(layers >= max(_FEWEST, _SHARE * len(heights)))
    if not len(dense):
        return None
    peak = dense[0] + int(layers[dense[0] : dense[0] + 4].argmax())  # the first dense one may hold its rim only
    return float(np.median(heights[(bins >= peak) & (bins < peak + 3)]))
