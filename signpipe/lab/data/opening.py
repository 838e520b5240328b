"""Opening a data set of any format."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from signpipe.errors import SettingsError, SourceError
from signpipe.lab.data.classes import ClassMap
from signpipe.lab.data.formats import boards, btsd, coco, folder, gtsdb, gtsrb, sy32, voc, yolo
from signpipe.lab.data.labelled import Dataset, LabelledImage
from signpipe.lab.data.reading import OUTLINES, Reader
from signpipe.shipped import checkout

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Format:
    """How the sets of one format are found and read.

    Attributes:
        needs: What a set of this format consists of, for people.
        recognise: Returns the file or folder to read for a path, or None where there is no such set.
        read: Reads the pictures of what `recognise` returned.
        complete: Whether every sign is boxed.
        defaults: Class names of its own, mapped as in `ClassMap`.
    """

    needs: str
    recognise: Callable[[Path], Path | None]
    read: Callable[[Reader, Path], list[LabelledImage]]
    complete: bool = True
    defaults: Mapping[str, str] = field(default_factory=dict)


# From the one that is told most surely to the one that anything may look like.
FORMATS: dict[str, Format] = {
    "gtsrb": Format(
        "folders 00000 to 00042, each with its GT-000CC.csv", gtsrb.recognise_training, gtsrb.read_training
    ),
    "gtsrb-test": Format("GT-final_test.csv and the pictures", gtsrb.recognise_test, gtsrb.read_test),
    "gtsdb": Format("gt.txt and the pictures", gtsdb.recognise, gtsdb.read, defaults=OUTLINES),
    "btsd": Format("gt.csv and the pictures", btsd.recognise, btsd.read, complete=False, defaults=OUTLINES),
    "boards": Format("images/ and labels/, named by the time", boards.recognise, boards.read, complete=False),
    "yolo": Format("data.yaml, images/ and labels/", yolo.recognise, yolo.read),
    "coco": Format("a JSON file with images, annotations and categories", coco.recognise, coco.read),
    "voc": Format("XML files of annotations and the pictures", voc.recognise, voc.read),
    "sy32": Format("a CSV file for each picture", sy32.recognise, sy32.read, complete=False, defaults=sy32.DEFAULTS),
    "folder": Format("a folder of pictures for each class", folder.recognise, folder.read),
}


def find_data(path: Path | None = None) -> Path:
    """Return the folder of the data sets: the one given, else SIGNPIPE_DATA, else ../shared/data beside a checkout.

    Raises:
        SourceError: There is no such folder.
    """
    if path is None and (named := os.environ.get("SIGNPIPE_DATA")):
        path = Path(named)
    if path is None:
        root = checkout()
        if root is None:
            raise SourceError("No data set is given; name one with --data or in SIGNPIPE_DATA (signpipe data fetch).")
        path = root.parent / "shared" / "data"
    if not path.is_dir():
        raise SourceError(f"There is no data folder {path}; give one with --data or in SIGNPIPE_DATA.")
    return path


def open_dataset(
    path: Path,
    format: str,  # noqa: A002  # the word everywhere else
    split: Literal["train", "val", "test", "all"] = "all",
    classes: ClassMap | None = None,
) -> Dataset:
    """Read the labels of a data set; its pictures are read when they are asked for.

    A split that the set has is taken over; else GTSRB is split by track, GTSDB by number, and the others by a hash of
    the pictures' names, which puts about one in five in `val`.

    Args:
        path: The folder of the set, the folder it lies in (for the public sets), or its describing file.
        format: A key of `FORMATS`.
        split: Which part.
        classes: How class names are mapped onto the catalogue.

    Raises:
        SettingsError: There is no such format.
        SourceError: The path is missing, holds no set of this format, a label can't be used, or the part is empty.
    """
    dataset = read_dataset(path, format, classes, strict=True)
    if not dataset.images:
        raise SourceError(f"The data set {path} has no picture that its labels name; is it unpacked completely?")
    missing = [problem for problem in dataset.problems if problem.kind == "label-without-picture"]
    if missing:
        log.warning(
            "%d labels have no picture, such as %s; `signpipe data check` lists them.", len(missing), missing[0]
        )
    return dataset.part(split)


def read_dataset(
    path: Path,
    format: str,  # noqa: A002
    classes: ClassMap | None = None,
    strict: bool = False,
) -> Dataset:
    """Read a data set as `open_dataset` does, but if not strict, leave out what can't be used and list it as problems.

    Raises:
        SettingsError: There is no such format.
        SourceError: The path is missing or holds no set of this format; or, if strict, a label can't be used.
    """
    if format not in FORMATS:
        raise SettingsError(f"There is no data set format '{format}'; it is one of {', '.join(FORMATS)}.")
    chosen = FORMATS[format]
    if not path.exists():
        raise SourceError(f"There is no data set {path}; `signpipe data fetch` gets the public ones.")
    found = chosen.recognise(path)
    if found is None:
        likely = guess_format(path)
        advice = f"it looks like {likely}: use --format {likely}" if likely else "it looks like no format that is known"
        raise SourceError(f"{path} is no data set of the format {format}, which needs {chosen.needs}; {advice}.")
    reader = Reader((classes or ClassMap()).with_defaults(chosen.defaults), strict)
    images = chosen.read(reader, found)
    return Dataset(format, found, tuple(images), chosen.complete, tuple(reader.problems))


def guess_format(path: Path) -> str | None:
    """Return the format that a path most likely has, or None."""
    return next((name for name, format_ in FORMATS.items() if format_.recognise(path) is not None), None)
