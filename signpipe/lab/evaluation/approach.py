"""One sign as it is approached: the sizes of its boxes, and what the classifier says of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signpipe.lab.data import LabelledImage
from signpipe.types import Classifications, Detections, FloatArray

PICTURE = (720, 1280)  # height and width of the virtual picture in whose middle the sign grows


@dataclass(frozen=True, slots=True)
class Approach:
    """One sign, frame by frame.

    Attributes:
        name: Its track in the data set.
        class_id: Its class.
        sizes: float32 (F, 2), width and height of its box in pixels.
        observations: What the classifier says of each frame.
        pictures: The frames themselves, for whoever else is asked; empty where there are none.
    """

    name: str
    class_id: int
    sizes: FloatArray
    observations: Classifications
    pictures: tuple[LabelledImage, ...] = ()


def centred(size: FloatArray) -> Detections:
    """Return a box of this width and height in the middle of the virtual picture."""
    middle = np.array([PICTURE[1] / 2, PICTURE[0] / 2], np.float32)
    box = np.concatenate([middle - size / 2, middle + size / 2]).astype(np.float32)
    return Detections(box[None], np.ones(1, np.float32))
