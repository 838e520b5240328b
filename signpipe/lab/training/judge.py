"""Judging a detector on photographs, however it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from signpipe.lab.data import LabelledImage
from signpipe.lab.evaluation.detection import DetectionEvaluation, evaluate_detections
from signpipe.lab.evaluation.run import without_ignored
from signpipe.lab.training.detector_data import GREY
from signpipe.types import Detections, FloatArray, Image

LOWEST_SCORE = 0.01  # candidates below aren't worth keeping
Detector = Callable[[Image], Detections]


def judge(detect: Detector, scenes: Iterable[LabelledImage]) -> DetectionEvaluation:
    """Detect in whole scenes at their own size, and compare with their boxes, but for those that are to be ignored."""
    return evaluate_detections(_compared(detect, scene) for scene in scenes)


def _compared(detect: Detector, scene: LabelledImage) -> tuple[Detections, FloatArray]:
    image = scene.read()
    boxes = scene.boxes_in(image.shape)
    return without_ignored(detect(image), boxes, scene), boxes[~scene.ignore]


def judge_by_size(
    detect: Detector,
    scenes: Iterable[LabelledImage],
    bands: Iterable[tuple[int, int]],
    size: tuple[int, int] = (736, 1280),
) -> dict[tuple[int, int], DetectionEvaluation]:
    """Show every sign at a size of each band, and look whether it is found.

    Args:
        detect: The detector.
        scenes: Completely boxed scenes.
        bands: Ranges of the longer side in pixels; each sign is scaled to the middle of a band, geometrically.
        size: Height and width of the pictures that are cut out around the signs.

    Returns:
        An evaluation a band, with one picture and one true box a sign; only its recall means anything.
    """
    kept = [(scene.read(), scene.boxes[~scene.ignore]) for scene in scenes if not scene.ignore.all()]
    return {
        band: evaluate_detections(
            (_nearest(detect(image), truth), truth)
            for image, truth in _resized(kept, float(np.sqrt(band[0] * band[1])), size)
        )
        for band in bands
    }


def _resized(
    scenes: Iterable[tuple[Image, FloatArray]], side: float, size: tuple[int, int]
) -> Iterator[tuple[Image, FloatArray]]:
    """Yield a picture of each sign in which its longer side is `side`, and its box."""
    for image, boxes in scenes:
        for box in boxes:
            scale = side / float((box[2:] - box[:2]).max())
            middle = (box[:2] + box[2:]) / 2 * scale
            # the sign stays where it was in the picture, as far as that goes
            place = middle / scale / (image.shape[1], image.shape[0]) * (size[1], size[0])
            shift = place - middle
            matrix = np.array([[scale, 0, shift[0] + (scale - 1) / 2], [0, scale, shift[1] + (scale - 1) / 2]])
            source = image
            if scale < 0.7:  # average first: warpAffine would only pick pixels
                source = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
                matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
            view = cv2.warpAffine(
                source, matrix, (size[1], size[0]), flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY)
            )
            truth = box * scale + np.tile(shift, 2)
            truth = np.clip(truth, 0, (size[1], size[0], size[1], size[0]))
            yield np.asarray(view, np.uint8), truth[None].astype(np.float32)


def _nearest(detections: Detections, truth: FloatArray) -> Detections:
    """Keep the detections whose middle lies in the true box: other signs in the picture aren't asked for."""
    middle = (detections.xyxy[:, :2] + detections.xyxy[:, 2:]) / 2
    inside = np.asarray(((middle >= truth[0, :2]) & (middle < truth[0, 2:])).all(axis=1), bool)
    return detections[np.flatnonzero(inside)]


def pad_to_stride(image: Image, stride: int) -> Image:
    """Add grey on the right and below until height and width are multiples of the stride."""
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(image, 0, -height % stride, 0, -width % stride, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    return np.asarray(padded, np.uint8)
