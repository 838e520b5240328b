"""What the readers of all formats share: collecting boxes, reporting problems, finding pictures, splitting."""

from __future__ import annotations

import csv
import hashlib
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from signpipe.errors import SourceError
from signpipe.lab.data.classes import IGNORE, ClassMap
from signpipe.lab.data.labelled import LabelledImage, Problem, Split
from signpipe.types import SHAPES

Corners = tuple[float, float, float, float]  # left, top, right, bottom

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".webp"})
SPLIT_WORDS: dict[str, Split] = {"train": "train", "training": "train", "val": "val", "valid": "val",
                                 "validation": "val", "test": "test"}  # fmt: skip
# Names of the signs in tables of our own, which box what a set leaves unboxed: by these it is ignored, unless mapped.
OUTLINES = dict.fromkeys(SHAPES, IGNORE)
VAL_SHARE = 5  # every fifth picture is validation, where a data set has no split of its own


class Reader:
    """Goes along while a data set is read: resolves class names and takes note of problems.

    Args:
        classes: The map of class names.
        strict: Raise at the first label that can't be used, in place of leaving it out and noting it.
    """

    def __init__(self, classes: ClassMap, strict: bool) -> None:
        self.classes = classes
        self.problems: list[Problem] = []
        self._strict = strict

    def note(self, kind: str, path: Path, message: str, line: int | None = None) -> None:
        """Take note of a problem that leaves the other pictures usable."""
        self.problems.append(Problem(kind, path, message, line))

    def refuse(self, kind: str, path: Path, message: str, line: int | None = None, advice: str = "correct it") -> None:
        """Report a label that can't be used.

        Raises:
            SourceError: The reader is strict.
        """
        problem = Problem(kind, path, message, line)
        if self._strict:
            raise SourceError(" ".join(f"{problem}; {advice}.".split()))  # a name in it may have line ends
        self.problems.append(problem)

    def boxes(self, label_file: Path) -> Boxes:
        """Start the list of boxes of one picture."""
        return Boxes(self, label_file)


class Boxes:
    """Collects the boxes of one picture.

    Args:
        reader: Where problems go.
        label_file: The file that the labels come from.
    """

    def __init__(self, reader: Reader, label_file: Path) -> None:
        self._reader = reader
        self._file = label_file
        self._rows: list[tuple[float, float, float, float]] = []
        self._class_ids: list[int] = []
        self._names: list[str] = []
        self._ignore: list[bool] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self, box: tuple[float, float, float, float], name: str, line: int | None = None, ignore: bool = False
    ) -> None:
        """Add a box, xyxy; one whose class is unknown or mapped to nothing is left out.

        Raises:
            SourceError: The reader is strict, and the class is unknown or a number isn't finite.
        """
        if not all(map(math.isfinite, box)):
            self._reader.refuse("malformed", self._file, "a coordinate is not a finite number", line)
            return
        try:
            label = self._reader.classes.resolve(name)
        except KeyError as unknown:
            advice = f"map it with --map '{name}=CLASS' (or =sign, =ignore, =none), or take every class as a sign"
            self._reader.refuse("unknown-class", self._file, unknown.args[0], line, advice)
            return
        if label is not None:
            self._rows.append(box)
            self._class_ids.append(label.class_id)
            self._names.append(name)
            self._ignore.append(ignore or label.ignore)

    def build(
        self,
        path: Path,
        split: Split,
        track: str | None = None,
        relative: bool = False,
        declared: tuple[int, int] | None = None,
    ) -> LabelledImage:
        """Return the picture at `path` with the boxes collected; the arguments are those of `LabelledImage`."""
        return LabelledImage(
            path,
            np.array(self._rows, np.float32).reshape(-1, 4),
            np.array(self._class_ids, np.int64),
            tuple(self._names),
            np.array(self._ignore, np.bool_),
            split,
            track,
            relative,
            declared,
        )


def pictures_in(folder: Path) -> dict[str, Path]:
    """Return the picture files directly in a folder by their stem, sorted by name; none if it isn't there."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:  # unlike Path.is_file, it doesn't ask the disk about each file
        names = sorted(entry.name for entry in entries if entry.is_file())
    stems = (name.rpartition(".") for name in names)
    return {stem: folder / f"{stem}.{end}" for stem, _, end in stems if f".{end.lower()}" in PICTURES}


def pictures_under(folder: Path) -> list[Path]:
    """Return all picture files in a folder and its subfolders, sorted."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())


def split_by_name(name: str) -> Split:
    """Split by a hash of the name: the same on every machine, and unmoved by pictures that come or go."""
    return "val" if int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % VAL_SHARE == 0 else "train"


def split_in_path(path: Path) -> Split | None:
    """Return the split that one of the folders of a relative path is named after, if any."""
    return next((SPLIT_WORDS[part.lower()] for part in path.parts if part.lower() in SPLIT_WORDS), None)


def rows_of(reader: Reader, table: Path, delimiter: str | None, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of each row of a table that isn't blank.

    Args:
        reader: Where problems go.
        table: The file.
        delimiter: Between fields; None is any white space.
        columns: How many fields a row must have at least.

    Raises:
        SourceError: The file is no text; or the reader is strict and a row is too short.
    """
    text = text_of(reader, table)
    lines = text.splitlines()
    split = (line.split() for line in lines) if delimiter is None else csv.reader(lines, delimiter=delimiter)
    for line, fields in enumerate(split, 1):
        if not any(field.strip() for field in fields):
            continue
        if len(fields) < columns:
            reader.refuse("malformed", table, f"{len(fields)} fields where {columns} are needed", line)
            continue
        yield line, fields


def boxes_by_picture(
    reader: Reader,
    table: Path,
    pictures: Mapping[str, Path],
    *,
    delimiter: str,
    known_by: tuple[str, Corners, str],
    further: Path,
    header: int = 0,
    last_inside: bool = False,
) -> Mapping[str, Boxes]:
    """Return the boxes of each picture, by its stem, from a table of file, left, top, right, bottom and class.

    Args:
        reader: Where problems go.
        table: The set's.
        pictures: By stem.
        delimiter: Between fields of the table.
        known_by: Stem, corners and class of a row that tells the set from another in the same layout.
        further: Table of our own, with semicolons, of signs that the set leaves unboxed; for that set alone.
        header: Lines before the first row.
        last_inside: Whether the table counts the last row and column as inside; our boxes end after them.

    Raises:
        SourceError: As `rows_of` and `numbers`.
    """
    boxes: defaultdict[str, Boxes] = defaultdict(lambda: reader.boxes(table))
    known = False
    for line, stem, box, name in _corners(reader, table, delimiter, header):
        known = known or (stem, box, name) == known_by
        if stem in pictures:
            left, top, right, bottom = box
            boxes[stem].add((left, top, right + last_inside, bottom + last_inside), name, line)
        else:
            reader.note("label-without-picture", table, f"the picture {stem} isn't there", line)
    if known:
        for line, stem, box, name in _corners(reader, further, ";"):
            if stem in pictures:
                boxes[stem].add(box, name, line)
    return boxes


def _corners(reader: Reader, table: Path, delimiter: str, header: int = 0) -> Iterator[tuple[int, str, Corners, str]]:
    """Yield line, stem of the picture, corners and class of each row."""
    for line, fields in rows_of(reader, table, delimiter, 6):
        values = None if line <= header else numbers(reader, table, line, fields[1:5])
        if values is not None:
            left, top, right, bottom = values
            yield line, Path(fields[0].strip()).stem, (left, top, right, bottom), fields[5].strip()


def text_of(reader: Reader, file: Path) -> str:
    """Return the text of a file, without a byte order mark; empty if it can't be read and the reader isn't strict.

    Raises:
        SourceError: The reader is strict, and the file is missing or no UTF-8 text.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        reader.refuse("malformed", file, f"the labels can't be read, {reason}")
        return ""


def numbers(reader: Reader, table: Path, line: int, fields: list[str]) -> tuple[float, ...] | None:
    """Return fields as numbers, or None (noted as a problem) if one isn't a number.

    Raises:
        SourceError: The reader is strict and a field isn't a number.
    """
    values = []
    for field in fields:
        try:
            values.append(float(field))
        except ValueError:
            reader.refuse("malformed", table, f"'{field}' is not a number", line)
            return None
    if not all(map(math.isfinite, values)):
        reader.refuse("malformed", table, "a number is not finite", line)
        return None
    return tuple(values)
