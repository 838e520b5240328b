"""Taking in somebody's own ONNX export: what the runtime wants is put around its graph, and compared with it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN
from signpipe.errors import ExtraMissingError, ModelError
from signpipe.lab.training.manifest import write_entry
from signpipe.runtime.providers import create_session
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.types import Image

if TYPE_CHECKING:
    import onnx

MOST_DIFFERENCE = 1e-3  # of a score or probability; boxes may differ by so many times the picture's longer side
DYNAMIC_SIZE = (384, 640)  # height and width at which a network of any size is tried
_STRIDE = 32
_FINISHED = 6  # numbers of a finished box: corners, score, class
_HALF = 10  # TensorProto.FLOAT16
_FLOATS = {"tensor(float)": 1, "tensor(float16)": _HALF}  # element types that are taken -> TensorProto.DataType


Answer = npt.NDArray[Any]
Expected = Callable[[Answer], Answer]


@dataclass(frozen=True, slots=True)
class Import:
    """What is known of a model that is taken in.

    Attributes:
        file: The ONNX file: one input float (N, 3, H, W).
        name: The key that settings will use.
        role: What it does.
        classes: Names in the order of its output; none takes those that the file itself names.
        into: Folder of the manifest.
        rgb: True if the network wants red first, as most do.
        mean: What is taken off each channel, in the network's order, after division by 255.
        std: What each channel is divided by after that.
        licence: SPDX expression of the weights' licence, or "".
    """

    file: Path
    name: str
    role: Literal["detector", "classifier"]
    into: Path
    classes: tuple[str, ...] = ()
    rgb: bool = True
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    licence: str = ""


def import_model(plan: Import, pictures: Sequence[Image]) -> float:
    """Write a model and its entry into a manifest.

    Pictures go in as the runtime gives them, BGR bytes (N, H, W, 3); the order of the axes and colours, the scaling
    and, for a classifier that gives logits, the softmax become part of the graph. Boxes may come as raw rows (1,
    4 + classes, M), as YOLO exports them, or finished (1, N, 6), with non-maximum suppression or without the need.

    Args:
        plan: What is taken in, and how.
        pictures: BGR uint8 (H, W, 3), on which the new graph is compared with the old one.

    Returns:
        The largest difference of the outputs: of scores and probabilities, and of boxes in longer sides of the input.

    Raises:
        ModelError: The file is no ONNX, not of a known form, or the new graph doesn't say the same.
        ExtraMissingError: The package onnx isn't installed.
    """
    try:
        import onnx
    except ImportError:
        raise ExtraMissingError("importing models", "import") from None
    if not plan.file.is_file():
        raise ModelError(f"There is no model file {plan.file}; check the path.")
    try:
        model = onnx.load(str(plan.file))
        original = create_session(str(plan.file), "cpu", 0)
    except Exception as error:  # onnx's and ONNX Runtime's exceptions have no base class of their own
        first = (str(error).splitlines() or ["?"])[0]
        raise ModelError(f"The file {plan.file} can't be read as ONNX ({first}); export it again.") from None
    form = _Form.of(plan, model, original)
    answer = np.asarray(original.run(None, {form.source: form.as_wanted(form.prepared(pictures[0]))})[0])
    wrap = _wrap_detector if plan.role == "detector" else _wrap_classifier
    entry, expected = wrap(plan, form, answer)
    _prepend(model, form)
    onnx.checker.check_model(model)
    plan.into.mkdir(parents=True, exist_ok=True)
    path = plan.into / f"{plan.name}.onnx"
    part = path.with_suffix(".part.onnx")
    onnx.save(model, str(part))
    try:
        difference = _compare(form, create_session(str(part), "cpu", 0), original, expected, pictures)
    except BaseException:
        part.unlink()
        raise
    part.replace(path)
    write_entry(plan.into, entry)
    open_session(plan.name, RuntimeSettings(provider="cpu", models=plan.into), plan.role).close()
    return difference


@dataclass(slots=True)
class _Form:
    """What a graph looks like.

    Attributes:
        plan: What is taken in.
        model: The graph, which is changed.
        source: Name of its input.
        element: TensorProto.DataType of the input.
        size: Height and width of the input, or None where they are open.
        batch: True if it takes any number of pictures.
        outputs: Names of its outputs.
    """

    plan: Import
    model: onnx.ModelProto
    source: str
    element: int
    size: tuple[int, int] | None
    batch: bool
    outputs: list[str]

    @classmethod
    def of(cls, plan: Import, model: onnx.ModelProto, original: Any) -> _Form:
        """Look at a graph.

        Raises:
            ModelError: Its input isn't one picture or several, float (N, 3, H, W).
        """
        inputs = original.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(inputs) != 1 or inputs[0].type not in _FLOATS or len(shape) != 4 or shape[1] not in (3, "3"):
            listed = "; ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise ModelError(f"The model {plan.file} takes {listed}, but one input float (N, 3, H, W) is needed.")
        fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
        size = (int(shape[2]), int(shape[3])) if fixed else None
        names = [output.name for output in original.get_outputs()]
        return cls(plan, model, inputs[0].name, _FLOATS[inputs[0].type], size, not isinstance(shape[0], int), names)

    def prepared(self, picture: Image) -> Image:
        """Return a picture in the input's size, BGR uint8 (1, H, W, 3)."""
        height, width = self.size or DYNAMIC_SIZE
        return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)[None]

    def as_wanted(self, pictures: Image) -> npt.NDArray[Any]:
        """Return what the original graph is given for pictures BGR uint8 (N, H, W, 3)."""
        ordered = pictures[..., ::-1] if self.plan.rgb else pictures
        mean, std = np.array(self.plan.mean, np.float32), np.array(self.plan.std, np.float32)
        scaled = ((ordered.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(scaled, np.float16 if self.element == _HALF else np.float32)

    @property
    def shape(self) -> list[int | str]:
        """Shape of the input as the manifest has it."""
        height, width = self.size or ("height", "width")
        return [1 if self.plan.role == "detector" else "crops", height, width, 3]


def _prepend(model: onnx.ModelProto, form: _Form) -> None:
    """Put what turns BGR bytes into the network's own input before it."""
    from onnx import TensorProto, helper, numpy_helper

    plan, graph = form.plan, model.graph
    constants = {
        "signpipe_order": np.array([2, 1, 0] if plan.rgb else [0, 1, 2], np.int64),
        "signpipe_scale": (1 / (255 * np.array(plan.std))).reshape(1, 3, 1, 1).astype(np.float32),
        "signpipe_shift": (-np.array(plan.mean) / np.array(plan.std)).reshape(1, 3, 1, 1).astype(np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["pictures"], ["signpipe_nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Gather", ["signpipe_nchw", "signpipe_order"], ["signpipe_ordered"], axis=1),
        helper.make_node("Cast", ["signpipe_ordered"], ["signpipe_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["signpipe_float", "signpipe_scale"], ["signpipe_scaled"]),
        helper.make_node("Add", ["signpipe_scaled", "signpipe_shift"], ["signpipe_shifted"]),
        helper.make_node("Cast", ["signpipe_shifted"], [form.source], to=form.element),
    ]
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    own = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*nodes, *own])
    graph.input.append(helper.make_tensor_value_info("pictures", TensorProto.UINT8, form.shape))
    del graph.value_info[:]  # shapes of the inside, some of which no longer hold


def _append(model: onnx.ModelProto, before: str, name: str, shape: list[int | str], nodes: list[Any]) -> None:
    """Give a graph one float32 output in place of all it has: `before`, put through further nodes into `name`."""
    from onnx import TensorProto, helper

    graph = model.graph
    last = nodes[-1].output[0] if nodes else before
    nodes = [*nodes, helper.make_node("Cast", [last], [name], to=TensorProto.FLOAT)]
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _wrap_detector(plan: Import, form: _Form, answer: Answer) -> tuple[dict[str, Any], Expected]:
    """Give a detector its output; return its entry, and what turns the original's answer into the new one.

    Raises:
        ModelError: The boxes are in no known form, or there are other classes than were named.
    """
    from onnx import helper

    shape, before = answer.shape, form.outputs[0]
    classes = plan.classes or _named_classes(form.model) or ("sign",)
    rows = 4 + len(classes)
    nodes: list[Any] = []
    if len(shape) == 3 and shape[2] == _FINISHED and shape[1] != rows and _is_finished(answer):
        name, dims = "detections", [1, shape[1], _FINISHED]
    elif len(shape) == 3 and shape[1] == rows:
        name, dims = "boxes", [1, rows, shape[2] if form.size else "anchors"]
    elif len(shape) == 3 and shape[2] == rows:
        nodes = [helper.make_node("Transpose", [before], ["signpipe_rows"], perm=[0, 2, 1])]
        name, dims = "boxes", [1, rows, shape[1] if form.size else "anchors"]
    else:
        old = "; rows of 5 + classes are YOLOv5's, which a current ultralytics exports anew"
        hint = old if shape[-1] == rows + 1 else ""
        raise ModelError(
            f"The detector {plan.file} gives {tuple(shape)}, but with {len(classes)} classes boxes are (1, N, 6) or "
            f"(1, {rows}, M): give its classes with --classes{hint}."
        )
    _append(form.model, before, name, dims, nodes)
    told = {one.key: one.value for one in form.model.metadata_props}.get("stride", "")
    stride = int(told) if told.isdecimal() and int(told) > 0 else _STRIDE
    source = {"name": "pictures", "dtype": "uint8", "layout": "NHWC", "colour": "BGR", "shape": form.shape}

    def expected(original: Answer) -> Answer:
        return original.transpose(0, 2, 1) if nodes else original

    return _entry(plan, classes, source | {"stride": stride}, name, dims), expected


def _is_finished(answer: Answer) -> bool:
    """Return True if rows of six are corners, score and class, and not YOLOv5's for one class, which look alike."""
    return bool((answer[..., 5] == np.round(answer[..., 5])).all() and (answer[..., 2:4] >= answer[..., :2]).all())


def _wrap_classifier(plan: Import, form: _Form, answer: Answer) -> tuple[dict[str, Any], Expected]:
    """Give a classifier probabilities in the catalogue's order; return as `_wrap_detector` does.

    Raises:
        ModelError: It takes one picture at a time or of any size, or its classes aren't the catalogue's.
    """
    from onnx import helper, numpy_helper

    if not form.batch or form.size is None or form.size[0] != form.size[1]:
        raise ModelError(
            f"The classifier {plan.file} must take any number of square pictures of one size; export it with a dynamic "
            "batch and a fixed height and width."
        )
    scores, before = answer, form.outputs[0]
    names = load_catalogue().names
    classes = plan.classes or _named_classes(form.model) or names
    if scores.ndim != 2 or scores.shape[1] != len(classes) or sorted(classes) != sorted(names):
        raise ModelError(
            f"The classifier {plan.file} gives {scores.shape} for {len(classes)} classes; it must be one column for "
            f"each of the catalogue's {len(names)} classes, in any order: name them in the order of the columns."
        )
    logits = not (np.isfinite(scores).all() and (scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-2))
    order = np.array([classes.index(name) for name in names], np.int64)
    form.model.graph.initializer.append(numpy_helper.from_array(order, "signpipe_columns"))
    nodes: list[Any] = []
    if logits:
        nodes.append(helper.make_node("Softmax", [before], ["signpipe_softmax"], axis=1))
    last = nodes[-1].output[0] if nodes else before
    nodes.append(helper.make_node("Gather", [last, "signpipe_columns"], ["signpipe_sorted"], axis=1))
    _append(form.model, before, "probabilities", ["crops", len(names)], nodes)
    source = {"name": "pictures", "dtype": "uint8", "layout": "NHWC", "colour": "BGR", "shape": form.shape}

    def expected(original: Answer) -> Answer:
        return (softmax(original, axis=1) if logits else original)[:, order]

    return _entry(plan, names, source, "probabilities", ["crops", len(names)]) | {"margin": MARGIN}, expected


def _named_classes(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the classes that ultralytics writes into its exports, or none."""
    text = next((one.value for one in model.metadata_props if one.key == "names"), "")
    try:
        names = ast.literal_eval(text) if text else {}
    except (ValueError, SyntaxError):
        return ()
    return tuple(str(name) for _, name in sorted(names.items())) if isinstance(names, dict) else ()


def _entry(
    plan: Import, classes: Sequence[str], source: dict[str, Any], name: str, shape: list[int | str]
) -> dict[str, Any]:
    return {
        "name": plan.name, "role": plan.role, "file": f"{plan.name}.onnx", "precision": "", "licence": plan.licence,
        "classes": list(classes), "trained_on": [],
        "input": source, "output": [{"name": name, "dtype": "float32", "shape": shape}], "metrics": {},
    }  # fmt: skip


def _compare(form: _Form, new: Any, original: Any, expected: Expected, pictures: Sequence[Image]) -> float:
    """Run both graphs on the same pictures, and return their largest difference.

    Raises:
        ModelError: They don't say the same.
    """
    worst = 0.0
    for picture in pictures:
        prepared = form.prepared(picture)
        answer = original.run(None, {form.source: form.as_wanted(prepared)})[0]
        wanted = expected(np.asarray(answer, np.float32))
        difference = np.abs(np.asarray(new.run(None, {"pictures": prepared})[0], np.float32) - wanted)
        if form.plan.role == "detector":
            boxes = difference[..., :4] if difference.shape[2] == _FINISHED else difference[:, :4]
            boxes /= max(prepared.shape[1:3])
        worst = max(worst, float(difference.max(initial=0.0)))
    if not worst <= MOST_DIFFERENCE:
        raise ModelError(
            f"The model {form.plan.file} doesn't say the same with its input and output changed: they differ by "
            f"{worst:.2g}, and {MOST_DIFFERENCE:g} is allowed; export it in float32."
        )
    return worst
