"""The conditions that robustness is measured under: what is done to a crop, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.errors import SettingsError
from signpipe.lab.augmentation import CORRUPTIONS, OCCLUDERS, face_mask
from signpipe.lab.evaluation.crops import CropSample, seeded
from signpipe.types import FloatArray, Image

Suite = Literal["clean", "occlusion", "corruption", "parallax"]
HIDDEN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # share of the face's area; 0 is the clean crop for all occluders alike
SEVERITIES = (1, 2, 3, 4, 5)
SUITES = ("occlusion", "corruption", "all")


@dataclass(frozen=True, slots=True)
class Condition:
    """One effect at one strength.

    Attributes:
        suite: "clean", "occlusion", "corruption", or "parallax": an occluder that stands metres before the sign.
        effect: Name of the occluder or corruption; "" for clean crops.
        level: Hidden share of the face's area, or severity; 0 for clean crops.
    """

    suite: Suite
    effect: str = ""
    level: float = 0.0

    @property
    def family(self) -> str:
        """Family of the effect, such as "vegetation"."""
        if self.suite == "clean":
            return ""
        return (CORRUPTIONS if self.suite == "corruption" else OCCLUDERS)[self.effect].family

    @property
    def held_out(self) -> bool:
        """Whether training may never use the effect."""
        if self.suite == "clean":
            return False
        return (CORRUPTIONS if self.suite == "corruption" else OCCLUDERS)[self.effect].held_out

    def __str__(self) -> str:
        return f"{self.effect} {self.level:g}" if self.effect else "clean"


def conditions(suite: str) -> list[Condition]:
    """Return the conditions of a suite, the clean crops first.

    Args:
        suite: "occlusion", "corruption" or "all".

    Raises:
        SettingsError: There is no such suite.
    """
    if suite not in SUITES:
        raise SettingsError(f"There is no suite '{suite}'; choose {', '.join(SUITES)}.")
    chosen = [Condition("clean")]
    if suite in ("occlusion", "all"):
        chosen += [Condition("occlusion", name, hidden) for name in OCCLUDERS for hidden in HIDDEN]
    if suite in ("corruption", "all"):
        chosen += [Condition("corruption", name, float(level)) for name in CORRUPTIONS for level in SEVERITIES]
    return chosen


class Spoiler:
    """Puts crops under conditions. What happens to a crop depends on its key and the seed alone.

    Args:
        sample: The crops.
        catalogue: Their classes; tells the shape of a sign's face.
        margin: Margin around the box in the crops.
        seed: Another one gives other rain and other leaves.
    """

    def __init__(self, sample: CropSample, catalogue: Catalogue, margin: float, seed: int) -> None:
        self.sample = sample
        self._catalogue = catalogue
        self._margin = margin
        self._seed = seed

    def face(self, index: int) -> FloatArray:
        """Return the mask of a crop's face, float32 (S, S)."""
        shape = self._catalogue[int(self.sample.labels[index])].shape
        return face_mask(shape, *self.sample.images.shape[1:3], self._margin)

    def __call__(self, condition: Condition, index: int) -> tuple[Image, FloatArray]:
        """Return a crop under a condition, and the visible part of its face.

        Returns:
            BGR uint8 (S, S, 3), and float32 (S, S), 1 where the face is visible.
        """
        crop, face = self.sample.images[index], self.face(index)
        # The level isn't part of the seed: the same leaves grow over the crop, only further.
        rng = seeded(self._seed, self.sample.keys[index], condition.suite, condition.effect)
        if condition.suite == "occlusion":
            occluder = OCCLUDERS[condition.effect]
            return occluder(crop, face, condition.level, rng, self.sample.others(index))
        if condition.suite == "corruption":
            return CORRUPTIONS[condition.effect](crop, condition.level, rng, face), face
        return crop, face

    def all(self, condition: Condition) -> tuple[Image, FloatArray]:
        """Return all crops under a condition, uint8 (N, S, S, 3), and their visible faces, float32 (N, S, S)."""
        pictures, visible = zip(*(self(condition, index) for index in range(len(self.sample))), strict=True)
        return np.stack(pictures), np.stack(visible)
