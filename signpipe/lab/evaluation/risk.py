"""How often what is published is wrong, against how much is published."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from signpipe.lab.evaluation.interval import wilson
from signpipe.settings import FallbackSettings

CURVE = 50  # points of the curve


def risk_coverage(
    confidence: npt.NDArray[np.floating],
    novelty: npt.NDArray[np.floating],
    right: npt.NDArray[np.bool_],
    settings: FallbackSettings,
) -> dict[str, Any]:
    """Return the risk-coverage curve of single observations (El-Yaniv & Wiener, JMLR 2010), with the operating point.

    Args:
        confidence: float (N,), probability of the most probable class.
        novelty: float (N,), how unfamiliar each sign looked.
        right: bool (N,), whether the class is right.
        settings: The levels from which an observation is published.

    Returns:
        The curve, the area under it, and at the operating point the share that is published and how many of those are
        wrong, with intervals after Wilson and after Clopper and Pearson (which never claims too much).
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order])
    covered = np.arange(1, len(right) + 1)
    risk = wrong / covered
    places = np.unique(np.linspace(0, len(right) - 1, CURVE).round().astype(int))
    published = (confidence >= settings.accept) & (novelty <= settings.novelty)
    count, mistakes = int(published.sum()), int((published & ~right).sum())
    safe = np.flatnonzero(risk <= 0.001)
    exact = binomtest(mistakes, count).proportion_ci(method="exact") if count else None
    return {
        "coverage": count / len(right),
        "risk": mistakes / count if count else 0.0,
        "published": count,
        "published_wrong": mistakes,
        "risk_interval_95_wilson": list(wilson(mistakes, count)) if count else [0.0, 1.0],
        "risk_interval_95_clopper_pearson": [float(exact.low), float(exact.high)] if exact else [0.0, 1.0],
        "area_under_curve": float(risk.mean()),
        "coverage_at_risk_0.001": float(covered[safe[-1]] / len(right)) if len(safe) else 0.0,
        "curve": [
            {
                "coverage": float(covered[i] / len(right)),
                "risk": float(risk[i]),
                "confidence": float(confidence[order[i]]),
            }
            for i in places
        ],
        "n": {"coverage": len(right), "risk": count, "area_under_curve": len(right)},
    }
