"""A graph of one addition to try a provider with, written byte by byte so that `onnx` isn't needed at run time."""

from __future__ import annotations

FLOAT = 1  # TensorProto.DataType


def _varint(field: int, value: int) -> bytes:
    """Encode a small number (under 128) as a field of a protobuf message."""
    return bytes([field << 3, value])


def _bytes(field: int, content: bytes) -> bytes:
    """Encode a string or message of under 128 bytes as a field of a protobuf message."""
    return bytes([field << 3 | 2, len(content)]) + content


def _tensor(name: bytes) -> bytes:
    """Encode a ValueInfoProto: float32 of shape (1,)."""
    shape = _bytes(1, _varint(1, 1))  # TensorShapeProto.dim.dim_value
    tensor = _varint(1, FLOAT) + _bytes(2, shape)  # TypeProto.Tensor.elem_type, shape
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _probe() -> bytes:
    node = _bytes(1, b"x") * 2 + _bytes(2, b"y") + _bytes(4, b"Add")  # NodeProto.input, output, op_type
    graph = _bytes(1, node) + _bytes(2, b"probe") + _bytes(11, _tensor(b"x")) + _bytes(12, _tensor(b"y"))
    return _varint(1, 8) + _bytes(7, graph) + _bytes(8, _varint(2, 13))  # ModelProto.ir_version, graph, opset_import


PROBE_GRAPH = _probe()
"""ModelProto of `y = x + x`, float32 (1,), IR version 8, opset 13."""
