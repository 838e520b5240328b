"""Training pictures of the reader: drawn figures and photographed ones, signs without figures, and clutter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.figures.crops import HEIGHT, MARGIN, WIDTH
from signpipe.figures.ctc import encode
from signpipe.lab.augmentation import TRAINING_OCCLUDERS, Augmenter, framing
from signpipe.lab.augmentation.figured import UNREAD, FiguredSign, FiguredSigns
from signpipe.lab.augmentation.pasting import light_drawing
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
        image, face = placed(sign.image, self._behind(rng), rng)
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


def placed(drawing: Image, behind: Image, rng: np.random.Generator) -> tuple[Image, FloatArray]:
    """Show a drawing before a scene as a detector might frame it, at the size at which a camera might see it.

    Args:
        drawing: BGRA uint8 (H, W, 4); it ends where the sign does.
        behind: BGR uint8, the scene, of any size.
        rng: Source of chance.

    Returns:
        BGR uint8 (h, w, 3), the crop at its size in the picture, and float32 (h, w), 1 on the sign's face.
    """
    high, wide = drawing.shape[:2]
    scale = float(np.exp(rng.uniform(*np.log(SIDES)))) / min(high, wide)
    if scale < 0.6:  # average first: warping would only pick pixels
        drawing = np.asarray(cv2.resize(drawing, None, fx=scale * 1.2, fy=scale * 1.2, interpolation=cv2.INTER_AREA))
    rows, columns = drawing.shape[:2]
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    size = np.array([wide, high], np.float64) * scale
    angle = np.radians(rng.normal(0, 3.5))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    unit = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    narrow = np.array([rng.uniform(0.8, 1.0), 1.0])
    seen = (unit * size * narrow) @ turn + rng.normal(0, 0.02, (4, 2)) * size.min()
    box = np.concatenate([seen.min(0), seen.max(0)])
    extent = box[2:] - box[:2]
    box += rng.normal(0, 0.03, 4) * np.tile(extent, 2) + np.array([-1, -1, 1, 1]) * MARGIN * extent.min()
    crop = np.maximum(np.round(box[2:] - box[:2]).astype(int), 6)
    target = (seen - box[:2]).astype(np.float32)
    warped = cv2.warpPerspective(
        _premultiplied(drawing), cv2.getPerspectiveTransform(corners, target), crop.tolist(), flags=cv2.INTER_LINEAR
    )
    alpha = warped[..., 3:]
    scene = np.asarray(cv2.resize(behind, crop.tolist(), interpolation=cv2.INTER_AREA), np.float32)
    colours = np.asarray(warped[..., :3] / np.maximum(alpha, 1e-3), np.float32)
    face = light_drawing(colours, scene[::2, ::2], rng)
    return (scene * (1 - alpha) + face * alpha).astype(np.uint8), np.ascontiguousarray(alpha[..., 0])


def _premultiplied(drawing: Image) -> FloatArray:
    """Return BGRA float32 with alpha 0..1 and colours times alpha, so that nothing from outside bleeds in."""
    result = drawing.astype(np.float32)
    result[..., 3] /= 255
    result[..., :3] *= result[..., 3:]
    return result


def reframed(source: Image, margin: float, rng: np.random.Generator) -> Image:
    """Cut a crop from a photographed sign with its surroundings, as a detector might frame it.

    Args:
        source: BGR uint8 (H, W, 3); the sign's box with `margin` of its sides around it.
        margin: Share of each side of the box that is around it.
        rng: Source of chance.
    """
    size = np.array(source.shape[1::-1], np.float64)
    extent = size / (1 + 2 * margin)
    half = (extent / 2 + MARGIN * extent.min()) * (1 + rng.normal(0, 0.05, 2))
    middle = size / 2 + rng.normal(0, 0.03, 2) * extent
    angle = np.radians(rng.normal(0, 3))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = (
        np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn + middle + rng.normal(0, 0.015, (4, 2)) * half
    )
    shrink = float(np.exp(rng.uniform(-1.0, 0))) if rng.random() < 0.3 else 1.0
    crop = np.maximum(np.round(2 * half * shrink).astype(int), 8)
    if shrink < 0.7:
        source = np.asarray(cv2.resize(source, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        corners = corners * shrink
    target = np.array([[0, 0], [crop[0], 0], [crop[0], crop[1]], [0, crop[1]]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target)
    warped = cv2.warpPerspective(source, matrix, crop.tolist(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def fitted(image: Image) -> Image:
    """Stretch a crop to what the reader takes."""
    shrinks = image.shape[0] > HEIGHT and image.shape[1] > WIDTH
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=way), np.uint8)


def _hidden(image: Image, face: FloatArray, rng: np.random.Generator) -> tuple[Image, bool]:
    """Hide a part of a sign; return whether its middle, where figures are, can still be seen."""
    if (face > 0.5).sum() < 20:
        return image, True
    occluder = TRAINING_OCCLUDERS[int(rng.integers(len(TRAINING_OCCLUDERS)))]
    image, shown = occluder(image, face, rng.uniform(0.05, 0.5), rng, None)
    high, wide = face.shape
    middle = (slice(int(0.25 * high), int(0.8 * high)), slice(int(0.12 * wide), int(0.88 * wide)))
    return image, float(shown[middle].sum()) >= LEAST_SHOWN * float((face[middle] > 0.5).sum())
