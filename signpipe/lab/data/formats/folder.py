"""Pictures of one sign each, in a folder per class: CLASS/*.jpg, or train/CLASS/*.jpg and val/CLASS/*.jpg."""

from __future__ import annotations

import re
from pathlib import Path

from signpipe.lab.data.labelled import LabelledImage, Split
from signpipe.lab.data.reading import SPLIT_WORDS, Reader, pictures_in, split_by_name

# How GTSRB names pictures (TRACK_FRAME) and its common copies (CLASS_TRACK_FRAME): frames of a track belong together.
TRACK_NAME = re.compile(r"((?:\d{5}_)?\d{5})_\d{5}")

# Folders of other formats, never classes.
OTHER_LAYOUTS = frozenset({"images", "labels", "jpegimages", "annotations"})


def recognise(path: Path) -> Path | None:
    """Return the folder where subfolders hold pictures."""
    return path if path.is_dir() and any(pictures_in(folder) for _, folder in _classes(path)) else None


def read(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the pictures; the sign fills each of them. Without folders of splits, the split is by a hash of the name.

    Raises:
        SourceError: The reader is strict and a folder isn't named after a known class.
    """
    images = []
    for split, folder in _classes(root):
        files = pictures_in(folder)
        if not files:
            continue
        boxes = reader.boxes(folder)
        boxes.add((0, 0, 1, 1), folder.name)
        if not len(boxes):
            continue
        for stem, picture in files.items():
            match = TRACK_NAME.fullmatch(stem)
            track = f"{folder.name}/{match[1]}" if match else None
            group = track or f"{folder.name}/{stem}"
            images.append(boxes.build(picture, split or split_by_name(group), track, relative=True))
    return images


def _classes(root: Path) -> list[tuple[Split | None, Path]]:
    """Return the folders of classes, each with the split that it lies in."""
    folders = _subfolders(root)
    splits = [folder for folder in folders if folder.name.lower() in SPLIT_WORDS]
    if splits:
        return [
            (SPLIT_WORDS[s.name.lower()], folder) for s in splits for folder in sorted(s.iterdir()) if folder.is_dir()
        ]
    return [(None, folder) for folder in folders]


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name.lower() not in OTHER_LAYOUTS)
