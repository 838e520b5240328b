"""Pictures with one CSV file each, `x1,y1,x2,y2,label` per row, as the sy32 set of French streets has them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage
from signpipe.lab.data.reading import SPLIT_WORDS, Reader, numbers, pictures_in, rows_of, split_by_name

COLUMNS = 5
# Labels of the set: kinds of sign, and traffic lights ("ff" occurs once), which are no signs.
DEFAULTS = {"danger": "sign", "interdiction": "sign", "obligation": "sign", "ceder": "give_way", "stop": "stop",
            "forange": "none", "frouge": "none", "fvert": "none", "ff": "none"}  # fmt: skip
# SHA-256 of the published training pictures that are, compressed anew, in validation too (as 0248, 0878, 0487, 0343).
# They are left out of training, so that validation stays as it was published.
LEAKED = {"0144": "6ffbb749df67ce608f14e5d59952c488e2269933c22e317f1061a1b7fd5bdc59",
          "0381": "78b7de3f04945e4a3f8a38f9124bb08389eb90400c27801de9c624ea833d4604",
          "0450": "8cebafb50493534701a83252a153efec3fe851d12e9d3416afa5ac3e56f838da",
          "0787": "b35f221783ee4c99a1bc28c2c942f753735b4af18fb3233a293a33e2a64a8954"}  # fmt: skip


def recognise(path: Path) -> Path | None:
    """Return the folder that has pictures and tables of the same name, or folders of them for each split."""
    return next((place for place in (path, path / "sy32") if any(map(_has_tables, _parts(place)))), None)


def read(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the pictures, but for `LEAKED`; folders named train and val are the split, else a hash of the name is."""
    images = []
    for folder in filter(_has_tables, _parts(root)):
        files = pictures_in(folder)
        for table in sorted(folder.glob("*.csv")):
            picture = files.pop(table.stem, None)
            if picture is None:
                reader.note("label-without-picture", table, "there is no picture of this name")
                continue
            if _leaked(picture):
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


def _leaked(picture: Path) -> bool:
    """Return True for a picture of `LEAKED`; another set may use the same number."""
    known = LEAKED.get(picture.stem)
    return known is not None and hashlib.sha256(picture.read_bytes()).hexdigest() == known


def _parts(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [root, *sorted(p for p in root.iterdir() if p.name.lower() in SPLIT_WORDS)]


def _has_tables(folder: Path) -> bool:
    stems = pictures_in(folder).keys()
    return any(table.stem in stems for table in folder.glob("*.csv"))
