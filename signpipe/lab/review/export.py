"""Labelled items as data sets that training tools, and `signpipe.lab.data`, read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from signpipe.catalogue import Catalogue
from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.lab.data.classes import ANY_SIGN
from signpipe.lab.data.labelled import LabelledImage
from signpipe.lab.data.reading import split_by_name
from signpipe.review.item import NOT_A_SIGN, Rect, Window, within
from signpipe.review.queue import Queued, ReviewQueue
from signpipe.types import Image

_GREY = 114  # what detectors are used to for "nothing here"


def export_queue(queue: ReviewQueue, out: Path, format: str, catalogue: Catalogue) -> Counter[str]:  # noqa: A002
    """Write what a person labelled as a data set.

    For detection (`coco`, `yolo`) a picture is the scene around a sign at the camera's resolution. Other signs in it
    are boxed too if their class was sure; the unsure ones are a crowd in COCO, which is ignored, and painted over for
    YOLO, which knows no such thing. What was found by mistake is a picture without that box. `crops` are the signs
    alone, filling the picture, in a folder per class; what is no sign is left out.

    Args:
        queue: The queue.
        out: A folder that isn't there yet, or is empty.
        format: "coco", "yolo" or "crops".
        catalogue: The classes; names outside of it get numbers after them.

    Returns:
        Exported items by label.

    Raises:
        SettingsError: There is no such format.
        SourceError: Nothing is labelled yet, or a picture of the queue can't be read.
        OutputError: The folder isn't empty or can't be written.
    """
    if format not in _WRITERS:
        raise SettingsError(f"The review queue can't be exported as '{format}'; it is one of {', '.join(_WRITERS)}.")
    entries = [entry for entry in queue.items() if entry.label is not None]
    if format == "crops":
        entries = [entry for entry in entries if _label(entry) != NOT_A_SIGN]
    if not entries:
        raise SourceError(f"No sign in {queue.folder} is labelled yet; `signpipe review label {queue.folder}` does it.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"The export can't be written to {out}, which isn't empty; give a new folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        _WRITERS[format](entries, out, _class_names(entries, catalogue))
    except OSError as error:
        raise OutputError(
            f"The export can't be written to {out} ({error.strerror}); make room or choose another."
        ) from None
    return Counter(_label(entry) for entry in entries)


def reviewed_signs(queue: ReviewQueue, catalogue: Catalogue) -> tuple[LabelledImage, ...]:
    """Return the items that a person labelled with a class of the catalogue, for training a classifier.

    Raises:
        OSError: The queue can't be read.
    """
    signs = []
    for entry in queue.items():
        label = _label(entry)
        if label in catalogue.names:
            class_ids = np.array([catalogue.by_name(label).id], np.int64)
            box = np.array([within(entry.item.xyxy, entry.item.crop)], np.float32)
            signs.append(LabelledImage(entry.crop, box, class_ids, (label,), np.zeros(1, np.bool_), "train"))
    return tuple(signs)


def _label(entry: Queued) -> str:
    return entry.label.label if entry.label else ""


def _class_names(entries: Sequence[Queued], catalogue: Catalogue) -> list[str]:
    """Return the catalogue's classes, then the names outside of it."""
    used = {name for entry in entries for name, _ in _boxes(entry)[0]}
    return [*catalogue.names, *sorted(used - set(catalogue.names))]


def _boxes(entry: Queued) -> tuple[list[tuple[str, Rect]], list[Rect]]:
    """Return the signs in the context with their names, and the boxes of those that nobody is sure of."""
    window = entry.item.context
    named = [(_label(entry), within(entry.item.xyxy, window))] if _label(entry) != NOT_A_SIGN else []
    named += [(other.name, within(other.xyxy, window)) for other in entry.item.neighbours if other.name]
    return named, [within(other.xyxy, window) for other in entry.item.neighbours if not other.name]


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"The picture {path} is damaged; remove its folder and export again.")
    return np.asarray(image, np.uint8)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_coco(entries: Sequence[Queued], out: Path, names: list[str]) -> None:
    numbers = {name: number for number, name in enumerate([*names, ANY_SIGN], 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, entry in enumerate(entries, 1):
        height, width = _read(entry.context).shape[:2]
        file = f"{entry.item.id}.jpg"
        _write(out / "images" / file, entry.context.read_bytes())
        images.append({"id": number, "file_name": file, "width": width, "height": height})
        named, unsure = _boxes(entry)
        for name, box in [*named, *((ANY_SIGN, box) for box in unsure)]:
            left, top, right, bottom = box
            size = right - left, bottom - top
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": numbers[name],
                    "bbox": [left, top, *size],
                    "area": size[0] * size[1],
                    "iscrowd": int(name == ANY_SIGN),
                }
            )
    categories = [{"id": number, "name": name, "supercategory": "sign"} for name, number in numbers.items()]
    table = {"images": images, "annotations": annotations, "categories": categories}
    _write(out / "annotations.json", json.dumps(table, indent=1).encode())


def _write_yolo(entries: Sequence[Queued], out: Path, names: list[str]) -> None:
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (out / kind / split).mkdir(parents=True)
    for entry in entries:
        split, stem = split_by_name(entry.item.id), entry.item.id
        named, unsure = _boxes(entry)
        image = _read(entry.context)
        content = entry.context.read_bytes()
        if unsure:
            content = _painted(image, unsure, [box for _, box in named])
        _write(out / "images" / split / f"{stem}.jpg", content)
        rows = [_yolo_row(names.index(name), box, image.shape) for name, box in named]
        _write(out / "labels" / split / f"{stem}.txt", "".join(rows).encode())
    description = {"train": "images/train", "val": "images/val", "names": dict(enumerate(names))}
    _write(out / "data.yaml", yaml.safe_dump(description, sort_keys=False, allow_unicode=True).encode())


def _yolo_row(number: int, box: Rect, shape: tuple[int, ...]) -> str:
    left, top, right, bottom = box
    height, width = shape[:2]
    centre = (left + right) / 2 / width, (top + bottom) / 2 / height
    return f"{number} {centre[0]:.6f} {centre[1]:.6f} {(right - left) / width:.6f} {(bottom - top) / height:.6f}\n"


def _painted(image: Image, unsure: Sequence[Rect], named: Sequence[Rect]) -> bytes:
    """Paint over what nobody is sure of, but not over the signs that are named."""
    painted = image.copy()
    for box in unsure:
        left, top, right, bottom = _pixels(box)
        painted[top:bottom, left:right] = _GREY
    for box in named:
        left, top, right, bottom = _pixels(box)
        painted[top:bottom, left:right] = image[top:bottom, left:right]
    return cv2.imencode(".jpg", painted, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def _pixels(box: Rect) -> Window:
    left, top = round(box[0]), round(box[1])
    return left, top, max(round(box[2]), left + 1), max(round(box[3]), top + 1)


def _write_crops(entries: Sequence[Queued], out: Path, names: list[str]) -> None:  # noqa: ARG001  # as the others
    for entry in entries:
        left, top, right, bottom = _pixels(within(entry.item.xyxy, entry.item.crop))
        sign = _read(entry.crop)[top:bottom, left:right]
        _write(out / _label(entry) / f"{entry.item.id}.png", cv2.imencode(".png", sign)[1].tobytes())


_WRITERS: dict[str, Callable[[Sequence[Queued], Path, list[str]], None]] = {
    "coco": _write_coco,
    "yolo": _write_yolo,
    "crops": _write_crops,
}
