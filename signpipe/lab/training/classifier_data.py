"""Training pictures of the classifier."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape, load_catalogue
from signpipe.crops import MARGIN
from signpipe.lab.augmentation import TRAINING_CORRUPTIONS, Augmenter, face_mask, framing
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.lab.augmentation.variants import DrawnSigns
from signpipe.lab.evaluation.crop_sets import CropSet, without
from signpipe.lab.training import ambiguity
from signpipe.lab.training.occlusion import hide
from signpipe.types import FloatArray, Image

OUTLIERS = 0.06  # share of training pictures that show no sign of the catalogue
DRAWN = 0.12  # share of signs that are drawings in other typefaces and colours, all classes equally often
LETTERED = 0.25  # share of the limits that, where there are typefaces, are drawings in one of them
BACKGROUNDS = 0.25  # share of signs that get another scene behind them
FOLLOWED = 0.5  # share of the hidden signs whose box follows what can be seen of them
_DAMAGE = [c for c in TRAINING_CORRUPTIONS if c.family == "damage"]

# Classes that are their own mirror image, and pairs that mirror into each other (GTSRB numbers).
MIRROR = {c: c for c in (11, 12, 13, 15, 17, 18, 22, 26, 30, 35)} | {
    16: 16, 23: 23, 25: 25, 27: 27, 28: 28, 29: 29, 31: 31,  # whichever way the figure faces
    19: 20, 20: 19, 33: 34, 34: 33, 36: 37, 37: 36, 38: 39, 39: 38,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownSign:
    """A sign as a detector might frame it, maybe behind something.

    Attributes:
        image: BGR uint8 (S, S, 3), without what light, weather and the camera do to it.
        straight: float32 (SIDE, SIDE), what is visible of the sign's box, see `ambiguity.straighten`.
        parts: float32 (2, S/8, S/8): the share of each part of the crop that shows the sign's face, and that would
            without anything before it and with the box around all of it.
        visible: Share of the face that can be seen.
        foreign: Share of the face that is under the texture of another sign.
    """

    image: Image
    straight: FloatArray
    parts: FloatArray
    visible: float
    foreign: float


class TrainingCrops:
    """Map-style data set of one epoch after another; picture `i` is always the same for a seed.

    Args:
        crops: Sources of `framing.SOURCE_SIZE` with `framing.SOURCE_MARGIN`.
        length: Pictures altogether.
        seed: Seed of every choice.
        size: Side of the crops in pixels.
        occlusion: Share of the signs that are partly hidden.
        leave_out: Class ids of which nothing may be learned: no crop, no drawing, no mirror image.
        typefaces: What some limits are lettered in.

    Attributes:
        seed: As given.
        size: As given.
        left_out: int64 (L,), those class ids.
    """

    def __init__(
        self,
        crops: CropSet,
        length: int,
        seed: int,
        size: int,
        occlusion: float,
        leave_out: Collection[int] = (),
        typefaces: Sequence[Typeface] = (),
    ) -> None:
        self._crops = without(crops, leave_out)
        self.left_out = np.array(sorted(leave_out), np.int64)
        self._length = length
        self.seed = seed
        self.size = size
        self._occlusion = occlusion
        catalogue = load_catalogue()
        self._drawn = DrawnSigns(seed, typefaces)
        self._shapes = [sign.shape for sign in catalogue]
        self._drawable = np.setdiff1d(np.arange(len(catalogue)), self.left_out)
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
        return self.labelled(index)[:3]

    def labelled(self, index: int) -> tuple[Image, FloatArray, FloatArray, int, float]:
        """Return what indexing does, then the class, -1 if it shows none, and which share of its face is visible."""
        rng = np.random.default_rng((self.seed, index))
        if rng.random() < OUTLIERS:
            return *self._outlier(rng), -1, 0.0
        source, label = self._source(rng)
        if label in MIRROR and MIRROR[label] not in self.left_out and rng.random() < 0.5:
            source, label = np.ascontiguousarray(source[:, ::-1]), MIRROR[label]
        shown = self.show(source, self._shapes[label], self._occlusion, rng)
        target = ambiguity.target(label, shown.straight, shown.foreign)
        target[self.left_out] = 0
        target /= target.sum()
        return framing.seen(shown.image, rng), target, shown.parts, label, shown.visible - shown.foreign

    def show(self, source: Image, shape: Shape, occlusion: float, rng: np.random.Generator) -> ShownSign:
        """Frame a sign as a detector might, and damage and hide a part of it.

        A detector boxes what it sees: where a hedge takes the left half of a sign, the box moves to the right. So the
        box of one half of the hidden signs goes a part of the way to what is left of the sign.

        Args:
            source: BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3), the sign with its surroundings.
            shape: Outline of the sign.
            occlusion: Chance that it is partly hidden.
            rng: Source of chance.
        """
        matrix, side = framing.box_jitter(rng, self.size), self.size
        is_hidden = rng.random() < occlusion
        follows = is_hidden and rng.random() < FOLLOWED
        if follows:
            matrix, side = framing.widened(matrix, self.size)
        image, face = framing.warp(source, matrix, side), framing.warped_face(shape, matrix, side)
        image, _ = Augmenter(rng, occlusion=0, corruptions=_DAMAGE)(image, face)
        visible, foreign = face, 0.0
        if is_hidden:
            image, visible, foreign = hide(image, face, self.other_signs(rng), self.surroundings(rng, 4), rng)
        share = float(visible.sum() / max(face.sum(), 1))
        if follows:
            nearer = framing.following(visible, self.size, rng.uniform())
            image, matrix = framing.warp(image, nearer, self.size), np.asarray(nearer @ matrix, np.float32)
            visible = framing.warped(visible, nearer, self.size)
            # Where the box says that a sign is, and there is none, it can't be seen either.
            whole = face_mask(shape, self.size, self.size, MARGIN)
            face = np.maximum(framing.warped(face, nearer, self.size), whole)
        parts = np.stack([parts_of(visible), parts_of(face)])
        return ShownSign(image, ambiguity.straighten(visible, matrix), parts, share, foreign)

    def _source(self, rng: np.random.Generator) -> tuple[Image, int]:
        """Return a source picture, a photograph or a drawing, and its class."""
        if rng.random() < DRAWN:
            label = int(self._drawable[rng.integers(len(self._drawable))])
            return self._drawn(label, self.surroundings(rng, 1)[0], rng), label
        pick = min(int(np.searchsorted(self._cumulative, rng.random())), len(self._cumulative) - 1)
        source, label = self._crops.images[pick], int(self._crops.labels[pick])
        if self._drawn.letters(label) and rng.random() < LETTERED:
            return self._drawn.lettered(label, self.surroundings(rng, 1)[0], rng), label
        if rng.random() < BACKGROUNDS:
            source = framing.swap_background(source, self._shapes[label], self.surroundings(rng, 1)[0])
        return source, label

    def _outlier(self, rng: np.random.Generator) -> tuple[Image, FloatArray, FloatArray]:
        image = framing.warp(self.surroundings(rng, 1)[0], framing.box_jitter(rng, self.size), self.size)
        nothing = np.zeros((2, self.size // 8, self.size // 8), np.float32)
        return framing.seen(image, rng), ambiguity.cannot_tell(), nothing

    def some(self, each: int) -> tuple[Image, npt.NDArray[np.int64]]:
        """Return a few photographs of each class, cut by the crop protocol, uint8 (N, S, S, 3), and the classes."""
        labels = self._crops.labels
        chosen = np.concatenate(
            [np.flatnonzero(labels == c)[:: max(int((labels == c).sum()) // each, 1)] for c in np.unique(labels)]
        )
        edge = round(framing.SOURCE_SIZE * (framing.SOURCE_MARGIN - MARGIN) / (1 + 2 * framing.SOURCE_MARGIN))
        inner = self._crops.images[chosen, edge:-edge, edge:-edge]
        images = [cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA) for image in inner]
        return np.stack(images).astype(np.uint8), labels[chosen]

    def surroundings(self, rng: np.random.Generator, count: int) -> Image:
        """Return pieces of scenes without a sign, BGR uint8 (count, SOURCE_SIZE, SOURCE_SIZE, 3)."""
        return self._crops.backgrounds[rng.integers(len(self._crops.backgrounds), size=count)]

    def other_signs(self, rng: np.random.Generator) -> Image:
        """Return crops of other signs, framed as the crop protocol does."""
        edge = round(framing.SOURCE_SIZE * (framing.SOURCE_MARGIN - MARGIN) / (1 + 2 * framing.SOURCE_MARGIN))
        return self._crops.images[rng.integers(len(self._crops.images), size=2), edge:-edge, edge:-edge]


def parts_of(mask: FloatArray) -> FloatArray:
    """Average a mask (S, S) over parts of 8x8 pixels."""
    count = len(mask) // 8
    return np.asarray(mask.reshape(count, 8, count, 8).mean((1, 3)), np.float32)
