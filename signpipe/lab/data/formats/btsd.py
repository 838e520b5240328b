"""Belgian streets, one table for all pictures: `file,x1,y1,x2,y2,label` (Timofte et al., WACV 2009; BelgiumTS).

Not every board, plate and small sign is boxed. Those that a detector found besides are boxed in this package's own
table, looked at one by one; they are read as boxes to be ignored, unless their names are mapped.
"""

from __future__ import annotations

from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import Reader, boxes_by_picture, pictures_in

TABLE = "gt.csv"
HEADER = "file,x1,y1,x2,y2,label"
OTHERS = Path(__file__).with_name("btsd-others.csv")  # file;left;top;right;bottom;shape
# A row of the set's table, which tells it from another in the same layout.
FIRST = ("00.000948", (230.0, 208.0, 263.0, 242.0), "D7")
# Frames of one drive in a row: pictures of one place, taken by both cameras, stay on one side of the split.
PLACE, HELD_OUT_OF = 100, 3


def recognise(path: Path) -> Path | None:
    """Return the table of boxes, gt.csv, where it has the header of this set."""
    for table in (path, path / TABLE, path / "btsd" / TABLE):
        if table.name == TABLE and table.is_file():
            with table.open(encoding="utf-8-sig", errors="replace") as file:
                if file.readline().strip() == HEADER:
                    return table
    return None


def read(reader: Reader, table: Path) -> list[LabelledImage]:
    """Read the pictures, named CAMERA.FRAME; every third hundred of frame numbers is validation."""
    files = pictures_in(table.parent / "images")
    boxes = boxes_by_picture(reader, table, files, delimiter=",", known_by=FIRST, further=OTHERS, header=1)
    return [boxes[stem].build(picture, _split(stem)) for stem, picture in files.items()]


def _split(stem: str) -> Split:
    frame = stem.rpartition(".")[2]
    place = int(frame) // PLACE if frame.isdecimal() else 0
    return "val" if place % HELD_OUT_OF == HELD_OUT_OF - 1 else "train"
