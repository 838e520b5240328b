"""Pascal VOC's format: an XML file a picture (Everingham et al., IJCV 88, 2010).

Corners are taken as they are written, as the labelling tools of today do, not counted from 1 as in the first VOC.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

# Expat, which parses it, limits entity expansion and this never loads an external entity.
from xml.etree import ElementTree

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import SPLIT_WORDS, Boxes, Reader, pictures_in, split_by_name, split_in_path, text_of

CORNERS = ("xmin", "ymin", "xmax", "ymax")
PICTURE_FOLDERS = ("JPEGImages", "images", "Images")


def recognise(path: Path) -> Path | None:
    """Return the folder where there are XML files of annotations in it, in Annotations/ or in one folder a split."""
    return path if any(map(_looks_right, islice(_tables(path), 3))) else None


def read(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the pictures; the split is that of ImageSets/Main or of a folder named so, else by a hash of the name.

    Raises:
        SourceError: The reader is strict and a label can't be used.
    """
    named = _image_sets(root)
    images = []
    folders: dict[Path, dict[str, Path]] = {}
    used: set[Path] = set()
    for table in _tables(root):
        files = folders.setdefault(table.parent, _pictures_for(root, table.parent))
        parsed = _parse(reader, table)
        if parsed is None:
            continue
        picture = files.get(Path(parsed.findtext("filename") or "").stem) or files.get(table.stem)
        if picture is None:
            reader.note("label-without-picture", table, "its picture isn't there")
            continue
        used.add(picture)
        boxes = reader.boxes(table)
        for position, entry in enumerate(parsed.iter("object"), 1):
            _read_object(reader, table, position, entry, boxes)
        split = named.get(table.stem) or split_in_path(table.relative_to(root)) or split_by_name(table.stem)
        images.append(boxes.build(picture, split, declared=_size(parsed)))
    for picture in sorted({p for files in folders.values() for p in files.values()} - used):
        reader.note("picture-without-label", picture, "there is no XML file for it")
    return images


def _tables(root: Path) -> list[Path]:
    return sorted([*root.glob("*.xml"), *root.glob("*/*.xml"), *root.glob("*/[Aa]nnotations/*.xml")])


def _looks_right(table: Path) -> bool:
    try:
        with table.open(encoding="utf-8-sig") as file:
            return "<annotation" in file.read(1 << 12)
    except (OSError, UnicodeDecodeError):
        return False


def _image_sets(root: Path) -> dict[str, Split]:
    """Read the lists of the splits."""
    named: dict[str, Split] = {}
    for word in ("train", "val", "test"):
        file = root / "ImageSets" / "Main" / f"{word}.txt"
        if file.is_file():
            named |= {
                line.split()[0]: SPLIT_WORDS[word]
                for line in file.read_text(encoding="utf-8-sig").splitlines()
                if line.strip()
            }
    return named


def _pictures_for(root: Path, folder: Path) -> dict[str, Path]:
    places = [folder, *(home / name for home in (folder.parent, root) for name in PICTURE_FOLDERS), folder.parent]
    return next((found for place in places if (found := pictures_in(place))), {})


def _parse(reader: Reader, table: Path) -> ElementTree.Element | None:
    text = text_of(reader, table)
    try:
        # The text is decoded already, so a declared encoding must not be applied again.
        root = ElementTree.fromstring(text.encode(), ElementTree.XMLParser(encoding="utf-8"))
    except ElementTree.ParseError as error:
        if text:
            reader.refuse("malformed", table, f"it is no XML ({error.msg.partition(':')[0]})", error.position[0])
        return None
    return root


def _read_object(reader: Reader, table: Path, position: int, entry: ElementTree.Element, boxes: Boxes) -> None:
    try:
        left, top, right, bottom = (float(entry.findtext(f"bndbox/{corner}") or "") for corner in CORNERS)
    except ValueError:
        reader.refuse("malformed", table, f"object {position} has no bndbox of four numbers")
        return
    difficult = (entry.findtext("difficult") or "0").strip() == "1"
    boxes.add((left, top, right, bottom), (entry.findtext("name") or "").strip(), ignore=difficult)


def _size(parsed: ElementTree.Element) -> tuple[int, int] | None:
    try:
        width, height = (int(parsed.findtext(f"size/{side}") or "") for side in ("width", "height"))
    except ValueError:
        return None
    return (width, height) if width and height else None
