"""Half precision (fp16) of a model, for GPUs: half the size, and the arithmetic that tensor cores are made for."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import compose, shape_inference
from onnx.utils import Extractor
from onnxruntime.transformers.float16 import convert_float_to_float16

# Where a network's arithmetic lies. What comes after the last of these turns its answer into boxes, probabilities or a
# comparison with prototypes.
LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm"})


def to_half(source: Path, target: Path) -> None:
    """Write a float32 model in half precision, with the inputs and outputs that it had.

    All that no convolution or matrix product follows stays in float32: a half has 11 bits, so positions over 1,024
    pixels would be whole pixels, and probabilities near 1 would come in steps of 0.0005. On the CPU, ONNX Runtime
    runs such a model by casting to float32 and back: right, but slower than the original.

    The converter's own list of nodes that stay would do, but between two of those it casts to a half and back.

    Args:
        source: ONNX file in float32.
        target: The file to write.
    """
    model = shape_inference.infer_shapes(onnx.load(str(source)))
    border = _border(model.graph)
    extractor = Extractor(model)
    inputs, outputs = ([value.name for value in values] for values in (model.graph.input, model.graph.output))
    network = extractor.extract_model(inputs, border)
    rest = extractor.extract_model(border, outputs)
    half = convert_float_to_float16(network, keep_io_types=True)
    # A constant that both parts use has two types now.
    rest = compose.add_prefix(
        rest, "float/", rename_nodes=False, rename_edges=False, rename_inputs=False, rename_outputs=False,
        rename_value_infos=False, rename_functions=False,
    )  # fmt: skip
    for part in (half, rest):
        del part.graph.value_info[:]  # of the old types; both parts describe the border
        part.ir_version = model.ir_version
    merged = compose.merge_models(half, rest, [(name, name) for name in border])
    onnx.checker.check_model(merged)
    onnx.save(merged, str(target))


def _border(graph: onnx.GraphProto) -> list[str]:
    """Return the values that the part which stays in float32 takes from the network, in the network's order."""
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    network: set[str] = set()  # outputs of nodes that are, or are followed by, a layer
    for node in reversed(graph.node):  # they are in topological order
        followed = any(user.output[0] in network for name in node.output for user in users.get(name, []))
        if node.op_type in LAYERS or followed:
            network.update(node.output)
    taken = {name for node in graph.node if node.output[0] not in network for name in node.input}
    return [name for node in graph.node for name in node.output if name in network and name in taken]
