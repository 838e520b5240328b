"""The one form that every data set is read into."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.errors import SourceError
from signpipe.types import FloatArray, Image

Split = Literal["train", "val", "test"]

SIGN = -1  # class id of a sign whose class is not known, or not in the catalogue


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """A picture file and the signs that are marked in it; the picture itself is read when it is asked for.

    Attributes:
        path: The picture file.
        boxes: float32 (N, 4), xyxy with the right and bottom edge exclusive: in pixels, or, where `relative`, as
            fractions of the picture's width and height. `boxes_in` gives pixels in both cases.
        class_ids: int64 (N,), ids in the catalogue, or `SIGN`.
        names: What the data set itself calls each box.
        ignore: bool (N,), whether a box counts neither as a sign to be found nor as a false alarm when it is.
        split: The part of the data set it belongs to.
        track: Which physical sign or drive it shows, unique in the data set, or None where that isn't known.
        relative: Whether `boxes` are fractions.
        declared: Width and height in pixels that the labels were made for, or None where they don't say.
    """

    path: Path
    boxes: FloatArray
    class_ids: npt.NDArray[np.int64]
    names: tuple[str, ...]
    ignore: npt.NDArray[np.bool_]
    split: Split
    track: str | None = None
    relative: bool = False
    declared: tuple[int, int] | None = None

    def read(self) -> Image:
        """Read the picture as BGR uint8 (H, W, 3).

        Raises:
            SourceError: The file is missing, damaged or no picture.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if image is None:
            raise SourceError(
                f"The picture {self.path} is missing or damaged; `signpipe data check` finds all such files."
            )
        return np.asarray(image, np.uint8)

    def boxes_in(self, shape: tuple[int, ...]) -> FloatArray:
        """Return the boxes in pixels, float32 (N, 4), for a picture of this (height, width, ...)."""
        if not self.relative:
            return self.boxes
        height, width = shape[:2]
        return self.boxes * np.array([width, height, width, height], np.float32)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a data set.

    Attributes:
        kind: What it is, such as "malformed" or "box-outside".
        path: The file it is about.
        message: What is wrong, for people.
        line: Line of a label file, counted from 1, or None.
    """

    kind: str
    path: Path
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path}{'' if self.line is None else f', line {self.line}'}: {self.message}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures of one source, in the order of their files.

    Attributes:
        format: The format they were read from.
        root: The folder or file they were read from.
        images: The pictures.
        complete: Whether every sign of the catalogue's classes is boxed; if not, a detection beside the boxes may
            well be a sign.
        problems: What is wrong with the labels, as far as reading them shows.
    """

    format: str
    root: Path
    images: tuple[LabelledImage, ...]
    complete: bool = True
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[LabelledImage]:
        return iter(self.images)

    def __getitem__(self, index: int) -> LabelledImage:
        return self.images[index]

    def part(self, split: Literal["train", "val", "test", "all"]) -> Dataset:
        """Return one part of it.

        A set that is nothing but test pictures is held out as a whole, so `val` is all of it.

        Raises:
            SourceError: No picture belongs to that part.
        """
        present = {image.split for image in self.images}
        if split == "all" or (split == "val" and present == {"test"}):
            return self
        if split not in present:
            has = ", ".join(sorted(present)) or "no picture at all"
            raise SourceError(
                f"The data set {self.root} has no part '{split}', only {has}; choose another split, or all."
            )
        return replace(self, images=tuple(image for image in self.images if image.split == split))

    def class_counts(self) -> Counter[int]:
        """Return how many boxes there are of each class id, the ignored ones left out."""
        return Counter(int(c) for image in self.images for c in image.class_ids[~image.ignore])

    def digest(self) -> str:
        """Return a SHA-256 over file names, file sizes and labels: cheap, and it changes when the data does.

        Raises:
            SourceError: A picture is missing.
        """
        total = hashlib.sha256()
        for image in self.images:
            try:
                size = image.path.stat().st_size
            except OSError:
                raise SourceError(f"The picture {image.path} is missing; fetch the data set again.") from None
            total.update(f"{image.path.parent.name}/{image.path.name}:{size}:{image.split}\n".encode())
            total.update(image.boxes.tobytes() + image.class_ids.tobytes() + image.ignore.tobytes())
        return total.hexdigest()
