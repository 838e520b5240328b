"""What the reader is trained and validated on, from the data sets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import drawing_svg, render_svg
from signpipe.catalogue.drawings.named import with_view_box
from signpipe.errors import SourceError
from signpipe.lab.augmentation import framing
from signpipe.lab.augmentation.paint import HIGH
from signpipe.lab.augmentation.pasting import trim
from signpipe.lab.evaluation.crop_sets import Part, load_crops
from signpipe.lab.training.reader_data import Photographs
from signpipe.types import Image

LIMIT = re.compile(r"^(end_)?speed_limit_(\d+)$")
# Words in the names of drawings whose signs carry figures, or may.
_FIGURED = re.compile(
    r"\d|limit|speed|weight|height|width|length|axle|distance|time|hours|route|exit-number|kilomet|mile|date|zone|"
    r"interstate|highway|parking|descent|ascent|slope|hill|railroad-crossing|number|general|toll|radar|text|plate"
)


def catalogue_texts() -> tuple[list[str], list[bool]]:
    """Return what is written on each class of the catalogue, and whether it is struck through."""
    texts, struck = [], []
    for name in load_catalogue().names:
        found = LIMIT.match(name)
        texts.append(found[2] if found else "")
        struck.append(bool(found and found[1]))
    return texts, struck


def photographs(data: Path, part: Part, limit: int | None = None) -> tuple[Photographs, Image]:
    """Return GTSRB's signs of a part with what is written on them, and pieces of GTSDB without a sign.

    Signs with figures make up two thirds of what is shown, all limits about equally often.

    Raises:
        SourceError: A set is missing.
    """
    crops = load_crops(data, part, framing.SOURCE_SIZE, framing.SOURCE_MARGIN, limit)
    texts, struck = catalogue_texts()
    figured = np.array([bool(text) for text in texts])
    count = np.bincount(crops.labels, minlength=len(texts)).clip(1)
    group = np.where(figured, 0.66 / figured.sum(), 0.34 / (~figured).sum()).astype(np.float32)
    share = (group / count)[crops.labels].astype(np.float32)
    labels = crops.labels.tolist()
    found = Photographs(
        list(crops.images), framing.SOURCE_MARGIN, [texts[c] for c in labels], [struck[c] for c in labels], share
    )
    return found, crops.backgrounds


def plain_drawings(folder: Path | None) -> list[Image]:
    """Return drawings BGRA uint8 of signs without figures: the catalogue's, and those of a folder if one is given.

    Args:
        folder: `package_signs` of npm's mapillary_sprite_source, or None.

    Raises:
        SourceError: The folder has no drawings.
    """
    texts, _ = catalogue_texts()
    names = load_catalogue().names
    own = [trim(render_svg(drawing_svg(n), HIGH)) for n, text in zip(names, texts, strict=True) if not text]
    if folder is None:
        return own
    files = [path for path in sorted(folder.glob("*.svg")) if not _FIGURED.search(path.stem.split("--g")[0])]
    if not files:
        raise SourceError(
            f"{folder} has no drawings of signs; give the folder package_signs of the npm package "
            "mapillary_sprite_source."
        )
    drawn = []
    for path in files:
        svg = with_view_box(path.read_text(encoding="utf-8"))
        if svg is not None:
            drawn.append(trim(render_svg(svg, HIGH)))
    return own + drawn
