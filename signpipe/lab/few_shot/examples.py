"""The pictures and the drawing that a class is added from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import resvg_py

from signpipe.crops import crop_signs
from signpipe.errors import OutputError, SourceError
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.data.reading import pictures_in
from signpipe.types import Image

_RENDERED = 256  # pixels of a drawing's width


@dataclass(frozen=True, slots=True)
class Examples:
    """What shows a class.

    Attributes:
        sources: uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3), BGR: each sign in the middle, `SOURCE_MARGIN` around it.
        drawing: BGRA uint8 (H, W, 4), cut to the sign's outline, or None.
        svg: Source of the drawing, or "".
    """

    sources: Image
    drawing: Image | None = None
    svg: str = ""


def read_examples(folder: Path | None, drawing: Path | None, margin: float = 0.0) -> Examples:
    """Read a folder of pictures of one sign each, and its drawing.

    Args:
        folder: Pictures that the sign fills but for `margin`, or None.
        drawing: SVG file, or None.
        margin: What the pictures show around the sign on each side, as a fraction of its longer side.

    Raises:
        SourceError: There is neither, a picture is damaged, the folder has none, or the drawing is no SVG.
    """
    files = list(pictures_in(folder).values()) if folder else []
    if folder and not files:
        raise SourceError(f"The folder {folder} has no picture; give one with pictures of the sign, cut out.")
    if not files and drawing is None:
        raise SourceError("A class needs pictures or a drawing of its sign; give --examples, --drawing or both.")
    sources = np.zeros((len(files), SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8)
    for source, file in zip(sources, files, strict=True):
        source[:] = _read_source(file, margin)
    svg = _read_text(drawing) if drawing else ""
    return Examples(sources, render(svg, drawing) if drawing else None, svg)


def save_examples(folder: Path, name: str, examples: Examples) -> None:
    """Keep what a class was made from in the folder of added classes, for `load_examples`.

    Raises:
        OutputError: It can't be written.
    """
    try:
        if examples.svg:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.svg").write_text(examples.svg, encoding="utf-8")
        if len(examples.sources):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for number, source in enumerate(examples.sources):
            (folder / name / f"{number:03d}.png").write_bytes(cv2.imencode(".png", source)[1].tobytes())
    except OSError as error:
        raise OutputError(f"The examples can't be kept in {folder}: {error.strerror}.") from None


def load_examples(folder: Path, name: str) -> Examples:
    """Read what `save_examples` kept.

    Raises:
        SourceError: It is missing or damaged.
    """
    drawing, pictures = folder / f"{name}.svg", folder / name
    return read_examples(
        pictures if pictures.is_dir() else None, drawing if drawing.is_file() else None, margin=SOURCE_MARGIN
    )


def _read_source(file: Path, margin: float) -> Image:
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if picture is None:
        raise SourceError(f"The picture {file} is damaged or no picture; remove or replace it.")
    height, width = picture.shape[:2]
    inset = max(height, width) * margin / (1 + 2 * margin)
    box = [inset, inset, max(width - inset, inset + 1), max(height - inset, inset + 1)]
    return cast(Image, crop_signs(np.asarray(picture, np.uint8), box, SOURCE_MARGIN, SOURCE_SIZE)[0])


def _read_text(drawing: Path) -> str:
    try:
        return drawing.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SourceError(f"The drawing {drawing} can't be read: {reason}.") from None


def render(svg: str, path: Path) -> Image:
    """Render a drawing, cut to what is painted: BGRA uint8 (H, W, 4).

    Raises:
        SourceError: It is no SVG, or nothing is painted.
    """
    try:
        png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, width=_RENDERED)
    except (ValueError, RuntimeError) as error:
        raise SourceError(f"The drawing {path} is no SVG that can be rendered ({error}); give another.") from None
    pixels = cast(Image, cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED))
    rows, columns = np.nonzero(pixels[..., 3] > 127)
    if not len(rows):
        raise SourceError(f"The drawing {path} is empty; its text may need to be turned into outlines.")
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
