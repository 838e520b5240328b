"""What was found beside how fast it was: boxes and classes against the truth of a rendered drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.simulation.truth import TruthBox, TruthFrame
from signpipe.types import FloatArray

MATCH = 0.5  # overlap from which a box has found a sign
SMALLEST = 16.0  # pixels; smaller signs count neither as missed nor as found
VISIBLE = 0.5  # a sign of which less is seen counts neither


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody says of a frame.

    Attributes:
        xyxy: float32 (N, 4), boxes in pixels, the surest first.
        classes: Class of the catalogue of each box, -1 where none is said.
    """

    xyxy: FloatArray
    classes: npt.NDArray[np.intp]


@dataclass(slots=True)
class Score:
    """Counts of what was found.

    Attributes:
        signs: Signs that were to be found, frame by frame.
        found: Those of them that a box has found.
        boxes: Boxes, without those on signs that don't count.
        right: Signs whose class was said.
        wrong: Signs of which another class was said.
    """

    signs: int = 0
    found: int = 0
    boxes: int = 0
    right: int = 0
    wrong: int = 0

    def add(self, seen: Seen, truth: TruthFrame) -> None:
        """Take one frame in; each box has at most one sign, and each sign one box."""
        counted = [_counts(sign) for sign in truth.signs]
        self.signs += sum(counted)
        overlap = box_iou(seen.xyxy, np.array([sign.xyxy for sign in truth.signs], np.float32).reshape(-1, 4))
        for row, said in zip(overlap, seen.classes, strict=True):
            best = int(row.argmax()) if len(row) else -1
            if best < 0 or row[best] < MATCH:
                self.boxes += 1
                continue
            overlap[:, best] = -1  # taken
            if counted[best]:
                self.boxes += 1
                self.found += 1
                self.right += int(said == truth.signs[best].class_id)
                self.wrong += int(said not in (-1, truth.signs[best].class_id))

    def shares(self) -> dict[str, float | int]:
        """Return recall and precision of boxes, and the shares of signs whose class was said rightly and wrongly."""
        return {
            "signs": self.signs,
            "recall": round(self.found / max(self.signs, 1), 4),
            "precision": round(self.found / max(self.boxes, 1), 4),
            "right_class": round(self.right / max(self.signs, 1), 4),
            "wrong_class": round(self.wrong / max(self.signs, 1), 4),
        }


def _counts(sign: TruthBox) -> bool:
    """Return True for a sign of the catalogue that is large and visible enough to be expected."""
    x1, y1, x2, y2 = sign.xyxy
    return min(x2 - x1, y2 - y1) >= SMALLEST and sign.visible >= VISIBLE and sign.class_id >= 0
