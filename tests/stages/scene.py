"""A road with signs beside it, as a detector with noise would see it: the ground truth of the tracker's tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from signpipe.types import Classifications, Detections, FloatArray

CLASSES = 43
PICTURE = (720, 1280)
FOCAL = 1000.0
NEAREST = 2.0


@dataclass(frozen=True)
class Sign:
    """A sign in the world: metres ahead at time 0, to the right and up; side in metres."""

    class_id: int
    ahead: float
    right: float = 4.0
    up: float = 1.0
    side: float = 0.6

    def box(self, travelled: float) -> FloatArray | None:
        """Return its box after so many metres, or None where less than half of it is in the picture."""
        distance = self.ahead - travelled
        if distance < NEAREST:
            return None
        x = PICTURE[1] / 2 + FOCAL * self.right / distance
        y = PICTURE[0] / 2 - FOCAL * self.up / distance
        half = FOCAL * self.side / distance / 2
        if not (0 < x < PICTURE[1] and 0 < y < PICTURE[0]):
            return None
        edges = [PICTURE[1], PICTURE[0], PICTURE[1], PICTURE[0]]
        box = np.array([x - half, y - half, x + half, y + half], np.float32)
        return np.clip(box, np.float32(0), np.array(edges, np.float32))


@dataclass
class Look:
    """One frame as the tracker gets it, and which sign each detection shows."""

    time: float
    detections: Detections
    classifications: Classifications
    shown: list[Sign]


def looks(
    signs: Iterable[Sign],
    times: Iterable[float],
    speed: float = 20.0,
    seed: int = 0,
    missed: float = 0.0,
    smallest: float = 12.0,
    wrong: dict[int, int] | None = None,
    wrong_rate: float = 0.0,
    yaw: float = 0.0,
) -> Iterable[Look]:
    """Yield what a noisy detector and classifier make of a drive past signs.

    Args:
        signs: The signs.
        times: Media times of the frames.
        speed: Metres per second.
        seed: Of the noise.
        missed: Share of detections that are missing.
        smallest: Signs smaller than this, in pixels, are not detected.
        wrong: For a class, the one that it is taken for in a share `wrong_rate` of the looks.
        wrong_rate: That share.
        yaw: Pixels by which the picture sways from side to side, once in two seconds.
    """
    random = np.random.default_rng(seed)
    for time in times:
        boxes, rows, shown = [], [], []
        for sign in signs:
            box = sign.box(speed * time)
            if box is None or box[2] - box[0] < smallest or random.random() < missed:
                continue
            side = float(box[2] - box[0])
            jitter = random.normal(0, 0.5 + 0.02 * side, 4)
            seen = sign.class_id
            if wrong and sign.class_id in wrong and random.random() < wrong_rate:
                seen = wrong[sign.class_id]
            sway = yaw * np.sin(np.pi * time) * np.array([1, 0, 1, 0])
            boxes.append(box + jitter + sway)
            rows.append(belief(seen, random.uniform(0.7, 0.99)))
            shown.append(sign)
        yield frame(time, boxes, rows, shown)


def frame(time: float, boxes: list[FloatArray], rows: list[FloatArray], shown: list[Sign] | None = None) -> Look:
    """Return a frame with those boxes and class probabilities."""
    count = len(boxes)
    xyxy = np.asarray(boxes, np.float32).reshape(count, 4)
    probability = np.asarray(rows, np.float32).reshape(count, CLASSES)
    detections = Detections(xyxy, np.full(count, 0.9, np.float32))
    familiar = np.full(count, 0.05, np.float32)
    return Look(time, detections, Classifications(probability, np.zeros((count, 0), np.float32), familiar), shown or [])


def belief(class_id: int, probability: float) -> FloatArray:
    """Return probabilities (C,) with `probability` on a class and the rest spread evenly."""
    row = np.full(CLASSES, (1 - probability) / (CLASSES - 1), np.float32)
    row[class_id] = probability
    return row
