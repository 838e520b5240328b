"""Fitting the two witnesses that look at the sign as the network does: outline and colour, and the drawings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.crops import MARGIN
from signpipe.lab.augmentation import CORRUPTIONS, TRAINING_OCCLUDERS
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.conditions import Condition, Spoiler
from signpipe.lab.evaluation.crops import sample_crops, seeded
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.types import FloatArray, Image
from signpipe.witnesses import shape, template

SIGNS = 3000
HIDDEN = (0.3, 0.5, 0.7)
SEVERITY = 4.0
SHAPE_DECAY = 1e-4  # L2 penalty of the weights of outline and colour
TEMPLATE_DECAY = 1e-3  # L2 penalty of the offsets of the drawings
EVERY = 3  # of so many signs one is matched with drawings
BATCH = 64

IntArray = npt.NDArray[np.int64]
DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Signs in plain view, damaged and hidden.

    Attributes:
        crops: BGR uint8 (N, 48, 48, 3), by the crop protocol.
        labels: int64 (N,), their classes.
        sides: float64 (N,), sides of the boxes in their pictures.
        signs: int64 (N,), which of them show the same photograph.
    """

    crops: Image
    labels: IntArray
    sides: DoubleArray
    signs: IntArray


def fit_witnesses(dataset: Dataset, settings: Settings, folder: Path, progress: Callable[[int, int], None]) -> None:
    """Fit both witnesses to a data set, such as the training tracks of GTSRB, and write `shape.npz` and `template.npz`.

    Args:
        dataset: Labelled pictures.
        settings: The configuration; its classifier tells which classes are hard to tell apart.
        folder: Where the two go, `signpipe/witnesses` to ship them.
        progress: Told how many pictures are read, and how many are to be.

    Raises:
        SourceError: There is no sign to look at, or a picture can't be read.
        ModelError: The classifier can't be used.
    """
    catalogue = load_catalogue()
    spoiled = spoil(dataset, catalogue, SIGNS, progress)
    looks, weights = fit_shape(spoiled, catalogue)
    np.savez_compressed(folder / shape.MODEL, looks=np.array(looks), weights=weights)
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    few = spoiled.signs % EVERY == 0
    spoiled = Spoiled(spoiled.crops[few], spoiled.labels[few], spoiled.sides[few], spoiled.signs[few])
    probability = np.concatenate(
        [
            session.run(spoiled.crops[start : start + BATCH])["probabilities"]
            for start in range(0, len(spoiled.crops), BATCH)
        ]
    )
    scale, offsets = fit_template(spoiled, probability, catalogue)
    np.savez_compressed(folder / template.MODEL, scale=scale, names=np.array(catalogue.names), offsets=offsets)


def spoil(dataset: Dataset, catalogue: Catalogue, count: int, progress: Callable[[int, int], None]) -> Spoiled:
    """Return a sample of signs: each in plain view, damaged, and hidden to three degrees by training's occluders.

    Raises:
        SourceError: There is no sign to look at, or a picture can't be read.
    """
    sample = sample_crops(dataset, count, MARGIN, shape.SIZE, progress)
    spoiler = Spoiler(sample, catalogue, MARGIN, seed=0)
    damage = [name for name, corruption in CORRUPTIONS.items() if corruption.family == "damage"]
    crops, signs = [], []
    for index, key in enumerate(sample.keys):
        rng = seeded("witnesses", key)
        hidden = [Condition("occlusion", rng.choice([o.name for o in TRAINING_OCCLUDERS]), level) for level in HIDDEN]
        plan = [Condition("clean"), Condition("corruption", rng.choice(damage), SEVERITY), *hidden]
        crops += [spoiler(condition, index)[0] for condition in plan]
        signs += [index] * len(plan)
    return Spoiled(np.stack(crops), sample.labels[signs], sample.sides[signs], np.array(signs, np.int64))


def fit_shape(spoiled: Spoiled, catalogue: Catalogue) -> tuple[tuple[str, ...], FloatArray]:
    """Fit the multinomial model of outline and colour, every look with the same weight in all.

    Returns:
        The looks in the order of the rows, and the weights float32 (looks, features + 1), the bias last.
    """
    looks = tuple(sorted({shape.outline_of(sign) for sign in catalogue}))
    look_of = np.array([looks.index(shape.outline_of(sign)) for sign in catalogue])
    truth = np.eye(len(looks))[look_of[spoiled.labels]]
    weight = (truth / np.maximum(truth.sum(0), 1)).sum(1, keepdims=True) / (truth.sum(0) > 0).sum()
    features = np.stack([shape.outline_features(crop) for crop in spoiled.crops]).astype(np.float64)
    features = np.column_stack([features, np.ones(len(features))])

    def loss(flat: DoubleArray) -> tuple[float, DoubleArray]:
        weights = flat.reshape(len(looks), -1)
        log = _log_softmax(features @ weights.T)
        gradient = ((np.exp(log) - truth) * weight).T @ features
        gradient[:, :-1] += 2 * SHAPE_DECAY * weights[:, :-1]
        cost = -(weight * truth * log).sum() + SHAPE_DECAY * (weights[:, :-1] ** 2).sum()
        return float(cost), gradient.ravel()

    start = np.zeros(len(looks) * features.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80})
    return looks, found.x.reshape(len(looks), -1).astype(np.float32)


def fit_template(spoiled: Spoiled, probability: FloatArray, catalogue: Catalogue) -> tuple[float, FloatArray]:
    """Fit the scale and the offset of each class that make a log-likelihood of how well drawings fit.

    Args:
        spoiled: The signs.
        probability: float32 (N, C), what the classifier says of them; the likely classes are told apart.
        catalogue: The classes.

    Returns:
        The scale, and the offsets float32 (C,).
    """
    candidates = np.argsort(-probability, axis=1, kind="stable")[:, : template.CANDIDATES]
    truth = candidates == spoiled.labels[:, None]
    chosen = np.flatnonzero(truth.any(1))
    candidates, truth = candidates[chosen], truth[chosen]
    fits = np.stack(
        [
            template.resemblance(
                spoiled.crops[index], spoiled.sides[index], tuple(catalogue[int(c)].name for c in classes)
            )
            for index, classes in zip(chosen, candidates, strict=True)
        ]
    )

    def loss(values: DoubleArray) -> tuple[float, DoubleArray]:
        scale, offsets = values[0], values[1:]
        log = _log_softmax(scale * fits + offsets[candidates])
        error = (np.exp(log) - truth) / len(truth)
        gradient = np.bincount(candidates.ravel(), error.ravel(), len(offsets)) + 2 * TEMPLATE_DECAY * offsets
        cost = -log[truth].mean() + TEMPLATE_DECAY * (offsets**2).sum()
        return float(cost), np.concatenate([[(error * fits).sum()], gradient])

    found = minimize(loss, np.concatenate([[0.5], np.zeros(len(catalogue))]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), found.x[1:].astype(np.float32)


def _log_softmax(logits: DoubleArray) -> DoubleArray:
    return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), np.float64)
