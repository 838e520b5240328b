"""From a classifier's checkpoint to ONNX models with an entry in the manifest: float32, and int8 that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN
from signpipe.lab.evaluation.classification import ClassificationEvaluation, roc_auc
from signpipe.lab.evaluation.crop_sets import CropSet, hide_crops, load_crops, without
from signpipe.lab.evaluation.parity import LEAST_EQUAL
from signpipe.lab.evaluation.resume import file_sha256
from signpipe.lab.training.calibration import Calibration, calibrate
from signpipe.lab.training.classifier import outputs_of, plan_of
from signpipe.lab.training.export import enter_judged, load_checkpoint, to_onnx
from signpipe.lab.training.familiarity import Familiarity, fit_familiarity
from signpipe.lab.training.network import Deployed, SignNet, restored
from signpipe.lab.training.quantise import quantise
from signpipe.lab.training.recover import mean_of, trained_classifier
from signpipe.runtime.session import Session, open_session
from signpipe.settings import FallbackSettings, RuntimeSettings
from signpipe.types import FloatArray, Image

TRAINED_ON = [
    "GTSRB official training set without every fifth track of each class",
    "pieces without a sign of GTSDB images 0-599 without those ending in 7 or 9",
    "signpipe's own drawings of the 43 classes, in other typefaces and colours",
]
BEYOND = [
    "drawings of the world's signs, of npm's mapillary_sprite_source (MIT), but for every eighth meaning",
    "signs in figures of signpipe's own in many typefaces",
    "photographs: btsd but for every third place, sy32 (give way, stop and traffic lights), signs877 but for a quarter",
    "clutter of gtsdb, sy32, btsd and a video, without their validation parts",
]
CALIBRATION_CROPS = 1000
PROTOTYPE_CROPS = 6000
AS_IT_IS = Calibration(1, 0)
ROUNDED = 1e-7  # what float32 can tell from a sum of 1
# What takes the light out of a crop, and the first layer, stay in float: few channels, and a wide range of values.
FLOAT_FIRST = r"^/(?!net/)|/net/stem/"
FLOAT_FROM = r"/net/(embed|head)/"


def export_classifier(
    checkpoint: Path, data: Path, models: Path, name: str = "classifier", others: Sequence[Path] = ()
) -> dict[str, Any]:
    """Calibrate the classifier, export it in float32 and int8, judge both, and enter them into the manifest.

    It is calibrated on what the int8 model says, which is what usually runs.

    Args:
        checkpoint: `last.pt` of a training.
        data: Folder of the data sets, for calibration and judging.
        models: Folder of the models.
        name: Name of the int8 model; the float32 one gets "-fp32" added.
        others: Other trained classifiers whose weights are averaged with it: checkpoints, or exports in float32.

    Returns:
        How it and what it was averaged with were trained, how it was calibrated, and the metrics of both on validation.

    Raises:
        ModelError: int8 changes too many classes; the float32 model is entered, the int8 one isn't.
        SourceError: A classifier or data is missing, or they are different networks.
    """
    state = load_checkpoint(checkpoint)
    plan = plan_of(state)
    size = plan.size
    left_out = [load_catalogue().names.index(name) for name in plan.leave_out]
    val = without(load_crops(data, "val", size, MARGIN), left_out)
    hidden = hide_crops(val)
    train = load_crops(data, "train", size, MARGIN, PROTOTYPE_CROPS)
    nets = [restored(state["averaged"]), *(trained_classifier(one, [train.images[: plan.batch]]) for one in others)]
    net = mean_of(nets)
    known = without(train, left_out)
    features = outputs_of(net, known.images)[1]
    familiarity = fit_familiarity(features, known.labels, outputs_of(net, val.images))
    # Judged beside the manifest, since that still describes the old file.
    fresh = models / "export.part"
    fresh.mkdir(parents=True, exist_ok=True)
    exact, small = fresh / f"{name}-fp32.onnx", fresh / f"{name}.onnx"
    few = np.linspace(0, len(train.images) - 1, CALIBRATION_CROPS).round().astype(int)
    shown = CropSet(train.images[few], train.labels[few], train.backgrounds)
    pictures = [*shown.images, *hide_crops(shown, 4).images]

    def write(calibration: Calibration) -> None:  # twice, as the constants stand in the graph
        write_onnx(net, calibration, familiarity, size, exact)
        quantise(exact, small, pictures, FLOAT_FIRST, FLOAT_FROM)

    write(AS_IT_IS)
    calibration = _calibrated(small, val, hidden)
    write(calibration)
    trained_on = TRAINED_ON + BEYOND * bool(plan.drawings)
    dimensions = net.embed.out_features
    results = enter_judged(
        exact,
        small,
        models,
        lambda file: _judge(file, val, hidden),
        lambda classes, exactly: float((classes == exactly).mean()),
        LEAST_EQUAL,
        lambda file, precision, metrics: (
            _entry(file, f"{name}.md", precision, size, dimensions, metrics) | {"trained_on": trained_on}
        ),
    )
    return {
        **_training(state),
        "parameters": sum(p.numel() for p in net.parameters()),
        "calibration": asdict(calibration) | {"familiar_limit": familiarity.limit, "familiar_scale": familiarity.scale},
        "averaged_with": [
            {"sha256": file_sha256(other)} if other.suffix == ".onnx" else _training(load_checkpoint(other))
            for other in others
        ],
        "metrics": results,
    }


def _training(state: dict[str, Any]) -> dict[str, Any]:
    """Return how the network of a checkpoint was trained."""
    return {"machine": state.get("machine"), "plan": asdict(plan_of(state)), "history": state["history"]}


def write_onnx(net: SignNet, calibration: Calibration, familiarity: Familiarity, size: int, path: Path) -> None:
    """Write a network with its constants as an ONNX file that takes crops of `size` pixels."""
    outputs: dict[str, list[int | str]] = {o["name"]: o["shape"] for o in _outputs(net.embed.out_features, size)}
    crops = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    to_onnx(Deployed(net, calibration, familiarity).eval(), crops, path, ("crops", ["crops", size, size, 3]), outputs)


def _outputs(dimensions: int, size: int) -> list[dict[str, Any]]:
    shapes = {
        "probabilities": ["crops", len(load_catalogue())],
        "embedding": ["crops", dimensions],
        "novelty": ["crops"],
        "visible": ["crops", size // 8, size // 8],
    }
    return [{"name": name, "dtype": "float32", "shape": shape} for name, shape in shapes.items()]


def _calibrated(file: Path, val: CropSet, hidden: CropSet) -> Calibration:
    """Return the constants for a model that was exported as it is."""
    session = _opened(file)
    scores, hidden_scores, nothing = (_scores(session, one) for one in (val.images, hidden.images, val.backgrounds))
    return calibrate(scores, val.labels, hidden_scores, hidden.labels, nothing)


def _scores(session: Session, crops: Image) -> FloatArray:
    """Return the scores (N, C + 1) of a model that was exported as it is, but for what is the same for all classes."""
    probability = _told(session, crops)[0].astype(np.float64)
    rest = np.maximum(1 - probability.sum(1, keepdims=True), ROUNDED)
    shares = np.concatenate([np.maximum(probability, np.finfo(np.float32).tiny), rest], 1)
    return np.asarray(np.log(shares), np.float32)


def _opened(file: Path) -> Session:
    return open_session(str(file), RuntimeSettings(provider="cpu"), "classifier")


def _told(session: Session, crops: Image) -> tuple[FloatArray, FloatArray]:
    """Return a model's probabilities (N, C) and novelty (N,) for crops, which it takes in batches."""
    results = [session.run(crops[i : i + 64]) for i in range(0, len(crops), 64)]
    probability, novelty = (np.concatenate([r[key] for r in results]) for key in ("probabilities", "novelty"))
    return probability, novelty


def _judge(file: Path, val: CropSet, hidden: CropSet) -> tuple[dict[str, float], np.ndarray[Any, Any]]:
    """Return a model's metrics on validation, and the classes that it gives the clean crops."""
    session = _opened(file)
    accept = FallbackSettings().accept
    metrics: dict[str, float] = {}
    probability, novelty = _told(session, val.images)
    for prefix, p, crops in (("", probability, val), ("hidden_", _told(session, hidden.images)[0], hidden)):
        of = ClassificationEvaluation(p, crops.labels, load_catalogue())
        summary = of.summary(accept)
        keys = ("accuracy", "macro_f1", "category_accuracy", "ece", "sure", "sure_and_wrong")
        metrics |= {f"{prefix}{key}": summary[key] for key in keys} | {f"{prefix}crops": len(crops.labels)}
    background, background_novelty = _told(session, val.backgrounds)
    metrics |= {
        "novelty_auroc": roc_auc(novelty, background_novelty),
        "novelty_under_0.5": float((novelty < 0.5).mean()),
        "backgrounds": len(val.backgrounds),
        "backgrounds_novelty_over_0.5": float((background_novelty > 0.5).mean()),
        "backgrounds_sure": float((background.max(1) >= accept).mean()),
    }
    rounded = {key: round(value, 5) if isinstance(value, float) else value for key, value in metrics.items()}
    return rounded, probability.argmax(1)


def _entry(
    file: Path, card: str, precision: str, size: int, dimensions: int, metrics: dict[str, float]
) -> dict[str, Any]:
    reference = {} if precision == "fp32" else {"reference": f"{file.stem}-fp32"}
    return {
        "name": file.stem,
        "role": "classifier",
        "file": file.name,
        "precision": precision,
        **reference,
        "card": card,
        "margin": MARGIN,
        "classes": list(load_catalogue().names),
        "trained_on": TRAINED_ON,
        "input": {
            "name": "crops", "dtype": "uint8", "layout": "NHWC", "colour": "BGR", "shape": ["crops", size, size, 3],
        },
        "output": _outputs(dimensions, size),
        "metrics": {f"gtsrb_val_{key}": value for key, value in metrics.items()},
    }  # fmt: skip
