"""What models are trained and judged on: the splits of `signpipe.lab.data`, as lists of pictures or as crops."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN, crop_signs
from signpipe.lab.augmentation import TRAINING_OCCLUDERS, Occluder, face_mask
from signpipe.lab.data import ClassMap, Dataset, LabelledImage, open_dataset
from signpipe.types import SHAPES, FloatArray, Image

Part = Literal["train", "val"]


@dataclass(frozen=True, slots=True)
class CropSet:
    """Crops in memory.

    Attributes:
        images: BGR uint8 (N, S, S, 3).
        labels: int64 (N,), class ids.
        backgrounds: BGR uint8 (M, S, S, 3), no sign of the catalogue in them.
    """

    images: Image
    labels: npt.NDArray[np.int64]
    backgrounds: Image


def scenes(data: Path, name: Literal["gtsdb", "sy32"], part: Part) -> Dataset:
    """Return the street scenes of a set for a detector of one class.

    Raises:
        SourceError: The set is not there.
    """
    return open_dataset(data, name, part, ClassMap(one_class=True))


# Sets that box signs of any kind: their format, and what their names are if they aren't to be taken as they are.
EVERY_SIGN: dict[str, tuple[str, dict[str, str]]] = {
    "gtsdb": ("gtsdb", {}),
    "sy32": ("sy32", {}),
    "btsd": ("btsd", {}),
    "signs877": ("voc", {"trafficlight": "none"}),
    "boards": ("boards", {}),
}


def every_sign(data: Path, name: str, part: Part, added: bool = True) -> Dataset:
    """Return the street scenes of a set of `EVERY_SIGN` with signs of all kinds.

    Args:
        data: Folder of the data sets.
        name: Which set.
        part: Which part of it.
        added: Whether the boxes that our own tables add count as signs; else they are ignored, as where a detector is
            judged: they were found with one.

    Raises:
        SourceError: The set is not there.
    """
    format_, mapping = EVERY_SIGN[name]
    ours = dict.fromkeys(SHAPES, "sign") if added else {}
    return open_dataset(data / name, format_, part, ClassMap(mapping | ours, one_class=True))


def crops(data: Path, part: Part) -> Dataset:
    """Return the crops of GTSRB, split by track.

    Raises:
        SourceError: The set is not there.
    """
    return open_dataset(data, "gtsrb", part)


def load_crops(data: Path, part: Part, size: int, margin: float, limit: int | None = None) -> CropSet:
    """Read the GTSRB crops of a part, and backgrounds from the GTSDB scenes of the same part.

    Args:
        data: Folder of the data sets.
        part: Which part of the sets.
        size: Side of the crops in pixels.
        margin: Margin around the signs, as in `crop_signs`.
        limit: Read about so many crops only, evenly spread.

    Raises:
        SourceError: A set is missing or a picture can't be read.
    """
    signs, streets = crops(data, part).images, scenes(data, "gtsdb", part).images
    if limit:
        signs = signs[:: max(len(signs) // limit, 1)]
        streets = streets[:: max(len(streets) * 8 // limit, 1)]
    images = np.stack([_read_crop(sign, size, margin) for sign in signs])
    labels = np.array([sign.class_ids[0] for sign in signs], np.int64)
    rng = np.random.default_rng(0)
    return CropSet(images, labels, np.concatenate([_backgrounds(street, 8, size, rng) for street in streets]))


def without(crops: CropSet, leave_out: Collection[int]) -> CropSet:
    """Return the crops of all but some classes; the backgrounds stay."""
    kept = ~np.isin(crops.labels, list(leave_out))
    return CropSet(crops.images[kept], crops.labels[kept], crops.backgrounds)


def _read_crop(sign: LabelledImage, size: int, margin: float) -> Image:
    image = sign.read()
    return np.asarray(crop_signs(image, sign.boxes_in(image.shape), margin, size)[0], np.uint8)


def _backgrounds(street: LabelledImage, count: int, size: int, rng: np.random.Generator) -> Image:
    """Cut squares of many scales that touch no boxed sign."""
    image = street.read()
    height, width = image.shape[:2]
    side = np.exp(rng.uniform(np.log(16), np.log(200), 8 * count))
    left, top = rng.uniform(0, width - side), rng.uniform(0, height * 0.85 - side)
    squares = np.stack([left, top, left + side, top + side], 1)
    apart = np.ones(len(squares), bool)
    for x1, y1, x2, y2 in street.boxes:
        apart &= (squares[:, 2] < x1) | (squares[:, 0] > x2) | (squares[:, 3] < y1) | (squares[:, 1] > y2)
    return crop_signs(image, squares[apart][:count], 0.0, size)


def hide_crops(crops: CropSet, every: int = 1, seed: int = 0) -> CropSet:
    """Hide 10 to 70 % of each sign behind one of the occluders that training may use, all equally often.

    Args:
        crops: Crops of the crop protocol.
        every: Take only every so many of them.
        seed: Seed of every choice.
    """
    hidden = np.stack([image for image, _ in hide_behind(crops, TRAINING_OCCLUDERS, None, every, seed)])
    return CropSet(hidden, crops.labels[::every], crops.backgrounds)


def hide_behind(
    crops: CropSet, occluders: Sequence[Occluder], share: float | None, every: int = 1, seed: int = 0
) -> Iterator[tuple[Image, FloatArray]]:
    """Yield crops with a part of each sign hidden, behind one occluder after the other.

    Args:
        crops: Crops of the crop protocol.
        occluders: What hides.
        share: Of the face that is hidden; None for 10 to 70 % by chance.
        every: Take only every so many crops.
        seed: Seed of every choice.

    Yields:
        The picture, BGR uint8 (S, S, 3), and the visible part of the face, float32 (S, S).
    """
    catalogue, size = load_catalogue(), crops.images.shape[1]
    for index, (image, label) in enumerate(zip(crops.images[::every], crops.labels[::every], strict=True)):
        rng = np.random.default_rng((seed, index))
        face = face_mask(catalogue[int(label)].shape, size, size, MARGIN)
        others = rng.integers(len(crops.images), size=8)
        others = others[crops.labels[others] != label]
        hidden = rng.uniform(0.1, 0.7) if share is None else share
        yield occluders[index % len(occluders)](image, face, hidden, rng, crops.images[others])
