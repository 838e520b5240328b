"""What an approach tells of a sign behind leaves that stand before it, so that another part is hidden in each look.

    .venv/bin/python benchmarks/parallax.py --data DATA --json benchmarks/results/parallax.json

GTSRB's validation tracks, ten looks each, the last from 9 m. Leaves or branches that training never saw stand
0.5 to 10 m before the sign, so that they grow faster than it and move across it. Compared are one look, the last look,
all looks added up as evidence, the mean of all looks as one picture (which the leaves blur away in, and the sign
doesn't), judged once more, and both together.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from signpipe.crops import crop_signs
from signpipe.lab.data import find_data, open_dataset
from signpipe.lab.evaluation.approaching import MARGIN, Sign, read_signs
from signpipe.lab.evaluation.interval import wilson
from signpipe.lab.evaluation.parallax import Curtain, distances
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.stages.evidence import looks_of
from signpipe.types import Image

KINDS = ("leaves", "branches")
SHARES = (0.3, 0.5, 0.7)
LOOKS = 10
JITTER = 0.02  # of a box's place, as a share of its side
SURE = 0.95


def looks_at(sign: Sign, kind: str, share: float, textures: Image, rng: np.random.Generator, size: int) -> Image:
    """Return the crops of a hidden approach, BGR uint8 (LOOKS, size, size, 3)."""
    curtain = Curtain.of(kind, share, textures, rng)
    crops = []
    for square, distance in zip(sign.squares, distances(sign.sizes.max(1)), strict=True):
        side = max(len(square), 32)
        seen = curtain.hide(np.asarray(cv2.resize(square, (side, side)), np.uint8), MARGIN, float(distance))
        inner = side * MARGIN / (1 + 2 * MARGIN)
        box = np.array([inner, inner, side - inner, side - inner]) + np.tile(rng.normal(0, JITTER * side, 2), 2)
        crops.append(crop_signs(seen, box[None].astype(np.float32), size=size)[0])
    return np.stack(crops)


def mean_picture(crops: Image) -> Image:
    """Return the mean of looks, each brought to the same light; later ones, which are sharper, count up to twice."""
    light = crops.mean((1, 2, 3), keepdims=True, dtype=np.float32)
    levelled = crops * np.clip(light.mean() / np.maximum(light, 1), 0.5, 2)
    weight = np.linspace(0.5, 1, len(crops), dtype=np.float32)
    return np.asarray(np.clip(np.average(levelled, axis=0, weights=weight), 0, 255), np.uint8)


def measure(classify: Classify, signs: list[Sign], kind: str, share: float) -> dict[str, Any]:
    """Return how many signs are read right in each way."""
    rng, size = np.random.default_rng(5), int(classify.entry.input.shape[1])
    right: dict[str, list[float]] = {name: [] for name in ("look", "last look", "evidence", "mean picture", "both")}
    sure_and_wrong = 0
    for number, sign in enumerate(signs):
        others = [signs[(number + step) % len(signs)].squares[0] for step in (7, 31)]
        textures = np.stack([cv2.resize(other, (64, 64)) for other in others]).astype(np.uint8)
        crops = looks_at(sign, kind, share, textures, rng, size)
        told = classify.read(np.concatenate([crops, mean_picture(crops)[None]]))
        looks, mean = told.probability[:-1], told.probability[-1]
        logs = np.stack([look.log for look in looks_of(told)])
        added = logs[:-1].sum(0)
        right["look"].append(float((looks.argmax(1) == sign.class_id).mean()))
        right["last look"].append(float(looks[-1].argmax() == sign.class_id))
        right["evidence"].append(float(added.argmax() == sign.class_id))
        right["mean picture"].append(float(mean.argmax() == sign.class_id))
        right["both"].append(float(logs.sum(0).argmax() == sign.class_id))
        sure_and_wrong += int(mean.max() >= SURE and mean.argmax() != sign.class_id)
    count = len(signs)
    shares = {name: {"right": float(np.mean(hits)), "interval_95": list(wilson(round(sum(hits)), count))}
              for name, hits in right.items()}  # fmt: skip
    return {"n": count, **shares, "mean picture sure and wrong": sure_and_wrong / count}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data sets; else SIGNPIPE_DATA, else ../shared/data")
    parser.add_argument("--signs", type=int, default=10_000, help="at most so many signs")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    settings = Settings()
    dataset = open_dataset(find_data(arguments.data) / "gtsrb", "gtsrb", "val")
    signs = read_signs(dataset, arguments.signs, LOOKS, lambda _done, _all: None)
    result: dict[str, Any] = {"task": "parallax", "model": settings.classify.model, "looks": LOOKS, "sets": {}}
    classify = Classify(settings.classify, open_session(settings.classify.model, settings.runtime, "classifier"))
    for kind in KINDS:
        for share in SHARES:
            of = result["sets"][f"{kind} {share:.0%}"] = measure(classify, signs, kind, share)
            told = ", ".join(f"{name} {of[name]['right']:.1%}" for name in of if isinstance(of[name], dict))
            print(f"{kind}, {share:.0%} hidden, {len(signs)} signs: {told}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
