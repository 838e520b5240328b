"""How far the surface that a sign's face lies on goes on around it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from signpipe.types import FloatArray

REACH: Final = 2.5  # metres around the box that are looked at
_TOLERANCE: Final = 0.15  # metres off the plane that still belong to it
_NOISE: Final = 0.04  # metres, spread of ranges
_TILT: Final = 1.0  # usual slope of a plane; keeps the fit to a few points from running away

Mask = npt.NDArray[np.bool_]


def surface_extent(
    across: FloatArray, down: FloatArray, behind: FloatArray, face: Mask, half: tuple[float, float], step: float
) -> tuple[tuple[float, float, float, float], Mask]:
    """Follow the plane of a face outwards.

    A plane is linear in (across, down, behind) as long as `behind` is measured in inverse depth. It is fitted to the
    face and fitted again as it grows, so that a surface seen at a slant is followed too. In each of four strips beside
    the box the surface goes on while most points lie on it; points behind it mean that one sees past it.

    Args:
        across: float32 (N,), metres right of the box's centre, at the face's depth.
        down: float32 (N,), metres below it.
        behind: float32 (N,), metres behind the face, as depth0 - depth0**2 / depth.
        face: bool (N,), the points of the face.
        half: Half the width and height of the box in metres.
        step: Metres that are judged at once; no less than the distance of two rings.

    Returns:
        Metres that it goes on to the left, right, up and down, and a mask (N,) of its points around the box.
    """
    on = face
    for margin in (0.5, 1.2, REACH):
        residual = behind - _plane(across, down, behind, on)
        near = (np.abs(across) < half[0] + margin) & (np.abs(down) < half[1] + margin)
        on = near & (np.abs(residual) < _TOLERANCE)
        if np.count_nonzero(on) < 3:
            return (0.0, 0.0, 0.0, 0.0), on & ~face
    residual = behind - _plane(across, down, behind, on)
    on, past = np.abs(residual) < _TOLERANCE, residual >= _TOLERANCE
    level, upright = np.abs(down) <= half[1], np.abs(across) <= half[0]
    extents = (
        _follow(-across - half[0], on & level, past & level, step),
        _follow(across - half[0], on & level, past & level, step),
        _follow(-down - half[1], on & upright, past & upright, step),
        _follow(down - half[1], on & upright, past & upright, step),
    )
    outside = (np.abs(across) > 1.2 * half[0]) | (np.abs(down) > 1.2 * half[1])
    return extents, on & outside


def _plane(across: FloatArray, down: FloatArray, behind: FloatArray, on: Mask) -> FloatArray:
    """Return `behind` of the plane through the points `on`, at every point."""
    design = np.stack([np.ones_like(across), across, down], axis=1).astype(np.float64)
    chosen = design[on]
    normal = chosen.T @ chosen / _NOISE**2 + np.diag([1e-6, 1 / _TILT**2, 1 / _TILT**2])
    plane = np.linalg.solve(normal, chosen.T @ behind[on].astype(np.float64) / _NOISE**2)
    return np.asarray(design @ plane, np.float32)


def _follow(outward: FloatArray, on: Mask, past: Mask, step: float) -> float:
    """Return how many metres from the box's edge a surface goes on in one direction."""
    bins = int(np.ceil(REACH / step))
    of_it = np.bincount(_bin(outward[on], step, bins), minlength=bins + 1)[:bins]
    beyond = np.bincount(_bin(outward[past], step, bins), minlength=bins + 1)[:bins]
    broken = of_it <= beyond  # an empty bin too: the sky gives no points
    end = int(np.argmax(broken)) if broken.any() else bins
    reached = outward[on & (outward >= 0) & (outward < min(end * step, REACH))]
    return float(reached.max()) if len(reached) else 0.0


def _bin(outward: FloatArray, step: float, bins: int) -> npt.NDArray[np.int64]:
    """Return the bin of each point, or `bins` for those that lie inside the box or too far out."""
    number = np.floor(outward / step).astype(np.int64)
    return np.where((number < 0) | (number >= bins), bins, number)
