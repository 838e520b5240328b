"""Pictures with one CSV file each, `x1,y1,x2,y2,label` a row, as the sy32 set of French streets has them."""

from __future__ import annotations

from pathlib import Path

from signpipe.data.labelled import LabelledImage
from signpipe.data.reading import SPLIT_WORDS, Reader, numbers, pictures_in, rows_of, split_by_name

COLUMNS = 5
# Labels of the set: kinds of sign, and traffic lights ("ff" occurs once), which are no signs.
DEFAULTS = {"danger": "sign", "interdiction": "sign", "obligation": "sign", "ceder": "give_way", "stop": "stop",
            "forange": "none", "frouge": "none", "fvert": "none", "ff": "none"}  # fmt: skip


def recognise(path: Path) -> Path | None:
    """Return the folder that has pictures and tables of the same name, or folders of them for each split."""
    return next((place for place in (path, path / "sy32") if any(map(_has_tables, _parts(place)))), None)


def read(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the pictures; folders named train and val are the split, else it goes by a hash of the name."""
    images = []
    for folder in filter(_has_tables, _parts(root)):
        files = pictures_in(folder)
        for table in sorted(folder.glob("*.csv")):
            picture = files.pop(table.stem, None)
            if picture is None:
                reader.note("label-without-picture", table, "there is no picture of this name")
                continue
            boxes = reader.boxes(table)
            for line, fields in rows_of(reader, table, ",", COLUMNS):
                values = numbers(reader, table, line, fields[:4])
                if values is not None:
                    boxes.add((values[0], values[1], values[2], values[3]), fields[4].strip(), line)
            split = split_by_name(picture.stem) if folder == root else SPLIT_WORDS[folder.name.lower()]
            images.append(boxes.build(picture, split))
        for picture in files.values():
            reader.note("picture-without-label", picture, "there is no table of this name")
    return images


def _parts(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [root, *sorted(p for p in root.iterdir() if p.name.lower() in SPLIT_WORDS)]


def _has_tables(folder: Path) -> bool:
    stems = pictures_in(folder).keys()
    return any(table.stem in stems for table in folder.glob("*.csv"))
