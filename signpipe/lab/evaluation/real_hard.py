"""Signs of GTSRB that are really hard to read, and why, by track: the set `real-hard`.

All 243 validation tracks were looked at one by one, and of the training tracks those of the lowest scores; what isn't
in the table is well lit, sharp and whole. The table says what makes a sign hard (dark, backlit, overexposed,
motion_blur, haze, dappled_light, faded, dirt, sticker, leaves, typeface) and about how much of its face is hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signpipe.lab.evaluation.interval import wilson
from signpipe.types import FloatArray

TABLE = Path(__file__).with_name("real-hard.csv")  # track;cause;percent of the face that is hidden


class Hardship(NamedTuple):
    """What makes a sign hard to read, and the share of its face that is hidden."""

    cause: str
    hidden: float


@lru_cache(maxsize=1)
def read_hardships() -> dict[str, Hardship]:
    """Return what makes signs hard, by their track, such as "00012/00029"."""
    rows = [line.split(";") for line in TABLE.read_text(encoding="utf-8").splitlines()]
    return {track: Hardship(cause, float(hidden) / 100) for track, cause, hidden in rows}


def by_cause(
    tracks: Sequence[str | None], probability: FloatArray, labels: npt.NDArray[np.int64], accept: float
) -> dict[str, dict[str, Any]]:
    """Return how well hard signs are read, for each cause and for all of them together.

    Args:
        tracks: The track of each crop.
        probability: float32 (N, C).
        labels: int64 (N,), the true classes.
        accept: The probability from which a single observation would be published.

    Returns:
        Tracks, crops, accuracy with its interval, and the share that is sure and wrong, by cause; "all" comes first.
        Empty if none of the tracks is a hard one.
    """
    hardships = read_hardships()
    rows: dict[str, list[int]] = defaultdict(list)
    for row, track in enumerate(tracks):
        if track in hardships:
            rows["all"].append(row)
            rows[hardships[track].cause].append(row)
    right = probability.argmax(1) == labels
    sure = probability.max(1) >= accept
    return {
        cause: {
            "tracks": len({tracks[row] for row in chosen}),
            "n": len(chosen),
            "accuracy": float(right[chosen].mean()),
            "accuracy_interval_95": list(wilson(int(right[chosen].sum()), len(chosen))),
            "sure_and_wrong": float((sure & ~right)[chosen].mean()),
        }
        for cause, chosen in rows.items()
    }
