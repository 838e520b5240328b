"""Teaching the classifier's last layer what a person said, beside what it says already: seconds, and no torch.

Only the layer from the features to the classes is changed. The embedding stays as it is, so that prototypes and
novelty keep their meaning, and what was learned can be put into the int8 file as into the float32 one: this layer is
in float in both.
"""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tomli_w
from scipy.optimize import minimize
from scipy.special import log_softmax

from signpipe.errors import ExtraMissingError, ModelError
from signpipe.runtime.manifest import FILE_NAME, ModelEntry, load_manifest
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.types import FloatArray, Image

WEIGHT, BIAS, FEATURES = "net.head.weight", "net.head.bias", "/net/Relu_output_0"  # as `signpipe export` names them
_REVIEWED = 0.5  # what the mean over the new signs counts beside the mean over the old ones
_PULL = 1e-3  # towards the weights of before
_ROUNDS = 200

_Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """The last layer.

    Attributes:
        weight: float64 (C + 1, D); the last row says "cannot tell".
        bias: float64 (C + 1,).
    """

    weight: _Rows
    bias: _Rows

    def __call__(self, features: FloatArray | _Rows) -> _Rows:
        """Return scores (N, C + 1) of features (N, D)."""
        return np.asarray(features @ self.weight.T + self.bias, np.float64)


def read_head(path: Path) -> Head:
    """Read the last layer of a classifier's file.

    Raises:
        ExtraMissingError: onnx isn't installed.
        ModelError: It isn't one that `signpipe export` wrote.
    """
    numpy_helper = _onnx().numpy_helper
    tensors = {one.name: one for one in _onnx().load(str(path)).graph.initializer}
    if WEIGHT not in tensors or BIAS not in tensors:
        raise ModelError(
            f"The classifier {path} wasn't written by `signpipe export`, so its last layer can't be taught."
        )
    return Head(*(np.asarray(numpy_helper.to_array(tensors[name]), np.float64) for name in (WEIGHT, BIAS)))


def features_of(path: Path, images: Image) -> FloatArray:
    """Return what the last layer sees of crops, float32 (N, D).

    Args:
        path: The float32 file of a classifier.
        images: BGR uint8 (N, S, S, 3).
    """
    onnx = _onnx()
    model = onnx.load(str(path))
    dimensions = read_head(path).weight.shape[1]
    value = onnx.helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, ["crops", dimensions])
    model.graph.output.append(value)
    with tempfile.TemporaryDirectory() as folder:
        opened = Path(folder) / "features.onnx"
        onnx.save(model, str(opened))
        session = open_session(str(opened), RuntimeSettings(provider="cpu"), "classifier")
        parts = [session.run(images[start : start + 64])[FEATURES] for start in range(0, len(images), 64)]
        session.close()
    return np.concatenate(parts)


def teach(head: Head, old: FloatArray, new: FloatArray, labels: npt.NDArray[np.int64]) -> Head:
    """Return the head after it was taught.

    What it says of signs that it knew is the target for those: it must go on saying it, unsure where it was unsure.

    Args:
        head: As it is.
        old: Features (N, D) of signs that were known before.
        new: Features (M, D) of what a person labelled.
        labels: int64 (M,), the classes; C, the number of classes, for what is no sign.
    """
    said = np.exp(log_softmax(head(old), axis=1))
    wanted = np.eye(len(head.bias))[labels]
    start = np.concatenate([head.weight.ravel(), head.bias])
    features = np.concatenate([old, new]).astype(np.float64)
    targets = np.concatenate([said, wanted])
    shares = np.concatenate([np.full(len(old), 1 / len(old)), np.full(len(new), _REVIEWED / len(new))])

    def loss(values: _Rows) -> tuple[float, _Rows]:
        now = _unpacked(values, head)
        scores = log_softmax(now(features), axis=1)
        apart = values - start
        slope = (np.exp(scores) - targets) * shares[:, None]
        gradient = np.concatenate([(slope.T @ features).ravel(), slope.sum(axis=0)]) + 2 * _PULL * apart
        return float(-(shares[:, None] * targets * scores).sum() + _PULL * apart @ apart), gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS})
    return _unpacked(np.asarray(found.x, np.float64), head)


def write_head(folder: Path, name: str, head: Head) -> None:
    """Put a head into a classifier and into its reference, and their new checksums into the manifest.

    Args:
        folder: A candidate's folder, of which nothing runs.
        name: The classifier's name.
        head: What to write.
    """
    entries = load_manifest(folder)
    for entry in (entries[one] for one in {name, entries[name].reference} if one):
        _patch(entry, head)
    _describe(folder, {name, entries[name].reference})


def exact_of(folder: Path, name: str) -> ModelEntry:
    """Return the float32 model that a classifier stands for, or itself."""
    entries = load_manifest(folder)
    return entries[entries[name].reference or name]


def _unpacked(values: _Rows, like: Head) -> Head:
    size = like.weight.size
    return Head(values[:size].reshape(like.weight.shape), values[size:])


def _patch(entry: ModelEntry, head: Head) -> None:
    onnx = _onnx()
    model = onnx.load(str(entry.path))
    for tensor in model.graph.initializer:
        if tensor.name in (WEIGHT, BIAS):
            value = head.weight if tensor.name == WEIGHT else head.bias
            tensor.CopyFrom(onnx.numpy_helper.from_array(value.astype(np.float32), tensor.name))
    onnx.save(model, str(entry.path))


def _describe(folder: Path, names: set[str]) -> None:
    """Write the new checksums into the manifest."""
    path = folder / FILE_NAME
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    for model in content["model"]:
        if model["name"] in names:
            model["sha256"] = hashlib.sha256((folder / model["file"]).read_bytes()).hexdigest()
            model["trained_on"] = [*model.get("trained_on", []), "signs that people labelled in a review queue"]
            model.pop("metrics", None)  # they were of the file before
    path.write_text("# Written by `signpipe retrain`.\n" + tomli_w.dumps(content), encoding="utf-8")


def _onnx() -> Any:
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        raise ExtraMissingError("Teaching the classifier what people labelled", "import") from None
    return onnx
