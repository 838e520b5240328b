"""The whole pipeline on single pictures: right box and right class together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from signpipe.errors import SourceError
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.evaluation.detection import assign, box_iou
from signpipe.lab.evaluation.interval import wilson
from signpipe.pipeline import Pipeline
from signpipe.settings import Settings
from signpipe.types import FloatArray, Frame, Image, SignTrack

Progress = Callable[[int, int], None]
Change = Callable[[Image, FloatArray, LabelledImage, int], Image]
OVERLAP = 0.5


@dataclass(slots=True)
class Tally:
    """What became of the signs of a set of scenes.

    Attributes:
        scenes: Number of scenes.
        signs: Signs of the catalogue's classes.
        found: Those that a box overlaps by half or more.
        boxes: Boxes of the pipeline that aren't on an ignored sign.
        read_right: Signs whose box and published class are right.
        published: Boxes whose class is published.
        category_right: Signs of which only the category is published, and rightly.
        guessed_right: Signs whose box and most probable class are right, published or not.
    """

    scenes: int = 0
    signs: int = 0
    found: int = 0
    boxes: int = 0
    read_right: int = 0
    published: int = 0
    category_right: int = 0
    guessed_right: int = 0

    def metrics(self) -> dict[str, Any]:
        """Return precision, recall and F1 of what is published, and of the most probable class of every box."""
        published_wrong = self.published - self.read_right
        return {
            "scenes": self.scenes,
            "signs": self.signs,
            "precision": _share(self.read_right, self.published),
            "recall": _share(self.read_right, self.signs),
            "f1": _share(2 * self.read_right, self.published + self.signs),
            "detector_recall": _share(self.found, self.signs),
            "category_only": _share(self.category_right, self.signs),
            "published_wrong_per_scene": published_wrong / max(self.scenes, 1),
            "best_guess_precision": _share(self.guessed_right, self.boxes),
            "best_guess_recall": _share(self.guessed_right, self.signs),
            "best_guess_f1": _share(2 * self.guessed_right, self.boxes + self.signs),
            "intervals_95": {
                "precision": _interval(self.read_right, self.published),
                "recall": _interval(self.read_right, self.signs),
                "detector_recall": _interval(self.found, self.signs),
            },
            "n": {
                "precision": self.published, "recall": self.signs, "f1": self.signs, "detector_recall": self.signs,
                "category_only": self.signs, "best_guess_precision": self.boxes, "best_guess_recall": self.signs,
            },
        }  # fmt: skip


@dataclass(slots=True)
class SceneJudge:
    """Compares what the pipeline says of single pictures with their labels.

    Attributes:
        pipeline: The open pipeline.
        tally: What was counted so far.
    """

    pipeline: Pipeline
    tally: Tally = field(default_factory=Tally)

    def __call__(self, image: Image, boxes: FloatArray, labelled: LabelledImage) -> None:
        """Take one picture in: BGR uint8 (H, W, 3), with the boxes of its labels in its pixels."""
        result = self.pipeline.process(Frame(image, 0, 0.0, 0.0, "evaluation", independent=True))
        tracks = sorted(result.tracks, key=lambda track: -track.score)
        counted = (labelled.class_ids >= 0) & ~labelled.ignore
        self.tally.scenes += 1
        self.tally.signs += int(counted.sum())
        if not tracks:
            return
        overlap = box_iou(np.stack([track.xyxy for track in tracks]), boxes)
        beside = np.where(counted, 0, overlap).max(1, initial=0.0) >= OVERLAP
        partner = assign(np.where(counted, overlap, 0), OVERLAP)
        for track, index, ignored in zip(tracks, partner.tolist(), beside.tolist(), strict=True):
            if index >= 0 or not ignored:
                self._count(track, int(labelled.class_ids[index]) if index >= 0 else None)

    def _count(self, track: SignTrack, true: int | None) -> None:
        """Count one box, on a sign of this class or on none."""
        right = true is not None and track.class_id == true
        self.tally.boxes += 1
        self.tally.found += true is not None
        self.tally.published += track.is_sure
        self.tally.read_right += track.is_sure and right
        self.tally.guessed_right += right
        if true is not None and not track.is_sure:
            self.tally.category_right += track.verdict.category == self.pipeline.catalogue[true].category.value


def evaluate_pipeline(dataset: Dataset, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Run the pipeline over single pictures and compare what it publishes with their labels; see `judge_scenes`.

    Raises:
        SourceError: A picture can't be read, or none has a sign of the catalogue's classes.
        ModelError: A model can't be used.
    """
    with Pipeline(settings) as pipeline:
        return judge_scenes(pipeline, dataset, progress)


def judge_scenes(
    pipeline: Pipeline, dataset: Dataset, progress: Progress, change: Change | None = None
) -> dict[str, Any]:
    """Run an open pipeline over single pictures and compare what it publishes with their labels.

    A sign counts as read if a box overlaps it by half or more and its class is published and right; a published class
    that is wrong, or where no sign is, costs precision. A single picture gives the fallback one observation.

    Args:
        pipeline: The pipeline.
        dataset: Completely labelled pictures.
        progress: Told how many pictures are done, and how many there are.
        change: What is done to each picture first: its boxes, labels and number are given as well.

    Raises:
        SourceError: A picture can't be read, or none has a sign of the catalogue's classes.
    """
    judge = SceneJudge(pipeline)
    for index, labelled in enumerate(dataset):
        image = labelled.read()
        boxes = labelled.boxes_in(image.shape)
        judge(change(image, boxes, labelled, index) if change else image, boxes, labelled)
        progress(index + 1, len(dataset))
    if not judge.tally.signs:
        raise SourceError(
            f"The data set {dataset.root} marks no sign of the catalogue's classes; map its own names with --map."
        )
    return judge.tally.metrics()


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _interval(part: int, whole: int) -> list[float]:
    return list(wilson(part, whole)) if whole else [0.0, 1.0]
