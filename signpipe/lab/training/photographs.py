"""Photographs of signs beyond the base classes, with the look that each shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.crops import crop_signs
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.data.labelled import Split
from signpipe.lab.data.meant import NO_SIGN, SETS, UNNAMED, read_meant
from signpipe.types import FloatArray, Image

SMALLEST = 14  # pixels of a sign's longer side
PHOTOGRAPHED = "photographed:"  # begins the name of a look that is known from photographs alone

# Drawings of what photographs show; a base class is its own, and another meaning a look of its own.
_DRAWN = {
    "road_hump": "warning--road-bump--g1", "double_bend_right": "warning--double-curve-first-right--g1",
    "cattle": "warning--domestic-animals--g1", "road_narrows": "warning--road-narrows--g1",
    "crossroads_priority_right": "warning--crossroads-with-priority-to-the-right--g1",
    "priority_oncoming": "regulatory--priority-over-oncoming-vehicles--g1",
    "width_limit": "regulatory--width-limit--g1", "no_u_turn": "regulatory--no-u-turn--g1",
    "turn_right_here": "regulatory--turn-right--g1", "cycle_path": "regulatory--bicycles-only--g1",
    "no_parking": "regulatory--no-parking--g1", "no_stopping": "regulatory--no-stopping--g1",
    "parking": "information--parking--g1", "one_way": "regulatory--one-way-straight--g1",
    "dead_end": "information--dead-end--g1", "end_works": "information--end-of-road-works--g1",
    "pedestrian_crossing": "information--pedestrians-crossing--g1",
    "cycle_crossing": "information--bicycles-crossing--g1", "road_hump_board": "information--road-bump--g1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Photographs:
    """Signs in photographs.

    Attributes:
        sources: BGR uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3), as `framing` wants them.
        looks: Names of the looks that they show, or `NO_SIGN`.
        sides: float32 (N,), their longer sides in pixels.
    """

    sources: Image
    looks: tuple[str, ...]
    sides: FloatArray


def read_photographs(data: Path, split: Split) -> Photographs:
    """Read the signs whose meaning is known, of all sets of `signpipe.lab.data.meant` that are there.

    Args:
        data: Folder of the data sets.
        split: "train" or "val".

    Raises:
        SourceError: A picture can't be read.
    """
    sources = [np.zeros((0, SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8)]
    sides = [np.zeros(0, np.float32)]
    looks: list[str] = []
    for name in SETS:
        for signs in read_meant(data, name, split) if (data / name).is_dir() else ():
            longer = (signs.boxes[:, 2:] - signs.boxes[:, :2]).max(1, initial=0)
            kept = (longer >= SMALLEST) & np.array([meaning != UNNAMED for meaning in signs.meanings], bool)
            sources.append(crop_signs(signs.image, signs.boxes[kept], SOURCE_MARGIN, SOURCE_SIZE))
            sides.append(longer[kept])
            looks += [look_of(meaning) for meaning, keep in zip(signs.meanings, kept, strict=True) if keep]
    return Photographs(np.concatenate(sources), tuple(looks), np.concatenate(sides))


def look_of(meaning: str) -> str:
    """Return the name of the look that a meaning is photographed in."""
    if meaning == NO_SIGN:
        return meaning
    if meaning in load_catalogue().names:
        return f"own:{meaning}"
    if meaning.startswith("speed_limit_"):
        return f"limit:{meaning.removeprefix('speed_limit_')}"
    return _DRAWN.get(meaning, PHOTOGRAPHED + meaning)
