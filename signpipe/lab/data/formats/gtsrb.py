"""The German Traffic Sign Recognition Benchmark in its official layout (Stallkamp et al., Neural Networks 32, 2012)."""

from __future__ import annotations

from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import Reader, numbers, pictures_in, rows_of

COLUMNS = 8  # Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId
HELD_OUT = slice(4, None, 5)  # every fifth track of a class: frames of one track are nearly the same picture
Row = tuple[int, list[str]]  # line number, fields
TEST_TABLE = "GT-final_test.csv"


def recognise_training(path: Path) -> Path | None:
    """Return the folder that has a folder for each class, each with its GT-000CC.csv."""
    inside = (Path("Final_Training/Images"), Path("Images"), Path())
    places = [path / home / folder for home in ("", "gtsrb", "GTSRB") for folder in inside]
    return next((place for place in places if any(place.glob("[0-9]*/GT-*.csv"))), None)


def read_training(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the official training set, split by track: numbers 4, 9, 14, ... of each class are validation."""
    images = []
    for table in sorted(root.glob("[0-9]*/GT-*.csv")):
        files = pictures_in(table.parent)
        rows = _rows(reader, table)
        held_out = set(sorted({_track(fields) for _, fields in rows})[HELD_OUT])
        for line, fields in rows:
            split: Split = "val" if _track(fields) in held_out else "train"
            track = f"{table.parent.name}/{_track(fields)}"
            image = _read_row(reader, table, line, fields, files, split, track)
            images += [image] if image else []
        _note_unlisted(reader, files, rows, table)
    return images


def recognise_test(path: Path) -> Path | None:
    """Return the table of the official test set, GT-final_test.csv."""
    if path.name == TEST_TABLE and path.is_file():
        return path
    inside = (Path(), Path("Final_Test"), Path("Final_Test/Images"))
    places = [path / home / folder / TEST_TABLE for home in ("", "gtsrb", "GTSRB") for folder in inside]
    return next((place for place in places if place.is_file()), None)


def read_test(reader: Reader, table: Path) -> list[LabelledImage]:
    """Read the official test set; nothing says which pictures show the same physical sign, so it has no tracks."""
    places = (Path(), Path("Images"), Path("Final_Test/Images"), Path("GTSRB/Final_Test/Images"))
    files = next((found for place in places if (found := pictures_in(table.parent / place))), {})
    rows = _rows(reader, table)
    images = []
    for line, fields in rows:
        image = _read_row(reader, table, line, fields, files, "test", None)
        images += [image] if image else []
    _note_unlisted(reader, files, rows, table)
    return images


def _rows(reader: Reader, table: Path) -> list[Row]:
    return [row for row in rows_of(reader, table, ";", COLUMNS) if row[1][0].strip().lower() != "filename"]


def _track(fields: list[str]) -> str:
    return fields[0].split("_")[0]


def _read_row(
    reader: Reader, table: Path, line: int, fields: list[str], files: dict[str, Path], split: Split, track: str | None
) -> LabelledImage | None:
    values = numbers(reader, table, line, fields[1:COLUMNS])
    if values is None:
        return None
    width, height, left, top, right, bottom, class_id = values
    if width <= 0 or height <= 0 or class_id != int(class_id):
        reader.refuse("malformed", table, "width and height must be above 0, and the class a whole number", line)
        return None
    # The table is made for .ppm files, but the pictures may be kept in another format.
    picture = files.get(Path(fields[0]).stem)
    if picture is None:
        reader.note("label-without-picture", table, f"the picture {fields[0]} isn't there", line)
        return None
    boxes = reader.boxes(table)
    # Fractions hold for pictures kept at another size too. The table counts the last row and column as inside.
    box = (left / width, top / height, (right + 1) / width, (bottom + 1) / height)
    boxes.add(box, str(int(class_id)), line)
    return boxes.build(
        picture, "val" if split == "val" else "test" if split == "test" else "train", track, relative=True
    )


def _note_unlisted(reader: Reader, files: dict[str, Path], rows: list[Row], table: Path) -> None:
    for stem in sorted(files.keys() - {Path(fields[0]).stem for _, fields in rows}):
        reader.note("picture-without-label", files[stem], f"{table.name} doesn't list it")
