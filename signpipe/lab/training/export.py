"""What trainings and exports of the models share: checkpoints, writing ONNX, writing a result."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import onnx
import onnxslim
import torch
from torch import nn

from signpipe.errors import ModelError, SourceError
from signpipe.lab.training.manifest import write_entry

OPSET = 17
Metrics = dict[str, float]
Answers = TypeVar("Answers")


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


def enter_judged(
    exact: Path,
    small: Path,
    models: Path,
    judged: Callable[[Path], tuple[Metrics, Answers]],
    equal: Callable[[Answers, Answers], float],
    least: float,
    entry: Callable[[Path, str, Metrics], dict[str, Any]],
) -> dict[str, Metrics]:
    """Judge a model in float32 and in int8, and enter both into the manifest.

    Args:
        exact: The one in float32, in a folder of its own: the manifest still describes the old files. It is removed.
        small: The one in int8, beside it.
        models: Folder of the models.
        judged: Returns a model's metrics, and what it answers.
        equal: Returns the share of answers of int8 and float32 that are the same.
        least: Share that must be.
        entry: Returns the entry of a file, its precision and metrics.

    Returns:
        The metrics by precision.

    Raises:
        ModelError: int8 answers too often otherwise; the float32 model is entered, the int8 one isn't.
    """
    results: dict[str, Metrics] = {}
    results["fp32"], reference = judged(exact)
    _enter(exact, models, entry(exact, "fp32", results["fp32"]))
    results["int8"], answers = judged(small)
    share = equal(answers, reference)
    if share < least:
        raise ModelError(f"The int8 model {small} agrees on {share:.2%} only, not {least:.1%}; use fp32.")
    results["int8"]["equal_to_fp32"] = round(share, 5)
    _enter(small, models, entry(small, "int8", results["int8"]))
    exact.parent.rmdir()
    return results


def _enter(file: Path, models: Path, entry: dict[str, Any]) -> None:
    file.replace(models / file.name)
    write_entry(models, entry)


def save_checkpoint(checkpoint: Path, state: dict[str, Any]) -> None:
    """Write the `last.pt` of a training; the old one stays until the new one is whole."""
    part = checkpoint.with_name(f"{checkpoint.name}.part")
    torch.save(state, part)
    part.replace(checkpoint)


def load_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """Read the `last.pt` of a training.

    Raises:
        SourceError: There is none.
    """
    if not checkpoint.is_file():
        raise SourceError(f"There is no checkpoint {checkpoint}; train one first with `signpipe train`.")
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return state


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
