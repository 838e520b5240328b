"""Detect: run the detector and turn its output into boxes of the source picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from signpipe.settings import DetectSettings
from signpipe.types import Detections, FloatArray, Prepared

if TYPE_CHECKING:
    from signpipe.runtime.session import Session


class Detect:
    """Find signs with a YOLO network in either of its output layouts.

    End-to-end networks give (1, N, 6): x1, y1, x2, y2, score, class. Raw ones give (1, 4 + classes, M): cx, cy, w, h
    and a score a class. Overlapping boxes are thinned out by non-maximum suppression in both: an end-to-end head is
    trained to need none, but leaves some second boxes once it is quantised to int8.

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
        self._floor = min(settings.low_score, settings.score) if settings.raw else settings.score

    def __call__(self, prepared: Prepared) -> tuple[Detections, Detections]:
        """Return the detections and, if `settings.raw` asks for them, all candidates over the low score.

        Both are in pixels of the source picture, clipped to it, highest score first, so that the detections are the
        first of the candidates; boxes that are no numbers or have no area inside the picture are dropped.

        Raises:
            ModelError: The network can't be run on this input.
        """
        outputs = self._session.run(prepared.image[None])
        self.model_ms = outputs.ms
        output = outputs[self._output][0]
        boxes, scores = self._candidates(output)
        boxes = prepared.to_source(boxes)
        has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        candidates = self._thin_out(Detections(boxes, scores)[has_area])
        found = candidates[: np.count_nonzero(candidates.score >= self._settings.score)][: self._settings.maximum]
        return found, candidates if self._settings.raw else Detections.empty()

    def _candidates(self, output: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return finite boxes (N, 4) in network pixels and scores (N,) over the floor."""
        if self._raw_layout:
            centre, half = output[:2].T, output[2:4].T / 2
            boxes = np.concatenate([centre - half, centre + half], axis=1, dtype=np.float32)
            scores = output[4:].max(axis=0)
        else:
            boxes, scores = output[:, :4], output[:, 4]
        keep = (scores >= self._floor) & np.isfinite(boxes).all(axis=1)
        return boxes[keep], scores[keep]

    def _thin_out(self, candidates: Detections) -> Detections:
        """Return the best box of each group of overlapping ones, highest score first."""
        sized = np.hstack([candidates.xyxy[:, :2], candidates.xyxy[:, 2:] - candidates.xyxy[:, :2]])
        best = cv2.dnn.NMSBoxes(sized.tolist(), candidates.score.tolist(), 0.0, self._settings.iou)
        return candidates[np.asarray(best, np.intp).reshape(-1)]
