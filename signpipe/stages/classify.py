"""Classify: all crops of a frame in one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from signpipe.crops import crop_signs
from signpipe.few_shot.head import Head
from signpipe.settings import ClassifySettings
from signpipe.types import Classifications, Detections, FloatArray, Image

if TYPE_CHECKING:
    from signpipe.runtime.session import Session


class Classify:
    """Say for each detection which sign it is, with calibrated probabilities.

    The network's outputs are taken by name: `probabilities` (N, C), of which what is missing to 1 is "cannot tell", and
    where it has them `embedding` (N, D), `novelty` (N,) and `visible` (N, P, P). Without novelty, it is one minus the
    highest probability.

    Args:
        settings: The most crops per frame.
        session: The open classifier; its entry tells the crop's size and margin.
        head: What names the classes that come after its own, those that were added or a country's, or None.

    Attributes:
        entry: What the classifier is.
        model_ms: Milliseconds that the network took for the latest picture; 0 if it wasn't run.
    """

    def __init__(self, settings: ClassifySettings, session: Session, head: Head | None = None) -> None:
        self.entry = session.entry
        self.model_ms = 0.0
        self._settings = settings
        self._session = session
        outputs = {output.name: output.shape for output in session.entry.outputs}
        self._size = int(session.entry.input.shape[1])
        self._head = head
        self._classes = len(head.catalogue) if head else len(session.entry.classes)
        self._dimensions, self._parts = (_fixed_width(outputs.get(name)) for name in ("embedding", "visible"))

    def __call__(self, picture: Image, detections: Detections) -> Classifications:
        """Classify the signs of one picture.

        Only the `maximum` detections of the highest score are looked at. The rows of the others say nothing: they have
        no probability at all, a zero embedding and novelty 1. Without detections the network isn't run.

        Args:
            picture: BGR uint8 (H, W, 3), the enhanced picture at source size.
            detections: Boxes in its pixels.

        Raises:
            ModelError: The network can't be run.
        """
        self.model_ms = 0.0
        if not len(detections):
            return Classifications.empty(self._classes, self._dimensions, self._parts)
        if len(detections) <= self._settings.maximum:
            return self._run(picture, detections.xyxy)
        chosen = np.argsort(-detections.score, kind="stable")[: self._settings.maximum]
        known = self._run(picture, detections.xyxy[chosen])
        count, dimensions = len(detections), known.embedding.shape[1]
        nothing = Classifications(
            np.zeros((count, self._classes), np.float32),
            np.zeros((count, dimensions), np.float32),
            np.ones(count, np.float32),
            np.zeros((count, *known.visible.shape[1:]), np.float32),
        )
        return nothing.replaced(chosen, known)

    def _run(self, picture: Image, xyxy: FloatArray) -> Classifications:
        return self.read(crop_signs(picture, xyxy, self._session.entry.margin, self._size))

    def read(self, crops: Image) -> Classifications:
        """Classify crops that are cut already, uint8 (N, S, S, 3).

        Raises:
            ModelError: The network can't be run.
        """
        outputs = self._session.run(crops)
        self.model_ms = outputs.ms
        probability = _bounded(outputs["probabilities"])
        embedding = outputs.get("embedding", np.zeros((len(crops), 0), np.float32))
        novelty = outputs.get("novelty", 1 - probability.max(axis=1)).reshape(len(crops))
        # A novelty that is no number must never read as familiar.
        novelty = np.nan_to_num(np.clip(novelty, 0, 1), nan=1.0)
        visible = np.nan_to_num(outputs.get("visible", np.zeros((len(crops), 0, 0), np.float32)))
        result = Classifications(probability, embedding, novelty, visible)
        return self._head(result) if self._head else result


def _bounded(probability: FloatArray) -> FloatArray:
    """Make every row sum to at most 1; what is no usable number says nothing."""
    usable = np.where(np.isfinite(probability) & (probability > 0), probability, np.float32(0))
    return np.asarray(usable / np.maximum(usable.sum(axis=1, keepdims=True), np.float32(1)))


def _fixed_width(shape: tuple[int | str, ...] | None) -> int:
    """Return the length of an output's last axis, or 0 where there is none or the graph doesn't say."""
    return shape[-1] if shape and isinstance(shape[-1], int) else 0
