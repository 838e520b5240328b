"""Training and validation pictures of the classifier."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape, load_catalogue
from signpipe.crops import crop_signs
from signpipe.lab.augmentation import TRAINING_CORRUPTIONS, TRAINING_OCCLUDERS, Augmenter, face_mask, framing
from signpipe.lab.augmentation.variants import DrawnSigns, OutsideSigns
from signpipe.lab.data import LabelledImage
from signpipe.lab.training import ambiguity
from signpipe.lab.training.data import MIRROR, Part, crops, scenes
from signpipe.lab.training.occlusion import hide
from signpipe.types import FloatArray, Image

OUTLIERS = 0.06  # share of training pictures that show no sign of the catalogue
OUTSIDE = 0.15  # share of the rest that are signs outside the catalogue, where such are given
DRAWN = 0.12  # share of signs that are drawings in other typefaces and colours, all classes equally often
BACKGROUNDS = 0.25  # share of signs that get another scene behind them
_DAMAGE = [c for c in TRAINING_CORRUPTIONS if c.family == "damage"]
_VIEW = [c for c in TRAINING_CORRUPTIONS if c.family != "damage"]


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
    catalogue, size = load_catalogue(), crops.images.shape[1]
    hidden, labels = crops.images[::every].copy(), crops.labels[::every]
    for index, label in enumerate(labels):
        rng = np.random.default_rng((seed, index))
        face = face_mask(catalogue[int(label)].shape, size, size, framing.MARGIN)
        others = rng.integers(len(crops.images), size=8)
        others = others[crops.labels[others] != label]
        occluder = TRAINING_OCCLUDERS[index % len(TRAINING_OCCLUDERS)]
        hidden[index], _ = occluder(hidden[index], face, rng.uniform(0.1, 0.7), rng, crops.images[others])
    return CropSet(hidden, labels, crops.backgrounds)


def seen(image: Image, rng: np.random.Generator) -> Image:
    """Show a crop in some light, weather and camera."""
    return Augmenter(rng, occlusion=0, corruptions=_VIEW)(framing.expose(image, rng), Shape.CIRCLE)[0]


class TrainingCrops:
    """Map-style data set of one epoch after another; picture `i` is always the same for a seed.

    Args:
        crops: Sources of `framing.SOURCE_SIZE` with `framing.SOURCE_MARGIN`.
        length: Pictures altogether.
        seed: Seed of every choice.
        size: Side of the crops in pixels.
        occlusion: Share of the signs that are partly hidden.
        leave_out: Class ids of which nothing may be learned: no crop, no drawing, no mirror image.
        outside: Signs outside the catalogue, which are to be told from its own; none are shown without it.
    """

    def __init__(
        self,
        crops: CropSet,
        length: int,
        seed: int,
        size: int,
        occlusion: float,
        leave_out: Collection[int] = (),
        outside: OutsideSigns | None = None,
    ) -> None:
        self._crops = without(crops, leave_out)
        self._left_out = np.array(sorted(leave_out), np.int64)
        self._length = length
        self._seed = seed
        self._size = size
        self._occlusion = occlusion
        catalogue = load_catalogue()
        self._drawn = DrawnSigns(seed)
        self._outside = outside
        self._shapes = [sign.shape for sign in catalogue]
        self._drawable = np.setdiff1d(np.arange(len(catalogue)), self._left_out)
        # Frequent classes are drawn more often, but less than in proportion.
        labels = self._crops.labels
        weight = 1 / np.sqrt(np.bincount(labels, minlength=len(catalogue)).clip(1))[labels]
        self._cumulative = np.cumsum(weight / weight.sum())

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Image, FloatArray, FloatArray]:
        """Return a crop, what it should be read as, and what of it can be seen.

        Returns:
            BGR uint8 (S, S, 3); float32 (C + 1,), the target distribution, see `ambiguity.target`; and float32
            (2, S/8, S/8): the share of each part of the crop that shows the sign's face, and that would without
            anything before it.
        """
        rng = np.random.default_rng((self._seed, index))
        if rng.random() < OUTLIERS:
            return self._outlier(rng)
        if self._outside is not None and rng.random() < OUTSIDE:
            return self._outsider(self._outside, rng)
        source, label = self._source(rng)
        if label in MIRROR and MIRROR[label] not in self._left_out and rng.random() < 0.5:
            source, label = np.ascontiguousarray(source[:, ::-1]), MIRROR[label]
        matrix = framing.box_jitter(rng, self._size)
        image = framing.warp(source, matrix, self._size)
        face = framing.warped_face(self._shapes[label], matrix, self._size)
        image, _ = Augmenter(rng, occlusion=0, corruptions=_DAMAGE)(image, face)
        visible, foreign = face, 0.0
        if rng.random() < self._occlusion:
            image, visible, foreign = hide(image, face, self._signs(rng), self._surroundings(rng, 4), rng)
        target = ambiguity.target(label, ambiguity.straighten(visible, matrix), foreign)
        target[self._left_out] = 0
        target /= target.sum()
        return seen(image, rng), target, np.stack([_parts(visible), _parts(face)])

    def _source(self, rng: np.random.Generator) -> tuple[Image, int]:
        """Return a source picture, a photograph or a drawing, and its class."""
        if rng.random() < DRAWN:
            label = int(self._drawable[rng.integers(len(self._drawable))])
            return self._drawn(label, self._surroundings(rng, 1)[0], rng), label
        pick = min(int(np.searchsorted(self._cumulative, rng.random())), len(self._cumulative) - 1)
        source, label = self._crops.images[pick], int(self._crops.labels[pick])
        if rng.random() < BACKGROUNDS:
            source = framing.swap_background(source, self._shapes[label], self._surroundings(rng, 1)[0])
        return source, label

    def _outlier(self, rng: np.random.Generator) -> tuple[Image, FloatArray, FloatArray]:
        image = framing.warp(self._surroundings(rng, 1)[0], framing.box_jitter(rng, self._size), self._size)
        nothing = np.zeros((2, self._size // 8, self._size // 8), np.float32)
        return seen(image, rng), ambiguity.cannot_tell(), nothing

    def _outsider(self, outside: OutsideSigns, rng: np.random.Generator) -> tuple[Image, FloatArray, FloatArray]:
        """Show a sign outside the catalogue: in plain view, yet of no class."""
        matrix = framing.box_jitter(rng, self._size)
        image = framing.warp(outside(self._surroundings(rng, 1)[0], rng), matrix, self._size)
        face = framing.warped_face(Shape.CIRCLE, matrix, self._size)
        image, _ = Augmenter(rng, occlusion=0, corruptions=_DAMAGE)(image, face)
        return seen(image, rng), ambiguity.cannot_tell(), np.stack([_parts(face)] * 2)

    def _surroundings(self, rng: np.random.Generator, count: int) -> Image:
        return self._crops.backgrounds[rng.integers(len(self._crops.backgrounds), size=count)]

    def _signs(self, rng: np.random.Generator) -> Image:
        """Return crops of other signs, framed as the crop protocol does."""
        edge = round(framing.SOURCE_SIZE * (framing.SOURCE_MARGIN - framing.MARGIN) / (1 + 2 * framing.SOURCE_MARGIN))
        return self._crops.images[rng.integers(len(self._crops.images), size=2), edge:-edge, edge:-edge]


def _parts(mask: FloatArray) -> FloatArray:
    """Average a mask (S, S) over parts of 8x8 pixels."""
    count = len(mask) // 8
    return np.asarray(mask.reshape(count, 8, count, 8).mean((1, 3)), np.float32)
