"""Half precision: the same answers, in half the size. Run on the CPU, which casts to float32 and back."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from signpipe.lab.evaluation.parity import Parity, compare_classifiers, compare_detectors
from signpipe.lab.evaluation.sample import sample_crops, sample_scenes
from signpipe.lab.training.half import LAYERS, to_half
from signpipe.runtime.manifest import ModelEntry, load_manifest
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings, Settings

DETECTOR, CLASSIFIER = (
    next(entry for entry in load_manifest().values() if entry.role == role and entry.precision == "fp32")
    for role in ("detector", "classifier")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with both models in half precision."""
    folder = tmp_path_factory.mktemp("half")
    for entry in (DETECTOR, CLASSIFIER):
        to_half(entry.path, folder / entry.file)
    return folder


def value(parity: Parity, name: str) -> float:
    return next(check.value for check in parity.checks if check.name == name)


@pytest.mark.slow
def test_a_detector_finds_the_same(folder: Path) -> None:
    scenes = sample_scenes(6)
    half = str(folder / DETECTOR.file)
    result = compare_detectors(half, DETECTOR.name, scenes, Settings(), lambda _done, _total: None)
    assert result.passed
    assert value(result, "matched") == 1
    assert value(result, "mean IoU") > 0.995
    assert value(result, "largest score difference") < 0.02


@pytest.mark.slow
def test_a_classifier_says_the_same(folder: Path) -> None:
    half = str(folder / CLASSIFIER.file)
    result = compare_classifiers(half, CLASSIFIER.name, sample_crops(200), Settings(), lambda _done, _total: None)
    assert result.passed
    assert value(result, "largest probability difference") < 0.01


@pytest.mark.parametrize("entry", [DETECTOR, CLASSIFIER], ids=["detector", "classifier"])
def test_it_has_the_same_inputs_and_outputs_and_half_the_size(folder: Path, entry: ModelEntry) -> None:
    before, after = onnx.load(str(entry.path)), onnx.load(str(folder / entry.file))
    assert list(after.graph.input) == list(before.graph.input)
    assert list(after.graph.output) == list(before.graph.output)
    sizes = [path.stat().st_size for path in (entry.path, folder / entry.file)]
    assert sizes[1] < 0.55 * sizes[0]
    layers = {name for node in after.graph.node if node.op_type in LAYERS for name in node.input}
    weights = [tensor for tensor in after.graph.initializer if len(tensor.dims) > 1 and tensor.name in layers]
    assert weights
    assert all(tensor.data_type != TensorProto.FLOAT for tensor in weights)


def test_positions_are_not_rounded_to_halves(folder: Path) -> None:
    session = open_session(str(folder / DETECTOR.file), RuntimeSettings(provider="cpu"), "detector")
    boxes = session.run(np.zeros((1, 64, 4096, 3), np.uint8))["detections"][0, :, :4]
    far = boxes[boxes > 1024]
    assert len(far) > 10
    assert np.any(far.astype(np.float16).astype(np.float32) != far)
