"""The German Traffic Sign Detection Benchmark in its official layout (Houben et al., IJCNN 2013).

The benchmark boxes signs of 43 classes. What else stands by the road (parking, crossings, direction boards, plates) is
boxed in this package's own table, found with a detector and looked at one by one; as the benchmark doesn't ask for
these, they are read as boxes to be ignored, unless their names are mapped.
"""

from __future__ import annotations

from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import Reader, boxes_by_picture, pictures_in

TABLE = "gt.txt"
FIRST_TEST = 600  # images 600-899 are the official test set
OTHERS = Path(__file__).with_name("gtsdb-others.csv")  # file;left;top;right;bottom;shape, edges as in our boxes
# A row of the benchmark's table, which tells it from another set in the same layout.
FIRST = ("00000", (774.0, 411.0, 815.0, 446.0), "11")


def recognise(path: Path) -> Path | None:
    """Return the table of boxes, gt.txt."""
    if path.name == TABLE and path.is_file():
        return path
    places = [path / home / TABLE for home in ("", "gtsdb", "GTSDB", "FullIJCNN2013", "TrainIJCNN2013")]
    return next((place for place in places if place.is_file()), None)


def read(reader: Reader, table: Path) -> list[LabelledImage]:
    """Read the scenes; of images 0-599 those whose number ends in 7 or 9 are validation. Many scenes have no sign."""
    files = pictures_in(table.parent / "images") or pictures_in(table.parent)
    boxes = boxes_by_picture(reader, table, files, delimiter=";", known_by=FIRST, further=OTHERS, last_inside=True)
    return [boxes[stem].build(picture, _split(stem)) for stem, picture in files.items()]


def _split(stem: str) -> Split:
    if stem.isdecimal() and int(stem) >= FIRST_TEST:
        return "test"
    return "val" if stem[-1] in "79" else "train"
