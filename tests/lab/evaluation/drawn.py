"""Small data sets of drawings and frames of the sample, where photographs are absent."""

from __future__ import annotations

import json
from pathlib import Path

import cv2

from signpipe.catalogue import load_catalogue
from signpipe.lab.data import Dataset, open_dataset
from signpipe.lab.evaluation.ceiling import drawing_crop

NAMES = ("speed_limit_30", "speed_limit_80", "stop", "give_way", "priority_road", "keep_right")


def drawn_tracks(folder: Path, frames: int = 4) -> Path:
    """Write drawings in GTSRB's layout: a track of each class in which the sign grows; every track is validation."""
    for name in NAMES:
        class_id = load_catalogue().by_name(name).id
        place = folder / f"{class_id:05d}"
        place.mkdir(parents=True)
        rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
        for track in range(5):
            for frame in range(frames):
                size = 48 + 16 * frame
                file = f"{track:05d}_{frame:05d}"
                cv2.imwrite(str(place / f"{file}.png"), drawing_crop(name, size, 0.1))
                edge = round(size * 0.1 / 1.2)
                rows.append(f"{file}.ppm;{size};{size};{edge};{edge};{size - edge - 1};{size - edge - 1};{class_id}")
        (place / f"GT-{class_id:05d}.csv").write_text("\n".join(rows) + "\n")
    return folder


def drawn_dataset(folder: Path) -> Dataset:
    """Return the validation part of `drawn_tracks`: one track a class."""
    return open_dataset(drawn_tracks(folder), "gtsrb", "val")


def yolo_of(dataset: Dataset, folder: Path) -> Path:
    """Write a data set in YOLO's layout."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text(f"path: .\nval: images\nnames: {json.dumps(list(load_catalogue().names))}\n")
    for number, labelled in enumerate(dataset):
        image = labelled.read()
        height, width = image.shape[:2]
        cv2.imwrite(str(folder / "images" / f"{number}.png"), image)
        lines = [
            f"{class_id} {(x1 + x2) / 2 / width} {(y1 + y2) / 2 / height} {(x2 - x1) / width} {(y2 - y1) / height}"
            for (x1, y1, x2, y2), class_id in zip(labelled.boxes, labelled.class_ids, strict=True)
        ]
        (folder / "labels" / f"{number}.txt").write_text("\n".join(lines))
    return folder
