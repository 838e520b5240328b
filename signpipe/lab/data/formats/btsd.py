"""Belgian streets, one table for all pictures: `file,x1,y1,x2,y2,label` (Timofte et al., WACV 2009; BelgiumTS)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import Boxes, Reader, numbers, pictures_in, rows_of

TABLE = "gt.csv"
HEADER = "file,x1,y1,x2,y2,label"
COLUMNS = 6
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
    boxes: defaultdict[str, Boxes] = defaultdict(lambda: reader.boxes(table))
    for line, fields in rows_of(reader, table, ",", COLUMNS):
        if line == 1:
            continue
        values = numbers(reader, table, line, fields[1:5])
        if values is None:
            continue
        stem = Path(fields[0].strip()).stem
        if stem not in files:
            reader.note("label-without-picture", table, f"the picture {fields[0]} isn't there", line)
            continue
        boxes[stem].add((values[0], values[1], values[2], values[3]), fields[5].strip(), line)
    return [boxes[stem].build(picture, _split(stem)) for stem, picture in files.items()]


def _split(stem: str) -> Split:
    frame = stem.rpartition(".")[2]
    place = int(frame) // PLACE if frame.isdecimal() else 0
    return "val" if place % HELD_OUT_OF == HELD_OUT_OF - 1 else "train"
