"""From a detector's checkpoint to ONNX models with an entry in the manifest, each judged before it is let in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from ultralytics.nn.modules import C2f

from signpipe.errors import ModelError
from signpipe.lab.evaluation.crop_sets import every_sign, scenes
from signpipe.lab.evaluation.detection import BANDS
from signpipe.lab.evaluation.parity import MOST_AP50_LOST
from signpipe.lab.evaluation.run import open_detector
from signpipe.lab.training.detector_network import STRIDE, SignDetector, build_detector, kinds
from signpipe.lab.training.export import load_checkpoint, to_onnx
from signpipe.lab.training.half import to_half
from signpipe.lab.training.judge import LOWEST_SCORE, judge, judge_by_size
from signpipe.lab.training.manifest import write_entry
from signpipe.lab.training.quantise import quantise, trim_to_stride
from signpipe.lab.training.rewrite import group_stem, mix_levels_early
from signpipe.settings import DetectSettings, load_settings
from signpipe.types import Image

CALIBRATION_PICTURES = 40
_CATALOGUE_SETS = [
    "GTSDB images 0-599 without those ending in 7 or 9",
    "sy32 training pictures, pieces around boxed signs",
]
_START = "start: YOLO26n trained on COCO"
# What a detector learns from, by whether it is to find signs of every kind.
TRAINED_ON = {
    False: [*_CATALOGUE_SETS, "signpipe's own drawings of the 43 classes, pasted into these", _START],
    True: [
        *_CATALOGUE_SETS,
        "BTSD, places whose hundred of the frame number isn't 2 modulo 3",
        "signs877 and boards, the parts that a hash of the name puts into training",
        "signpipe's own drawings of the 43 classes and those of npm's mapillary_sprite_source (MIT), pasted into these",
        _START,
    ],
}


class DeployedDetector(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """What is exported of the detector: BGR bytes in, boxes in input pixels out.

    Scaling to 0..1 and the order of the colours are folded into the first convolution.

    Args:
        model: The network; it is changed.
        rewritten: Whether to rewrite it for the int8 kernels of CPUs; it computes the same.
    """

    def __init__(self, model: SignDetector, rewritten: bool) -> None:
        super().__init__()
        model.eval()
        model.end2end = True
        model.fuse(verbose=False)
        head = model.model[-1]
        head.export, head.dynamic, head.format = True, True, "onnx"
        first = model.model[0].conv
        first.weight.data = first.weight.data[:, [2, 1, 0]] / 255
        for block in model.modules():
            if isinstance(block, C2f):  # one node that can be quantised, where chunk() becomes two that can't
                block.forward = block.forward_split
        if rewritten:
            group_stem(model.model)
            mix_levels_early(model.model)
        self.rewritten = rewritten
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map BGR uint8 (1, H, W, 3) to (1, 300, 6): x1, y1, x2, y2, score, class."""
        boxes: torch.Tensor = self.model(images if self.rewritten else images.permute(0, 3, 1, 2).float())
        return boxes


def export_detector(checkpoint: Path, data: Path, models: Path, name: str | None = None) -> dict[str, Any]:
    """Export a detector in float32 and its smaller number format, judge both, and enter them into the manifest.

    `fast` becomes detector-fast in int8, with detector-fast-fp32 as its reference; `accurate` becomes
    detector-accurate in float32, and detector-accurate-fp16 for GPUs.

    Args:
        checkpoint: `last.pt` of a training.
        data: Folder of the data sets, for calibration and judging.
        models: Folder of the models.
        name: What comes after "detector-" in the models' names, if not the network's preset.

    Returns:
        The plan and history of the training, and the metrics of both models, by precision.

    Raises:
        ModelError: The smaller format lost too much; the float32 model is written, the other one isn't entered.
        SourceError: The checkpoint or data is missing.
    """
    # Judged beside the manifest, since that still describes the old file.
    fresh = models / "export.part"
    fresh.mkdir(parents=True, exist_ok=True)
    state = load_checkpoint(checkpoint)
    preset = state["plan"]["preset"]
    every_kind = state["plan"].get("every_kind", True)
    model = build_detector(preset, every_kind=every_kind)
    model.load_state_dict(state["averaged"])
    fast, name = preset == "fast", f"detector-{name or preset}"
    names = (f"{name}-fp32", name) if fast else (name, f"{name}-fp16")
    exact, small = (fresh / f"{stem}.onnx" for stem in names)
    picture = torch.zeros(1, 640, 384, 3, dtype=torch.uint8)
    source: tuple[str, list[int | str]] = ("images", [1, "height", "width", 3])
    to_onnx(DeployedDetector(model, fast), picture, exact, source, {"detections": [1, 300, 6]})
    if fast:
        pictures = calibration_pictures(data, every_kind)
        quantise(exact, small, trim_to_stride(pictures, STRIDE), None, _decoding(model), widest=True)
    else:
        to_half(exact, small)
    results: dict[str, Any] = {}
    for file, precision in ((exact, "fp32"), (small, "int8" if fast else "fp16")):
        results[precision] = measure(file, data)
        lost = results["fp32"]["gtsdb_val"]["ap50"] - results[precision]["gtsdb_val"]["ap50"]
        if lost > MOST_AP50_LOST:
            raise ModelError(
                f"The {precision} model {file} loses {lost:.4f} of AP50, more than {MOST_AP50_LOST}; use fp32."
            )
        file.replace(models / file.name)
        reference = None if precision == "fp32" else exact.stem
        write_entry(models, _entry(file, f"{name}.md", precision, reference, results[precision], every_kind))
    fresh.rmdir()
    return {"machine": state.get("machine"), "plan": state["plan"], "history": state["history"], "metrics": results}


def calibration_pictures(data: Path, every_kind: bool) -> list[Image]:
    """Return training scenes, BGR uint8, on whose activations the int8 scales are chosen.

    Half of them are of boards, where signs of every kind are to be found.
    """
    sets = ["gtsdb", *(["btsd"] if every_kind and (data / "btsd").is_dir() else [])]
    count = CALIBRATION_PICTURES // len(sets)
    chosen = []
    for name in sets:
        train = every_sign(data, name, "train").images
        chosen += [scene.read() for scene in train[:: max(len(train) // count, 1)][:count]]
    return chosen


def _decoding(model: SignDetector) -> str:
    """Return a pattern of the last convolution of each branch of the head, and of what computes with anchors."""
    return rf"/model\.{len(model.model) - 1}/([^/]+$|.*one2one_cv[23]\.\d\.2/)"


def measure(file: Path, data: Path) -> dict[str, Any]:
    """Return the metrics of a detector on the validation scenes, run as the pipeline runs it and at its usual score.

    Raises:
        SourceError: A data set is missing.
    """
    score = DetectSettings().score
    detect = open_detector(load_settings(None, {"detect.model": str(file), "detect.low_score": LOWEST_SCORE}))
    validation = scenes(data, "gtsdb", "val").images
    german = judge(detect, validation)
    french = judge(detect, [scene for scene in scenes(data, "sy32", "val") if len(scene.boxes)])
    others = {
        f"{name}_val": judge(detect, every_sign(data, name, "val", added=False)).summary(score)
        for name in ("btsd", "signs877", "boards")
        if (data / name).is_dir()
    }
    return others | {
        "gtsdb_val": german.summary(score),
        "sy32_val": french.summary(score),
        "gtsdb_val_rescaled_recall": {
            f"{low}-{high}": {"n": len(result.sides), "recall": result.recall(score)}
            for (low, high), result in judge_by_size(detect, validation, BANDS).items()
        },
    }


def _entry(
    file: Path, card: str, precision: str, reference: str | None, metrics: dict[str, Any], every_kind: bool
) -> dict[str, Any]:
    german = metrics["gtsdb_val"]
    return {
        "name": file.stem,
        "role": "detector",
        "file": file.name,
        "precision": precision,
        **({"reference": reference} if reference else {}),
        "card": card,
        "classes": list(kinds(every_kind)),
        "trained_on": TRAINED_ON[every_kind],
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
            **({"btsd_val_ap50": round(metrics["btsd_val"]["ap50"], 4)} if "btsd_val" in metrics else {}),
        },
    }  # fmt: skip
