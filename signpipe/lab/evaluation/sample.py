"""The shipped rendered drive as a data set: pictures with truth that are there wherever the checkout is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from signpipe.errors import SourceError
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.simulation.truth import TruthBox, TruthFrame, read_truth
from signpipe.shipped import sample
from signpipe.sources import open_source
from signpipe.types import FloatArray, Frame, Image

T = TypeVar("T")

SAMPLE = sample()
# Nobody could say whether a smaller or more hidden sign should be found, or what it shows.
SMALLEST_SIDE = 14.0
LEAST_VISIBLE = 0.75
# The surroundings that are kept of a crop, in sides of its box: more than any margin that is cut around it.
SURROUNDINGS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Still(LabelledImage):
    """A picture that is held in memory; its path names the video it is from."""

    image: Image = field(kw_only=True)

    def read(self) -> Image:
        """Return the picture, BGR uint8 (H, W, 3)."""
        return self.image


def sample_scenes(most: int) -> Dataset:
    """Return whole frames in which a sign is large enough to be found, evenly spread over the drive.

    Args:
        most: How many at most.

    Raises:
        SourceError: The sample isn't there.
    """
    truth = {frame.index: frame for frame in _frames() if any(map(_clear, frame.signs))}
    chosen = set(evenly(list(truth), most))
    stills = (_still(frame.image, truth[frame.index].signs) for frame in _video() if frame.index in chosen)
    return Dataset("sample", SAMPLE, tuple(stills))


def sample_crops(most: int) -> Dataset:
    """Return the surroundings of signs of the catalogue, one box each, evenly spread over the drive.

    Args:
        most: How many at most.

    Raises:
        SourceError: The sample isn't there.
    """
    places = [(frame.index, box) for frame in _frames() for box in frame.signs if _clear(box) and box.class_id >= 0]
    chosen: dict[int, list[TruthBox]] = {}
    for index, box in evenly(places, most):
        chosen.setdefault(index, []).append(box)
    stills = (_cut(frame.image, box) for frame in _video() for box in chosen.get(frame.index, []))
    return Dataset("sample", SAMPLE, tuple(stills))


def evenly(items: Sequence[T], most: int) -> list[T]:
    """Return so many items at most, evenly spread."""
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _frames() -> tuple[TruthFrame, ...]:
    if not SAMPLE.is_file():
        raise SourceError(f"The sample {SAMPLE} is missing; reinstall signpipe, or give labelled pictures with --data.")
    return read_truth(SAMPLE.with_suffix(".truth.jsonl")).frames


def _video() -> Iterator[Frame]:
    with open_source(str(SAMPLE)) as source:
        yield from source


def _clear(box: TruthBox) -> bool:
    side = max(box.xyxy[2] - box.xyxy[0], box.xyxy[3] - box.xyxy[1])
    return side >= SMALLEST_SIDE and box.visible >= LEAST_VISIBLE


def _still(image: Image, signs: tuple[TruthBox, ...], xyxy: FloatArray | None = None) -> Still:
    """Label a picture; `xyxy` are the boxes in it, where those of the signs are of another picture."""
    boxes = np.array([box.xyxy for box in signs], np.float32).reshape(-1, 4) if xyxy is None else xyxy
    return Still(
        path=SAMPLE,
        boxes=boxes,
        class_ids=np.array([box.class_id for box in signs], np.int64),
        names=tuple(box.class_name for box in signs),
        ignore=np.array([not _clear(box) for box in signs], np.bool_),
        split="val",
        image=image,
    )


def _cut(image: Image, box: TruthBox) -> Still:
    """Cut a sign out with its surroundings, so that a drive's crops fit into memory."""
    xyxy = np.array(box.xyxy, np.float32)
    margin = SURROUNDINGS * float((xyxy[2:] - xyxy[:2]).max())
    left, top = np.floor(np.maximum(xyxy[:2] - margin, 0)).astype(int)
    right, bottom = np.ceil(xyxy[2:] + margin).astype(int)
    boxes = (xyxy - np.array([left, top, left, top], np.float32))[None]
    return _still(image[top:bottom, left:right].copy(), (box,), boxes)
