"""Which damage teaches a classifier most: that drawn by procedure, that of the generator, or both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.catalogue import load_catalogue
from signpipe.lab.augmentation.worn import KINDS, wear
from signpipe.lab.data import LabelledImage
from signpipe.lab.evaluation.crop_sets import crops
from signpipe.lab.evaluation.interval import wilson
from signpipe.lab.evaluation.real_hard import read_hardships
from signpipe.lab.training.damage import HARDEST, DamageData, cut, damage_crops
from signpipe.lab.training.damage_network import DamageNet
from signpipe.lab.training.device import mixed_precision
from signpipe.lab.training.export import load_checkpoint
from signpipe.lab.training.network import SignNet, normalise, restored
from signpipe.types import Image

WAYS = ("clean", "procedural", "generated", "both")
RATE, BATCH, DAMAGED = 2e-4, 64, 0.5
UNSEEN = ("faded", "sticker", "dirt")  # causes of real-hard that are damage
OTHERS = 1200  # validation crops that nobody found hard


def compare(
    weights: Path, generator: DamageNet, data: DamageData, folder: Path, steps: int, size: int,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:  # fmt: skip
    """Train one classifier on, in four ways for equally long, and judge each on damage that nothing was taught with.

    Args:
        weights: The classifier's checkpoint.
        generator: Of damage.
        data: Clean crops and their classes.
        folder: Of the data sets; the damaged signs are tracks of its validation part.
        steps: Of each way.
        size: Side of the crops in pixels.
        progress: Told how many steps are done, and how many there are.

    Returns:
        By way, and of the classifier as it was: right of how many damaged crops, of hard ones and of others, with
        intervals.
    """
    held = _held_back(folder, size)
    found = {"as it was": _judge(_network(weights), held)}
    for turn, way in enumerate(WAYS):
        net = _network(weights)
        optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.01)
        for step in range(steps):
            images, labels = _batch(way, data, generator, np.random.default_rng([5, step]))
            net.train()
            with mixed_precision("cpu"):
                scores = net(normalise(torch.from_numpy(images)).to(memory_format=torch.channels_last))[0]
            loss = F.cross_entropy(scores.float(), torch.from_numpy(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            progress(turn * steps + step + 1, len(WAYS) * steps)
        found[way] = _judge(net, held)
    return found


def _network(weights: Path) -> SignNet:
    net = restored(load_checkpoint(weights)["averaged"])
    net.to(memory_format=torch.channels_last)
    return net


def _batch(
    way: str, data: DamageData, generator: DamageNet, rng: np.random.Generator
) -> tuple[Image, npt.NDArray[np.int64]]:
    """Return crops, half of which are damaged in a way: the same ones, as hard, for each way."""
    picked = rng.integers(len(data.clean), size=BATCH)
    images, labels = data.clean[picked].copy(), data.labels[picked]
    shapes = [sign.shape for sign in load_catalogue()]
    for row in range(round(BATCH * DAMAGED)):
        kind, severity = KINDS[int(rng.integers(len(KINDS)))], float(rng.uniform(1, HARDEST))
        seed, first = int(rng.integers(2**31)), rng.random() < 0.5
        if way == "generated" or (way == "both" and first):
            images[row] = damage_crops(generator, images[row : row + 1], kind, severity, seed)[0]
        elif way != "clean":
            images[row] = wear(images[row], kind, severity, np.random.default_rng(seed), shapes[int(labels[row])])
    return images, labels


def _held_back(folder: Path, size: int) -> dict[str, tuple[Image, npt.NDArray[np.int64]]]:
    """Return validation crops: of damaged signs, of those that are hard for any reason, and of others."""
    hardships = read_hardships()
    groups: dict[str, list[LabelledImage]] = {"damaged": [], "hard": [], "others": []}
    for sign in crops(folder, "val").images:
        hardship = hardships.get(sign.track or "")
        groups["others" if hardship is None else "hard"].append(sign)
        if hardship is not None and hardship.cause in UNSEEN:
            groups["damaged"].append(sign)
    groups["others"] = groups["others"][:: max(len(groups["others"]) // OTHERS, 1)]
    groups["hard"] = groups["hard"][::2]
    return {
        name: (cut(signs, size), np.array([sign.class_ids[0] for sign in signs], np.int64))
        for name, signs in groups.items()
        if signs
    }


def _judge(net: SignNet, held: dict[str, tuple[Image, npt.NDArray[np.int64]]]) -> dict[str, Any]:
    net.eval()
    found = {}
    for name, (images, labels) in held.items():
        with torch.no_grad():
            pieces = [
                net(normalise(torch.from_numpy(images[one : one + 256])))[0] for one in range(0, len(images), 256)
            ]
        right = int((torch.cat(pieces)[:, :-1].argmax(1).numpy() == labels).sum())
        found[name] = {"right": right / len(labels), "n": len(labels), "interval_95": list(wilson(right, len(labels)))}
    return found
