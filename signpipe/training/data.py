"""The data sets that models are trained and judged on, and how each is split."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from signpipe.errors import SourceError
from signpipe.types import FloatArray, Image

Split = Literal["train", "val"]

# Classes that are their own mirror image, and pairs that mirror into each other (GTSRB numbers).
MIRROR = {c: c for c in (11, 12, 13, 15, 17, 18, 22, 26, 30, 35)} | {
    19: 20, 20: 19, 33: 34, 34: 33, 36: 37, 37: 36, 38: 39, 39: 38,
}  # fmt: skip

SY32_SIGNS = ("danger", "interdiction", "obligation", "ceder", "stop")


@dataclass(frozen=True, slots=True)
class Scene:
    """A photograph with the signs that are boxed in it.

    Attributes:
        path: The picture file.
        boxes: float32 (N, 4), xyxy in its pixels.
    """

    path: Path
    boxes: FloatArray


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture of one sign.

    Attributes:
        path: The picture file.
        box: The sign inside it, xyxy as fractions of the picture's width and height.
        class_id: Its class.
        track: The physical sign it shows, unique over all classes.
    """

    path: Path
    box: tuple[float, float, float, float]
    class_id: int
    track: str


def find_data(folder: Path | None = None) -> Path:
    """Return the folder of the data sets: the one given, else SIGNPIPE_DATA, else ../shared/data.

    Raises:
        SourceError: There is no such folder.
    """
    if folder is None:
        beside = Path(__file__).resolve().parents[3] / "shared" / "data"
        folder = Path(os.environ.get("SIGNPIPE_DATA") or beside)
    if not folder.is_dir():
        raise SourceError(f"There is no data folder {folder}; give one with --data or in SIGNPIPE_DATA.")
    return folder


def gtsrb(data: Path, split: Split) -> list[Crop]:
    """List the crops of the German Traffic Sign Recognition Benchmark (Stallkamp et al., 2012), split by track.

    Every fifth track of each class is held out, because frames of one track are nearly the same picture.

    Raises:
        SourceError: The set is not there or has no crop of this split.
    """
    crops: list[Crop] = []
    for table in sorted((data / "gtsrb" / "Final_Training" / "Images").glob("*/GT-*.csv")):
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        tracks = sorted({row["Filename"].split("_")[0] for row in rows})
        held_out = set(tracks[4::5])
        for row in rows:
            track = row["Filename"].split("_")[0]
            if (track in held_out) == (split == "val"):
                crops.append(_gtsrb_crop(table.parent, row, track))
    if not crops:
        raise SourceError(
            f"There is no GTSRB {split} crop under {data / 'gtsrb'}; get it with `signpipe data fetch gtsrb`."
        )
    return crops


def _gtsrb_crop(folder: Path, row: dict[str, str], track: str) -> Crop:
    width, height = float(row["Width"]), float(row["Height"])
    # GTSRB counts the last row and column as inside; our boxes end after them.
    box = (
        float(row["Roi.X1"]) / width,
        float(row["Roi.Y1"]) / height,
        (float(row["Roi.X2"]) + 1) / width,
        (float(row["Roi.Y2"]) + 1) / height,
    )
    return Crop(folder / row["Filename"], box, int(row["ClassId"]), f"{folder.name}/{track}")


def gtsdb(data: Path, split: Split) -> list[Scene]:
    """List the scenes of the German Traffic Sign Detection Benchmark (Houben et al., 2013); 7 and 9 are held out.

    Raises:
        SourceError: The set is not there.
    """
    folder = data / "gtsdb"
    boxes: dict[str, list[list[float]]] = {}
    try:
        for line in (folder / "gt.txt").read_text(encoding="utf-8").split():
            name, *corners, _ = line.split(";")
            left, top, right, bottom = map(float, corners)
            boxes.setdefault(Path(name).stem, []).append([left, top, right + 1, bottom + 1])
    except (OSError, ValueError) as error:
        raise SourceError(f"GTSDB can't be read from {folder} ({error}); it needs gt.txt and images/.") from None
    pictures = sorted(p for p in (folder / "images").iterdir() if p.suffix in {".jpg", ".ppm", ".png"})
    return [
        Scene(p, np.array(boxes.get(p.stem, []), np.float32).reshape(-1, 4))
        for p in pictures
        if (p.stem[-1] in "79") == (split == "val")
    ]


def sy32(data: Path, split: Split) -> list[Scene]:
    """List the French street scenes; only some kinds of sign are boxed in them, and traffic lights are left out.

    Raises:
        SourceError: The set is not there.
    """
    tables = sorted((data / "sy32" / split).glob("*.csv"))
    if not tables:
        raise SourceError(
            f"There is no picture table in {data / 'sy32' / split}; it needs NNNN.jpg and NNNN.csv files."
        )
    scenes = []
    for table in tables:
        with table.open(encoding="utf-8", newline="") as file:
            boxes = [[float(v) for v in row[:4]] for row in csv.reader(file) if row and row[4] in SY32_SIGNS]
        scenes.append(Scene(table.with_suffix(".jpg"), np.array(boxes, np.float32).reshape(-1, 4)))
    return scenes


def read_image(path: Path) -> Image:
    """Read a picture as BGR uint8 (H, W, 3).

    Raises:
        SourceError: The file is missing or no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"The picture {path} can't be read; fetch the data set again.")
    return np.asarray(image, np.uint8)


def data_hash(paths: Iterable[Path]) -> str:
    """Return a SHA-256 over names and sizes of files: cheap, and it changes when the set does."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.parent.name}/{path.name}:{path.stat().st_size}\n".encode())
    return digest.hexdigest()
