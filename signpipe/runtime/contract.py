"""What a graph must look like to be used as a detector, classifier or reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from signpipe.catalogue import load_catalogue
from signpipe.errors import ModelError
from signpipe.figures.ctc import CHARACTERS
from signpipe.runtime.manifest import ModelEntry, TensorSpec

Kind = Literal["detector", "classifier", "reader"]

DEFAULT_STRIDE = 32  # of every common YOLO; smaller ones divide it


def entry_from_graph(path: Path, role: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> ModelEntry:
    """Describe a graph that no manifest lists, by what it says of itself.

    A detector is taken to have the one class "sign" and stride 32, a classifier the classes of the catalogue, a reader
    the characters of signpipe's own.

    Raises:
        ModelError: It has not exactly one input, or doesn't fit its role.
    """
    if len(inputs) != 1 or not outputs:
        raise ModelError(f"The model file {path} has {len(inputs)} inputs, but a {role} has one; export it again.")
    kind: Kind = "reader" if role == "reader" else "detector" if role == "detector" else "classifier"
    classes = {"detector": ("sign",), "classifier": load_catalogue().names, "reader": CHARACTERS}
    entry = ModelEntry(
        name=path.stem,
        role=kind,
        folder=path.parent,
        file=path.name,
        classes=classes[kind],
        input=inputs[0].model_copy(update={"stride": DEFAULT_STRIDE} if kind == "detector" else {}),
        outputs=tuple(outputs),
    )
    check_role(entry)
    return entry


def check_graph(entry: ModelEntry, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Compare a graph with what the manifest says of it.

    Raises:
        ModelError: A name, element type or shape differs, or the model doesn't fit its role.
    """
    if len(inputs) != 1 or not _fits(entry.input, inputs[0], dynamic_in_graph=True):
        raise _differs(entry, "input", entry.input, inputs)
    found = {output.name: output for output in outputs}
    for declared in entry.outputs:
        if declared.name not in found or not _fits(declared, found[declared.name]):
            raise _differs(entry, "output", declared, outputs)
    check_role(entry)


def check_role(entry: ModelEntry) -> None:
    """Check that a model takes pictures and gives what its role needs.

    Raises:
        ModelError: It doesn't.
    """
    shape = entry.input.shape
    if entry.input.dtype != "uint8" or len(shape) != 4 or shape[3] != 3:
        raise ModelError(
            f"The model {entry.path} takes {entry.input}, but a {entry.role} takes pictures uint8 "
            "(N, height, width, 3) in BGR; export it with the normalisation inside."
        )
    if entry.role == "detector":
        if shape[0] != 1 and isinstance(shape[0], int):
            raise ModelError(
                f"The detector {entry.path} takes {entry.input}, but it gets one picture at a time; export it so."
            )
        _ = entry.box_layout
        return
    if entry.role == "reader":
        _check_reader(entry)
        return
    if entry.fixed_size is None or shape[1] != shape[2] or isinstance(shape[0], int):
        raise ModelError(
            f"The classifier {entry.path} takes {entry.input}, but it gets any number of square crops of one size; "
            "export it with a dynamic batch and a fixed height and width."
        )
    classes = len(entry.classes)
    if not any(o.name == "probabilities" and len(o.shape) == 2 and o.shape[1] == classes for o in entry.outputs):
        listed = "; ".join(map(str, entry.outputs))
        raise ModelError(
            f"The classifier {entry.path} gives {listed}, but probabilities float32 (N, {classes}) are needed; "
            "export it with this output, a column a class of the catalogue."
        )


def _check_reader(entry: ModelEntry) -> None:
    """Check that a reader takes crops of one size, and gives characters a column and what is struck through."""
    characters = len(entry.classes)
    columns = any(
        o.name == "log_probabilities" and len(o.shape) == 3 and o.shape[2] == characters for o in entry.outputs
    )
    struck = any(o.name == "struck" and len(o.shape) == 1 for o in entry.outputs)
    if entry.fixed_size is None or isinstance(entry.input.shape[0], int) or not (columns and struck):
        listed = "; ".join(map(str, entry.outputs))
        raise ModelError(
            f"The reader {entry.path} takes {entry.input} and gives {listed}, but it gets any number of crops of one "
            f"size and gives log_probabilities float32 (N, columns, {characters}) and struck float32 (N,); "
            "export it so."
        )


def _fits(declared: TensorSpec, found: TensorSpec, dynamic_in_graph: bool = False) -> bool:
    """Return True if a tensor of the graph is as declared.

    A size that the graph leaves open fits any declared size; `dynamic_in_graph` demands that an axis declared as
    dynamic is open in the graph too.
    """
    if (declared.name, declared.dtype, len(declared.shape)) != (found.name, found.dtype, len(found.shape)):
        return False
    pairs = zip(declared.shape, found.shape, strict=True)
    return all(
        isinstance(there, str) or there == said or (isinstance(said, str) and not dynamic_in_graph)
        for said, there in pairs
    )


def _differs(entry: ModelEntry, side: str, declared: TensorSpec, found: Sequence[TensorSpec]) -> ModelError:
    listed = "; ".join(map(str, found))
    return ModelError(
        f"The model {entry.path} doesn't fit its manifest: the manifest promises the {side} {declared}, the file has "
        f"{listed}; restore the file or correct the manifest."
    )
