"""Matching a sign with the catalogue's drawings, a second opinion on what the network left open."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.catalogue.drawings import drawing_svg, framed_drawing
from signpipe.crops import MARGIN, crop_signs
from signpipe.opinion import Opinion, Role
from signpipe.settings import TemplateSettings
from signpipe.types import FloatArray, Frame, Image, SignTrack

SIZE = 48  # side of the crop in pixels
TILE = 6  # side of a tile in pixels
SHIFT = 2  # pixels by which a sign may lie beside the middle of its box
SCALES = (0.92, 1.0, 1.08)  # of a sign to its box
SIDES = (20, 28, 40)  # pixels of the signs that drawings are blurred like
CANDIDATES = 6  # classes that are compared: those that vision finds most probable
VARIANCE = 0.2  # of a component of the normalised gradient, between a photograph and its drawing
LEVEL = 0.3  # mean squared difference of a tile at which it may as well be hidden
CHANCE = 0.1  # probability that nothing was matched but chance, as where the sign wasn't found at all
MODEL = "template.npz"


class TemplateWitness:
    """Compares a crop with drawings, tile by tile, so that what hides a part of the sign speaks for no class.

    What is compared is the gradient over its local contrast, which knows neither light nor colour. A tile either shows
    the drawing, with normally distributed differences, or something else, which is as probable whatever the class: the
    robust likelihood of Hampel et al. (Robust Statistics, 1986) as a mixture with an outlier component, in which a
    hidden tile adds the same to all classes. The sum over all tiles is taken where the drawing fits best, over small
    shifts and scales.

    Tiles aren't independent, and some drawings resemble photographs of their sign more than others: a scale and an
    offset a class, fitted to photographs in plain view, damaged and half hidden by
    `signpipe.lab.training.witnesses.fit_template`, make a log-likelihood of the sum.

    It never says that a sign is familiar: drawings of signs outside the catalogue, with the outline of one inside, fit
    as well as a photograph of a known sign does (AUROC 0.78 in plain view, 0.55 with a third hidden).

    Args:
        settings: The smallest sign that is asked about.
        catalogue: The classes. Of one without a drawing nothing is said.

    Attributes:
        name: "template".
        role: LOOKS.
        weight: From the settings.
        expensive: True: an answer takes milliseconds.
    """

    name = "template"
    role = Role.LOOKS
    expensive = True

    def __init__(self, settings: TemplateSettings, catalogue: Catalogue) -> None:
        self.weight = settings.weight
        self._smallest = settings.smallest
        self._catalogue = catalogue
        self._scale, offsets = _model()
        self._offsets = np.array([offsets.get(sign.name, 0.0) for sign in catalogue], np.float32)
        self._drawn = [_has_drawing(sign.name) for sign in catalogue]
        for sign in catalogue:
            if self._drawn[sign.id]:
                _drawn(sign.name)  # now, not when the first sign is seen

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Say which of the likely classes' drawings a sign resembles.

        Only the six classes are compared that vision finds most probable. All others get the mean of those: whether it
        is one of them, vision must tell.

        Args:
            track: The sign, by its box and class probabilities.
            frame: The picture.

        Returns:
            The opinion, or None for a box that is smaller than `settings.smallest`, or no two classes to compare.
        """
        side = float((track.xyxy[2:] - track.xyxy[:2]).min())
        ranked = np.argsort(-track.probability, kind="stable")
        candidates = [int(class_id) for class_id in ranked if self._drawn[class_id]][:CANDIDATES]
        if side < self._smallest or len(candidates) < 2:
            return None
        crop = crop_signs(frame.image, track.xyxy, MARGIN, SIZE)[0]
        names = tuple(self._catalogue[class_id].name for class_id in candidates)
        fits = self._scale * resemblance(crop, side, names) + self._offsets[candidates]
        share = np.exp(fits - np.logaddexp.reduce(fits))
        votes = np.log((1 - CHANCE) * share + CHANCE / len(share))
        log_likelihood = np.full(len(self._catalogue), votes.mean(), np.float32)
        log_likelihood[candidates] = votes
        first, second = np.argsort(-votes, kind="stable")[:2]
        text = (
            f"like the drawing of {names[first]} {np.exp(votes[first] - votes[second]):.1f} times as much as the next"
        )
        return Opinion(self.name, log_likelihood, text)


def resemblance(crop: Image, side: float, names: tuple[str, ...]) -> FloatArray:
    """Return how well drawings fit a crop: float32 (N,), sums over tiles of log-likelihood ratios to the outliers.

    Args:
        crop: BGR uint8 (48, 48, 3), by the crop protocol.
        side: Side of the sign's box in its picture in pixels; drawings are blurred as a sign of that size is.
        names: Classes of the catalogue, all with a drawing.
    """
    bucket = min(SIDES, key=lambda known: abs(np.log(known / side)))
    drawn = [_drawn(name)[bucket] for name in names]
    templates = np.concatenate([one for one, _ in drawn], axis=2)
    masks = np.concatenate([mask for _, mask in drawn], axis=2)
    padded = np.pad(normalised_gradient(crop), ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    steps = range(2 * SHIFT + 1)
    seen = np.stack([_tiles(padded[y : y + SIZE, x : x + SIZE]) for y in steps for x in steps], axis=1)
    # |seen - template|^2 inside the sign's outline, as three products of matrices a tile.
    squares = np.matmul(seen * seen, masks) - 2 * np.matmul(seen, templates) + (templates**2).sum(1)[:, None]
    excess = LEVEL * masks.mean(1)[:, None] - squares / templates.shape[1]
    votes = np.log(0.5 * np.exp(excess / (2 * VARIANCE)) + 0.5).sum(0)
    return np.asarray(votes.reshape(len(steps) ** 2, len(names), len(SCALES)).max((0, 2)), np.float32)


def normalised_gradient(crop: Image) -> FloatArray:
    """Return the gradient of a crop's brightness over the contrast around, float32 (S, S, 2)."""
    light = cv2.transform(crop.astype(np.float32), np.array([[0.2, 0.5, 0.3]], np.float32))
    smooth = cv2.GaussianBlur(light, (0, 0), 0.8)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    energy = cv2.blur(across * across + down * down, (15, 15))
    return np.asarray(np.stack([across, down], -1) / np.sqrt(energy + 4 + 0.05 * energy.mean())[..., None], np.float32)


@lru_cache(maxsize=256)
def _drawn(name: str) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Return the tiles of a drawing, and 1 where the sign is: float32 (tiles, values, scales) each, by `SIDES`."""
    templates: dict[int, list[FloatArray]] = {side: [] for side in SIDES}
    masks = []
    for scale in SCALES:
        drawn = framed_drawing(name, SIZE, ((1 + 2 * MARGIN) / scale - 1) / 2)
        mask = _grown(drawn[..., 3])
        masks.append(_tiles(mask))
        for side, tiles in templates.items():
            tiles.append(_tiles(normalised_gradient(_as_small(drawn[..., :3], side)) * mask))
    outline = np.stack(masks, axis=-1)
    return {side: (np.stack(tiles, axis=-1), outline) for side, tiles in templates.items()}


def _grown(alpha: Image) -> FloatArray:
    """Return 1 on a sign and the pixels next to it, float32 (S, S, 2)."""
    mask = cv2.dilate((alpha > 127).astype(np.float32), np.ones((3, 3)))
    return np.asarray(mask[..., None].repeat(2, axis=2), np.float32)


def _as_small(picture: Image, side: int) -> Image:
    """Return a crop as blurred as that of a sign of `side` pixels."""
    if side >= SIDES[-1]:
        return picture
    small = cv2.resize(picture, (round(side * (1 + 2 * MARGIN)),) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR), np.uint8)


def _tiles(values: FloatArray) -> FloatArray:
    """Return (S, S, K) as (tiles, values of a tile)."""
    count = SIZE // TILE
    return values.reshape(count, TILE, count, TILE, -1).transpose(0, 2, 1, 3, 4).reshape(count * count, -1)


def _has_drawing(name: str) -> bool:
    try:
        drawing_svg(name)
    except KeyError:
        return False
    return True


@lru_cache(maxsize=1)
def _model() -> tuple[float, dict[str, float]]:
    """Return the scale, and the offset of each class by its name."""
    with files(__package__).joinpath(MODEL).open("rb") as file, np.load(file) as stored:
        return float(stored["scale"]), dict(zip(stored["names"].tolist(), stored["offsets"].tolist(), strict=True))
