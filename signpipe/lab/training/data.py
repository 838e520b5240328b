"""What models are trained and judged on: the splits of `signpipe.lab.data`, as lists of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from signpipe.lab.data import ClassMap, Dataset, open_dataset

Part = Literal["train", "val"]

# Classes that are their own mirror image, and pairs that mirror into each other (GTSRB numbers).
MIRROR = {c: c for c in (11, 12, 13, 15, 17, 18, 22, 26, 30, 35)} | {
    19: 20, 20: 19, 33: 34, 34: 33, 36: 37, 37: 36, 38: 39, 39: 38,
}  # fmt: skip


def scenes(data: Path, name: Literal["gtsdb", "sy32"], part: Part) -> Dataset:
    """Return the street scenes of a set for a detector of one class.

    Raises:
        SourceError: The set is not there.
    """
    return open_dataset(data, name, part, ClassMap(one_class=True))


def crops(data: Path, part: Part) -> Dataset:
    """Return the crops of GTSRB, split by track.

    Raises:
        SourceError: The set is not there.
    """
    return open_dataset(data, "gtsrb", part)
