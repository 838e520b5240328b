"""From checkpoints to ONNX models with an entry in the manifest, each judged before it is let in."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxslim
import torch
from torch import nn

from signpipe.errors import ModelError, SourceError
from signpipe.evaluation.detection import BANDS, DetectionEvaluation
from signpipe.runtime.session import Session, open_session
from signpipe.settings import RuntimeSettings
from signpipe.training.data import scenes
from signpipe.training.detector import STRIDE, SignDetector, build_detector
from signpipe.training.judge import detector_of, judge, judge_by_size
from signpipe.training.manifest import write_entry
from signpipe.training.quantise import quantise, trim_to_stride

OPSET = 17
CALIBRATION_PICTURES = 40
MOST_AP50_LOST = 0.01  # by quantisation
STEM = r"/model\.0/"
# The last convolution of each branch of the head, and what computes with anchors.
DECODING = r"/model\.14/([^/]+$|.*one2one_cv[23]\.\d\.2/)"
DETECTOR_DATA = [
    "GTSDB images 0-599 without those ending in 7 or 9",
    "sy32 training pictures, pieces around boxed signs",
    "start: YOLO26n trained on COCO",
]


class DeployedDetector(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """What is exported of the detector: BGR bytes in, boxes in input pixels out.

    Scaling to 0..1 and the order of the colours are folded into the first convolution.
    """

    def __init__(self, model: SignDetector) -> None:
        super().__init__()
        model.eval()
        model.end2end = True
        model.fuse(verbose=False)
        head = model.model[-1]
        head.export, head.dynamic, head.format = True, True, "onnx"
        first = model.model[0].conv
        first.weight.data = first.weight.data[:, [2, 1, 0]] / 255
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map BGR uint8 (1, H, W, 3) to (1, 300, 6): x1, y1, x2, y2, score, class."""
        boxes: torch.Tensor = self.model(images.permute(0, 3, 1, 2).float())
        return boxes


def export_detector(checkpoint: Path, data: Path, models: Path, name: str = "detector-fast") -> dict[str, Any]:
    """Export the detector in float32 and int8, judge both, and enter them into the manifest.

    Args:
        checkpoint: `last.pt` of a training.
        data: Folder of the data sets, for calibration and judging.
        models: Folder of the models.
        name: Name of the int8 model; the float32 one gets "-fp32" added.

    Returns:
        The metrics of both, by precision.

    Raises:
        ModelError: Quantisation lost too much; the float32 model is written, the int8 one isn't entered.
        SourceError: The checkpoint or data is missing.
    """
    # Judged beside the manifest, since that still describes the old file.
    fresh = models / "export.part"
    fresh.mkdir(parents=True, exist_ok=True)
    state = load_checkpoint(checkpoint)
    model = build_detector()
    model.load_state_dict(state["averaged"])
    exact, small = fresh / f"{name}-fp32.onnx", fresh / f"{name}.onnx"
    picture = torch.zeros(1, 640, 384, 3, dtype=torch.uint8)
    to_onnx(DeployedDetector(model), picture, exact, ("images", [1, "height", "width", 3]), {"detections": [1, 300, 6]})
    train = scenes(data, "gtsdb", "train").images
    pictures = [scene.read() for scene in train[:: max(len(train) // CALIBRATION_PICTURES, 1)]]
    quantise(exact, small, trim_to_stride(pictures[:CALIBRATION_PICTURES], STRIDE), STEM, DECODING)
    results = {}
    for file, precision in ((exact, "fp32"), (small, "int8")):
        session = open_session(str(file), RuntimeSettings(provider="cpu"), "detector")
        results[precision] = _detector_metrics(session, data)
        if precision == "int8":
            lost = results["fp32"]["gtsdb_val"]["ap50"] - results["int8"]["gtsdb_val"]["ap50"]
            if lost > MOST_AP50_LOST:
                raise ModelError(
                    f"The int8 model {file} loses {lost:.4f} of AP50, more than {MOST_AP50_LOST}; use fp32."
                )
        file.replace(models / file.name)
        write_entry(models, _detector_entry(file, f"{name}.md", precision, results[precision]))
    fresh.rmdir()
    return {"machine": state.get("machine"), "plan": state["plan"], "history": state["history"], "metrics": results}


def _detector_metrics(session: Session, data: Path) -> dict[str, Any]:
    detect = detector_of(session)
    validation = scenes(data, "gtsdb", "val")
    german = judge(detect, validation)
    score = best_score(german)
    french = judge(detect, [scene for scene in scenes(data, "sy32", "val") if len(scene.boxes)])
    return {
        "gtsdb_val": german.summary(score),
        "sy32_val": french.summary(score),
        "gtsdb_val_rescaled_recall": {
            f"{low}-{high}": {"n": len(result.sides), "recall": result.recall(score)}
            for (low, high), result in judge_by_size(detect, validation, BANDS).items()
        },
    }


def best_score(evaluation: DetectionEvaluation) -> float:
    """Return the score, in steps of 0.01, at which the harmonic mean of precision and recall is highest."""
    scores = np.arange(0.05, 0.95, 0.01)
    pairs = [(evaluation.precision(s), evaluation.recall(s)) for s in scores]
    f1 = [2 * p * r / (p + r) if p + r > 0 else 0.0 for p, r in pairs]
    return round(float(scores[int(np.nanargmax(f1))]), 2)


def _detector_entry(file: Path, card: str, precision: str, metrics: dict[str, Any]) -> dict[str, Any]:
    german = metrics["gtsdb_val"]
    return {
        "name": file.stem,
        "role": "detector",
        "file": file.name,
        "precision": precision,
        **({} if precision == "fp32" else {"reference": f"{file.stem}-fp32"}),
        "card": card,
        "classes": ["sign"],
        "trained_on": DETECTOR_DATA,
        "input": {
            "name": "images", "dtype": "uint8", "layout": "NHWC", "colour": "BGR",
            "shape": [1, "height", "width", 3], "stride": STRIDE,
        },
        "output": [{"name": "detections", "dtype": "float32", "shape": [1, 300, 6]}],
        "metrics": {
            "gtsdb_val_ap50": round(german["ap50"], 4),
            "gtsdb_val_ap50_95": round(german["ap50_95"], 4),
            "gtsdb_val_recall_at_0.1_fppi": round(german["recall_at_0.1_fppi"], 4),
            "gtsdb_val_images": german["scenes"],
            "gtsdb_val_signs": german["signs"],
            "score": german["score"],
            "sy32_val_recall": round(metrics["sy32_val"]["recall"], 4),
            "sy32_val_signs": metrics["sy32_val"]["signs"],
        },
    }  # fmt: skip


def to_onnx(
    module: nn.Module,
    example: torch.Tensor,
    path: Path,
    source: tuple[str, list[int | str]],
    outputs: dict[str, list[int | str]],
) -> None:
    """Write a module as an ONNX file with one input.

    Args:
        module: What is exported.
        example: An input to trace it with.
        path: The file.
        source: Name and shape of the input; strings are dynamic axes.
        outputs: Shapes of the outputs by name.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = {source[0]: source[1], **outputs}
    axes = {name: {i: axis for i, axis in enumerate(shape) if isinstance(axis, str)} for name, shape in shapes.items()}
    torch.onnx.export(
        module.eval(), (example,), str(path), input_names=[source[0]], output_names=list(outputs),
        dynamic_axes=axes, opset_version=OPSET, do_constant_folding=True, dynamo=False,
    )  # fmt: skip
    model = onnxslim.slim(onnx.load(str(path)))
    for value in model.graph.output:  # tracing forgets sizes that are fixed
        for axis, size in zip(value.type.tensor_type.shape.dim, outputs[value.name], strict=True):
            if isinstance(size, int):
                axis.dim_value = size
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def load_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """Read the `last.pt` of a training.

    Raises:
        SourceError: There is none.
    """
    if not checkpoint.is_file():
        raise SourceError(f"There is no checkpoint {checkpoint}; train one first with `signpipe train`.")
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    return state


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
