"""Running the models over a data set, through the stages that the pipeline runs them in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.data.faces import face_shapes
from signpipe.lab.evaluation.classification import ClassificationEvaluation
from signpipe.lab.evaluation.detection import box_iou, evaluate_detections
from signpipe.lab.evaluation.outlines import Outlines
from signpipe.lab.evaluation.real_hard import by_cause
from signpipe.lab.evaluation.risk import risk_coverage
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.stages.detect import Detect
from signpipe.stages.preprocess import Preprocess
from signpipe.types import Detections, FloatArray, Frame, Image

# A detection that overlaps an ignored box by so much counts neither as a hit nor as a false alarm.
IGNORED = 0.5

Progress = Callable[[int, int], None]


def evaluate_detector(
    dataset: Dataset, settings: Settings, progress: Progress, every_sign: bool = False
) -> dict[str, Any]:
    """Detect the signs of every picture and compare them with its boxes, whatever their class.

    Args:
        dataset: Labelled pictures; of a set that isn't complete only recall is given, as a detection beside its boxes
            may well be a sign.
        settings: The configuration; `detect.score` is the operating point.
        progress: Told how many pictures are done, and how many there are.
        every_sign: The set is to have signs of every kind: give precision of one that isn't complete too, which is a
            lower bound then, and tell the outlines apart.

    Raises:
        SourceError: A picture can't be read, or the set has no box at all.
        ModelError: The detector can't be used.
    """
    detect = open_detector(settings)
    outlines = Outlines(settings.detect.score)

    def scenes() -> Iterator[tuple[Detections, FloatArray]]:
        for index, labelled in enumerate(dataset):
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)
            candidates, truth = without_ignored(detect(image), boxes, labelled), boxes[~labelled.ignore]
            outlines.add(candidates, truth, face_shapes(labelled)[~labelled.ignore])
            yield candidates, truth
            progress(index + 1, len(dataset))

    evaluation = evaluate_detections(scenes())
    if not len(evaluation.sides):
        raise SourceError(f"The data set {dataset.root} marks no sign, so there is nothing to find.")
    metrics = evaluation.summary(settings.detect.score) | {"by_score": evaluation.by_score()}
    if every_sign:
        metrics["by_outline"] = outlines.summary()
    elif not dataset.complete:
        metrics = {key: metrics[key] for key in ("scenes", "signs", "score", "recall", "recall_by_size")}
    signs = metrics["signs"]
    metrics["n"] = {key: signs for key in ("ap50", "ap50_95", "recall_at_0.1_fppi", "recall") if key in metrics}
    return metrics


def evaluate_classifier(dataset: Dataset, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Classify every boxed sign whose class is in the catalogue, and compare.

    Args:
        dataset: Labelled pictures.
        settings: The configuration; `fallback.accept` is the probability from which an observation counts as sure.
        progress: Told how many pictures are done, and how many there are.

    Raises:
        SourceError: A picture can't be read, or no box has a class of the catalogue.
        ModelError: The classifier can't be used.
    """
    observed = classify_signs(dataset, settings, progress)
    accept = settings.fallback.accept
    evaluation = ClassificationEvaluation(observed.probability, observed.labels, load_catalogue())
    hard = by_cause(observed.tracks, observed.probability, observed.labels, accept)
    return evaluation.summary(accept) | ({"real_hard": hard} if hard else {})


def evaluate_risk(dataset: Dataset, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Classify every boxed sign, and compare how much would be published with how much of that is wrong.

    Args:
        dataset: Labelled pictures.
        settings: The configuration; `fallback` says from which level an observation is published.
        progress: Told how many pictures are done, and how many there are.

    Raises:
        SourceError: A picture can't be read, or no box has a class of the catalogue.
        ModelError: The classifier can't be used.
    """
    observed = classify_signs(dataset, settings, progress)
    right = observed.probability.argmax(1) == observed.labels
    return risk_coverage(observed.probability.max(1), observed.novelty, right, settings.fallback)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the classifier says of all signs of a data set.

    Attributes:
        probability: float32 (N, C).
        novelty: float32 (N,).
        labels: int64 (N,), the true classes.
        tracks: The track of each, where the set has tracks.
    """

    probability: FloatArray
    novelty: FloatArray
    labels: npt.NDArray[np.int64]
    tracks: list[str | None]


def classify_signs(dataset: Dataset, settings: Settings, progress: Progress) -> Observed:
    """Classify every boxed sign whose class is in the catalogue.

    Raises:
        SourceError: A picture can't be read, or no box has a class of the catalogue.
        ModelError: The classifier can't be used.
    """
    classify = Classify(settings.classify, open_session(settings.classify.model, settings.runtime, "classifier"))
    observations, labels, tracks = [], [], list[str | None]()
    for index, labelled in enumerate(dataset):
        known = (labelled.class_ids >= 0) & ~labelled.ignore
        if known.any():
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)[known]
            observations.append(classify(image, Detections(boxes, np.ones(len(boxes), np.float32))))
            labels.append(labelled.class_ids[known])
            tracks += [labelled.track] * len(boxes)
        progress(index + 1, len(dataset))
    if not labels:
        raise SourceError(
            f"The data set {dataset.root} marks no sign of the catalogue's classes; map its own names with --map."
        )
    probability = np.concatenate([one.probability for one in observations])
    novelty = np.concatenate([one.novelty for one in observations])
    return Observed(probability, novelty, np.concatenate(labels), tracks)


def open_detector(settings: Settings) -> Callable[[Image], Detections]:
    """Return a function from a BGR picture to all candidates over `detect.low_score`, highest score first.

    Raises:
        ModelError: The detector can't be used.
    """
    settings = settings.model_copy(update={"detect": settings.detect.model_copy(update={"raw": True, "maximum": 1000})})
    session = open_session(settings.detect.model, settings.runtime, "detector")
    entry = session.entry
    preprocess = Preprocess(settings.preprocess, entry.input.stride or 32, entry.fixed_size, entry.smallest_side)
    detect = Detect(settings.detect, session)
    return lambda image: detect(preprocess(Frame(image, 0, 0.0, 0.0, "evaluation", independent=True)))[1]


def without_ignored(candidates: Detections, boxes: FloatArray, labelled: LabelledImage) -> Detections:
    """Drop candidates on an ignored box, unless they fit a box that counts as well."""
    if not labelled.ignore.any() or not len(candidates):
        return candidates
    overlap = box_iou(candidates.xyxy, boxes)
    on_ignored = overlap[:, labelled.ignore].max(1) >= IGNORED
    on_counted = overlap[:, ~labelled.ignore].max(1, initial=0.0) >= IGNORED
    return candidates[~on_ignored | on_counted]
