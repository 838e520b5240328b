"""Static int8 quantisation of a network (QDQ, per channel), calibrated on real pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from signpipe.types import Image

# Without MaxPool: ONNX Runtime pools bytes far slower than floats.
QUANTISED = ["Conv", "Relu", "Sigmoid", "Mul", "Add", "Concat", "Resize", "Split"]


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, name: str, pictures: Sequence[Image]) -> None:
        self._feeds: Iterator[dict[str, Image]] = iter([{name: picture[None]} for picture in pictures])

    def get_next(self) -> dict[str, Image] | None:
        return next(self._feeds, None)


def quantise(
    source: Path, target: Path, pictures: Sequence[Image], stem: str | None, decoding: str, widest: bool = False
) -> None:
    """Quantise a graph; the last convolutions and all that decodes boxes stay in float, and the first layer can.

    Args:
        source: ONNX file in float32.
        target: Where the int8 one is written.
        pictures: BGR uint8 (H, W, 3) pictures to calibrate on, sides multiples of the stride.
        stem: Pattern in the names of first nodes that stay in float; None lets the first convolution take the
            picture's bytes as they are.
        decoding: Pattern in the names of the nodes where decoding begins; they and all after them stay in float.
        widest: Scale activations to the widest range that any picture has, which cuts none off, and not to the average.
    """
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(str(prepared)).graph
        first = [n.name for n in graph.node if stem is not None and re.search(stem, n.name)]
        quantize_static(
            str(prepared),
            str(target),
            _Pictures(graph.input[0].name, pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=first + nodes_from(graph, decoding),
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": not widest},
        )
    if stem is None:
        _take_bytes(target)


def _take_bytes(path: Path) -> None:
    """Let the first convolution read the picture's bytes, in the place of casting and quantising them again."""
    model = onnx.load(str(path))
    graph = model.graph
    users = {name: node for node in reversed(graph.node) for name in node.input}
    cast = next(node for node in graph.node if node.op_type == "Cast")
    quantised = users[cast.output[0]]
    bytes_read = users[quantised.output[0]]
    graph.initializer.append(numpy_helper.from_array(np.float32(1), "byte_scale"))
    graph.initializer.append(numpy_helper.from_array(np.uint8(0), "byte_zero"))
    bytes_read.input[:] = [cast.input[0], "byte_scale", "byte_zero"]
    graph.node.remove(cast)
    graph.node.remove(quantised)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def nodes_from(graph: onnx.GraphProto, starts: str) -> list[str]:
    """Return the names of the nodes in whose name a pattern is found, and of all nodes that follow from them."""
    reached: set[str] = set()
    names = []
    for node in graph.node:  # in topological order
        if re.search(starts, node.name) or reached.intersection(node.input):
            reached.update(node.output)
            names.append(node.name)
    return names


def trim_to_stride(pictures: Sequence[Image], stride: int) -> list[Image]:
    """Cut pictures to multiples of the stride, for calibration without grey borders."""
    return [np.ascontiguousarray(p[: p.shape[0] // stride * stride, : p.shape[1] // stride * stride]) for p in pictures]
