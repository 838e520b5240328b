"""Signs in photographs by what they mean, in the words of the countries' catalogues, whatever a set calls them.

Belgium (btsd, split by place), France (sy32) and many countries (signs877, split by blocks of neighbouring numbers,
which can show one sign).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from signpipe.lab.data.classes import ClassMap
from signpipe.lab.data.formats.btsd_names import belgian_name
from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.opening import open_dataset
from signpipe.lab.data.reading import OUTLINES
from signpipe.types import FloatArray, Image

NO_SIGN = "none"  # what is boxed and no sign: traffic lights
UNNAMED = "?"  # a sign whose meaning the set doesn't tell
BLOCK, BLOCKS = 20, 4  # pictures of signs877 in a block, and every so many blocks one is held back
LIGHTS = ("frouge", "forange", "fvert")

_FRENCH = {"ceder": "give_way", "stop": "stop"} | dict.fromkeys(LIGHTS, NO_SIGN)
_MANY = {"crosswalk": "pedestrian_crossing", "stop": "stop", "trafficlight": NO_SIGN}


@dataclass(frozen=True, slots=True)
class MeantSigns:
    """The signs of one picture.

    Attributes:
        image: BGR uint8 (H, W, 3).
        boxes: float32 (N, 4), xyxy in pixels.
        meanings: Names in the countries' catalogues, `NO_SIGN` or `UNNAMED`.
        labels: What the set calls them.
    """

    image: Image
    boxes: FloatArray
    meanings: tuple[str, ...]
    labels: tuple[str, ...]


def read_meant(data: Path, name: str, split: Split) -> Iterator[MeantSigns]:
    """Read the boxed signs of a set, one picture after the other.

    Args:
        data: Folder of the data sets.
        name: A key of `SETS`.
        split: "train" or "val".

    Raises:
        SourceError: The set is missing or a picture can't be read.
    """
    for labelled, meanings in SETS[name](data / name, split):
        image = labelled.read()
        yield MeantSigns(image, labelled.boxes_in(image.shape), tuple(meanings), labelled.names)


Labelled = Iterator[tuple[LabelledImage, list[str]]]


def _belgian(folder: Path, split: Split) -> Labelled:
    for labelled in open_dataset(folder, "btsd", split, ClassMap(dict.fromkeys(OUTLINES, "none"), one_class=True)):
        frame = int(labelled.path.stem.rpartition(".")[2])
        yield labelled, [belgian_name(name, frame) or UNNAMED for name in labelled.names]


def _french(folder: Path, split: Split) -> Labelled:
    for labelled in open_dataset(folder, "sy32", split, ClassMap(dict.fromkeys(LIGHTS, "sign"), one_class=True)):
        yield labelled, [_FRENCH.get(name, UNNAMED) for name in labelled.names]


def _many(folder: Path, split: Split) -> Labelled:
    figures = _figures()
    for labelled in open_dataset(folder, "voc", "all", ClassMap(one_class=True)):
        number = int(re.sub(r"\D", "", labelled.path.stem) or 0)
        if ("val" if number // BLOCK % BLOCKS == BLOCKS - 1 else "train") == split:
            yield (
                labelled,
                [
                    figures.get((labelled.path.name, box)) or _MANY.get(name, UNNAMED)
                    for box, name in enumerate(labelled.names)
                ],
            )


def _figures() -> dict[tuple[str, int], str]:
    """Return the limit that each box of signs877 shows, by file and place among its boxes."""
    text = files("signpipe.lab.data").joinpath("signs877_figures.csv").read_text(encoding="utf-8")
    rows: Sequence[Sequence[str]] = list(csv.reader(text.splitlines()))[1:]
    return {(file, int(box)): f"speed_limit_{figures}" for file, box, figures in rows if figures.isdigit()}


SETS: dict[str, Callable[[Path, Split], Labelled]] = {"btsd": _belgian, "sy32": _french, "signs877": _many}
