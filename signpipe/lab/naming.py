"""Measuring how a country's signs are named, with prototypes made for the purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.catalogue.countries import Country
from signpipe.crops import crop_signs
from signpipe.lab.evaluation.clutter import clutter_boxes, street_scenes
from signpipe.lab.evaluation.country import naming, of_clutter, publishing, read_photographed
from signpipe.lab.evaluation.observations import read_crops
from signpipe.lab.evaluation.run import open_detector
from signpipe.lab.few_shot.pack import build_prototypes, drawings_of, with_photographs
from signpipe.runtime.session import Session, open_session
from signpipe.settings import Settings
from signpipe.types import Image

Progress = Callable[[int, int], None]


def evaluate_country(
    data: Path, country: Country, settings: Settings, drawings: Path | None, progress: Progress
) -> dict[str, Any]:
    """Name the signs of the validation photographs among a country's, from drawings and with photographs as prototypes.

    Args:
        data: Folder of the data sets; those that aren't there are left out.
        country: Whose signs are named. Photographs of other countries are shown too: what a country doesn't have may
            not be published as something that it has.
        settings: The configuration; `fallback` says from which levels a look is published.
        drawings: Folder of the world's drawings, or None for signpipe's own alone.
        progress: Told how many steps are done, and how many there are.

    Returns:
        By "drawings" and "photographs", what the prototypes are made of: `naming` of Belgium's signs, `publishing` of
        all sets and of each, and `clutter`; and `missing`, drawings that there are none of.

    Raises:
        SourceError: A picture can't be read.
        ModelError: A model can't be used.
    """
    session = open_session(settings.embedder, settings.runtime, "classifier")
    shown = read_photographed(data, "val", int(session.entry.input.shape[1]))
    progress(1, 5)
    told, clutter = read_crops(session, shown.crops), read_crops(session, _clutter(data, session, settings))
    progress(2, 5)
    drawn, missing = build_prototypes(session, drawings_of([country]), drawings)
    progress(3, 5)
    result: dict[str, Any] = {"missing": list(missing)}
    for made_of, prototypes in (("drawings", drawn), ("photographs", with_photographs(drawn, session, data))):
        head = prototypes.head(country)
        named, sets = head(told), np.array(shown.sets)
        result[made_of] = {
            "prototypes": len(prototypes.names),
            "naming": {
                name: naming(named[sets == name], shown.where(sets == name), country.catalogue)
                for name in sorted(set(shown.sets))
            },
            "publishing": publishing(named, shown, country.catalogue, settings.fallback),
            "clutter": of_clutter(head(clutter), country.catalogue, settings.fallback),
        }
        progress(5 if made_of == "photographs" else 4, 5)
    return result


def _clutter(data: Path, session: Session, settings: Settings) -> Image:
    """Cut out what is no sign of every second validation picture, BGR uint8 (N, S, S, 3)."""
    detect, size = open_detector(settings), int(session.entry.input.shape[1])
    crops = [np.zeros((0, size, size, 3), np.uint8)]
    for number, (image, signs) in enumerate(street_scenes(data, "val")):
        if number % 2 == 0:
            boxes = clutter_boxes(image, signs, detect, np.random.default_rng(number))
            crops.append(crop_signs(image, boxes, size=size))
    return np.concatenate(crops)
