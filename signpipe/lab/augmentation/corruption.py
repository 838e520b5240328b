"""What every corruption is: a named, seeded change of a picture with a severity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from signpipe.lab.augmentation.pixels import MAX_SEVERITY, to_bytes
from signpipe.types import FloatArray, Image

Apply = Callable[[Image, float, np.random.Generator], Image]


@dataclass(frozen=True, slots=True)
class Corruption:
    """A change of a picture in steps of severity, after ImageNet-C (Hendrycks & Dietterich, ICLR 2019).

    Attributes:
        name: Its name, unique among all corruptions.
        family: "weather", "light", "camera" or "damage".
        apply: Changes a BGR uint8 (H, W, 3) picture; severity in (0, 5]; draws all chance from the generator.
        geometric: True if it moves pixels, so that boxes and masks of the picture no longer fit.
        surface: True if it acts on the sign itself: where the face is known, the surroundings stay as they were.
        scenes: True if it makes sense for a whole scene, not for the crop of a sign only.
        held_out: True if it may never be used in training, so that robustness can be told from memory.
    """

    name: str
    family: str
    apply: Apply
    geometric: bool = False
    surface: bool = False
    scenes: bool = True
    held_out: bool = False

    def __call__(
        self, image: Image, severity: float, rng: np.random.Generator, face: FloatArray | None = None
    ) -> Image:
        """Return a changed copy of a picture; at severity 0 it is the same, byte for byte.

        The same picture, severity and state of the generator give the same result. What is drawn by chance doesn't
        depend on the severity: one seed gives the same rain at every strength.

        Args:
            image: BGR uint8 (H, W, 3), crop or scene; it isn't changed.
            severity: 0..5, fractions allowed.
            rng: Source of chance.
            face: float32 (H, W), 1 on the sign's face; used by corruptions of the surface only.

        Raises:
            ValueError: The severity is outside 0..5, or the picture is no BGR uint8 picture.
        """
        if not 0 <= severity <= MAX_SEVERITY:
            raise ValueError(f"severity {severity} of {self.name} is outside 0..{MAX_SEVERITY:g}")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(f"{self.name} needs a BGR uint8 picture, not {image.dtype} {image.shape}")
        if severity == 0:
            return image.copy()
        image = np.ascontiguousarray(image)
        # Smaller steps can't be seen, and would divide by next to nothing.
        result = self.apply(image, max(severity, 0.01), rng)
        if self.surface and face is not None:
            before = image.astype(np.float32)
            result = to_bytes(before + (result.astype(np.float32) - before) * face[..., None])
        return result
