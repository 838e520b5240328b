"""From a reader's checkpoint to ONNX models with an entry in the manifest: float32, and int8 that reads the same."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar

from signpipe.figures.crops import HEIGHT, WIDTH
from signpipe.figures.ctc import ALPHABET, CHARACTERS, text_log_probability
from signpipe.figures.reader import Reading
from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.lettering import TRAINING, VALIDATION, open_typefaces
from signpipe.lab.evaluation.classification import calibration_error
from signpipe.lab.evaluation.parity import LEAST_EQUAL_TEXTS, agree
from signpipe.lab.training.export import enter_judged, load_checkpoint, to_onnx
from signpipe.lab.training.quantise import quantise
from signpipe.lab.training.reader import FigureSet, ReaderPlan, drawn_set, outputs_of, photographed_set
from signpipe.lab.training.reader_data import FigureCrops
from signpipe.lab.training.reader_network import DeployedReader, ReaderNet
from signpipe.lab.training.reader_sources import photographs, plain_drawings
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.types import FloatArray

TRAINED_ON = [
    "signs with figures, drawn by signpipe in 71 typefaces of Debian's font packages",
    "GTSRB official training set without every fifth track of each class",
    "pieces without a sign of GTSDB images 0-599 without those ending in 7 or 9",
    "signpipe's own drawings of signs without figures",
]
UNCATALOGUED = "drawings of signs without figures, of npm's mapillary_sprite_source (MIT)"
DRAWN = 1000  # crops that are judged and calibrated on, drawn, and as many photographed
PHOTOGRAPHED = 2400  # crops that these are chosen from
CALIBRATION_CROPS = 400  # that int8 is fitted to
SURE = 0.95  # probability from which a reading counts as sure
# What takes the light out of a crop, and the first layer, stay in float, and so do the columns' scores.
FLOAT_FIRST = r"^/(?!net/)|/net/stem/"
FLOAT_FROM = r"/net/(head|struck|ReduceMean)"


def export_reader(checkpoint: Path, data: Path, models: Path, name: str = "reader") -> dict[str, Any]:
    """Calibrate the reader, export it in float32 and int8, judge both, and enter them into the manifest.

    Args:
        checkpoint: `last.pt` of a training.
        data: Folder of the data sets, for calibration and judging.
        models: Folder of the models.
        name: Name of the int8 model; the float32 one gets "-fp32" added.

    Returns:
        How it was trained and calibrated, and the metrics of both on validation.

    Raises:
        ModelError: int8 reads too many crops otherwise; the float32 model is entered, the int8 one isn't.
        SourceError: The checkpoint, data or a typeface is missing.
    """
    state = load_checkpoint(checkpoint)
    plan = ReaderPlan(**state["plan"])
    net = ReaderNet()
    net.load_state_dict(state["averaged"])
    drawn, photographed, shown = _sets(plan, data)
    temperature, struck_temperature = calibrate(net, _joined(drawn, photographed))
    # Judged beside the manifest, since that still describes the old file.
    fresh = models / "export.part"
    fresh.mkdir(parents=True, exist_ok=True)
    exact, small = fresh / f"{name}-fp32.onnx", fresh / f"{name}.onnx"
    write_onnx(net, temperature, struck_temperature, exact)
    quantise(exact, small, list(shown.images), FLOAT_FIRST, FLOAT_FROM)
    trained_on = TRAINED_ON + [UNCATALOGUED] * bool(plan.uncatalogued)
    results = enter_judged(
        exact,
        small,
        models,
        lambda file: _judge(file, {"drawn": drawn, "gtsrb_val": photographed}),
        lambda read, exactly: float(np.mean([agree(a, b) for a, b in zip(read, exactly, strict=True)])),
        LEAST_EQUAL_TEXTS,
        lambda file, precision, metrics: _entry(file, f"{name}.md", precision, metrics) | {"trained_on": trained_on},
    )
    return {
        "machine": state.get("machine"),
        "plan": asdict(plan),
        "parameters": sum(p.numel() for p in net.parameters()),
        "calibration": {"temperature": temperature, "struck_temperature": struck_temperature},
        "history": state["history"],
        "metrics": results,
    }


def _sets(plan: ReaderPlan, data: Path) -> tuple[FigureSet, FigureSet, FigureSet]:
    """Return what is judged on, drawn and photographed, and crops as training has them, to quantise with."""
    plain = plain_drawings(None)  # the world's drawings were trained on
    count = DRAWN if plan.limit is None else 100
    found, clutter = photographs(data, "val", plan.limit or PHOTOGRAPHED)
    photographed = photographed_set(found, DRAWN)
    unseen = FiguredSigns(open_typefaces(VALIDATION))
    drawn = drawn_set(FigureCrops(unseen, plain, found, clutter, plan.seed + 1, count // 2, 2.0), count, plan.seed)
    training = FiguredSigns(open_typefaces(TRAINING))
    shown = FigureCrops(training, plain, found, clutter, plan.seed, CALIBRATION_CROPS)
    return drawn, photographed, drawn_set(shown, CALIBRATION_CROPS, plan.seed)


def _joined(*sets: FigureSet) -> FigureSet:
    return FigureSet(
        np.concatenate([one.images for one in sets]),
        [text for one in sets for text in one.texts],
        np.concatenate([one.struck for one in sets]),
    )


def calibrate(net: ReaderNet, wanted: FigureSet) -> tuple[float, float]:
    """Return the temperatures of the columns and of "struck through" that minimise the log loss of whole texts.

    Args:
        net: The network.
        wanted: Crops that training hasn't seen, in typefaces that it hasn't seen.
    """
    columns, struck = outputs_of(net, wanted.images)

    def text_loss(log_temperature: float) -> float:
        log_probability = _log_softmax(columns / np.float32(np.exp(log_temperature)))
        pairs = zip(log_probability, wanted.texts, strict=True)
        # A text that is ruled out altogether is a fault of the label or the framing, not of the temperature.
        return -float(np.mean([max(text_log_probability(one, [text])[0], -12.0) for one, text in pairs]))

    def struck_loss(log_temperature: float) -> float:
        odds = struck.astype(np.float64) / np.exp(log_temperature) * np.where(wanted.struck, 1, -1)
        return float(np.mean(np.logaddexp(0, -odds)))

    of_text, of_struck = (
        minimize_scalar(loss, bounds=(-1.0, 1.5), method="bounded", options={"xatol": 0.01}).x
        for loss in (text_loss, struck_loss)
    )
    return float(np.exp(of_text)), float(np.exp(of_struck))


def _log_softmax(logits: FloatArray) -> FloatArray:
    return np.asarray(logits - np.logaddexp.reduce(logits, -1, keepdims=True), np.float32)


def write_onnx(net: ReaderNet, temperature: float, struck_temperature: float, path: Path) -> None:
    """Write a network with its temperatures as an ONNX file."""
    outputs: dict[str, list[int | str]] = {o["name"]: o["shape"] for o in _outputs()}
    crops = torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8)
    module = DeployedReader(net, temperature, struck_temperature).eval()
    to_onnx(module, crops, path, ("crops", ["crops", HEIGHT, WIDTH, 3]), outputs)


def _outputs() -> list[dict[str, Any]]:
    shapes = {"log_probabilities": ["crops", WIDTH // 4, len(ALPHABET) + 1], "struck": ["crops"]}
    return [{"name": name, "dtype": "float32", "shape": shape} for name, shape in shapes.items()]


def _judge(file: Path, sets: dict[str, FigureSet]) -> tuple[dict[str, float], list[Reading]]:
    """Return a model's metrics on each set, and all its readings."""
    session = open_session(str(file), RuntimeSettings(provider="cpu"), "reader")
    metrics: dict[str, float] = {}
    readings: list[Reading] = []
    for name, wanted in sets.items():
        runs = [session.run(wanted.images[i : i + 64]) for i in range(0, len(wanted.images), 64)]
        columns, struck = (np.concatenate([run[key] for run in runs]) for key in ("log_probabilities", "struck"))
        found = [Reading(one, float(through), HEIGHT) for one, through in zip(columns, struck, strict=True)]
        probability = np.array([one.probability for one in found])
        right = np.array([one.text == text for one, text in zip(found, wanted.texts, strict=True)])
        metrics |= {f"{name}_{key}": value for key, value in _shares(right, probability).items()}
        metrics[f"{name}_struck_right"] = round(float(((struck > 0.5) == wanted.struck).mean()), 5)
        metrics[f"{name}_crops"] = len(found)
        readings += found
    return metrics, readings


def _shares(right: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> dict[str, float]:
    sure = probability >= SURE
    shares = {
        "read_right": float(right.mean()),
        "sure": float(sure.mean()),
        "sure_and_wrong": float((sure & ~right).mean()),
        "ece": calibration_error(probability, right),
    }
    return {name: round(value, 5) for name, value in shares.items()}


def _entry(file: Path, card: str, precision: str, metrics: dict[str, float]) -> dict[str, Any]:
    reference = {} if precision == "fp32" else {"reference": f"{file.stem}-fp32"}
    return {
        "name": file.stem,
        "role": "reader",
        "file": file.name,
        "precision": precision,
        **reference,
        "card": card,
        "classes": list(CHARACTERS),
        "trained_on": TRAINED_ON,
        "input": {
            "name": "crops", "dtype": "uint8", "layout": "NHWC", "colour": "BGR",
            "shape": ["crops", HEIGHT, WIDTH, 3],
        },
        "output": _outputs(),
        "metrics": metrics,
    }  # fmt: skip
