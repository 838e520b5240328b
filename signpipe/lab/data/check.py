"""Finding what spoils training: in the labels, in the pictures, between the pictures and between the splits."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.errors import SourceError
from signpipe.lab.data.classes import ClassMap
from signpipe.lab.data.duplicates import near_duplicates, thumbnail
from signpipe.lab.data.labelled import SIGN, Dataset, LabelledImage, Problem
from signpipe.lab.data.opening import guess_format, read_dataset
from signpipe.types import FloatArray, Image

THREADS = 2
TINY = 6.0  # a sign whose shorter side is below so many pixels has no content to learn from
TOLERANCE = 1.01  # pixels by which a box may reach over the edge: formats round differently, and so does float32
RARE = 10  # a class with fewer boxes in training is hardly learnt

# What a finding is about, in the order of the report.
KINDS = {
    "malformed": "labels that can't be read",
    "unknown-class": "labels of an unknown class",
    "label-without-picture": "labels without a picture",
    "picture-without-label": "pictures without labels",
    "unreadable": "pictures that are none",
    "truncated": "pictures that are cut off or damaged",
    "size": "pictures of another size than their labels say",
    "box-outside": "boxes that reach outside the picture",
    "box-degenerate": "boxes without an area",
    "box-tiny": f"boxes under {TINY:.0f} pixels",
    "duplicate": "pictures that occur twice",
    "near-duplicate": "pictures that are nearly the same",
    "leak": "pictures of one split that are in another too",
    "leak-track": "tracks that are in more than one split",
}

# How the files of pictures start.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"P3", b"P6", b"BM", b"RIFF")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was learnt from one picture file.

    Attributes:
        sha256: Hash of the file, or None if it can't be read.
        thumbnail: uint8 (32, 32), or None if it is no picture.
        findings: What is wrong with it and its boxes.
    """

    sha256: str | None
    thumbnail: Image | None
    findings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking a data set.

    Attributes:
        dataset: What was checked.
        findings: What was found, in the order of `KINDS`.
        classes: For each class name, the boxes in each split.
        remarks: What to know about the balance of classes; no findings.
    """

    dataset: Dataset
    findings: tuple[Problem, ...]
    classes: dict[str, Counter[str]]
    remarks: tuple[str, ...]

    @property
    def splits(self) -> Counter[str]:
        """Pictures in each split."""
        return Counter(image.split for image in self.dataset)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "path": str(self.dataset.root),
            "format": self.dataset.format,
            "pictures": len(self.dataset),
            "boxes": sum(len(image.boxes) for image in self.dataset),
            "tracks": len({image.track for image in self.dataset if image.track}),
            "splits": dict(self.splits),
            "classes": {name: dict(counts) for name, counts in self.classes.items()},
            "counts": dict(Counter(finding.kind for finding in self.findings)),
            "findings": [
                {"kind": f.kind, "path": str(f.path), "line": f.line, "message": f.message} for f in self.findings
            ],
            "remarks": list(self.remarks),
        }


def check_dataset(
    path: Path,
    format: str,  # noqa: A002
    classes: ClassMap | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    catalogue: Catalogue | None = None,
) -> Check:
    """Look for everything in a data set that spoils training.

    Args:
        path: The data set, as for `open_dataset`.
        format: Its format.
        classes: How class names are mapped.
        progress: Called with the number of pictures read and their total.
        catalogue: The catalogue that class ids belong to.

    Raises:
        SettingsError: There is no such format.
        SourceError: The path is missing, holds no set of this format, or not one labelled picture.
    """
    dataset = read_dataset(path, format, classes)
    if not dataset.images:
        reason = (
            f"the first of {len(dataset.problems)} problems: {dataset.problems[0]}"
            if dataset.problems
            else "it is empty"
        )
        likely = guess_format(path)
        advice = "correct it" if likely in (None, format) else f"it looks like {likely}, so try --format {likely}"
        raise SourceError(f"{path} has no labelled picture that can be read as {format} ({reason}); {advice}.")
    inspections = []
    pool = ThreadPoolExecutor(THREADS)
    try:
        for inspection in pool.map(_inspect, dataset.images):
            inspections.append(inspection)
            progress(len(inspections), len(dataset))
    finally:
        pool.shutdown(cancel_futures=True)  # else Ctrl-C would wait for every picture
    findings = [*dataset.problems, *(finding for inspection in inspections for finding in inspection.findings)]
    findings += _repeated(dataset.images, inspections)
    findings += _split_tracks(dataset.images)
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    counts = _count(dataset, catalogue or load_catalogue())
    return Check(dataset, tuple(findings), counts, tuple(_remarks(dataset, counts)))


def _inspect(image: LabelledImage) -> Inspection:
    try:
        data = image.path.read_bytes()
    except OSError as error:
        return Inspection(None, None, (Problem("unreadable", image.path, f"it can't be read ({error.strerror})"),))
    picture = _decode(data)
    if picture is None:
        known = data.startswith(_SIGNATURES)
        problem = (
            Problem("truncated", image.path, f"it ends or breaks within its {len(data)} bytes")
            if known
            else Problem("unreadable", image.path, "it is no picture" if data else "it is empty")
        )
        return Inspection(None, None, (problem,))
    findings = tuple(_box_findings(image, picture.shape))
    return Inspection(hashlib.sha256(data).hexdigest(), thumbnail(picture), findings)


def _decode(data: bytes) -> Image | None:
    if not data:
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # such as one with more pixels than OpenCV allows
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def _box_findings(image: LabelledImage, shape: tuple[int, ...]) -> Iterator[Problem]:
    height, width = shape[:2]
    if image.declared not in (None, (width, height)):
        assert image.declared is not None
        says = "{}x{}".format(*image.declared)
        yield Problem("size", image.path, f"it is {width}x{height}, but its labels are for {says}")
    for box, name in zip(image.boxes_in(shape), image.names, strict=True):
        kind = _wrong(box, width, height)
        if kind:
            corners = ", ".join(f"{value:.1f}" for value in box)
            yield Problem(kind, image.path, f"{name} at ({corners}) in a picture of {width}x{height}")


def _wrong(box: FloatArray, width: int, height: int) -> str | None:
    left, top, right, bottom = map(float, box)
    if right <= left or bottom <= top:
        return "box-degenerate"
    if min(left, top) < -TOLERANCE or right > width + TOLERANCE or bottom > height + TOLERANCE:
        return "box-outside"
    return "box-tiny" if min(right - left, bottom - top) < TINY else None


def _repeated(images: Sequence[LabelledImage], inspections: Sequence[Inspection]) -> Iterator[Problem]:
    """Find pictures that occur more than once; in two splits it is a leak."""
    first: dict[str, int] = {}
    for i, inspection in enumerate(inspections):
        if inspection.sha256 is None:
            continue
        original = first.setdefault(inspection.sha256, i)
        if original != i:
            yield _repetition(images[original], images[i], "the same picture as", "duplicate")
    # Copies were reported; of each picture, one is compared with the others.
    single = [i for i in first.values() if inspections[i].thumbnail is not None]
    if not single:
        return
    names = [images[i].track or f"\0{i}" for i in single]
    groups = np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
    thumbnails = np.stack([t for i in single if (t := inspections[i].thumbnail) is not None])
    for a, b in near_duplicates(thumbnails, groups):
        yield _repetition(images[single[a]], images[single[b]], "nearly the same picture as", "near-duplicate")


def _repetition(original: LabelledImage, copy: LabelledImage, how: str, kind: str) -> Problem:
    message = f"{how} {original.path}"
    if original.split != copy.split:
        return Problem("leak", copy.path, f"{message}; this is {copy.split}, that is {original.split}")
    if sorted(original.class_ids.tolist()) != sorted(copy.class_ids.tolist()):
        message += ", with other labels"
    return Problem(kind, copy.path, message)


def _split_tracks(images: Sequence[LabelledImage]) -> Iterator[Problem]:
    """Find tracks, frames of one physical sign, that are in more than one split."""
    splits: dict[str, dict[str, Path]] = defaultdict(dict)
    for image in images:
        if image.track is not None:
            splits[image.track].setdefault(image.split, image.path)
    for track, files in splits.items():
        if len(files) > 1:
            where = " and ".join(f"{split} ({path})" for split, path in sorted(files.items()))
            yield Problem("leak-track", next(iter(files.values())), f"track {track} is in {where}")


def _count(dataset: Dataset, catalogue: Catalogue) -> dict[str, Counter[str]]:
    """Count the boxes of each class in each split, the most frequent class first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for image in dataset:
        for class_id in image.class_ids[~image.ignore]:
            counts["sign" if class_id == SIGN else catalogue[int(class_id)].name][image.split] += 1
    return dict(sorted(counts.items(), key=lambda item: -item[1].total()))


def _remarks(dataset: Dataset, counts: dict[str, Counter[str]]) -> Iterator[str]:
    splits = {image.split for image in dataset}
    if len(splits) == 1:
        yield f"every picture is in the split '{splits.pop()}'"
        return
    named = {name: count for name, count in counts.items() if name != "sign"}
    if len(named) < 2:
        return
    totals = {name: count.total() for name, count in named.items()}
    most, *_, least = totals
    yield f"imbalance {totals[most] / totals[least]:.0f} : 1, {most} ({totals[most]}) to {least} ({totals[least]})"
    rare = [f"{name} ({count['train']})" for name, count in named.items() if 0 < count["train"] < RARE]
    if rare:
        yield f"under {RARE} boxes in train: {', '.join(rare)}"
    for split in sorted(splits):
        absent = [name for name, count in named.items() if not count[split]]
        if absent:
            yield f"not in {split}: {', '.join(absent)}"
