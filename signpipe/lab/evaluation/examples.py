"""Signs that were read and signs that weren't, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.lab.evaluation.ceiling import drawing_crop
from signpipe.lab.evaluation.conditions import Condition, Spoiler
from signpipe.lab.evaluation.crops import CropSample
from signpipe.lab.evaluation.observations import Observer
from signpipe.types import Image

SHOWN = tuple(
    [Condition("occlusion", name, hidden) for name in ("leaves", "branches", "sign_patch", "snow_patches")
     for hidden in (0.1, 0.3, 0.5, 0.7)]
    + [Condition("corruption", name, level) for name in ("drops", "low_sun", "rain", "motion_blur")
       for level in (1.0, 3.0, 5.0)]
)  # fmt: skip
A_CONDITION = 2  # examples of each kind


@dataclass(frozen=True, slots=True)
class Example:
    """One crop under a condition.

    Attributes:
        condition: The condition.
        image: BGR uint8 (S, S, 3).
        true: Name of its class.
        read: Name of the class that was read.
        confidence: Its probability.
    """

    condition: Condition
    image: Image
    true: str
    read: str
    confidence: float

    @property
    def right(self) -> bool:
        """Whether it was read rightly."""
        return self.true == self.read


def find_examples(spoiler: Spoiler, observer: Observer, catalogue: Catalogue) -> list[Example]:
    """Return examples of successes and failures, the surest of each, under the conditions `SHOWN`.

    Raises:
        ModelError: The classifier can't be run.
    """
    labels, examples = spoiler.sample.labels, []
    for condition in SHOWN:
        pictures, _ = spoiler.all(condition)
        observations = observer(pictures, np.ones(len(labels), bool))
        right = observations.predicted == labels
        order = np.argsort(-observations.confidence, kind="stable")
        for wanted in (True, False):
            for index in order[right[order] == wanted][:A_CONDITION]:
                true, read = catalogue[int(labels[index])].name, catalogue[int(observations.predicted[index])].name
                examples.append(Example(condition, pictures[index], true, read, float(observations.confidence[index])))
    return examples


def drawing_sample(catalogue: Catalogue, size: int, margin: float) -> CropSample:
    """Return the drawings of all classes as a sample of crops, for examples without a photograph."""
    images = np.stack([drawing_crop(name, size, margin) for name in catalogue.names])
    labels = np.arange(len(images), dtype=np.int64)
    sides = np.full(len(images), size / (1 + 2 * margin))
    keys = tuple(f"drawing/{name}" for name in catalogue.names)
    return CropSample(images, labels, keys, sides, images.mean(axis=(1, 2, 3)), images, labels, len(images))
