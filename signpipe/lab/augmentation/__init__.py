"""What the road does to signs: occlusion, weather, light, camera and damage, seeded and with a severity.

Training and the robustness suites share it; it needs no more than the core dependencies. Every corruption is called as
`CORRUPTIONS["fog"](picture, severity, rng)`, every occluder as `OCCLUDERS["pole"](crop, face, fraction, rng)`.
"""

from signpipe.lab.augmentation.augmenter import Augmenter
from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.face import face_mask, face_polygon
from signpipe.lab.augmentation.occluder import Occluder
from signpipe.lab.augmentation.sets import (
    CORRUPTIONS,
    HELD_OUT_CORRUPTIONS,
    HELD_OUT_OCCLUDERS,
    OCCLUDERS,
    TRAINING_CORRUPTIONS,
    TRAINING_OCCLUDERS,
)

__all__ = [
    "CORRUPTIONS",
    "HELD_OUT_CORRUPTIONS",
    "HELD_OUT_OCCLUDERS",
    "OCCLUDERS",
    "TRAINING_CORRUPTIONS",
    "TRAINING_OCCLUDERS",
    "Augmenter",
    "Corruption",
    "Occluder",
    "face_mask",
    "face_polygon",
]
