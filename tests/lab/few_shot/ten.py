"""Ten signs outside the catalogue's 43 classes, as drawings and as made-up photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from signpipe.lab.few_shot.examples import render
from signpipe.lab.few_shot.photograph import photograph, source_of_drawing
from signpipe.types import Image

FOLDER = Path(__file__).parent / "signs"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.svg")))
CROP_MARGIN = 0.1


def drawing_of(name: str) -> Path:
    return FOLDER / f"{name}.svg"


def photographs(name: str, count: int, seed: int) -> list[Image]:
    """Return cut-out pictures of a sign, 24 to 96 pixels wide, `CROP_MARGIN` around it."""
    rng = np.random.default_rng((seed, *name.encode()))
    drawing = render(drawing_of(name).read_text(), drawing_of(name))
    return [photograph(source_of_drawing(drawing, rng), rng, int(side)) for side in rng.integers(24, 97, count)]


def as_crops(pictures: list[Image]) -> Image:
    return np.stack([np.asarray(cv2.resize(one, (48, 48)), np.uint8) for one in pictures])


def write_examples(folder: Path, name: str, count: int = 5) -> Path:
    """Write photographs of a sign as a person would collect them."""
    place = folder / name
    place.mkdir(parents=True)
    for number, picture in enumerate(photographs(name, count, seed=1)):
        cv2.imwrite(str(place / f"{number}.png"), picture)
    return place
