"""What the columns of a .bin file are, which doesn't say it: KITTI's four, or those of another tool."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signpipe.types import FloatArray

KITTI: Final = ("float32", 4)
OTHERS: Final = (("float32", 5), ("float32", 6), ("float64", 4), ("float64", 5), ("float64", 6))
BARE: Final = (("float64", 3), ("float32", 3))  # x, y, z alone
FARTHEST: Final = 1000.0  # metres
NEAREST: Final = 1e-3  # metres; text read as numbers is nearer
BRIGHTEST: Final = 65535.0
LOOKED_AT: Final = 10_000  # points
# KITTI's scene 000114, written in each of these ways: all of its points fit the right one, at most 84 % a wrong one. Of
# three columns, those of the right one are 0.064 apart, those of a wrong one at most 0.016.
SURE: Final = 0.99
DISTINCT: Final = 0.03


def columns(content: bytes) -> npt.NDArray[Any] | None:
    """Return the points of a .bin file as (N, columns), KITTI's or what else they surely are; None if that is open."""
    for layouts in ((KITTI,), OTHERS, *((bare,) for bare in BARE)):
        likely = [table for layout in layouts if (table := _table(content, *layout)) is not None and _plausible(table)]
        if likely:
            return likely[0] if len(likely) == 1 else None
    return None


def with_reflectance(points: npt.NDArray[Any]) -> FloatArray:
    """Return float32 (N, 4) from points with more columns, or with x, y and z alone: then reflectance is 0."""
    if points.shape[1] == 3:
        points = np.column_stack([points, np.zeros(len(points))])
    return points[:, :4].astype(np.float32)


def _table(content: bytes, kind: str, count: int) -> npt.NDArray[Any] | None:
    """Return points (N, count), or None if they aren't whole."""
    if not content or len(content) % (np.dtype(kind).itemsize * count):
        return None
    return np.frombuffer(content, kind).reshape(-1, count)


def _plausible(table: npt.NDArray[Any]) -> bool:
    """Return whether the columns are x, y, z and a reflectance, if there are more than three.

    Read with wrong columns, places stand where reflectances should, and all columns hold the same mixture of values.
    """
    # At random: at regular steps, a wrong reading may show the same mistake in each row, or none.
    rows = np.random.default_rng(0).integers(0, len(table), LOOKED_AT) if len(table) > LOOKED_AT else slice(None)
    with np.errstate(invalid="ignore"):
        some = table[rows, :4].astype(np.float64)
    points = some[np.isfinite(some[:, :3]).any(axis=1)]  # a point without a return has no place at all
    if not len(points):
        return True  # nothing speaks against it
    with np.errstate(invalid="ignore"):
        farthest = np.abs(points[:, :3]).max(axis=1)
        fits = farthest < FARTHEST  # not where it is nan
        if points.shape[1] > 3:
            fits &= (points[:, 3] >= 0) & (points[:, 3] <= BRIGHTEST)
    if fits.mean() < SURE or farthest[fits].max() < NEAREST:
        return False
    if points.shape[1] > 3:
        return True
    x, y, z = np.sort(points[fits], axis=0).T
    apart = max(np.abs(one - other).mean() for one, other in ((x, y), (x, z), (y, z)))  # Wasserstein's distance
    return bool(apart > DISTINCT * np.ptp(points[fits]))
