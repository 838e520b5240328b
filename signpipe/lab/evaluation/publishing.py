"""Publishing with a guarantee, measured: accept levels for stated rates, and what they are worth on other tracks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.errors import SettingsError
from signpipe.lab.augmentation import HELD_OUT_OCCLUDERS
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.approaching import read_signs
from signpipe.lab.evaluation.conditions import Condition
from signpipe.lab.evaluation.conformal import FloatVector, accept_level, verify_by_splits
from signpipe.lab.evaluation.fallback import CONFIGURED, Drives, Outcome, show
from signpipe.lab.evaluation.virtual_road import VirtualRoad
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify

Progress = Callable[[int, int], None]
RATES = (0.001, 0.005, 0.01, 0.02, 0.05)
HIDDEN = (0.3, 0.5, 0.7)
LOWEST = 0.51  # a class that is less probable than all others together is never published


def evaluate_publishing(
    dataset: Dataset, settings: Settings, progress: Progress, allowed: float = 0.001, observations: int = 8
) -> dict[str, Any]:
    """Choose the accept level by conformal risk control on all tracks of a data set, and say what it is worth.

    Args:
        dataset: Pictures with tracks that nothing was trained on.
        settings: The configuration.
        progress: Told how many steps are done, and how many there are.
        allowed: Share of tracks that may be published wrongly.
        observations: Frames of each track.

    Returns:
        The accept level of the rate asked for and its coverage; and under `rates`, for it and some others: what is
        promised, what random halvings of the tracks verify, and what happens under occlusion that wasn't calibrated on.

    Raises:
        SettingsError: The rate isn't between 0 and 1.
        SourceError: No sign is seen in two frames or more, or a picture can't be read.
        ModelError: The classifier can't be used.
    """
    if not 0 < allowed < 1:
        raise SettingsError(f"The allowed rate of wrong publications must be between 0 and 1, not {allowed:g}.")
    catalogue = load_catalogue()
    signs = read_signs(dataset, len(dataset), observations, lambda *_: None)
    classify = Classify(settings.classify, open_session(settings.classify.model, settings.runtime, "classifier"))
    plan = [Condition("clean"), *(Condition("occlusion", o.name, h) for h in HIDDEN for o in HELD_OUT_OCCLUDERS)]
    outcomes: dict[float, list[Outcome]] = {}
    with tempfile.TemporaryDirectory() as folder:
        drives = Drives(settings, catalogue, VirtualRoad(signs, catalogue), Path(folder))
        for done, condition in enumerate(plan, 1):
            played = drives.run(CONFIGURED, show(condition, signs, classify, catalogue))
            outcomes.setdefault(condition.level, []).extend(played)
            progress(done, len(plan))
    rates = {f"{rate:g}": _worth(outcomes, rate) for rate in sorted({allowed, *RATES})}
    asked = rates[f"{allowed:g}"]
    return {
        "allowed": allowed,
        "accept": asked["accept"],
        "promised": asked["promised"],
        "lowest_rate": 1 / (len(signs) + 1),
        "coverage": asked["coverage"],
        "rates": rates,
        "n": {"accept": len(signs), "coverage": len(signs)},
    }


def _worth(outcomes: dict[float, list[Outcome]], rate: float) -> dict[str, Any]:
    """Return what the level for a rate is worth on the tracks in plain view and hidden."""
    wrong_at, right_at = _heights(outcomes[0.0])
    level = accept_level(wrong_at, rate)
    accept = max(level.accept, LOWEST)  # a higher level promises no less
    verified = verify_by_splits(wrong_at, right_at, rate) if len(wrong_at) > 1 else None
    hidden = {}
    for share, played in outcomes.items():
        if share:
            wrong, right = _heights(played)
            hidden[f"{share:g}"] = {
                "wrong": float((wrong >= accept).mean()),
                "coverage": float((right >= accept).mean()),
                "n": len(played),
            }
    return {
        "accept": accept,
        "promised": level.promised,
        "coverage": float((right_at >= accept).mean()),
        "wrong": float((wrong_at >= accept).mean()),
        "verified": None
        if verified is None
        else {
            "splits": verified.splits,
            "wrong": verified.wrong,
            "wrong_p95": verified.wrong_worst,
            "coverage": verified.coverage,
        },
        "hidden": hidden,
        "n": len(wrong_at),
    }


def _heights(outcomes: Sequence[Outcome]) -> tuple[FloatVector, FloatVector]:
    """Return the highest probabilities that wrong and right classes reached, float64 (N,) each."""
    return np.array([one.wrong_at for one in outcomes]), np.array([one.right_at for one in outcomes])
