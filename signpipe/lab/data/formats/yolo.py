"""YOLO's format: a data.yaml (or classes.txt), and a text file of boxes for each picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from signpipe.errors import SourceError
from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import (
    SPLIT_WORDS,
    Boxes,
    Reader,
    numbers,
    pictures_in,
    pictures_under,
    rows_of,
    split_by_name,
    text_of,
)

FAR_OUTSIDE = 1.5  # a coordinate beyond this can't be a fraction of the picture


def recognise(path: Path) -> Path | None:
    """Return the YAML file that describes the set, or classes.txt where there is a folder of labels beside it."""
    if path.suffix in {".yaml", ".yml"} and path.is_file():
        return path
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (path / name).is_file():
            return path / name
    others = [p for p in sorted(path.glob("*.y*ml")) if _names_in(p)]
    if others:
        return others[0]
    return path / "classes.txt" if (path / "classes.txt").is_file() and (path / "labels").is_dir() else None


def read(reader: Reader, description: Path) -> list[LabelledImage]:
    """Read the pictures of every split that the description names; without one, the split is by a hash of the name.

    A picture without a label file has no signs.

    Raises:
        SourceError: The description can't be used; or the reader is strict and so is a label.
    """
    names, listed = _describe(reader, description)
    images = []
    label_files: set[Path] = set()
    for split, pictures in listed:
        for picture in pictures:
            labels = _labels_of(picture)
            label_files.add(labels)
            boxes = reader.boxes(labels)
            if labels.is_file():
                read_labels(reader, labels, names, boxes)
            else:
                reader.note(
                    "picture-without-label", picture, f"there is no {labels.name}; it counts as a picture without signs"
                )
            images.append(boxes.build(picture, split or split_by_name(picture.stem), relative=True))
    for folder in sorted({labels.parent for labels in label_files}):
        for labels in sorted(set(folder.glob("*.txt")) - label_files):
            # A picture of a split that the description doesn't name is no mistake.
            if labels.name != "classes.txt" and labels.stem not in pictures_in(_pictures_beside(folder)):
                reader.note("label-without-picture", labels, "there is no picture of this name")
    return images


Listed = list[tuple[Split | None, list[Path]]]


def _describe(reader: Reader, description: Path) -> tuple[dict[int, str], Listed]:
    root = description.parent
    if description.name == "classes.txt":
        lines = text_of(reader, description).splitlines()
        return dict(enumerate(line.strip() for line in lines)), [(None, pictures_under(root / "images"))]
    try:
        table = yaml.safe_load(text_of(reader, description))
    except yaml.YAMLError as error:
        raise SourceError(f"{description} is no YAML ({' '.join(str(error).split())}); correct it.") from None
    names = table.get("names") if isinstance(table, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(isinstance(number, int) for number in names):
        raise SourceError(f"{description} needs 'names', the class names as a list or by number; add them.")
    base = root / str(table.get("path") or "")
    base = base if base.is_dir() else root
    listed: Listed = [
        (SPLIT_WORDS[key], _pictures_at(reader, description, base, table[key]))
        for key in ("train", "val", "valid", "test")
        if table.get(key)
    ]
    if not listed:
        listed = [(None, pictures_under(base / "images" if (base / "images").is_dir() else base))]
    return {number: str(name) for number, name in names.items()}, listed


def _pictures_at(reader: Reader, description: Path, base: Path, entry: Any) -> list[Path]:
    """Return the pictures of a split: a folder, a text file that lists them, or several of these."""
    if isinstance(entry, list):
        return [picture for part in entry for picture in _pictures_at(reader, description, base, part)]
    # Exports often write ../train/images where train/images is meant.
    places = [base / str(entry), description.parent / str(entry), base / str(entry).removeprefix("../")]
    place = next((p for p in places if p.exists()), None)
    if place is None:
        reader.refuse("malformed", description, f"it names '{entry}', which isn't there", advice="correct the path")
        return []
    if place.is_dir():
        return pictures_under(place)
    pictures = []
    for line, text in enumerate(text_of(reader, place).splitlines(), 1):
        if not text.strip():
            continue
        picture = next((p for p in (place.parent / text.strip(), base / text.strip()) if p.is_file()), None)
        if picture is None:
            reader.note("label-without-picture", place, f"the picture {text.strip()} isn't there", line)
        else:
            pictures.append(picture)
    return pictures


def _labels_of(picture: Path) -> Path:
    """Return where a picture's labels are: in place of the last folder `images`, `labels`; else beside the picture."""
    parts = list(picture.parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == "images":
            parts[position] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _pictures_beside(labels: Path) -> Path:
    parts = list(labels.parts)
    for position in range(len(parts) - 1, -1, -1):
        if parts[position] == "labels":
            parts[position] = "images"
            break
    return Path(*parts)


def read_labels(reader: Reader, labels: Path, names: dict[int, str], boxes: Boxes) -> None:
    """Add the boxes of a label file, `class cx cy w h` a row, as fractions of the picture."""
    for line, fields in rows_of(reader, labels, None, 5):
        values = numbers(reader, labels, line, fields)
        if values is None:
            continue
        number, shape = values[0], values[1:]
        if number not in names:
            reader.refuse("unknown-class", labels, f"class {fields[0]} has no name", line, "add it to the class names")
        elif len(shape) != 4 and (len(shape) < 6 or len(shape) % 2):
            message = f"{len(fields)} fields; a row is `class x y width height` or `class x1 y1 x2 y2 x3 y3 ...`"
            reader.refuse("malformed", labels, message, line)
        elif max(map(abs, shape)) > FAR_OUTSIDE:
            reader.refuse("malformed", labels, "coordinates must be fractions of the picture, from 0 to 1", line)
        else:
            boxes.add(_box(shape), names[int(number)], line)


def _box(shape: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Return the box around centre and size, or around a polygon."""
    if len(shape) == 4:
        x, y, width, height = shape
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return min(shape[::2]), min(shape[1::2]), max(shape[::2]), max(shape[1::2])


def _names_in(file: Path) -> bool:
    try:
        table = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(table, dict) and "names" in table
