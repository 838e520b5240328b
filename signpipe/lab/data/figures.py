"""What is written on photographed signs: label files of signpipe's own for sets that don't say it.

Each row of `SET_figures.csv` names a picture, a box by its number among the picture's labels, and its text, as a person
read it; signs that a person couldn't read aren't listed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from signpipe.errors import SourceError
from signpipe.lab.data.classes import ClassMap
from signpipe.lab.data.opening import open_dataset
from signpipe.types import FloatArray

SETS = ("signs877", "btsd")


@dataclass(frozen=True, slots=True, eq=False)
class PhotographedFigures:
    """A photographed sign and what is written on it.

    Attributes:
        path: The picture.
        xyxy: float32 (4,), its box in pixels.
        text: Its figures, as the reader writes them.
    """

    path: Path
    xyxy: FloatArray
    text: str


def read_photographed_figures(data: Path, name: str) -> list[PhotographedFigures]:
    """Return the signs of a set whose figures are known.

    Args:
        data: Folder of the data sets.
        name: One of `SETS`.

    Raises:
        SourceError: The set isn't there, or isn't the one that was labelled.
    """
    boxes = _boxes_of_voc(data / name) if name == "signs877" else _boxes_of_btsd(data / name)
    found = []
    for row in _labels(name):
        place = row["picture"], int(row["box"])
        if place not in boxes:
            raise SourceError(f"{data / name} has no box {place[1]} in {place[0]}; fetch the set again.")
        path, xyxy = boxes[place]
        found.append(PhotographedFigures(path, xyxy, row["text"]))
    return found


def _labels(name: str) -> Iterator[dict[str, str]]:
    with files("signpipe.lab.data").joinpath(f"{name}_figures.csv").open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _boxes_of_voc(folder: Path) -> dict[tuple[str, int], tuple[Path, FloatArray]]:
    pictures = open_dataset(folder, "voc", "all", ClassMap(one_class=True))
    return {
        (picture.path.with_suffix(".jpg").name, number): (picture.path, box)
        for picture in pictures
        for number, box in enumerate(picture.boxes)
    }


def _boxes_of_btsd(folder: Path) -> dict[tuple[str, int], tuple[Path, FloatArray]]:
    table = folder / "gt.csv"
    if not table.is_file():
        raise SourceError(f"There is no {table}; fetch the set, or leave it out.")
    boxes: dict[tuple[str, int], tuple[Path, FloatArray]] = {}
    counts: dict[str, int] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = counts[row["file"]] = counts.get(row["file"], -1) + 1
            corners = np.array([float(row[key]) for key in ("x1", "y1", "x2", "y2")], np.float32)
            boxes[row["file"], number] = folder / "images" / row["file"], corners
    return boxes
