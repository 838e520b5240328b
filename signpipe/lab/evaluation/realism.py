"""How far what the models say of rendered signs is distributed as what they say of real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.detection import assign, box_iou
from signpipe.lab.simulation.perception import Look, Table
from signpipe.pipeline import Pipeline
from signpipe.settings import Settings
from signpipe.types import Frame

OVERLAP = 0.4
FEATURES = ("found", "score", "confidence", "novelty", "box error")
LIKE = 0.15  # of the logarithm of the side, within which a rendered look is taken for a real one of a size


def real_looks(dataset: Dataset, settings: Settings, progress: Callable[[int, int], None]) -> list[Look]:
    """Return what the models say of every sign that a data set marks.

    Args:
        dataset: Completely labelled pictures.
        settings: The configuration.
        progress: Told how many pictures are done, and how many there are.

    Raises:
        SourceError: A picture can't be read.
        ModelError: A model can't be used.
    """
    looks: list[Look] = []
    with Pipeline(settings, witnesses=[]) as pipeline:
        for index, labelled in enumerate(dataset):
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)[labelled.class_ids >= 0]
            result = pipeline.process(Frame(image, index, 0.0, float(index), "evaluation", independent=True))
            found = result.detections.xyxy
            partner = assign(box_iou(found, boxes), OVERLAP).tolist() if len(found) and len(boxes) else []
            for place, box in enumerate(boxes):
                side = float(np.sqrt(np.prod(box[2:] - box[:2])))
                if place not in partner:
                    looks.append(Look(side))
                    continue
                row = partner.index(place)
                off = ((found[row] - box) / side).tolist()
                top = float(result.classifications.probability[row].max())
                looks.append(Look(side, float(result.detections.score[row]), (off[0], off[1], off[2], off[3]),
                                  ("",), (top,), float(result.classifications.novelty[row])))  # fmt: skip
            progress(index + 1, len(dataset))
    return looks


def compare(real: Sequence[Look], table: Table, classes: Sequence[str], condition: str = "clear") -> dict[str, Any]:
    """Compare real looks with rendered ones of the same sizes.

    For each real sign, one rendered look of nearly its size is drawn, so that only what the models say of a size is
    compared; how sizes themselves are distributed follows from where signs stand, and is told beside.

    Args:
        real: Looks at real signs.
        table: Looks at rendered ones.
        classes: Whose looks count: those that the data set marks.
        condition: Of the rendered ones.

    Returns:
        By feature: the statistic of Kolmogorov and Smirnov, its p, both means and both counts.
    """
    rendered = [look for name, ones in table.approaches.get(condition, {}).items() if name in classes
                for approach in ones for look in approach]  # fmt: skip
    sizes = np.log([look.side for look in rendered])
    rng = np.random.default_rng(71)
    pairs = []
    for look in real:
        near = np.flatnonzero(np.abs(sizes - np.log(look.side)) <= LIKE)
        if len(near):
            pairs.append((look, rendered[int(rng.choice(near))]))
    ours, theirs = [two for _, two in pairs], [one for one, _ in pairs]
    found = {"size": _ks([look.side for look in real], [look.side for look in rendered])}
    for feature in FEATURES:
        found[feature] = _ks(_values(theirs, feature), _values(ours, feature))
    return {
        "condition": condition,
        "real": len(real),
        "rendered": len(rendered),
        "paired": len(pairs),
        "features": found,
    }


def _values(looks: Sequence[Look], feature: str) -> list[float]:
    if feature == "found":
        return [float(look.score > 0) for look in looks]
    seen = [look for look in looks if look.score > 0]
    return [
        {
            "score": look.score,
            "confidence": look.probability[0],
            "novelty": look.novelty,
            "box error": float(np.abs(look.edges).mean()),
        }[feature]
        for look in seen
    ]


def _ks(real: Sequence[float], rendered: Sequence[float]) -> dict[str, Any]:
    if not real or not rendered:
        return {"ks": None, "p": None, "n": [len(real), len(rendered)]}
    test = ks_2samp(real, rendered)
    means = [round(float(np.mean(one)), 4) for one in (real, rendered)]
    return {"ks": round(float(test.statistic), 4), "p": float(f"{test.pvalue:.3g}"), "means": means,
            "n": [len(real), len(rendered)]}  # fmt: skip
