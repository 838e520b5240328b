"""Pieces of pictures that show no sign and yet look like one to the models: what else is round or pointed by a road."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.crops import crop_signs
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.data import ClassMap, open_dataset
from signpipe.lab.data.labelled import Split
from signpipe.lab.data.meant import LIGHTS
from signpipe.runtime.session import Session
from signpipe.types import Detections, FloatArray, Image

SIDES = (14.0, 200.0)  # pixels of a square, smallest and largest
RANDOM = 48  # squares that are tried in each picture
HARD = 8  # of them the most sign-like are kept
EASY = 2  # and some as they come
LOWEST = 0.05  # score of a detection that is kept
GAP = 0.3  # a piece keeps so much of its own side between itself and a box
BATCH = 64
VIDEOS: dict[Split, tuple[str, ...]] = {"train": ("motorway.mp4",), "val": ("solidWhiteRight.mp4",)}
EVERY = 25  # frames of a video


@dataclass(frozen=True, slots=True)
class Clutter:
    """Pieces of one picture.

    Attributes:
        boxes: float32 (N, 4), xyxy in pixels.
        sign_like: float32 (N,), the probability that the classifier gives to all its classes together.
        sources: BGR uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3), as `framing` wants them.
    """

    boxes: FloatArray
    sign_like: FloatArray
    sources: Image


def find_clutter(
    image: Image, signs: FloatArray, session: Session, detect: Callable[[Image], Detections], rng: np.random.Generator
) -> Clutter:
    """Cut out what the detector finds beside the signs, and the squares and circles that the classifier likes most.

    Args:
        image: BGR uint8 (H, W, 3).
        signs: float32 (N, 4), xyxy, all signs that the picture shows.
        session: The open classifier.
        detect: Returns all candidates of the detector in a picture.
        rng: Source of chance.

    Raises:
        ModelError: A model can't be run.
    """
    candidates, first = _candidates(image, signs, detect, rng)
    if not len(candidates):
        return Clutter(candidates, np.zeros(0, np.float32), np.zeros((0, SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8))
    crops = crop_signs(image, candidates, size=int(session.entry.input.shape[1]))
    pieces = [session.run(crops[i : i + BATCH])["probabilities"] for i in range(0, len(crops), BATCH)]
    sign_like = np.concatenate(pieces).sum(1)
    order = [*range(first), *(first + np.argsort(-sign_like[first:]))]
    best = _spread(candidates, order, first + HARD)
    rest = np.setdiff1d(np.arange(len(candidates)), best)
    chosen = np.array([*best, *rng.permutation(rest)[:EASY]], np.int64)
    boxes = candidates[chosen]
    return Clutter(boxes, sign_like[chosen], crop_signs(image, boxes, SOURCE_MARGIN, SOURCE_SIZE))


def clutter_boxes(
    image: Image, signs: FloatArray, detect: Callable[[Image], Detections], rng: np.random.Generator
) -> FloatArray:
    """Return what the detector finds beside the signs, and circles and squares of a picture, float32 (N, 4); see above.

    Raises:
        ModelError: The detector can't be run.
    """
    return _candidates(image, signs, detect, rng)[0]


def street_scenes(data: Path, split: Split) -> Iterator[tuple[Image, FloatArray]]:
    """Yield the pictures of a split, BGR uint8 (H, W, 3), with the boxes of all that is no clutter, float32 (N, 4).

    Args:
        data: Folder of the data sets; what isn't there is left out.
        split: "train" or "val".

    Raises:
        SourceError: A picture can't be read.
    """
    unboxed = _unboxed()
    lights = ClassMap(dict.fromkeys(LIGHTS, "none"), one_class=True)
    for name, classes in (("gtsdb", ClassMap(one_class=True)), ("sy32", lights), ("btsd", ClassMap(one_class=True))):
        if (data / name).is_dir():
            for labelled in open_dataset(data, name, split, classes):
                image = labelled.read()
                further = unboxed.get((name, labelled.path.name), [])
                yield image, np.concatenate([labelled.boxes_in(image.shape), *further])
    for name in VIDEOS.get(split, ()):
        video, number = cv2.VideoCapture(str(data / "videos" / name)), 0
        while video.grab():
            if number % EVERY == 0:
                yield np.asarray(video.retrieve()[1], np.uint8), np.zeros((0, 4), np.float32)
            number += 1


def _unboxed() -> dict[tuple[str, str], list[FloatArray]]:
    """Return signs that the sets don't box, by set and picture, float32 (1, 4) each."""
    text = files("signpipe.lab.data").joinpath("unboxed_signs.csv").read_text(encoding="utf-8")
    found: dict[tuple[str, str], list[FloatArray]] = {}
    for name, picture, *sides in list(csv.reader(text.splitlines()))[1:]:
        found.setdefault((name, picture), []).append(np.array([sides], np.float32))
    return found


def _candidates(
    image: Image, signs: FloatArray, detect: Callable[[Image], Detections], rng: np.random.Generator
) -> tuple[FloatArray, int]:
    """Return boxes, float32 (N, 4), and how many of them, the first, the detector found."""
    detections = detect(image)
    found = _square(detections.xyxy[detections.score >= LOWEST])
    boxes = np.concatenate([found, _circles(image), _squares(image, rng)])
    kept = _apart(boxes, signs)
    return boxes[kept], int(kept[: len(found)].sum())


def _square(boxes: FloatArray) -> FloatArray:
    sides = boxes[:, 2:] - boxes[:, :2]
    aspect = sides[:, 0] / np.maximum(sides[:, 1], 1)
    return np.asarray(boxes[(sides.min(1, initial=np.inf) >= SIDES[0]) & (aspect > 0.4) & (aspect < 1.8)], np.float32)


def _squares(image: Image, rng: np.random.Generator) -> FloatArray:
    """Draw squares of all sizes anywhere in a picture, float32 (RANDOM, 4)."""
    height, width = image.shape[:2]
    side = np.exp(rng.uniform(np.log(SIDES[0]), np.log(min(SIDES[1], height / 2)), RANDOM))
    left, top = rng.uniform(0, 1, RANDOM) * (width - side), rng.uniform(0, 1, RANDOM) * (height - side)
    return np.stack([left, top, left + side, top + side], 1).astype(np.float32)


def _circles(image: Image) -> FloatArray:
    """Return the boxes of circles in a picture: wheels, lamps, lights, float32 (N, 4)."""
    scale = min(640 / image.shape[1], 1.0)
    grey = cv2.cvtColor(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    found = cv2.HoughCircles(grey, cv2.HOUGH_GRADIENT, 1.5, 15, param1=200, param2=35, minRadius=5, maxRadius=60)
    if found is None:
        return np.zeros((0, 4), np.float32)
    x, y, radius = found[0, :24].T / np.float32(scale)
    return np.stack([x - radius, y - radius, x + radius, y + radius], 1).astype(np.float32)


def _apart(boxes: FloatArray, signs: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which boxes keep away from all signs, bool (N,)."""
    gap = (boxes[:, 2:] - boxes[:, :2]) * GAP
    low, high = boxes[:, None, :2] - gap[:, None], boxes[:, None, 2:] + gap[:, None]
    outside = np.concatenate([low > signs[None, :, 2:], high < signs[None, :, :2]], axis=2)
    return np.asarray(np.all(np.any(outside, axis=2), axis=1), bool)


def _spread(boxes: FloatArray, order: Sequence[int], count: int) -> list[int]:
    """Return the first boxes in an order that don't lie on one another."""
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1)
    chosen: list[int] = []
    for index in order:
        far = [
            np.abs(centres[index] - centres[other]).max() > 0.5 * min(sides[index], sides[other]) for other in chosen
        ]
        if all(far):
            chosen.append(int(index))
        if len(chosen) == count:
            break
    return chosen
