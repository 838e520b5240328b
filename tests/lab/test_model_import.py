"""Somebody's own export becomes a model that the pipeline runs, and says the same as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from signpipe import Pipeline
from signpipe.catalogue import load_catalogue
from signpipe.cli.main import app
from signpipe.errors import ModelError
from signpipe.lab.model_import import Import, import_model
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings, load_settings
from signpipe.types import Image

NAMES = load_catalogue().names
RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 255, (96, 160, 3), np.uint8).astype(np.uint8) for _ in range(2)]


def yolo(path: Path, rows: int, size: tuple[Any, Any] = (64, 96), last: bool = False, names: str = "") -> Path:
    """Write a network that finds one box in the middle, the surer the redder the picture: raw rows, or (1, N, 6)."""
    box = np.zeros((1, rows, 3), np.float32)
    box[0, :4] = [[48, 10, 80], [32, 20, 50], [24, 6, 8], [24, 6, 8]]
    weight = np.zeros((1, rows, 3), np.float32)
    weight[0, 4 if rows > 4 else 3 :, 0] = np.linspace(1, 0.5, rows - 4)
    initializers = [numpy_helper.from_array(value, name) for name, value in (("box", box), ("weight", weight))]
    initializers += [numpy_helper.from_array(np.array([0], np.int64), "first"),
                     numpy_helper.from_array(np.array([2, 3], np.int64), "sides")]  # fmt: skip
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=1),
        helper.make_node("Gather", ["means", "first"], ["red"], axis=1),
        helper.make_node("Squeeze", ["red", "sides"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "two"], ["factor"]),
        helper.make_node("Mul", ["factor", "weight"], ["scores"]),
        helper.make_node("Add", ["box", "scores"], ["rows" if last else "output0"]),
    ]
    initializers.append(numpy_helper.from_array(np.array([2], np.int64), "two"))
    if last:
        nodes.append(helper.make_node("Transpose", ["rows"], ["output0"], perm=[0, 2, 1]))
    shape = [1, 3, rows] if last else [1, rows, 3]
    return save(path, nodes, initializers, [1, 3, *size], shape, names)


def finished(path: Path, size: tuple[Any, Any] = (64, 96)) -> Path:
    """Write a network with non-maximum suppression inside: one finished box, as sure as the picture is red."""
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0, :4] = (36, 20, 60, 44)
    weight = np.zeros((1, 300, 6), np.float32)
    weight[0, 0, 4] = 1
    constants = {
        "rows": rows,
        "weight": weight,
        "first": np.array([0]),
        "sides": np.array([2, 3]),
        "two": np.array([2]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=1),
        helper.make_node("Gather", ["means", "first"], ["red"], axis=1),
        helper.make_node("Squeeze", ["red", "sides"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "two"], ["factor"]),
        helper.make_node("Mul", ["factor", "weight"], ["scores"]),
        helper.make_node("Add", ["rows", "scores"], ["output0"]),
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return save(path, nodes, initializers, [1, 3, *size], [1, 300, 6])


def reader(path: Path, classes: int = 43, batch: Any = "n", logits: bool = True) -> Path:
    """Write a classifier whose scores are sums over the channels, different for each class."""
    weights = numpy_helper.from_array(RNG.normal(size=(3, classes)).astype(np.float32) * 3, "weights")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        helper.make_node("Identity" if logits else "Softmax", ["logits"], ["output0"]),
    ]
    return save(path, nodes, [weights], [batch, 3, 32, 32], [batch, classes])


def save(
    path: Path, nodes: list[Any], initializers: list[Any], source: list[Any], output: list[Any], names: str = ""
) -> Path:
    graph = helper.make_graph(
        nodes, "own",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, source)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, output)], initializers,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if names:
        helper.set_model_props(model, {"names": names, "stride": "16"})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def red(height: int = 64, width: int = 96) -> Image:
    return np.full((height, width, 3), (0, 0, 230), np.uint8)


@pytest.mark.parametrize("kind", ["raw", "rows last", "many classes", "named by the export", "finished", "any size"])
def test_an_own_detector_finds_what_it_found_before(tmp_path: Path, kind: str) -> None:
    classes: tuple[str, ...] = ()
    match kind:
        case "raw":
            file = yolo(tmp_path / "own.onnx", 5)
        case "rows last":
            file, classes = yolo(tmp_path / "own.onnx", 5, last=True), ("sign",)
        case "many classes":
            file, classes = yolo(tmp_path / "own.onnx", 7), ("stop", "yield", "other")
        case "named by the export":
            file = yolo(tmp_path / "own.onnx", 6, names="{0: 'stop', 1: 'yield'}")
        case "finished":
            file = finished(tmp_path / "own.onnx")
        case _:
            file = yolo(tmp_path / "own.onnx", 5, ("h", "w"))
    plan = Import(file, "own", "detector", tmp_path / "models", classes)
    assert import_model(plan, PICTURES) < 1e-4
    settings = load_settings(None, {"runtime.models": tmp_path / "models", "detect.model": "own"})
    entry = open_session("own", settings.runtime, "detector").entry
    assert entry.input.stride == (16 if kind == "named by the export" else 32)
    with Pipeline(load_settings(None, {"detect.model": str(entry.path), "preprocess.contrast": "off"})) as pipeline:
        result, blue = pipeline(red()), pipeline(red()[..., ::-1].copy())
    assert len(blue.detections) == 0  # blue was taken for blue
    np.testing.assert_allclose(result.detections.xyxy, [[36, 20, 60, 44]], atol=0.6)
    assert result.detections.score[0] == pytest.approx(230 / 255, abs=0.01)


@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
def test_an_own_classifier_gives_probabilities_in_the_catalogues_order(
    tmp_path: Path, logits: bool, reverse: bool
) -> None:
    names = NAMES[::-1] if reverse else NAMES
    file = reader(tmp_path / "own.onnx", logits=logits)
    plan = Import(
        file, "own", "classifier", tmp_path / "models", names, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )
    assert import_model(plan, PICTURES) < 1e-4
    session = open_session("own", RuntimeSettings(provider="cpu", models=tmp_path / "models"), "classifier")
    crops = np.stack([cv2.resize(picture, (32, 32)) for picture in PICTURES]).astype(np.uint8)
    said = session.run(crops)["probabilities"]
    weights = numpy_helper.to_array(onnx.load(str(file)).graph.initializer[0])
    means = (crops[..., ::-1].mean((1, 2)) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    scores = np.exp(means @ weights)
    wanted = (scores / scores.sum(1, keepdims=True))[:, :: -1 if reverse else 1]
    np.testing.assert_allclose(said, wanted, atol=1e-4)
    assert session.entry.classes == NAMES


@pytest.mark.parametrize(
    ("make", "role", "classes", "says"),
    [
        (lambda path: yolo(path, 6), "detector", (), "give its classes with --classes"),
        (lambda path: yolo(path, 6, last=True), "detector", (), "YOLOv5"),
        (lambda path: reader(path, 7), "classifier", (), "one column for each"),
        (lambda path: reader(path, batch=1), "classifier", (), "dynamic batch"),
        (lambda path: path.write_bytes(b"no graph") and path, "detector", (), "can't be read as ONNX"),
        (lambda path: path, "detector", (), "There is no model file"),
        (lambda path: takes_bytes(path), "detector", (), "one input float"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_in_is_refused_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, make: Any, role: Any, classes: tuple[str, ...], says: str
) -> None:
    file = make(tmp_path / "own.onnx")
    with pytest.raises(ModelError, match=says) as refused:
        import_model(Import(file, "own", role, tmp_path / "models", classes), PICTURES)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())


def takes_bytes(path: Path) -> Path:
    """Write a graph that takes bytes already."""
    model = onnx.load(str(finished(path)))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.node.insert(0, helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "floats"
    onnx.save(model, str(path))
    return path


def test_the_command_imports_and_says_how_to_use_it(tmp_path: Path) -> None:
    file = yolo(tmp_path / "mine.onnx", 7)
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), PICTURES[0])
    arguments = ["models", "import", str(file), "--classes", "a, b,c", "--into", str(tmp_path / "own")]
    arguments += ["--pictures", str(picture), "--licence", "MIT"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert f"--set detect.model=mine --set runtime.models={tmp_path / 'own'}" in done.stdout
    entry = open_session("mine", RuntimeSettings(provider="cpu", models=tmp_path / "own"), "detector").entry
    assert (entry.classes, entry.licence) == (("a", "b", "c"), "MIT")
    with pytest.raises(ModelError, match="already"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert CliRunner().invoke(app, [*arguments, "--overwrite"], catch_exceptions=False).exit_code == 0
