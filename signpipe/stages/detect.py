"""Detect: run the detector and turn its output into boxes of the source picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from signpipe.settings import DetectSettings
from signpipe.stages.boxes import overlaps
from signpipe.types import SHAPES, UNKNOWN_SHAPE, Detections, FloatArray, Prepared

if TYPE_CHECKING:
    from signpipe.runtime.session import Session

# Side in network pixels from which a sign counts that is found in a reduced input: smaller ones are seen better in the
# one before, of which this is about 100 pixels.
LEAST_REDUCED = 32
# Of a sign that is too large for an input, parts are found in it (the digits of a limit). What lies within a surer box
# of a smaller input by this share of its area is taken for such a part.
PART = 0.85


class Detect:
    """Find signs with a YOLO network in either of its output layouts.

    A network whose classes are outlines, of `SHAPES`, gives each sign its own; of any other, outlines are unknown.

    End-to-end networks give (1, N, 6): x1, y1, x2, y2, score, class. Raw ones give (1, 4 + classes, M): cx, cy, w, h
    and a score per class. Overlapping boxes are thinned out by non-maximum suppression in both: an end-to-end head is
    trained to need none, but leaves some second boxes once it is quantised to int8.

    A large picture comes in several sizes (`Prepared.inputs`): each is searched, and what was found is merged.

    Args:
        settings: Score levels and limits.
        session: The open detector; its entry tells the layout.

    Attributes:
        model_ms: Milliseconds that the network took for the latest picture.
    """

    def __init__(self, settings: DetectSettings, session: Session) -> None:
        self.model_ms = 0.0
        self._settings = settings
        self._session = session
        self._raw_layout = session.entry.box_layout == "raw"
        self._output = session.entry.outputs[0].name
        classes = session.entry.classes
        outlines = [SHAPES.index(name) if name in SHAPES else UNKNOWN_SHAPE for name in classes]
        self._outlines = np.array([*outlines, UNKNOWN_SHAPE], np.uint8)
        self._floor = min(settings.low_score, settings.score) if settings.raw else settings.score

    def __call__(self, prepared: Prepared) -> tuple[Detections, Detections]:
        """Return the detections and, if `settings.raw` asks for them, all candidates over the low score.

        Both are in pixels of the source picture, clipped to it, highest score first, so that the detections are the
        first of the candidates; boxes that are no numbers or have no area inside the picture are dropped.

        Raises:
            ModelError: The network can't be run on this input.
        """
        self.model_ms = 0.0
        found = [self._pass(prepared, level) for level in range(len(prepared.inputs))]
        candidates = self._merged(found)
        detections = candidates[: np.count_nonzero(candidates.score >= self._settings.score)][: self._settings.maximum]
        return detections, candidates if self._settings.raw else Detections.empty()

    def _pass(self, prepared: Prepared, level: int) -> Detections:
        """Return what is found in one of the inputs; in a reduced one, only signs that are large in it."""
        image, scale = prepared.inputs[level]
        outputs = self._session.run(image[None])
        self.model_ms += outputs.ms
        output = outputs[self._output][0]
        candidates = self._candidates(output)
        if level > 0:
            sides = candidates.xyxy[:, 2:] - candidates.xyxy[:, :2]
            candidates = candidates[sides.max(axis=1, initial=0.0) >= LEAST_REDUCED]
        boxes = prepared.to_source(candidates.xyxy, scale)
        has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        return Detections(boxes, candidates.score, candidates.shape)[has_area]

    def _candidates(self, output: FloatArray) -> Detections:
        """Return those over the floor whose boxes are finite, in network pixels."""
        if self._raw_layout:
            centre, half = output[:2].T, output[2:4].T / 2
            boxes = np.concatenate([centre - half, centre + half], axis=1, dtype=np.float32)
            scores, classes = output[4:].max(axis=0), output[4:].argmax(axis=0)
        else:
            boxes, scores, classes = output[:, :4], output[:, 4], output[:, 5]
        keep = (scores >= self._floor) & np.isfinite(boxes).all(axis=1)
        last = len(self._outlines) - 1
        known = np.nan_to_num(classes[keep], nan=last).clip(0, last).astype(np.intp)
        return Detections(boxes[keep], scores[keep], self._outlines[known])

    def _merged(self, found: list[Detections]) -> Detections:
        """Return the best box of each group of overlapping ones, highest score first, without parts of larger signs.

        Args:
            found: What was found in each input, the largest input first.
        """
        together = Detections(
            np.concatenate([one.xyxy for one in found]),
            np.concatenate([one.score for one in found]),
            np.concatenate([one.shape for one in found]),
        )
        sized = np.hstack([together.xyxy[:, :2], together.xyxy[:, 2:] - together.xyxy[:, :2]])
        best = cv2.dnn.NMSBoxes(sized.tolist(), together.score.tolist(), 0.0, self._settings.iou)
        order = np.asarray(best, np.intp).reshape(-1)
        candidates = together[order]
        if len(found) == 1 or not len(order):
            return candidates
        level = np.repeat(np.arange(len(found)), [len(one) for one in found])[order]
        _, contained = overlaps(candidates.xyxy, candidates.xyxy)
        within_surer = np.tri(len(order), k=-1, dtype=bool) & (level[:, None] < level[None, :]) & (contained >= PART)
        return candidates[np.flatnonzero(~within_surer.any(axis=1))]
