"""Whether classifiers rank alike on really hard signs, the set `real-hard`, and on simulated ones.

    for c in $(git log --format=%h -- models/classifier.onnx); do git show $c:models/classifier.onnx > out/$c.onnx; done
    .venv/bin/python benchmarks/ranks.py --data DATA --json benchmarks/results/ranks.json out/*.onnx

Single crops of GTSRB's validation tracks: in plain view, half hidden by leaves and branches that training never saw,
damaged at severity 5, under held-out corruptions at severity 3, and the really hard ones.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN, crop_signs
from signpipe.lab.data import Dataset, find_data, open_dataset
from signpipe.lab.evaluation.conditions import Condition, Spoiler, conditions
from signpipe.lab.evaluation.crops import sample_crops
from signpipe.lab.evaluation.real_hard import read_hardships
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.types import Image

SIDE, CROPS, BATCH = 48, 600, 256
HARD = "real-hard"
Crops = tuple[Image, np.ndarray[Any, np.dtype[np.int64]]]


def sets_of(dataset: Dataset) -> dict[str, Crops]:
    """Return the crops of each set, BGR uint8 (N, SIDE, SIDE, 3), and their classes, int64 (N,)."""
    sample = sample_crops(dataset, CROPS, MARGIN, SIDE)
    spoil = Spoiler(sample, load_catalogue(), MARGIN, 0)
    corrupted = conditions("corruption")
    chosen = {
        "plain view": [Condition("clean")],
        "half hidden, held out": [Condition("occlusion", name, 0.5) for name in ("leaves", "branches")],
        "damaged": [one for one in corrupted if one.family == "damage" and one.level == 5],
        "held-out corruptions": [one for one in corrupted if one.held_out and one.level == 3],
    }
    sets = {
        name: (np.concatenate([spoil.all(one)[0] for one in ones]), np.tile(sample.labels, len(ones)))
        for name, ones in chosen.items()
    }
    tracks, hard, labels = read_hardships(), [], []
    for labelled in dataset:
        if labelled.track in tracks:
            image = labelled.read()
            hard.append(crop_signs(image, labelled.boxes_in(image.shape)[0], MARGIN, SIDE)[0])
            labels.append(int(labelled.class_ids[0]))
    return sets | {HARD: (np.stack(hard), np.array(labels, np.int64))}


def accuracy(classify: Classify, crops: Crops) -> float:
    """Return which share of crops a classifier reads right."""
    batches = np.array_split(crops[0], -(-len(crops[0]) // BATCH))
    return float((np.concatenate([classify.read(one).probability for one in batches]).argmax(1) == crops[1]).mean())


def main() -> None:
    """Read every set with every classifier, and compare the ranks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, help="ONNX classifiers that ship or shipped")
    parser.add_argument("--data", type=Path, help="folder of the data sets; else SIGNPIPE_DATA")
    parser.add_argument("--json", type=Path, help="where the result is written")
    arguments = parser.parse_args()
    sets = sets_of(open_dataset(find_data(arguments.data) / "gtsrb", "gtsrb", "val"))
    settings, right = Settings(), {}
    for file in arguments.models:
        classify = Classify(settings.classify, open_session(str(file), settings.runtime, "classifier"))
        right[file.stem] = {name: accuracy(classify, crops) for name, crops in sets.items()}
        print(file.stem, "  ".join(f"{name} {100 * share:.2f}" for name, share in right[file.stem].items()))
    hard = [shares[HARD] for shares in right.values()]
    ranks = {
        name: float(spearmanr(hard, [shares[name] for shares in right.values()]).statistic)
        for name in sets
        if name != HARD
    }
    print("ranks as on", HARD, "  ".join(f"{name} {rank:.2f}" for name, rank in ranks.items()))
    if arguments.json:
        result = {"n": {name: len(crops[1]) for name, crops in sets.items()}, "right": right, "spearman": ranks}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
