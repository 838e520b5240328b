"""Small data sets in every format, all showing the same three scenes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.types import Image

WIDTH, HEIGHT = 160, 120

Box = tuple[int, int, int, int]

# Three scenes: file stem -> signs, each a class of the catalogue and a box.
SCENES: dict[str, list[tuple[str, Box]]] = {
    "00003": [("stop", (10, 20, 42, 52)), ("give_way", (100, 30, 130, 60))],
    "00007": [("speed_limit_80", (64, 40, 96, 72))],
    "00010": [],
}
NUMBERS = {"speed_limit_80": 5, "give_way": 13, "stop": 14}
NAMES = list(NUMBERS)


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Return a picture unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_picture(path: Path, seed: int, width: int = WIDTH, height: int = HEIGHT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(seed, width, height))
    return path


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_scenes(folder: Path, suffix: str) -> None:
    for seed, stem in enumerate(SCENES):
        write_picture(folder / f"{stem}{suffix}", seed)


def write_gtsdb(root: Path, suffix: str = ".ppm") -> None:
    """GTSDB counts the last row and column as inside."""
    write_scenes(root / "images", suffix)
    rows = [
        f"{stem}.ppm;{a};{b};{c - 1};{d - 1};{NUMBERS[name]}"
        for stem, signs in SCENES.items()
        for name, (a, b, c, d) in signs
    ]
    write_text(root / "gt.txt", "\n".join(rows) + "\n")


def yolo_row(name: str, box: Box) -> str:
    a, b, c, d = box
    values = ((a + c) / 2 / WIDTH, (b + d) / 2 / HEIGHT, (c - a) / WIDTH, (d - b) / HEIGHT)
    return " ".join([str(NAMES.index(name)), *(f"{value:.6f}" for value in values)])


def write_yolo(root: Path) -> None:
    write_scenes(root / "images", ".jpg")
    for stem, signs in SCENES.items():
        write_text(root / "labels" / f"{stem}.txt", "".join(f"{yolo_row(*sign)}\n" for sign in signs))
    write_text(root / "data.yaml", f"names: {NAMES}\nnc: {len(NAMES)}\n")


def coco_content() -> dict[str, list[dict[str, object]]]:
    stems = list(SCENES)
    return {
        "images": [{"id": i, "file_name": f"{s}.png", "width": WIDTH, "height": HEIGHT} for i, s in enumerate(stems)],
        "categories": [{"id": 10 + i, "name": name} for i, name in enumerate(NAMES)],
        "annotations": [
            {
                "id": 0,
                "image_id": stems.index(stem),
                "category_id": 10 + NAMES.index(name),
                "bbox": [a, b, c - a, d - b],
            }
            for stem, signs in SCENES.items()
            for name, (a, b, c, d) in signs
        ],
    }


def write_coco(root: Path) -> None:
    write_scenes(root / "images", ".png")
    write_text(root / "annotations.json", json.dumps(coco_content()))


def voc_text(stem: str, signs: list[tuple[str, Box]]) -> str:
    objects = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
        f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, (a, b, c, d) in signs
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    return f"<annotation><filename>{stem}.jpg</filename>{size}{objects}</annotation>"


def write_voc(root: Path) -> None:
    write_scenes(root / "JPEGImages", ".jpg")
    for stem, signs in SCENES.items():
        write_text(root / "Annotations" / f"{stem}.xml", voc_text(stem, signs))


def write_sy32(root: Path) -> None:
    write_scenes(root, ".jpg")
    for stem, signs in SCENES.items():
        rows = (",".join([*map(str, box), name]) for name, box in signs)
        write_text(root / f"{stem}.csv", "\n".join(rows))


def write_btsd(root: Path) -> None:
    write_scenes(root / "images", ".jpg")
    rows = [",".join([f"{stem}.jpg", *map(str, box), name]) for stem, signs in SCENES.items() for name, box in signs]
    write_text(root / "gt.csv", "\n".join(["file,x1,y1,x2,y2,label", *rows]))


WRITERS: dict[str, Callable[[Path], None]] = {
    "gtsdb": write_gtsdb,
    "yolo": write_yolo,
    "coco": write_coco,
    "voc": write_voc,
    "sy32": write_sy32,
    "btsd": write_btsd,
}


def write_gtsrb(
    root: Path, tracks: int = 10, frames: int = 3, classes: tuple[int, ...] = (14,), suffix: str = ".ppm"
) -> None:
    """Write crops in the official layout: each 40 x 44 with the sign from (4, 5) to (35, 38), both inside."""
    for class_id in classes:
        folder = root / "Final_Training" / "Images" / f"{class_id:05}"
        rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
        for track in range(tracks):
            for frame in range(frames):
                name = f"{track:05}_{frame:05}"
                write_picture(folder / f"{name}{suffix}", class_id * 10_000 + track * 100 + frame, 40, 44)
                rows.append(f"{name}.ppm;40;44;4;5;35;38;{class_id}")
        write_text(folder / f"GT-{class_id:05}.csv", "\r\n".join(rows) + "\r\n")


@dataclass(frozen=True)
class Written:
    """A data set on disk."""

    format: str
    root: Path


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    """Return the scenes in one format after the other."""
    root = tmp_path / "set"
    root.mkdir()
    WRITERS[request.param](root)
    return Written(request.param, root)
