"""Training and validation pictures of the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.data import LabelledImage
from signpipe.stages.crops import crop_signs
from signpipe.training import augment
from signpipe.training.data import MIRROR, Part, crops, scenes
from signpipe.types import FloatArray, Image

OUTLIERS = 0.08  # share of training pictures that show no sign of the catalogue


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


class TrainingCrops:
    """Map-style data set of one epoch after another; picture `i` is always the same for a seed.

    Args:
        crops: Sources of `augment.SOURCE_SIZE` with `augment.SOURCE_MARGIN`.
        length: Pictures altogether.
        seed: Seed of every choice.
        size: Side of the crops in pixels.
    """

    def __init__(self, crops: CropSet, length: int, seed: int, size: int) -> None:
        self._crops = crops
        self._length = length
        self._seed = seed
        self._size = size
        catalogue = load_catalogue()
        self._shapes = [sign.shape for sign in catalogue]
        # Frequent classes are drawn more often, but less than in proportion.
        weight = 1 / np.sqrt(np.bincount(crops.labels, minlength=len(catalogue)).clip(1))[crops.labels]
        self._cumulative = np.cumsum(weight / weight.sum())

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Image, FloatArray]:
        """Return a crop and its target distribution over the classes."""
        rng = np.random.default_rng((self._seed, index))
        classes = len(self._shapes)
        uniform = np.full(classes, 1 / classes, np.float32)
        if rng.random() < OUTLIERS:
            source = self._crops.backgrounds[rng.integers(len(self._crops.backgrounds))]
            return augment.degrade(augment.recolour(augment.warp(source, rng, self._size), rng), rng), uniform
        pick = min(int(np.searchsorted(self._cumulative, rng.random())), len(self._cumulative) - 1)
        source, label = self._crops.images[pick], int(self._crops.labels[pick])
        if label in MIRROR and rng.random() < 0.5:
            source, label = np.ascontiguousarray(source[:, ::-1]), MIRROR[label]
        image, hidden = augment.augment(source, self._shapes[label], self._patches(rng), rng, self._size)
        doubt = float(augment.uncertainty(hidden))
        target = doubt * uniform
        target[label] += 1 - doubt
        return image, target

    def _patches(self, rng: np.random.Generator) -> Image:
        """Return what a sign may stand before or hide behind: surroundings, or another sign."""
        pool = self._crops.backgrounds if rng.random() < 0.6 else self._crops.images
        return pool[rng.integers(len(pool), size=4)]
