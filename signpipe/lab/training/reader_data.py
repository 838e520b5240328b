"""Training pictures of the reader: drawn figures and photographed ones, signs without figures, and clutter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.figures.ctc import encode
from signpipe.lab.augmentation import TRAINING_OCCLUDERS, Augmenter, framing
from signpipe.lab.augmentation.figured import UNREAD, FiguredSign, FiguredSigns
from signpipe.lab.augmentation.placing import fitted, placed, reframed
from signpipe.types import FloatArray, Image

POOL = 12_000  # drawings kept at a time
RENEWED = 1_500  # of them drawn anew in each round
SIDES = (13.0, 84.0)  # pixels of a sign's shorter side in its picture
PHOTOGRAPHS = 0.22  # share of the training pictures
CLUTTER, FIGURELESS = 0.08, 0.16  # shares of the rest; what remains is drawn figures
HIDDEN = 0.06  # share of drawn figures that something hides a part of
LEAST_SHOWN = 0.9  # of the middle of a sign: less than that, and its figures count as unreadable


@dataclass(frozen=True, slots=True)
class Photographs:
    """Photographed signs with what is written on them.

    Attributes:
        images: BGR uint8, any size; the sign's box with `margin` of its sides around it.
        margin: Share of each side of the box that is around it.
        texts: What is written, "" if there are no figures.
        struck: Whether the sign is struck through.
        share: How often each is shown, relative to the others.
    """

    images: Sequence[Image]
    margin: float
    texts: Sequence[str]
    struck: Sequence[bool]
    share: FloatArray


class FigureCrops:
    """Training pictures of the reader; picture `i` of a round is always the same for a seed.

    Args:
        signs: Draws signs with figures.
        plain: Drawings BGRA uint8 of signs without figures.
        photographs: Photographed signs, with and without figures.
        clutter: BGR uint8 (M, S, S, 3), pieces of pictures without a sign: backgrounds, and negatives themselves.
        seed: Seed of every choice.
        pool: Drawings kept at a time.
        strongest: Highest severity of damage, light, weather and camera, 0..5.
    """

    def __init__(
        self,
        signs: FiguredSigns,
        plain: Sequence[Image],
        photographs: Photographs,
        clutter: Image,
        seed: int,
        pool: int = POOL,
        strongest: float = 3.5,
    ) -> None:
        self._signs = signs
        self._plain = [FiguredSign(image, "") for image in plain]
        self._photographs = photographs
        self._cumulative = np.cumsum(photographs.share.astype(np.float64))
        self._cumulative /= self._cumulative[-1]
        self._clutter = clutter
        self._seed = seed
        self._strongest = strongest
        self._pool = [signs(np.random.default_rng((seed, 1, i))) for i in range(pool)]
        self._drawn = pool

    def renew(self, count: int = RENEWED) -> None:
        """Draw the oldest of the kept drawings anew."""
        for _ in range(min(count, len(self._pool))):
            place = self._drawn % len(self._pool)
            self._pool[place] = self._signs(np.random.default_rng((self._seed, 1, self._drawn)))
            self._drawn += 1

    def batch(self, index: int, size: int) -> tuple[Image, list[list[int]], npt.NDArray[np.float32]]:
        """Return a batch: BGR uint8 (N, 40, 96, 3), the characters of each, and float32 (N,) of "struck through"."""
        rows = [self.picture(np.random.default_rng((self._seed, 2, index, i))) for i in range(size)]
        images = np.stack([image for image, _, _ in rows])
        return images, [encode(text) for _, text, _ in rows], np.array([struck for _, _, struck in rows], np.float32)

    def picture(self, rng: np.random.Generator) -> tuple[Image, str, bool]:
        """Return one crop, BGR uint8 (40, 96, 3), what is written on it, and whether it is struck through."""
        return self._photograph(rng) if rng.random() < PHOTOGRAPHS else self.drawn(rng)

    def drawn(self, rng: np.random.Generator) -> tuple[Image, str, bool]:
        """Return a crop that isn't a photographed sign: a drawn one, or clutter; else as `picture`."""
        kind = rng.random()
        if kind < CLUTTER:
            return fitted(framing.seen(self._behind(rng), rng)), "", False
        if kind < CLUTTER + FIGURELESS:
            sign = self._plain[int(rng.integers(len(self._plain)))]
        else:
            sign = self._pool[int(rng.integers(len(self._pool)))]
        side = float(np.exp(rng.uniform(*np.log(SIDES))))
        shown = placed(sign.image, self._behind(rng), side, rng)
        image, face = shown.image, shown.face
        if rng.random() < HIDDEN:
            image, readable = _hidden(image, face, rng)
            text = sign.text if readable or not sign.text else UNREAD
        else:
            text = sign.text
        image, _ = Augmenter(rng, occlusion=0, strongest=self._strongest)(framing.expose(image, rng), face)
        return fitted(image), text, sign.struck

    def _photograph(self, rng: np.random.Generator) -> tuple[Image, str, bool]:
        photographs = self._photographs
        last = len(photographs.images) - 1  # a cumulative sum of floats needn't reach 1
        index = min(int(np.searchsorted(self._cumulative, rng.random())), last)
        source = photographs.images[index]
        crop = reframed(source, photographs.margin, rng)
        crop = framing.expose(crop, rng)
        if rng.random() < 0.3:
            crop, _ = Augmenter(rng, occlusion=0, strongest=2.5)(crop, np.ones(crop.shape[:2], np.float32))
        return fitted(crop), photographs.texts[index], photographs.struck[index]

    def _behind(self, rng: np.random.Generator) -> Image:
        return np.asarray(self._clutter[int(rng.integers(len(self._clutter)))], np.uint8)


def _hidden(image: Image, face: FloatArray, rng: np.random.Generator) -> tuple[Image, bool]:
    """Hide a part of a sign; return whether its middle, where figures are, can still be seen."""
    if (face > 0.5).sum() < 20:
        return image, True
    occluder = TRAINING_OCCLUDERS[int(rng.integers(len(TRAINING_OCCLUDERS)))]
    image, shown = occluder(image, face, rng.uniform(0.05, 0.5), rng, None)
    high, wide = face.shape
    middle = (slice(int(0.25 * high), int(0.8 * high)), slice(int(0.12 * wide), int(0.88 * wide)))
    return image, float(shown[middle].sum()) >= LEAST_SHOWN * float((face[middle] > 0.5).sum())
