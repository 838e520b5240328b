"""The German Traffic Sign Detection Benchmark in its official layout (Houben et al., IJCNN 2013)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import Boxes, Reader, numbers, pictures_in, rows_of

TABLE = "gt.txt"
COLUMNS = 6  # file;left;top;right;bottom;class
FIRST_TEST = 600  # images 600-899 are the official test set


def recognise(path: Path) -> Path | None:
    """Return the table of boxes, gt.txt."""
    if path.name == TABLE and path.is_file():
        return path
    places = [path / home / TABLE for home in ("", "gtsdb", "GTSDB", "FullIJCNN2013", "TrainIJCNN2013")]
    return next((place for place in places if place.is_file()), None)


def read(reader: Reader, table: Path) -> list[LabelledImage]:
    """Read the scenes; of images 0-599 those whose number ends in 7 or 9 are validation. Many scenes have no sign."""
    files = pictures_in(table.parent / "images") or pictures_in(table.parent)
    boxes: defaultdict[str, Boxes] = defaultdict(lambda: reader.boxes(table))
    for line, fields in rows_of(reader, table, ";", COLUMNS):
        values = numbers(reader, table, line, fields[1:5])
        if values is None:
            continue
        stem = Path(fields[0].strip()).stem
        if stem not in files:
            reader.note("label-without-picture", table, f"the picture {fields[0]} isn't there", line)
            continue
        left, top, right, bottom = values
        # The table counts the last row and column as inside; our boxes end after them.
        boxes[stem].add((left, top, right + 1, bottom + 1), fields[5].strip(), line)
    return [boxes[stem].build(picture, _split(stem)) for stem, picture in files.items()]


def _split(stem: str) -> Split:
    if stem.isdecimal() and int(stem) >= FIRST_TEST:
        return "test"
    return "val" if stem[-1] in "79" else "train"
