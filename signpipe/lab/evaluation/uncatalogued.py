"""Crops that show no sign of the catalogue: signs outside it, what a detector takes for signs, traffic lights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import render_svg
from signpipe.crops import MARGIN, crop_signs
from signpipe.lab.augmentation import framing
from signpipe.lab.augmentation.pasting import trim
from signpipe.lab.augmentation.variants import SIZE, DrawnSigns, place_drawing
from signpipe.lab.data import Dataset
from signpipe.lab.data.uncatalogued import UncataloguedSign
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.evaluation.run import open_detector
from signpipe.settings import Settings
from signpipe.types import FloatArray, Image

Advance = Callable[[int, int], None]
BESIDE = 0.1  # a detection that overlaps a box by so much isn't beside it
SIDES = (14.0, 64.0)  # pixels of a drawn sign in the first and the last observation of it


def uncatalogued_views(signs: Sequence[UncataloguedSign], backgrounds: Image, observations: int, size: int) -> Image:
    """Show drawings of signs as a car might see them while it comes closer.

    Args:
        signs: The drawings.
        backgrounds: BGR uint8 (M, T, T, 3), pictures without a sign.
        observations: How often each is seen, from 14 pixels to 64, each time framed and lit a little differently.
        size: Side of the crops in pixels.

    Returns:
        BGR uint8 (N, observations, size, size, 3). A drawing's chance depends on its name alone.
    """
    views = []
    for sign in signs:
        rng = seeded("outside", sign.name)
        behind = backgrounds[int(rng.integers(len(backgrounds)))]
        source = place_drawing(trim(render_svg(sign.svg, SIZE)), _as_source(behind), rng)
        views.append(approach(source, observations, size, rng))
    return np.stack(views)


def drawn_views(backgrounds: Image, each: int, observations: int, size: int) -> Image:
    """Show drawings of the catalogue's own signs in the same way: whoever tells drawings from photographs fails here.

    Args:
        backgrounds: BGR uint8 (M, T, T, 3), pictures without a sign.
        each: Drawings of each class.
        observations: How often each is seen.
        size: Side of the crops in pixels.

    Returns:
        BGR uint8 (classes * each, observations, size, size, 3), by class.
    """
    views, drawn = [], DrawnSigns(1)
    for sign in load_catalogue():
        for number in range(each):
            rng = seeded("drawn", sign.name, number)
            behind = backgrounds[int(rng.integers(len(backgrounds)))]
            views.append(approach(drawn(sign.id, _as_source(behind), rng), observations, size, rng))
    return np.stack(views)


def approach(source: Image, observations: int, size: int, rng: np.random.Generator) -> Image:
    """Return observations of a source picture of training, ever closer: BGR uint8 (observations, size, size, 3)."""
    views = []
    for side in np.geomspace(*SIDES, observations):
        image = framing.warp(source, framing.box_jitter(rng, size), size)
        small = round(side * (1 + 2 * MARGIN))
        if small < size:
            image = np.asarray(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), np.uint8)
            image = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
        views.append(framing.seen(image, rng))
    return np.stack(views)


def approach_sides(observations: int) -> FloatArray:
    """Return the side of the sign in pixels in each observation of `approach`, float32 (observations,)."""
    return np.geomspace(*SIDES, observations).astype(np.float32)


def unboxed_crops(dataset: Dataset, settings: Settings, size: int, progress: Advance) -> Image:
    """Cut out what the detector finds beside the boxes of a data set: other signs, boards, and no signs at all.

    Args:
        dataset: Labelled scenes.
        settings: The configuration; `detect.score` and `plausibility` say what is taken for a sign.
        size: Side of the crops in pixels.
        progress: Told how many pictures are done, and how many there are.

    Returns:
        BGR uint8 (N, size, size, 3).

    Raises:
        SourceError: A picture can't be read.
        ModelError: The detector can't be used.
    """
    detect, crops = open_detector(settings), [np.zeros((0, size, size, 3), np.uint8)]
    limits = settings.plausibility
    for index, labelled in enumerate(dataset):
        image = labelled.read()
        found = detect(image)
        boxes = found.xyxy[found.score >= settings.detect.score]
        sides = boxes[:, 2:] - boxes[:, :2]
        aspect = sides[:, 0] / sides[:, 1]
        plausible = (sides.min(1) >= limits.smallest) & (limits.aspect_lowest <= aspect)
        plausible &= aspect <= limits.aspect_highest
        beside = box_iou(boxes, labelled.boxes_in(image.shape)).max(1, initial=0.0) < BESIDE
        crops.append(crop_signs(image, boxes[plausible & beside], size=size))
        progress(index + 1, len(dataset))
    return np.concatenate(crops)


def boxed_crops(dataset: Dataset, size: int) -> Image:
    """Cut out the boxes of a data set whose class isn't in the catalogue: BGR uint8 (N, size, size, 3).

    Raises:
        SourceError: A picture can't be read.
    """
    crops = [np.zeros((0, size, size, 3), np.uint8)]
    for labelled in dataset:
        if (labelled.class_ids < 0).any():
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)[labelled.class_ids < 0]
            crops.append(crop_signs(image, boxes, size=size))
    return np.concatenate(crops)


def _as_source(background: Image) -> Image:
    side = framing.SOURCE_SIZE
    return np.asarray(cv2.resize(background, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
