"""Reading what the embedding learns from beside the base classes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.framing import SOURCE_SIZE
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.lab.data.labelled import Split
from signpipe.lab.evaluation.clutter import find_clutter, street_scenes
from signpipe.lab.evaluation.run import open_detector
from signpipe.lab.training.embedding_data import Sources, draw_figures
from signpipe.lab.training.looks import read_looks
from signpipe.lab.training.photographs import PHOTOGRAPHED, read_photographs
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.types import Image

CACHE = "clutter.npz"
FIGURES = 3000  # signs with figures that are drawn


def read_sources(drawings: Path, data: Path, out: Path, typefaces: Sequence[Typeface]) -> Sources:
    """Read the drawings, the photographs and the clutter that the embedding is trained on.

    Args:
        drawings: `package_signs` of npm's mapillary_sprite_source.
        data: Folder of the data sets.
        out: Folder of the training, where the clutter is kept once it has been found.
        typefaces: What signs with figures are lettered in.

    Raises:
        SourceError: The drawings or a picture is missing.
        ModelError: The models that find the clutter can't be used.
    """
    shown = read_photographs(data, "train")
    looks = read_looks(drawings, sorted({name for name in shown.looks if name.startswith(PHOTOGRAPHED)}))
    figures = draw_figures(FiguredSigns(typefaces), looks, FIGURES, 0)
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
    for number, (image, signs) in enumerate(track(street_scenes(data, split), "clutter, once")):
        rng = np.random.default_rng((split == "val", number))
        yield find_clutter(image, signs, session, detect, rng).sources
