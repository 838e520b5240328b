"""Whether a smaller or faster variant of a model still says what its reference says, on the same pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.errors import SourceError
from signpipe.figures.reader import Reader, Reading
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.detection import assign, box_iou, evaluate_detections
from signpipe.lab.evaluation.run import Progress, open_detector, without_ignored
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.types import Detections, FloatArray

# Boxes of two models are of the same sign from this overlap on, as in AP50.
SAME_SIGN = 0.5
# Of what either model reports, the other must have nearly all, if only with a score under the threshold: a sign that
# one of them doesn't see at all is no matter of rounding.
LEAST_MATCHED = 0.98
# The crop that is classified has a margin of 0.1 around the box; boxes that overlap less than this cut other crops.
LEAST_MEAN_IOU = 0.9
# Scores may move by as much as users move their threshold by, no more: one threshold serves both models. The largest
# difference is told, but is no gate: it is that of a single sign at the edge of being seen.
MOST_MEAN_SCORE_DIFFERENCE = 0.1
# Signs whose score crosses the threshold in one model only. On video a track bridges such frames; that the ones lost
# aren't more than the ones won is what the average precision tells.
LEAST_AGREED = 0.85
# What a detector may lose of its quality where the pictures' signs are known.
MOST_AP50_LOST = 0.015
# Of 1,000 crops two may get another class: those that lie on the border of two classes.
LEAST_EQUAL = 0.998
# The same of the texts that a reader makes out, but one of however few may differ.
LEAST_EQUAL_TEXTS = 0.998
# What is less probable than this with both models is no reading, and no class, but a guess: it may turn over.
MADE_OUT = 0.5
# The accept level of the fallback must mean the same with both classifiers.
MOST_MEAN_PROBABILITY_DIFFERENCE = 0.01


@dataclass(frozen=True, slots=True)
class Check:
    """One number of a comparison.

    Attributes:
        name: What was measured.
        value: The number.
        n: Of how many cases.
        least: It must be no less, if there is such a limit.
        most: It must be no more, if there is such a limit.
    """

    name: str
    value: float
    n: int
    least: float | None = None
    most: float | None = None

    @property
    def limit(self) -> str:
        """The limit for people, empty where there is none."""
        if self.least is not None:
            return f">= {self.least:g}"
        return "" if self.most is None else f"<= {self.most:g}"

    @property
    def passed(self) -> bool:
        """Whether the number keeps within its limits; a number of no cases does not."""
        if self.least is None and self.most is None:
            return True
        above = self.least is None or self.value >= self.least
        below = self.most is None or self.value <= self.most
        return self.n > 0 and above and below


@dataclass(frozen=True, slots=True)
class Parity:
    """A variant compared with its reference.

    Attributes:
        variant: Name of the variant.
        reference: Name of its reference.
        data: Format and size of the data set that both were run on.
        checks: The numbers, and whether they pass.
    """

    variant: str
    reference: str
    data: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the variant may be used in place of its reference."""
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        checks = [asdict(check) | {"passed": check.passed} for check in self.checks]
        return asdict(self) | {"passed": self.passed, "checks": checks}


def compare_detectors(variant: str, reference: str, dataset: Dataset, settings: Settings, progress: Progress) -> Parity:
    """Compare what two detectors find in the same pictures, through the stages that the pipeline runs them in.

    Boxes are matched one to one, the variant's best first. A pair counts if one of its boxes reaches the operating
    score; so does a box without a partner.

    Args:
        variant: Name in the manifest, or an ONNX file.
        reference: The same of the model that it stands for.
        dataset: Pictures. Where every sign is boxed, the average precision of both is compared too.
        settings: The configuration; `detect.score` is the operating score.
        progress: Told how many pictures are done, and how many there are.

    Raises:
        SourceError: A picture can't be read, or neither model finds anything.
        ModelError: A model can't be used.
    """
    both = [open_detector(_with_detector(settings, model)) for model in (variant, reference)]
    pairs: list[FloatArray] = []
    scenes: tuple[list[tuple[Detections, FloatArray]], ...] = ([], [])
    for index, labelled in enumerate(dataset):
        image = labelled.read()
        boxes = labelled.boxes_in(image.shape)
        found = [detect(image) for detect in both]
        pairs.append(_pairs(*found))
        for candidates, kept in zip(found, scenes, strict=True):
            kept.append((without_ignored(candidates, boxes, labelled), boxes[~labelled.ignore]))
        progress(index + 1, len(dataset))
    reported = np.concatenate(pairs)
    reported = reported[reported[:, :2].max(1) >= settings.detect.score]
    if not len(reported):
        raise SourceError(f"Neither {variant} nor {reference} finds a sign in {dataset.root}; choose other pictures.")
    checks = _box_checks(reported, settings.detect.score)
    if dataset.complete:
        of_variant, of_reference = (evaluate_detections(kept) for kept in scenes)
        lost, signs = of_reference.ap50 - of_variant.ap50, len(of_reference.sides)
        checks += (Check("AP50 lost", float(lost), signs, most=MOST_AP50_LOST),) if signs else ()
    return Parity(variant, reference, f"{dataset.format}, {len(dataset)} pictures", checks)


def compare_classifiers(
    variant: str, reference: str, dataset: Dataset, settings: Settings, progress: Progress
) -> Parity:
    """Compare what two classifiers say of the same crops.

    Args:
        variant: Name in the manifest, or an ONNX file.
        reference: The same of the model that it stands for.
        dataset: Pictures with boxed signs, whatever their class.
        settings: The configuration.
        progress: Told how many pictures are done, and how many there are.

    Raises:
        SourceError: A picture can't be read, or no sign is boxed.
        ModelError: A model can't be used.
    """
    both = [Classify(settings.classify, open_session(m, settings.runtime, "classifier")) for m in (variant, reference)]
    rows: list[list[npt.NDArray[Any]]] = []
    for index, labelled in enumerate(dataset):
        if not labelled.ignore.all():
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)[~labelled.ignore]
            first, second = (classify(image, _every(boxes)) for classify in both)
            rows.append([first.probability, second.probability, first.novelty, second.novelty])
        progress(index + 1, len(dataset))
    if not rows:
        raise SourceError(f"No sign is boxed in {dataset.root}, so there is nothing to classify.")
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    return Parity(variant, reference, f"{dataset.format}, {len(columns[0])} crops", class_checks(*columns))


def compare_readers(variant: str, reference: str, dataset: Dataset, settings: Settings, progress: Progress) -> Parity:
    """Compare what two readers read on the same signs.

    Args:
        variant: Name in the manifest, or an ONNX file.
        reference: The same of the model that it stands for.
        dataset: Pictures with boxed signs, whether they carry figures or not.
        settings: The configuration.
        progress: Told how many pictures are done, and how many there are.

    Raises:
        SourceError: A picture can't be read, or no sign is boxed.
        ModelError: A model can't be used.
    """
    both = [Reader(open_session(model, settings.runtime, "reader")) for model in (variant, reference)]
    pairs: list[tuple[Reading, Reading]] = []
    for index, labelled in enumerate(dataset):
        if not labelled.ignore.all():
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)[~labelled.ignore]
            first, second = (read(image, boxes) for read in both)
            pairs += zip(first, second, strict=True)
        progress(index + 1, len(dataset))
    if not pairs:
        raise SourceError(f"No sign is boxed in {dataset.root}, so there is nothing to read.")
    equal = np.mean([agree(one, other) for one, other in pairs])
    gaps = np.array([_probability_gap(one, other) for one, other in pairs], np.float32)
    struck = np.array([abs(one.struck - other.struck) for one, other in pairs], np.float32)
    count = len(pairs)
    checks = (
        Check("equal texts", float(equal), count, least=min(LEAST_EQUAL_TEXTS, 1 - 1 / count)),
        Check("mean probability difference", _mean(gaps), count, most=MOST_MEAN_PROBABILITY_DIFFERENCE),
        Check("largest probability difference", float(gaps.max()), count),
        Check("mean difference of struck through", _mean(struck), count, most=MOST_MEAN_PROBABILITY_DIFFERENCE),
    )
    return Parity(variant, reference, f"{dataset.format}, {count} crops", checks)


def agree(one: Reading, other: Reading) -> bool:
    """Return True if two readings are of the same text, or neither makes one out."""
    return one.text == other.text or max(one.probability, other.probability) < MADE_OUT


def _probability_gap(one: Reading, other: Reading) -> float:
    """Return by how much two readings differ in the probability of what the first one reads."""
    return abs(one.probability - float(np.exp(other.log_probability([one.text])[0])))


def _with_detector(settings: Settings, model: str) -> Settings:
    return settings.model_copy(update={"detect": settings.detect.model_copy(update={"model": model})})


def _every(boxes: FloatArray) -> Detections:
    return Detections(boxes, np.ones(len(boxes), np.float32))


def _pairs(variant: Detections, reference: Detections) -> FloatArray:
    """Return a row for each pair and each box without a partner: both scores and the overlap, 0 where there is none."""
    iou = box_iou(variant.xyxy, reference.xyxy)
    partner = assign(iou, SAME_SIGN)
    of = np.flatnonzero(partner >= 0)
    alone = np.flatnonzero(partner < 0)
    missed = np.setdiff1d(np.arange(len(reference)), partner)
    none = np.zeros(len(alone) + len(missed), np.float32)
    return np.column_stack([
        np.concatenate([variant.score[of], variant.score[alone], none[: len(missed)]]),
        np.concatenate([reference.score[partner[of]], none[: len(alone)], reference.score[missed]]),
        np.concatenate([iou[of, partner[of]], none]),
    ]).astype(np.float32)  # fmt: skip


def _box_checks(reported: FloatArray, score: float) -> tuple[Check, ...]:
    """Return the numbers of what either detector reports: rows as of `_pairs`."""
    paired = reported[reported[:, 2] > 0]
    gaps = np.abs(paired[:, 0] - paired[:, 1])
    both = (reported[:, :2] >= score).all(1)
    count, pairs = len(reported), len(paired)
    return (
        Check("matched", pairs / count, count, least=LEAST_MATCHED),
        Check("mean IoU", _mean(paired[:, 2]), pairs, least=LEAST_MEAN_IOU),
        Check("mean score difference", _mean(gaps), pairs, most=MOST_MEAN_SCORE_DIFFERENCE),
        Check("largest score difference", float(gaps.max(initial=0.0)), pairs),
        Check("over the threshold in both", float(both.mean()), count, least=LEAST_AGREED),
    )


def class_checks(
    variant: FloatArray, reference: FloatArray, novelty: FloatArray, reference_novelty: FloatArray
) -> tuple[Check, ...]:
    """Return the numbers of probabilities (N, C) and novelties (N,)."""
    gaps, count = np.abs(variant - reference).max(1), len(variant)
    guessed = np.maximum(variant, reference).max(1) < MADE_OUT
    equal = guessed | (variant.argmax(1) == reference.argmax(1))
    return (
        Check("equal classes", float(equal.mean()), count, least=LEAST_EQUAL),
        Check("mean probability difference", _mean(gaps), count, most=MOST_MEAN_PROBABILITY_DIFFERENCE),
        Check("largest probability difference", float(gaps.max()), count),
        Check("mean novelty difference", _mean(np.abs(novelty - reference_novelty)), count),
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
