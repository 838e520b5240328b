"""Making prototypes: what the classifier makes of a sign's examples as other looks might show them."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.crops import MARGIN
from signpipe.errors import SettingsError
from signpipe.few_shot.head import FewShotHead
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.few_shot.examples import Examples
from signpipe.lab.few_shot.photograph import photograph, reframe, source_of_drawing
from signpipe.runtime.session import Session
from signpipe.types import FloatArray, Image

VIEWS_OF_PICTURE = 12  # half of them in the light in which it was taken
VIEWS_OF_DRAWING = 32
SHRINKAGE = 0.1  # of the mean variance, what is added to that of each direction: some are hardly ever taken
_BATCH = 64


class PrototypeMaker:
    """Turns examples into prototypes.

    Every choice comes from the sign's name: the same examples give the same prototype.

    Args:
        session: The open classifier.

    Raises:
        SettingsError: It gives no embedding.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._size = int(session.entry.input.shape[1])
        if "embedding" not in {output.name for output in session.entry.outputs}:
            raise SettingsError(
                f"The classifier {session.entry.path} gives no embedding, so no class can be added to it; choose "
                "another, such as the one that ships with signpipe."
            )

    def views(self, name: str, examples: Examples) -> Image:
        """Return pictures of one sign as other looks might show it, BGR uint8 (N, S, S, 3), the drawing's first."""
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
        views: list[Image] = []
        if (drawing := examples.drawing) is not None:
            views += [photograph(source_of_drawing(drawing, rng), rng, self._size) for _ in range(VIEWS_OF_DRAWING)]
        for source in examples.sources:
            views += [reframe(source, rng, self._size) for _ in range(VIEWS_OF_PICTURE // 2)]
            views += [photograph(source, rng, self._size) for _ in range(VIEWS_OF_PICTURE // 2)]
        return np.stack(views)

    def plain(self, examples: Examples) -> Image:
        """Return the example pictures as the crop protocol would cut them, BGR uint8 (N, S, S, 3)."""
        edge = round(SOURCE_SIZE * (SOURCE_MARGIN - MARGIN) / (1 + 2 * SOURCE_MARGIN))
        inner = examples.sources[:, edge : SOURCE_SIZE - edge, edge : SOURCE_SIZE - edge]
        return np.stack([_resized(crop, self._size) for crop in inner]) if len(inner) else inner

    def embed(self, crops: Image) -> FloatArray:
        """Return the embeddings, float32 (N, D), of crops, uint8 (N, S, S, 3).

        Raises:
            ModelError: The classifier can't be run.
        """
        batches = [crops[start : start + _BATCH] for start in range(0, len(crops), _BATCH)]
        return np.concatenate([self._session.run(batch)["embedding"] for batch in batches])

    def of_views(self, embedding: FloatArray) -> FloatArray:
        """Return the prototype, float32 (D,) of unit length, of embeddings float32 (N, D)."""
        mean = embedding.mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)

    def __call__(self, name: str, examples: Examples) -> FloatArray:
        """Return the prototype of a class, float32 (D,) of unit length.

        Raises:
            ModelError: The classifier can't be run.
        """
        return self.of_views(self.embed(self.views(name, examples)))

    def head(self, catalogue: Catalogue) -> FewShotHead:
        """Return a head with nothing added: prototypes of the known classes from their drawings, and the metric.

        On validation photographs the mean embeddings of the classes lie at a median cosine of 0.97 from these.

        Raises:
            ModelError: The classifier can't be run.
        """
        nothing = np.zeros((0, SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8)
        looks = np.stack(
            [self.embed(self.views(one.name, Examples(nothing, render_drawing(one.name, 256)))) for one in catalogue]
        )
        known = np.stack([self.of_views(one) for one in looks])
        return FewShotHead(catalogue, np.zeros((0, known.shape[1]), np.float32), known, metric_of(looks))


def metric_of(looks: FloatArray) -> FloatArray:
    """Return what makes looks at one sign spread alike in all directions, float32 (D, D), from embeddings (C, N, D)."""
    spread = (looks - looks.mean(axis=1, keepdims=True)).reshape(-1, looks.shape[2]).astype(np.float64)
    covariance = spread.T @ spread / len(spread)
    covariance += SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 1e-12))) @ vectors.T, np.float32)


def _resized(crop: Image, size: int) -> Image:
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
