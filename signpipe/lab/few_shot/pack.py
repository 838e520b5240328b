"""Making the prototypes of a country's signs, from drawings and from photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy.cluster.vq import kmeans2

from signpipe.catalogue.countries import Country
from signpipe.catalogue.drawings.named import OWN, render_named
from signpipe.crops import crop_signs
from signpipe.few_shot.folder import classifier_digest
from signpipe.few_shot.pack import PHOTOGRAPH, DrawnPrototypes
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.augmentation.pasting import trim
from signpipe.lab.data.labelled import Split
from signpipe.lab.data.meant import NO_SIGN, SETS, UNNAMED, read_meant
from signpipe.lab.few_shot.examples import Examples
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.runtime.session import Session
from signpipe.types import FloatArray, Image

# Chosen for the classifier that ships, see models/classifier.md.
SHARPNESS, ELSEWHERE = 20.0, 0.7
SMALLEST = 24.0  # pixels of a photographed sign's longer side from which it makes a prototype
EACH = 3  # prototypes of a sign from photographs, at most
RENDERED = 256  # pixels of a drawing's longer side

Progress = Callable[[int, int], None]


def drawings_of(countries: Iterable[Country]) -> tuple[str, ...]:
    """Return the names of all drawings of countries' signs, sorted; those of signpipe's own begin with "own:"."""
    return tuple(sorted({name for country in countries for sign in country.signs for name in sign.drawings}))


def build_prototypes(
    session: Session, names: Iterable[str], folder: Path | None, progress: Progress = lambda *_: None
) -> tuple[DrawnPrototypes, tuple[str, ...]]:
    """Make a prototype of each drawing: the mean of what the classifier sees in many looks at it.

    Args:
        session: The open classifier.
        names: Names of the drawings, as from `drawings_of`; the base classes' own are added.
        folder: `package_signs` of npm's mapillary_sprite_source, or None to make those of signpipe's own alone.
        progress: Told how many drawings are done, and how many there are.

    Returns:
        The prototypes, and the names of which there is no drawing.

    Raises:
        SettingsError: The classifier gives no embedding.
        ModelError: The classifier can't be run.
    """
    maker = PrototypeMaker(session)
    nothing = np.zeros((0, SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8)
    wanted = sorted({*names, *(f"{OWN}{name}" for name in session.entry.classes)})
    made, rows, missing = [], [], []
    for number, name in enumerate(wanted):
        drawing = _drawing(name, folder)
        if drawing is None:
            missing.append(name)
        else:
            made.append(name)
            rows.append(maker(name, Examples(nothing, drawing)))
        progress(number + 1, len(wanted))
    return DrawnPrototypes(tuple(made), np.stack(rows), classifier_digest(session), SHARPNESS, ELSEWHERE), tuple(
        missing
    )


def with_photographs(
    prototypes: DrawnPrototypes, session: Session, data: Path, split: Split = "train"
) -> DrawnPrototypes:
    """Add prototypes of the signs that the data sets show, up to three a meaning.

    Args:
        prototypes: Those of drawings.
        session: The open classifier.
        data: Folder of the data sets; one that isn't there is left out.
        split: The part whose photographs are taken.

    Raises:
        SourceError: A picture can't be read.
        ModelError: The classifier can't be run.
    """
    maker = PrototypeMaker(session)
    names, rows = list(prototypes.names), [prototypes.prototypes]
    for meaning, sources in sorted(photographs_of(data, split).items()):
        embedding = maker.embed(maker.views(meaning, Examples(sources)))
        centres = kmeans2(embedding.astype(np.float64), min(EACH, len(sources)), seed=0, minit="++")[0]
        rows.append((centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32))
        names += [f"{PHOTOGRAPH}{meaning}"] * len(centres)
    return DrawnPrototypes(
        tuple(names), np.concatenate(rows), prototypes.classifier, prototypes.sharpness, prototypes.elsewhere
    )


def photographs_of(data: Path, split: Split) -> Mapping[str, Image]:
    """Return sources of the signs that the data sets show, BGR uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3), by meaning.

    Raises:
        SourceError: A picture can't be read.
    """
    found: dict[str, list[Image]] = {}
    for name in SETS:
        for signs in read_meant(data, name, split) if (data / name).is_dir() else ():
            sides: FloatArray = (signs.boxes[:, 2:] - signs.boxes[:, :2]).max(1, initial=0)
            sources = crop_signs(signs.image, signs.boxes, SOURCE_MARGIN, SOURCE_SIZE)
            for source, meaning, side in zip(sources, signs.meanings, sides, strict=True):
                if side >= SMALLEST and meaning not in (NO_SIGN, UNNAMED):
                    found.setdefault(meaning, []).append(source)
    return {meaning: np.stack(sources) for meaning, sources in found.items()}


def _drawing(name: str, folder: Path | None) -> Image | None:
    """Return a drawing, BGRA uint8 cut to what is painted, or None if there is none of that name."""
    try:
        return trim(render_named(name, RENDERED, folder))
    except KeyError:
        return None
