"""Cut-outs around boards by an Australian road: images/ and labels/ in YOLO's rows, of one class and undescribed."""

from __future__ import annotations

from pathlib import Path

from signpipe.lab.data.formats.yolo import read_labels
from signpipe.lab.data.labelled import LabelledImage
from signpipe.lab.data.reading import Reader, pictures_in, split_by_name

MOMENT = 19  # characters of a name that say when it was taken: 2022-04-07T06.03.45
NAMES = {0: "sign"}


def recognise(path: Path) -> Path | None:
    """Return the folder with images/ and labels/ whose pictures are named after the time."""
    for root in (path, path / "boards"):
        if (root / "labels").is_dir() and any(_is_moment(stem) for stem in pictures_in(root / "images")):
            return root
    return None


def read(reader: Reader, root: Path) -> list[LabelledImage]:
    """Read the cut-outs; those of one moment show the same signs and stay together, by a hash of the moment."""
    images = []
    for stem, picture in pictures_in(root / "images").items():
        labels = root / "labels" / f"{stem}.txt"
        boxes = reader.boxes(labels)
        if labels.is_file():
            read_labels(reader, labels, NAMES, boxes)
        else:
            reader.note("picture-without-label", picture, f"there is no {labels.name}")
        moment = stem[:MOMENT]
        images.append(boxes.build(picture, split_by_name(moment), track=moment, relative=True))
    return images


def _is_moment(stem: str) -> bool:
    return len(stem) > MOMENT and stem[4] == "-" and stem[10] == "T" and stem[:4].isdecimal()
