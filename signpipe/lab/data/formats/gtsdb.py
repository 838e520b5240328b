"""The German Traffic Sign Detection Benchmark in its official layout (Houben et al., IJCNN 2013).

The benchmark boxes signs of 43 classes. What else stands by the road (parking, crossings, direction boards, plates) is
boxed in this package's own table, found with a detector and looked at one by one; as the benchmark doesn't ask for
these, they are read as boxes to be ignored, unless their names are mapped.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import Boxes, Reader, numbers, pictures_in, rows_of

Box = tuple[float, float, float, float]

TABLE = "gt.txt"
COLUMNS = 6  # file;left;top;right;bottom;class
FIRST_TEST = 600  # images 600-899 are the official test set
OTHERS = Path(__file__).with_name("gtsdb-others.csv")  # file;left;top;right;bottom;shape, edges as in our boxes
# A row of the benchmark's table, which tells it from another set in the same layout.
FIRST = ("00000", (774.0, 411.0, 815.0, 446.0), "11")
# The shapes that these are called by.
DEFAULTS = dict.fromkeys(("circle", "triangle", "triangle_down", "octagon", "diamond", "rectangle", "plate"), "ignore")


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
    rows = _rows(reader, table)
    for line, stem, (left, top, right, bottom), name in rows:
        if stem in files:
            # The table counts the last row and column as inside; our boxes end after them.
            boxes[stem].add((left, top, right + 1, bottom + 1), name, line)
        else:
            reader.note("label-without-picture", table, f"the picture {stem} isn't there", line)
    if any((stem, box, name) == FIRST for _, stem, box, name in rows):
        for line, stem, box, name in _rows(reader, OTHERS):
            if stem in files:
                boxes[stem].add(box, name, line)
    return [boxes[stem].build(picture, _split(stem)) for stem, picture in files.items()]


def _rows(reader: Reader, table: Path) -> list[tuple[int, str, Box, str]]:
    """Return line, stem of the picture, corners and class of each row."""
    rows = []
    for line, fields in rows_of(reader, table, ";", COLUMNS):
        values = numbers(reader, table, line, fields[1:5])
        if values is not None:
            left, top, right, bottom = values
            rows.append((line, Path(fields[0].strip()).stem, (left, top, right, bottom), fields[5].strip()))
    return rows


def _split(stem: str) -> Split:
    if stem.isdecimal() and int(stem) >= FIRST_TEST:
        return "test"
    return "val" if stem[-1] in "79" else "train"
