"""Tiny ONNX models whose answers are known, and manifests that describe them."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import tomli_w
from onnx import TensorProto, helper, numpy_helper

from signpipe.catalogue import load_catalogue
from signpipe.figures.ctc import CHARACTERS

CLASSES = load_catalogue().names
Array = npt.NDArray[Any]


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return an array of float32."""
    return np.asarray(values, np.float32)


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Array]) -> Path:
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def detector(
    path: Path,
    output: npt.ArrayLike,
    *,
    size: tuple[int | str, int | str] = ("height", "width"),
    input_name: str = "images",
    output_name: str = "detections",
    dtype: int = TensorProto.UINT8,
    batch: int | str = 1,
) -> Path:
    """Write a detector that gives `output` for every picture, plus the picture's largest value times zero."""
    values = f32(output)
    nodes = [
        helper.make_node("Cast", [input_name], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["floats"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["largest", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "values"], [output_name]),
    ]
    inputs = [helper.make_tensor_value_info(input_name, dtype, [batch, *size, 3])]
    outputs = [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, values.shape)]
    return _save(path, nodes, inputs, outputs, {"zero": np.zeros((), np.float32), "values": values})


def classifier(
    path: Path,
    *,
    classes: int = len(CLASSES),
    size: tuple[int | str, int | str] = (48, 48),
    batch: int | str = "n",
    extras: bool = True,
    gain: float = 1.0,
) -> Path:
    """Write a classifier of the crop's mean colour: class 0 is blue, 1 green, 2 red; the others get less.

    With `extras`, the embedding is the mean colour and the novelty is the mean of all channels, in 0..1. The
    probabilities are multiplied with `gain`, so that they needn't sum to 1.
    """
    weights = {
        "scale": np.asarray(1 / 255, np.float32),
        "gain": np.asarray(gain, np.float32),
        "matrix": np.eye(3, classes, dtype=np.float32) * 20,
    }
    nodes = [
        helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["unit"]),
        helper.make_node("ReduceMean", ["unit"], ["embedding"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["embedding", "matrix"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["softmax"], axis=1),
        helper.make_node("Mul", ["softmax", "gain"], ["probabilities"]),
    ]
    inputs = [helper.make_tensor_value_info("crops", TensorProto.UINT8, [batch, *size, 3])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, classes])]
    if extras:
        nodes.append(helper.make_node("ReduceMean", ["embedding"], ["novelty"], axes=[1], keepdims=0))
        # In another order than the manifest's, since they are taken by name.
        outputs.insert(0, helper.make_tensor_value_info("novelty", TensorProto.FLOAT, [batch]))
        outputs.insert(0, helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 3]))
    return _save(path, nodes, inputs, outputs, weights)


def reader(
    path: Path,
    *,
    characters: int = len(CHARACTERS),
    size: tuple[int | str, int | str] = (40, 96),
    batch: int | str = "n",
) -> Path:
    """Write a reader that reads "7" in every crop, struck through at 0.25."""
    columns = np.full((1, 24, characters), -20, np.float32)
    columns[0, :, 0] = 0.0
    seven = min(8, characters - 1)
    columns[0, 10, [0, seven]] = columns[0, 10, [seven, 0]]
    nodes = [
        helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["floats"], ["largest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["largest", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "quarter"], ["struck"]),
        helper.make_node("Reshape", ["nothing", "shape"], ["spread"]),
        helper.make_node("Add", ["spread", "columns"], ["log_probabilities"]),
    ]
    weights: dict[str, Array] = {
        "zero": np.zeros((), np.float32),
        "quarter": np.asarray(0.25, np.float32),
        "shape": np.array([-1, 1, 1], np.int64),
        "columns": columns,
    }
    inputs = [helper.make_tensor_value_info("crops", TensorProto.UINT8, [batch, *size, 3])]
    outputs = [
        helper.make_tensor_value_info("log_probabilities", TensorProto.FLOAT, [batch, 24, characters]),
        helper.make_tensor_value_info("struck", TensorProto.FLOAT, [batch]),
    ]
    return _save(path, nodes, inputs, outputs, weights)


def detector_table(path: Path, **changes: Any) -> dict[str, Any]:
    """Return the manifest's table of a detector file with output (1, 2, 6)."""
    table: dict[str, Any] = {
        "name": path.stem,
        "role": "detector",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "precision": "fp32",
        "classes": ["sign"],
        "input": {"name": "images", "dtype": "uint8", "shape": [1, "height", "width", 3], "stride": 16},
        "output": [{"name": "detections", "dtype": "float32", "shape": [1, 2, 6]}],
        "metrics": {"ap50": 0.5},
    }
    return table | changes


def classifier_table(path: Path, **changes: Any) -> dict[str, Any]:
    """Return the manifest's table of a classifier file with all three outputs."""
    table: dict[str, Any] = {
        "name": path.stem,
        "role": "classifier",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "classes": list(CLASSES),
        "input": {"name": "crops", "dtype": "uint8", "shape": ["n", 48, 48, 3]},
        "output": [
            {"name": "probabilities", "dtype": "float32", "shape": ["n", len(CLASSES)]},
            {"name": "embedding", "dtype": "float32", "shape": ["n", 3]},
            {"name": "novelty", "dtype": "float32", "shape": ["n"]},
        ],
    }
    return table | changes


def write_manifest(folder: Path, *tables: dict[str, Any]) -> Path:
    """Write `manifest.toml` with these models and return the folder."""
    (folder / "manifest.toml").write_text(tomli_w.dumps({"schema": 1, "model": list(tables)}), encoding="utf-8")
    return folder
