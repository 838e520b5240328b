"""The looks by which signs are placed: of each track those that say something of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from signpipe.geodesy import Values
from signpipe.mapping.recording import Recording, Rows, SeenSign

MOST = 20  # looks a track; more of them share their errors with these
BORDER = 3.0  # pixels to the picture's edge, within which a box may be cut off
USUAL_SIZE = (0.6, 0.6)  # metres, of a sign whose class isn't known
# Spreads of a box: its middle in pixels and as a share of its side, its sides' logarithm.
MIDDLE, MIDDLE_SHARE = 0.7, 0.02
EDGE, SIZE_SHARE = 1.0, 0.035

Sizes = Mapping[str, tuple[float, float]]  # width and height in metres by class


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Looks at several signs, one row each.

    Attributes:
        sign: int64 (N,), which of the signs.
        time: float64 (N,), seconds in the recording.
        focal_unit: float64 (N,), width of the picture in pixels: a focal length is told as a share of it.
        middle: float64 (N, 2), middle of the box in pixels right of and under the picture's.
        middle_sigma: float64 (N,), its spread in pixels.
        size: float64 (N, 2), logarithms of the box's width and height in pixels.
        size_sigma: float64 (N, 2), their spreads.
        depth: float64 (N,), metres along the camera's axis by a LiDAR; nan where it told nothing.
        depth_sigma: float64 (N,), their spread.
        real: float64 (S, 2), logarithms of the signs' usual width and height in metres.
    """

    sign: Rows
    time: Values
    focal_unit: Values
    middle: Values
    middle_sigma: Values
    size: Values
    size_sigma: Values
    depth: Values
    depth_sigma: Values
    real: Values

    def __len__(self) -> int:
        return len(self.sign)


def choose_looks(recording: Recording, signs: Sequence[SeenSign], sizes: Sizes) -> Looks:
    """Return the looks that place some signs; a sign that was cut off in all its looks has none."""
    frames = recording.frames
    number: list[int] = []
    rows: list[int] = []
    boxes: list[Values] = []
    depths: list[Values] = []
    for index, sign in enumerate(signs):
        chosen = _thinned(sign, frames)
        number += [index] * len(chosen)
        rows += sign.frame[chosen].tolist()
        boxes += list(sign.xyxy[chosen])
        depths.append(np.stack([sign.depth, sign.depth_sigma])[:, chosen])
    row, box = np.array(rows, np.int64), np.array(boxes, np.float64).reshape(-1, 4)
    picture = np.stack([frames["width"][row], frames["height"][row]], axis=1)
    depth, depth_sigma = np.concatenate([np.zeros((2, 0)), *depths], axis=1)
    size = np.maximum(box[:, 2:] - box[:, :2], 1.0)
    side = np.sqrt(size.prod(axis=1))
    return Looks(
        np.array(number, np.int64),
        frames["time"][row],
        picture[:, 0],
        (box[:, :2] + box[:, 2:] - picture) / 2,
        np.hypot(MIDDLE, MIDDLE_SHARE * side),
        np.log(size),
        np.hypot(EDGE / size, SIZE_SHARE),
        depth,
        depth_sigma,
        np.log([sizes.get(sign.best, USUAL_SIZE) for sign in signs]).reshape(-1, 2),
    )


def whole_looks(sign: SeenSign, frames: Mapping[str, Values]) -> Rows:
    """Return which looks of a track, by number, the picture's edge doesn't cut."""
    width, height = frames["width"][sign.frame], frames["height"][sign.frame]
    left, top, right, bottom = sign.xyxy.T
    whole = (left >= BORDER) & (top >= BORDER) & (right <= width - BORDER) & (bottom <= height - BORDER)
    return np.flatnonzero(whole)


def _thinned(sign: SeenSign, frames: Mapping[str, Values]) -> Rows:
    """Return which looks of a track are used: whole boxes, spread evenly over its growth."""
    rows = whole_looks(sign, frames)
    left, top, right, bottom = sign.xyxy.T
    if len(rows) <= MOST:
        return rows
    growth = np.maximum.accumulate(np.log(np.maximum((right - left) * (bottom - top), 1.0))[rows])
    wanted = np.linspace(growth[0], growth[-1], MOST)
    by_growth = np.clip(np.searchsorted(growth, wanted), 0, len(rows) - 1)
    by_time = np.linspace(0, len(rows) - 1, MOST // 2).round().astype(np.int64)
    chosen = np.unique(np.concatenate([by_growth, by_time]))
    if len(chosen) > MOST:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST).round().astype(np.int64)]
    return np.asarray(rows[chosen], np.int64)
