"""Outline and colour as a witness: what kind of sign it is, without a network."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, Shape, SignClass
from signpipe.crops import MARGIN, crop_signs
from signpipe.opinion import Opinion, Role
from signpipe.settings import ShapeSettings
from signpipe.types import FloatArray, Frame, Image, SignTrack

SIZE = 48  # side of the crop in pixels
TILE = 6  # side of a tile in pixels
MODEL = "shape.npz"
SURE = 0.8  # probability from which the opinion's text names what is seen


class ShapeWitness:
    """Tells red circles, blue circles, triangles, octagons and the like apart by outline and colour alone.

    The crop is parted into tiles, and each says how red, blue, yellow and light it is and which way its edges run
    (the second moments of the gradient, Bigün and Granlund 1987, over the local contrast). All are bounded, and a
    multinomial model adds up what the tiles say: what lies before a few tiles can't outvote the others. It was fitted
    on signs in plain view and on half hidden ones, by `signpipe.lab.training.witnesses.fit_shape`, with every outline
    equally probable, so that its log-probabilities are log-likelihoods.

    Args:
        settings: The smallest sign that is asked about.
        catalogue: The classes; all of one outline share its likelihood. One with an outline that the model doesn't know
            gets the mean: nothing is said of it.

    Attributes:
        name: "shape".
        role: CATEGORY_ONLY.
        weight: From the settings.
        expensive: True: an answer takes about a millisecond.
    """

    name = "shape"
    role = Role.CATEGORY_ONLY
    expensive = True

    def __init__(self, settings: ShapeSettings, catalogue: Catalogue) -> None:
        self.weight = settings.weight
        self._smallest = settings.smallest
        self._outlines, self._weights = _model()
        rows = {outline: row for row, outline in enumerate(self._outlines)}
        self._row_of = np.array([rows.get(outline_of(sign), -1) for sign in catalogue])

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Say what a sign's outline and colour speak for.

        Args:
            track: The sign, by its box.
            frame: The picture.

        Returns:
            The opinion, or None for a box that is smaller than `settings.smallest` or not in the picture.
        """
        if min(track.xyxy[2] - track.xyxy[0], track.xyxy[3] - track.xyxy[1]) < self._smallest:
            return None
        by_outline = self.log_likelihood(crop_signs(frame.image, track.xyxy, MARGIN, SIZE)[0])
        probability = np.exp(by_outline)
        best = int(probability.argmax())
        text = f"{self._outlines[best]} at {probability[best]:.2f}" if probability[best] >= SURE else "no clear outline"
        known = self._row_of >= 0
        log_likelihood = np.where(known, by_outline[self._row_of], by_outline[self._row_of[known]].mean())
        return Opinion(self.name, log_likelihood.astype(np.float32), text)

    def log_likelihood(self, crop: Image) -> npt.NDArray[np.float64]:
        """Return the log-likelihood of each outline, float64 (outlines,), normalised over them.

        Args:
            crop: BGR uint8 (48, 48, 3), by the crop protocol.
        """
        logits = self._weights[:, :-1] @ outline_features(crop) + self._weights[:, -1]
        return np.asarray(logits - np.logaddexp.reduce(logits), np.float64)


def outline_of(sign: SignClass) -> str:
    """Return what is to be seen of a sign from afar, such as "triangle" or "mandatory circle".

    Of circles the category tells the colours. Other outlines have one colour each: a triangle that gives priority at
    the next junction looks like one that warns.
    """
    return f"{sign.category.value} circle" if sign.shape is Shape.CIRCLE else sign.shape.value.replace("_", " ")


def outline_features(crop: Image) -> FloatArray:
    """Return what the tiles of a crop say of colour and edges, float32 (tiles * 6,), each within -1..1.

    Args:
        crop: BGR uint8 (S, S, 3), S a multiple of 6.
    """
    blue, green, red = cv2.split(crop.astype(np.float32))
    light = 0.2 * blue + 0.5 * green + 0.3 * red
    total = blue + green + red + 40  # of what is nearly black, no colour is believed
    smooth = cv2.GaussianBlur(light, (0, 0), 0.8)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    energy = across * across + down * down
    contrast = cv2.blur(energy, (15, 15)) + 16 + 0.05 * energy.mean()
    maps = np.stack(
        [
            4 * (red - (green + blue) / 2) / total,
            4 * (blue - (green + red) / 2) / total,
            4 * (np.minimum(red, green) - blue) / total,
            (light - light.mean()) / (light.std() + 8),
            (across * across - down * down) / contrast,
            2 * across * down / contrast,
        ],
        axis=-1,
    )
    count = crop.shape[0] // TILE
    return np.asarray(np.tanh(maps.reshape(count, TILE, count, TILE, -1).mean((1, 3))).ravel(), np.float32)


@lru_cache(maxsize=1)
def _model() -> tuple[tuple[str, ...], FloatArray]:
    """Return the outlines and their weights, float32 (outlines, features + 1), the last of which is the bias."""
    with files(__package__).joinpath(MODEL).open("rb") as file, np.load(file) as stored:
        return tuple(stored["looks"].tolist()), stored["weights"]
