"""Chooses the constants of the class evidence on GTSRB's training tracks, and tells how they do on the validation ones.

    python benchmarks/evidence.py --data ../shared/data --tracks 40      # writes benchmarks/results/evidence.json

Tracks are played clean, behind training's occluders and damaged, thinned to each rate (at 30 a second, each look is
repeated). At each look, what is published rightly counts one and what is published wrongly minus 19, which is what a
bound of 0.95 means. Constants of the grid are honest where at every rate, of what is over 0.95 and under 0.99, at least
95 % is right on the training tracks; of these, the one with the highest sum is chosen, and all are told. They are
written with their source, beside those that signpipe has: changing these is left to a person.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.lab.augmentation import CORRUPTIONS, OCCLUDERS
from signpipe.lab.data import open_dataset
from signpipe.lab.evaluation.approach import Approach
from signpipe.lab.evaluation.approaching import Sign, Windscreen, boxed, read_signs, under
from signpipe.lab.evaluation.conditions import Condition
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.rates import SURE, SURER, frames_at
from signpipe.runtime.session import open_session
from signpipe.settings import Settings, TrackSettings
from signpipe.stages.classify import Classify
from signpipe.stages.evidence import ClassEvidence, looks_of
from signpipe.stages.target import Pace
from signpipe.types import Classifications

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "evidence.json"
RATES = (1.0, 3.0, 10.0, 30.0)
FPS, OBSERVATIONS = 10.0, 30
GRID = {"size_reference": (2.0, 4.0, 8.0), "independent_after": (0.7, 1.0, 1.5), "worthless": (0.005, 0.01, 0.02)}
COST = 19.0  # of a wrong publication, in right ones: that of the odds of 0.95


def read(data: Path, split: Literal["train", "val"], tracks: int, settings: Settings) -> list[Approach]:
    """Return what the classifier says of tracks, clean and under two conditions each."""
    signs = read_signs(open_dataset(data, "gtsrb", split), tracks, OBSERVATIONS, lambda *_: None)
    classify = Classify(settings.classify, open_session(settings.classify.model, settings.runtime, "classifier"))
    catalogue, windscreen = load_catalogue(), Windscreen()
    others = np.stack([cv2.resize(sign.squares[-1], (64, 64)) for sign in signs]).astype(np.uint8)
    hiding, damaging = [name for name, one in OCCLUDERS.items() if not one.held_out], list(CORRUPTIONS)
    found = []
    for number, sign in enumerate(signs, 1):
        rng = seeded("evidence", sign.name)
        hidden = Condition("occlusion", str(rng.choice(hiding)), float(rng.choice([0.3, 0.5])))
        damaged = Condition("corruption", str(rng.choice(damaging)), float(rng.choice([3.0, 5.0])))
        seen = sign.squares, under(hidden, sign, catalogue, others), under(damaged, sign, catalogue, others)
        found += [_approach(sign, squares, classify, windscreen) for squares in seen]
        print(f"\r{split}: {number} of {len(signs)} tracks read", end="", file=sys.stderr)
    print(file=sys.stderr)
    return found


def _approach(sign: Sign, squares: Sequence[Any], classify: Classify, windscreen: Windscreen) -> Approach:
    said = [classify(windscreen.show(square), boxed(size)) for square, size in zip(squares, sign.sizes, strict=True)]
    return Approach(sign.name, sign.class_id, sign.sizes, Classifications.stacked(said))


def judge(approaches: Sequence[Approach], settings: TrackSettings, novelty: float) -> dict[str, dict[str, float]]:
    """Return, by the rate, what is published of approaches with some constants."""
    result = {}
    for rate in RATES:
        needed = Pace.at(1 / rate, settings).looks
        published = [list(_published(one, rate, needed, settings, novelty)) for one in approaches]
        near = [right for one in published for confidence, right in one if SURE <= confidence < SURER]
        looks = [sum(1 for _ in frames_at(len(one.sizes), rate, FPS)) for one in approaches]
        worth = [sum(1.0 if right else -COST for _, right in one) for one in published]
        result[f"{rate:g}"] = {
            "net": float(np.mean(np.array(worth) / looks)),
            "right": float(np.mean([any(right for _, right in one) for one in published])),
            "ever_wrong": float(np.mean([any(not right for _, right in one) for one in published])),
            "at_095_to_099": len(near),
            "right_at_095_to_099": float(np.mean(near)) if near else 1.0,
        }
    return result


def _published(
    approach: Approach, rate: float, needed: int, settings: TrackSettings, novelty: float
) -> Iterator[tuple[float, bool]]:
    """Yield the confidence of each publication, and whether it is right."""
    evidence = ClassEvidence(approach.observations.probability.shape[1], settings)
    looks = looks_of(approach.observations, worthless=settings.worthless)
    sides, unfamiliar = np.sqrt(approach.sizes.prod(axis=1)).tolist(), approach.observations.novelty.tolist()
    for number, (_, frame) in enumerate(frames_at(len(looks), rate, FPS), 1):
        evidence.add(looks[frame], unfamiliar[frame], sides[frame], 1.0, 1 / rate)
        confidence = float(evidence.probability[evidence.class_id])
        if number >= needed and confidence >= SURE and evidence.novelty <= novelty:
            yield confidence, evidence.class_id == approach.class_id


def compare(approaches: Sequence[Approach], settings: Settings) -> list[dict[str, float]]:
    """Return the constants of the grid with how they do, the best first; those that aren't honest come last."""
    compared = []
    for values in itertools.product(*GRID.values()):
        constants = dict(zip(GRID, values, strict=True))
        found = judge(approaches, settings.track.model_copy(update=constants), settings.fallback.novelty).values()
        compared.append(
            constants
            | {
                "net": float(np.mean([one["net"] for one in found])),
                "least_right_at_095_to_099": min(one["right_at_095_to_099"] for one in found),
            }
        )
    return sorted(compared, key=lambda one: (one["least_right_at_095_to_099"] < SURE, -one["net"]))


def main() -> None:
    """Choose, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with GTSRB's training set")
    parser.add_argument("--tracks", type=int, default=300, help="tracks of either split (300)")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    settings = Settings()
    train = read(given.data, "train", given.tracks, settings)
    val = read(given.data, "val", given.tracks, settings)
    compared = compare(train, settings)
    chosen = {name: compared[0][name] for name in GRID}
    ours = {name: getattr(settings.track, name) for name in GRID}
    result = {
        "command": f"python benchmarks/evidence.py --data DATA --tracks {given.tracks}",
        "source": f"GTSRB's training tracks, {given.tracks} by a hash of their names, clean, hidden and damaged",
        "grid": GRID,
        "training": compared,
        "chosen": chosen,
        "signpipe": ours,
        "validation": {
            name: judge(val, settings.track.model_copy(update=constants), settings.fallback.novelty)
            for name, constants in (("chosen", chosen), ("signpipe", ours))
        },
        "n": {"training": len(train), "validation": len(val)},
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
