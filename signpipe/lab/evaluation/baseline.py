"""Corruption errors relative to a frozen classifier, whose table ships beside this file."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from signpipe.lab.augmentation import CORRUPTIONS


@lru_cache(maxsize=1)
def load_baseline() -> dict[str, Any]:
    """Return the frozen table: what the classifier was, what it was measured on, and its error by corruption."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("baseline.json").read_text(encoding="utf-8"))
    return table


def mean_corruption_error(corruption: dict[str, Any]) -> dict[str, float]:
    """Return the mean corruption error: errors of each corruption, summed over severities, relative to the baseline's.

    As Hendrycks & Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR
    2019, with another baseline. 1 is as good as the baseline, less is better.

    Args:
        corruption: Effects with their levels, as in the metrics.

    Returns:
        `mean_corruption_error`, and the same over the held-out corruptions alone.
    """
    frozen = load_baseline()["error"]
    relative = {
        name: sum(1 - cell["accuracy"] for cell in effect["levels"].values()) / max(sum(frozen[name].values()), 1e-3)
        for name, effect in corruption.items()
    }
    held_out = [value for name, value in relative.items() if CORRUPTIONS[name].held_out]
    return {
        "mean_corruption_error": float(np.mean(list(relative.values()))),
        "mean_corruption_error_held_out": float(np.mean(held_out)),
    }
