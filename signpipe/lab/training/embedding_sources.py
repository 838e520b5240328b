"""Reading what the embedding learns from beside the base classes."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.framing import SOURCE_SIZE
from signpipe.lab.augmentation.lettering import TRAINING, open_typefaces
from signpipe.lab.data import ClassMap, open_dataset
from signpipe.lab.data.labelled import Split
from signpipe.lab.evaluation.run import open_detector
from signpipe.lab.training.clutter import find_clutter
from signpipe.lab.training.embedding_data import Sources, draw_figures
from signpipe.lab.training.looks import read_looks
from signpipe.lab.training.photographs import PHOTOGRAPHED, read_photographs
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.types import FloatArray, Image

CACHE = "clutter.npz"
VIDEOS = {"train": ("motorway.mp4",), "val": ("solidWhiteRight.mp4",)}
FIGURES = 3000  # signs with figures that are drawn
EVERY = 25  # frames of a video


def read_sources(drawings: Path, data: Path, out: Path) -> Sources:
    """Read the drawings, the photographs and the clutter that the embedding is trained on.

    Args:
        drawings: `package_signs` of npm's mapillary_sprite_source.
        data: Folder of the data sets.
        out: Folder of the training, where the clutter is kept once it has been found.

    Raises:
        SourceError: The drawings, a typeface or a picture is missing.
        ModelError: The models that find the clutter can't be used.
    """
    shown = read_photographs(data, "train")
    looks = read_looks(drawings, sorted({name for name in shown.looks if name.startswith(PHOTOGRAPHED)}))
    figures = draw_figures(FiguredSigns(open_typefaces(TRAINING)), looks, FIGURES, 0)
    return Sources(looks, figures, shown, kept_clutter(data, "train", out))


def kept_clutter(data: Path, split: Split, out: Path) -> Image:
    """Return the clutter of a split's pictures, from the file in a folder where it is kept or found anew.

    Returns:
        BGR uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3).
    """
    path = out / CACHE
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays[split], np.uint8)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        pass
    found = np.concatenate([np.zeros((0, SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8), *_clutter(data, split)])
    content: dict[str, Any] = {split: found}
    np.savez(path, **content)
    return found


def _clutter(data: Path, split: Split) -> Iterator[Image]:
    settings = Settings()
    session, detect = open_session(settings.classify.model, settings.runtime, "classifier"), open_detector(settings)
    for number, (image, signs) in enumerate(_scenes(data, split)):
        rng = np.random.default_rng((split == "val", number))
        yield find_clutter(image, signs, session, detect, rng).sources


def _scenes(data: Path, split: Split) -> Iterator[tuple[Image, FloatArray]]:
    """Yield the pictures of a split with the boxes of all that is no clutter."""
    unboxed = _unboxed()
    lights = ClassMap(dict.fromkeys(("frouge", "forange", "fvert"), "none"), one_class=True)
    for name, classes in (("gtsdb", ClassMap(one_class=True)), ("sy32", lights), ("btsd", ClassMap(one_class=True))):
        if (data / name).is_dir():
            for labelled in open_dataset(data, name, split, classes):
                image = labelled.read()
                further = unboxed.get((name, labelled.path.name), [])
                yield image, np.concatenate([labelled.boxes_in(image.shape), *further])
    for name in VIDEOS[split]:
        video, number = cv2.VideoCapture(str(data / "videos" / name)), 0
        while video.grab():
            if number % EVERY == 0:
                yield np.asarray(video.retrieve()[1], np.uint8), np.zeros((0, 4), np.float32)
            number += 1


def _unboxed() -> dict[tuple[str, str], list[FloatArray]]:
    """Return signs that the sets don't box, by set and picture, float32 (1, 4) each."""
    text = files("signpipe.lab.data").joinpath("unboxed_signs.csv").read_text(encoding="utf-8")
    found: dict[tuple[str, str], list[FloatArray]] = {}
    for name, picture, *sides in list(csv.reader(text.splitlines()))[1:]:
        found.setdefault((name, picture), []).append(np.array([sides], np.float32))
    return found
