"""What the pipeline publishes of signs with figures, with its reader and without: single looks, one sign a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.figures.parse import speed_of
from signpipe.lab.evaluation.figures import Case
from signpipe.lab.evaluation.interval import wilson
from signpipe.pipeline import Pipeline
from signpipe.settings import Settings
from signpipe.types import Detections, FloatArray, FrameResult, Image, Prepared


@dataclass(slots=True)
class _Given:
    """Stands for the detector: finds the sign that it was told of.

    Attributes:
        xyxy: float32 (1, 4), its box.
    """

    xyxy: FloatArray

    def __call__(self, _prepared: Prepared) -> tuple[Detections, Detections]:
        return Detections(self.xyxy, np.ones(1, np.float32)), Detections.empty()


def _all_plausible(detections: Detections, _shape: tuple[int, ...]) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Stand for the rules on place and size: in a picture of a sign alone they say nothing."""
    return np.ones(len(detections), bool), {}


def published(cases: Sequence[Case], settings: Settings) -> dict[str, Any]:
    """Run the pipeline on signs, with the reader and without.

    Args:
        cases: Signs, each the only one in its picture.
        settings: The configuration.

    Returns:
        `with_reader` and `without`: `n`; `right`, share published as the limit that they are; `wrong`, share wrong of
        those published, with its interval, the confusions; and `withheld`.

    Raises:
        ModelError: A model can't be used.
    """
    results = {}
    for name, reader in (("without", False), ("with_reader", True)):
        results[name] = _tally(cases, published_classes([(one.image, one.xyxy) for one in cases], settings, reader))
    return results


def published_classes(signs: Iterable[tuple[Image, FloatArray]], settings: Settings, reader: bool) -> list[str | None]:
    """Return the class that the pipeline publishes of each sign at a single look, or None.

    Args:
        signs: Pictures BGR uint8 (H, W, 3), and the box float32 (4,) of the sign in each.
        settings: The configuration.
        reader: Whether figures are read.

    Raises:
        ModelError: A model can't be used.
    """
    figures = settings.figures.model_copy(update={"enabled": reader})
    given = _Given(np.zeros((1, 4), np.float32))
    stages = {"detect": given, "plausibility": _all_plausible}
    names: list[str | None] = []
    with Pipeline(settings.model_copy(update={"figures": figures}), stages=stages) as pipeline:
        for image, xyxy in signs:
            given.xyxy = xyxy[None]
            names.append(_name(pipeline(image, 0.0, independent=True)))
    return names


def _name(result: FrameResult) -> str | None:
    """Return the class that was published, or None."""
    sign = result.tracks[0].sign if result.tracks else None
    return None if sign is None else sign.name


def _tally(cases: Sequence[Case], outcomes: Sequence[str | None]) -> dict[str, Any]:
    names = set(load_catalogue().names)
    wanted = [f"speed_limit_{case.text}" if speed_of(case.text) is not None else "" for case in cases]
    shown = np.array([outcome is not None for outcome in outcomes])
    right = np.array([outcome == name for outcome, name in zip(outcomes, wanted, strict=True)])
    count, wrong = int(shown.sum()), int((shown & ~right).sum())
    counts: dict[tuple[str, str], int] = {}
    for case, outcome, is_right in zip(cases, outcomes, right, strict=True):
        if outcome is not None and not is_right:
            counts[case.text, outcome] = counts.get((case.text, outcome), 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return {
        "n": len(cases),
        "in_catalogue": float(np.mean([name in names for name in wanted])),
        "right": float((shown & right).mean()),
        "wrong": wrong / count if count else 0.0,
        "wrong_interval": wilson(wrong, count) if count else None,
        "withheld": float((~shown).mean()),
        "confusions": [{"true": true, "published": name, "n": n} for (true, name), n in ranked[:10]],
    }
