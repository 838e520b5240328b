"""What the networks say of one frame, as structs of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.errors import ExtraMissingError
from signpipe.types.arrays import FloatArray

ShapeArray = npt.NDArray[np.uint8]  # (N,)

# What outlines a detector tells apart, by the number that it gives them; those of `signpipe.catalogue.Shape`, in order.
SHAPES = ("circle", "triangle", "triangle_down", "octagon", "diamond", "rectangle", "plate")
UNKNOWN_SHAPE = 255  # of a detector that doesn't tell them apart


@dataclass(slots=True, eq=False, repr=False)
class Detections:
    """Boxes of one frame as a struct of arrays, the layout of supervision's `Detections`.

    `detections[2]`, `[1:3]`, `[[0, 2]]` and `[mask]` are detections again; iterating gives each box and its score.

    Attributes:
        xyxy: float32 (N, 4), pixels of the source picture.
        score: float32 (N,), the detector's confidence in 0..1.
        shape: uint8 (N,), outline of each sign: an index into `SHAPES`, or `UNKNOWN_SHAPE`, which is the default.

    Raises:
        ValueError: There aren't as many scores or outlines as boxes, or boxes don't have four coordinates.
    """

    xyxy: FloatArray
    score: FloatArray
    shape: ShapeArray = field(default_factory=lambda: np.zeros(0, np.uint8))

    def __post_init__(self) -> None:
        if self.xyxy.shape != (len(self.score), 4):
            raise ValueError(
                f"boxes of shape {self.xyxy.shape} don't go with {len(self.score)} scores; (N, 4) and (N,)"
            )
        if not len(self.shape):
            self.shape = np.full(len(self.score), UNKNOWN_SHAPE, np.uint8)
        elif len(self.shape) != len(self.score):
            raise ValueError(f"{len(self.shape)} outlines don't go with {len(self.score)} boxes")

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, keep: npt.NDArray[Any] | slice | int | list[int]) -> Detections:
        if isinstance(keep, int | np.integer):
            keep = [range(len(self))[keep]]  # counts from the end, or raises IndexError, as a list's does
        return Detections(self.xyxy[keep], self.score[keep], self.shape[keep])

    def __iter__(self) -> Iterator[tuple[FloatArray, float]]:
        return zip(self.xyxy, self.score.tolist(), strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        same_boxes = np.array_equal(self.xyxy, other.xyxy) and np.array_equal(self.score, other.score)
        return same_boxes and np.array_equal(self.shape, other.shape)

    __hash__ = None  # type: ignore[assignment]  # as its arrays, it can be changed

    def __repr__(self) -> str:
        scores = f", score {self.score.min():.2f}..{self.score.max():.2f}" if len(self) else ""
        return f"Detections({len(self)}{scores})"

    @classmethod
    def empty(cls) -> Detections:
        """Return detections without any box."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def to_supervision(self) -> Any:
        """Return them as supervision's `Detections`, for its annotators and tools.

        Raises:
            ExtraMissingError: supervision isn't installed.
        """
        try:
            import supervision
        except ImportError:
            raise ExtraMissingError("converting detections for supervision", "supervision") from None
        return supervision.Detections(xyxy=self.xyxy.copy(), confidence=self.score.copy())


@dataclass(slots=True)
class Classifications:
    """What the classifier says of each crop of a frame, in the order of the detections.

    Attributes:
        probability: float32 (N, C), calibrated; each row sums to at most 1, and the rest is "cannot tell".
        embedding: float32 (N, D), unit length.
        novelty: float32 (N,), 0 for a familiar sign and towards 1 for something never seen.
        visible: float32 (N, P, P), 0..1: how much of the sign can be seen in each part of the crop; P is 0 where the
            classifier doesn't tell. The default is that it doesn't.
    """

    probability: FloatArray
    embedding: FloatArray
    novelty: FloatArray
    visible: FloatArray = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))

    def __post_init__(self) -> None:
        if len(self.visible) != len(self.novelty) and not self.visible.size:
            self.visible = np.zeros((len(self.novelty), 0, 0), np.float32)

    def __len__(self) -> int:
        return len(self.novelty)

    def __getitem__(self, keep: npt.NDArray[Any] | slice | list[int]) -> Classifications:
        return Classifications(self.probability[keep], self.embedding[keep], self.novelty[keep], self.visible[keep])

    def replaced(self, rows: npt.NDArray[np.int64], others: Classifications) -> Classifications:
        """Return a copy in which some rows are those of others, in their order."""
        copy = Classifications(self.probability.copy(), self.embedding.copy(), self.novelty.copy(), self.visible.copy())
        copy.probability[rows], copy.embedding[rows], copy.novelty[rows], copy.visible[rows] = (
            others.probability, others.embedding, others.novelty, others.visible,
        )  # fmt: skip
        return copy

    @classmethod
    def stacked(cls, parts: Sequence[Classifications]) -> Classifications:
        """Return several batches, one at least, as one."""
        return cls(
            np.concatenate([one.probability for one in parts]),
            np.concatenate([one.embedding for one in parts]),
            np.concatenate([one.novelty for one in parts]),
            np.concatenate([one.visible for one in parts]),
        )

    @property
    def belief(self) -> FloatArray:
        """float32 (N, C), each row sums to 1: "cannot tell" is spread evenly over the classes, it speaks for none."""
        rest = 1 - self.probability.sum(axis=1, keepdims=True)
        return np.asarray(self.probability + np.maximum(rest, 0) / np.float32(max(self.probability.shape[1], 1)))

    @property
    def known_mass(self) -> FloatArray:
        """float32 (N,): how much a crop says at all, 0 for "cannot tell" and 1 for a sign that is read."""
        return np.asarray(self.probability.sum(axis=1))

    @property
    def visible_share(self) -> FloatArray:
        """float32 (N,), 0..1: how much of each sign can be seen; 1 where the classifier doesn't tell."""
        return np.ones(len(self), np.float32) if self.visible.shape[1] < 3 else visible_share(self.visible)

    @classmethod
    def empty(cls, classes: int, dimensions: int = 0, parts: int = 0) -> Classifications:
        """Return classifications of no crop."""
        shapes = (0, classes), (0, dimensions), (0,), (0, parts, parts)
        return cls(*(np.zeros(shape, np.float32) for shape in shapes))


def visible_share(visible: FloatArray) -> FloatArray:
    """Return float32 (N,), how much of each sign can be seen, from what can be in each part of its crop (N, P, P).

    The outermost parts show the background, and don't count.
    """
    return np.asarray(visible[:, 1:-1, 1:-1].mean((1, 2)))
