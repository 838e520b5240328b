"""How a road runs: straights, arcs and spirals in the plane, and its height, sampled along its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STEP = 0.25  # metres between the samples
LEAD = 60.0  # metres of straight road before the start and after the end, so that nothing is looked up beyond it


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of road: a straight (both curvatures 0), an arc (equal ones) or a spiral (curvature changes evenly).

    Attributes:
        length: Metres.
        begin: Curvature at its begin, 1/m, positive to the right.
        end: Curvature at its end.
    """

    length: float
    begin: float = 0.0
    end: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """A road's reference line in the world: x to the right of its start, y up, z ahead; metres.

    Attributes:
        length: Metres from its start to its end.
        stations: float64 (K,), metres from its start; some lie before the start and beyond the end.
        table: float64 (K, 5): x, y, z, heading in radians (positive to the right) and curvature there.
    """

    length: float
    stations: Array
    table: Array

    def at(self, stations: npt.ArrayLike) -> Array:
        """Return x, y, z, heading and curvature at stations (N,), float64 (N, 5)."""
        place = (np.atleast_1d(np.asarray(stations, np.float64)) - self.stations[0]) / STEP
        before = np.clip(np.floor(place).astype(int), 0, len(self.stations) - 2)
        share = np.clip(place - before, 0.0, 1.0)[:, None]
        between: Array = self.table[before] * (1 - share) + self.table[before + 1] * share
        return between

    def place(self, stations: npt.ArrayLike, right: npt.ArrayLike, up: npt.ArrayLike) -> Array:
        """Return points beside the road in the world.

        Args:
            stations: Metres from the start, (N,).
            right: Metres to the right of the reference line, (N,) or one number.
            up: Metres over the road, (N,) or one number.

        Returns:
            float64 (N, 3).
        """
        x, y, z, heading, _ = self.at(stations).T
        aside = np.asarray(right, np.float64)
        return np.stack([x + aside * np.cos(heading), y + up, z - aside * np.sin(heading)], axis=1)


def align(pieces: Sequence[Piece], heights: Sequence[tuple[float, float]] = ()) -> Alignment:
    """Join pieces of road.

    Args:
        pieces: In their order, without gaps.
        heights: Station and height in metres of points that a smooth profile goes through; level where there are none.
    """
    length = sum(piece.length for piece in pieces)
    stations = np.arange(-LEAD, length + LEAD + STEP, STEP)
    middles = stations[:-1] + STEP / 2
    curvature, at_middles = _curvature(pieces, stations), _curvature(pieces, middles)
    heading = np.concatenate([[0.0], np.cumsum(at_middles * STEP)])
    towards = (heading[:-1] + heading[1:]) / 2
    x = np.concatenate([[0.0], np.cumsum(np.sin(towards) * STEP)])
    z = np.concatenate([[0.0], np.cumsum(np.cos(towards) * STEP)])
    start = round(LEAD / STEP)
    table = np.stack([x - x[start], _height(heights, stations), z - z[start], heading - heading[start], curvature], 1)
    return Alignment(length, stations, table)


def _curvature(pieces: Sequence[Piece], stations: Array) -> Array:
    ends = np.cumsum([0.0, *(piece.length for piece in pieces)])
    number = np.clip(np.searchsorted(ends, stations, side="right") - 1, 0, len(pieces) - 1)
    begin, end, length = (np.array([getattr(piece, name) for piece in pieces]) for name in ("begin", "end", "length"))
    share = (stations - ends[number]) / length[number]
    within = (stations >= 0) & (stations <= ends[-1])
    return np.where(within, begin[number] + (end - begin)[number] * np.clip(share, 0, 1), 0.0)


def _height(heights: Sequence[tuple[float, float]], stations: Array) -> Array:
    """Return a smooth profile through some heights, level before the first and after the last."""
    if len(heights) < 2:
        return np.full(len(stations), heights[0][1] if heights else 0.0)
    from scipy.interpolate import PchipInterpolator

    at, height = np.array(sorted(heights), np.float64).T
    smooth: Array = PchipInterpolator(at, height)(np.clip(stations, at[0], at[-1]))
    return smooth
