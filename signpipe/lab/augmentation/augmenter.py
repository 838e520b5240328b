"""Random compositions of effects for training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signpipe.catalogue import Shape
from signpipe.crops import MARGIN
from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.face import face_mask
from signpipe.lab.augmentation.occluder import Occluder
from signpipe.lab.augmentation.sets import TRAINING_CORRUPTIONS, TRAINING_OCCLUDERS
from signpipe.types import FloatArray, Image

# How often a crop meets an effect of each family; on average a good one per crop.
_RATES = {"damage": 0.2, "light": 0.3, "weather": 0.15, "camera": 0.5}


class Augmenter:
    """Show a sign as the road and the camera might: damaged, then hidden, then lit, then seen through weather.

    Every choice comes from one generator, so the same seed and the same crops in the same order give the same
    pictures. It is cheap to construct: a data set that must give the same picture for an index, whichever worker
    asks, makes one per picture with `numpy.random.default_rng((seed, index))`.

    Args:
        rng: Source of chance, or its seed.
        occlusion: Share of crops that are partly hidden, 0..1.
        hidden: Smallest and largest share of the face that is hidden where any is; drawn uniformly.
        strongest: Highest severity of the other effects, 0..5; drawn uniformly from 0.
        margin: Margin around the sign's box in the crops, as in `crop_signs`.
        occluders: What may hide a sign.
        corruptions: What else may happen to it.

    Raises:
        ValueError: One of the effects is held out of training, or a number is out of range.
    """

    def __init__(
        self,
        rng: np.random.Generator | int,
        *,
        occlusion: float = 0.4,
        hidden: tuple[float, float] = (0.05, 0.75),
        strongest: float = 4.0,
        margin: float = MARGIN,
        occluders: Sequence[Occluder] = TRAINING_OCCLUDERS,
        corruptions: Sequence[Corruption] = TRAINING_CORRUPTIONS,
    ) -> None:
        held_out = [o.name for o in occluders if o.held_out] + [c.name for c in corruptions if c.held_out]
        if held_out:
            raise ValueError(f"{', '.join(held_out)}: held out to test robustness, training may not use it")
        if not (0 <= occlusion <= 1 and 0 <= hidden[0] <= hidden[1] <= 1 and 0 <= strongest <= 5):
            raise ValueError(
                f"occlusion {occlusion} and hidden {hidden} must lie in 0..1, and strongest {strongest} in 0..5"
            )
        self._rng = np.random.default_rng(rng)
        self._occlusion = occlusion if occluders else 0.0
        self._hidden = hidden
        self._strongest = strongest
        self._margin = margin
        self._occluders = occluders
        self._corruptions = corruptions

    def __call__(self, crop: Image, face: Shape | FloatArray, textures: Image | None = None) -> tuple[Image, float]:
        """Return a changed copy of a crop, and which share of its sign's face is still visible.

        Args:
            crop: BGR uint8 (H, W, 3).
            face: The sign's shape by the catalogue, if the crop was cut by the crop protocol; or where its face is,
                float32 (H, W), 1 on it.
            textures: BGR uint8 (N, S, S, 3), crops of other signs that may be pasted over this one, or None.

        Returns:
            BGR uint8 (H, W, 3), and the visible share, 1 if nothing stands before the sign. What light and weather
            hide doesn't count.
        """
        rng = self._rng
        mask = face_mask(face, *crop.shape[:2], self._margin) if isinstance(face, Shape) else face
        chosen = self._choose()
        visible = 1.0
        surface = [c for c in chosen if c.surface]
        # What is on the sign comes before what stands in front of it, and pixels move before light and camera.
        rest = sorted((c for c in chosen if not c.surface), key=lambda c: not c.geometric)
        for corruption in surface:
            crop = corruption(crop, self._severity(), rng, mask)
        if rng.random() < self._occlusion:
            occluder = self._occluders[int(rng.integers(len(self._occluders)))]
            crop, shown = occluder(crop, mask, rng.uniform(*self._hidden), rng, textures)
            visible = float(shown.sum() / mask.sum())
        for corruption in rest:
            crop = corruption(crop, self._severity(), rng)
        return (crop if chosen or visible < 1 else crop.copy()), visible

    def _severity(self) -> float:
        return float(self._rng.uniform(0, self._strongest))

    def _choose(self) -> list[Corruption]:
        """Draw at most one corruption a family, in the order in which light meets them."""
        chosen = []
        for family, rate in _RATES.items():
            members = [c for c in self._corruptions if c.family == family]
            if members and self._rng.random() < rate:
                chosen.append(members[int(self._rng.integers(len(members)))])
        return chosen
