"""COCO's format: one JSON file a split, with images, annotations and categories (Lin et al., ECCV 2014)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from signpipe.errors import SourceError
from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import (
    SPLIT_WORDS,
    Boxes,
    Reader,
    pictures_in,
    split_by_name,
    split_in_path,
)


def recognise(path: Path) -> Path | None:
    """Return the JSON file, or the folder that has some; a JSON file of another kind doesn't count."""
    if path.suffix == ".json" and path.is_file():
        return path
    return path if any(map(_looks_right, _tables(path))) else None


def read(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the pictures of all JSON files; the name of a file or its folder tells the split, else a hash of the name.

    Raises:
        SourceError: A file is no COCO JSON; or the reader is strict and a label can't be used.
    """
    folder = root if root.is_dir() else root.parent
    tables = [root] if root.is_file() else [table for table in _tables(root) if _looks_right(table)]
    images = [image for table in tables for image in _read_table(reader, folder, table)]
    listed = {image.path for image in images}
    for place in sorted({path.parent for path in listed}):
        for picture in pictures_in(place).values():
            if picture not in listed:
                reader.note("picture-without-label", picture, "no JSON file lists it")
    return images


def _tables(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.json"), *folder.glob("*/*.json")])


def _looks_right(table: Path) -> bool:
    """Tell by the first characters: reading a large file whole takes seconds."""
    try:
        with table.open(encoding="utf-8-sig") as file:
            start = file.read(1 << 16)
    except (OSError, UnicodeDecodeError):
        return False
    return start.lstrip().startswith("{") and any(
        f'"{key}"' in start for key in ("images", "annotations", "categories")
    )


def _read_table(reader: Reader, root: Path, table: Path) -> list[LabelledImage]:
    content = _parse(table)
    names = {entry["id"]: str(entry.get("name")) for entry in content["categories"] if _has_key(entry, "id")}
    places = _places(root, table)
    split = _split_of(root, table)
    boxes: dict[Any, Boxes] = {}
    found: dict[Any, tuple[Path, dict[str, Any]]] = {}
    for position, entry in enumerate(content["images"]):
        if not _has_key(entry, "id") or not isinstance(entry.get("file_name"), str):
            reader.refuse("malformed", table, f"image {position} has no 'id' or 'file_name'")
            continue
        boxes[entry["id"]] = reader.boxes(table)
        picture = next((p for place in places if (p := place / entry["file_name"]).is_file()), None)
        if picture is None:
            reader.note("label-without-picture", table, f"the picture {entry['file_name']} isn't there")
        else:
            found[entry["id"]] = picture, entry
    for position, entry in enumerate(content["annotations"]):
        _read_annotation(reader, table, position, entry, names, boxes)
    return [
        boxes[key].build(picture, split or split_by_name(Path(entry["file_name"]).stem), declared=_size(entry))
        for key, (picture, entry) in found.items()
    ]


def _parse(table: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(table.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{table} can't be read ({error}); give a COCO JSON file.") from None
    except json.JSONDecodeError as error:
        raise SourceError(f"{table}, line {error.lineno}: it is no JSON ({error.msg}); export it again.") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise SourceError(f"{table} is no COCO JSON: it has no list '{key}'; export it again.")
    return dict(content)


def _read_annotation(
    reader: Reader, table: Path, position: int, entry: Any, names: dict[Any, str], boxes: dict[Any, Boxes]
) -> None:
    where = f"annotation {position}"
    try:
        left, top, width, height = (float(value) for value in entry["bbox"])
    except (KeyError, TypeError, ValueError, OverflowError):
        left = None
    if left is None or not _has_key(entry, "image_id") or not _has_key(entry, "category_id"):
        reader.refuse("malformed", table, f"{where} needs 'image_id', 'category_id' and a 'bbox' of four numbers")
        return
    key, category = entry["image_id"], entry["category_id"]
    if key not in boxes:
        reader.refuse("malformed", table, f"{where} belongs to the image {key}, which isn't listed")
    elif category not in names:
        reader.refuse("unknown-class", table, f"{where} has the category {category}, which isn't listed")
    else:
        # A crowd is a region of many signs that nobody told apart.
        crowd = bool(entry.get("iscrowd"))
        boxes[key].add((left, top, left + width, top + height), names[category], ignore=crowd)


def _has_key(entry: Any, name: str) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(name), int | str)


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    width, height = entry.get("width"), entry.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and width and height else None


def _split_of(root: Path, table: Path) -> Split | None:
    """Tell the split from a name such as instances_val2017.json, or from a folder such as valid/."""
    words = re.findall("[a-z]+", table.stem.lower())
    named = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)
    return named or split_in_path(table.parent.relative_to(root))


def _places(root: Path, table: Path) -> list[Path]:
    """Return the folders in which the pictures of a JSON file may lie."""
    homes = [table.parent, table.parent.parent] if table.parent != root else [root]
    name = table.stem.rpartition("_")[2]  # instances_train2017 has its pictures in train2017
    inside = ("", "images", name, f"images/{name}", "data", "JPEGImages")
    return [place for home in homes for folder in inside if (place := home / folder).is_dir()]
