"""The model manifest: what each model file is, and finding one by name or path."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signpipe.crops import MARGIN
from signpipe.errors import ModelError
from signpipe.shipped import shipped

SCHEMA = 1
FILE_NAME = "manifest.toml"


class TensorSpec(BaseModel):
    """An input or output of a graph.

    Attributes:
        name: Its name in the graph.
        dtype: Element type in numpy's words, such as "uint8".
        shape: Sizes; a string stands for a dynamic axis.
        layout: Order of a picture's axes, such as "NHWC", or "".
        colour: Order of a picture's channels, such as "BGR", or "".
        stride: The sides of a detector's input must be multiples of this.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    layout: str = ""
    colour: str = ""
    stride: int | None = Field(None, ge=1)

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} ({', '.join(map(str, self.shape))})"


class ModelEntry(BaseModel):
    """One model of the manifest.

    Attributes:
        name: The key that settings use.
        role: What it does in the pipeline.
        folder: Where its file lies.
        file: Name of the ONNX file.
        sha256: Checksum of the file in hexadecimal; None for a file that no manifest lists.
        precision: Such as "fp32" or "int8".
        reference: Name of the model in the same manifest that this one is a smaller or faster variant of, or "".
        licence: SPDX expression of the weights' licence.
        card: Name of the model card beside the file.
        classes: Names of the classes in the order of the output; of a reader, its characters, the blank first.
        trained_on: The data it has seen.
        input: Its only input.
        outputs: Its outputs.
        margin: What a classifier's crops show around a sign on each side, as a fraction of its box's longer side.
        metrics: What was measured, by name.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    name: str
    role: Literal["detector", "classifier", "reader"]
    folder: Path
    file: str
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    precision: str = ""
    reference: str = ""
    licence: str = ""
    card: str = ""
    classes: tuple[str, ...] = Field(min_length=1)
    trained_on: tuple[str, ...] = ()
    input: TensorSpec
    outputs: tuple[TensorSpec, ...] = Field(alias="output", min_length=1)
    margin: float = Field(MARGIN, ge=0, le=1)
    metrics: dict[str, Any] = {}

    @property
    def path(self) -> Path:
        """The ONNX file."""
        return self.folder / self.file

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """(height, width) of the input, or None if an axis is dynamic."""
        match self.input.shape:
            case (_, int(height), int(width), _):
                return height, width
        return None

    @property
    def smallest_side(self) -> int:
        """What the sides of a detector's input must at least be.

        An end-to-end head picks its best 300 places, and an input smaller than 160 x 160 has fewer at strides 8 and 16.
        """
        return 160 if self.box_layout == "end_to_end" else 0

    @property
    def box_layout(self) -> Literal["end_to_end", "raw"]:
        """How a detector writes its boxes: "end_to_end" (1, N, 6) or "raw" (1, 4 + classes, M).

        Raises:
            ModelError: The output has neither form, or both and isn't called "detections" (the end-to-end form).
        """
        output, raw_rows = self.outputs[0], 4 + len(self.classes)
        shape = output.shape if len(output.shape) == 3 else (0, 0, 0)
        end_to_end, raw = shape[2] == 6, shape[1] == raw_rows
        if end_to_end and (not raw or output.name == "detections"):
            return "end_to_end"
        if raw and not end_to_end:
            return "raw"
        forms = f"(1, N, 6) for finished boxes or (1, {raw_rows}, M) for raw ones"
        remedy = "name it 'detections' if its boxes are finished" if raw else "export it again in one of them"
        problem = "could be in both layouts" if raw else "is in no known layout"
        raise ModelError(f"The output {output} of the detector {self.path} {problem}, {forms}; {remedy}.")

    def verify(self) -> None:
        """Compare the file with its checksum.

        Raises:
            ModelError: It is missing, can't be read, or was altered.
        """
        try:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise ModelError(
                f"The model file {self.path} is missing; restore it, or reinstall signpipe if it came with it."
            ) from None
        except OSError as error:
            raise ModelError(f"The model file {self.path} can't be read: {error.strerror}.") from None
        if self.sha256 is not None and digest != self.sha256:
            raise ModelError(
                f"The model file {self.path} isn't the one that its manifest describes (sha256 {digest[:12]}..., not "
                f"{self.sha256[:12]}...); restore the file, or describe the new one in the manifest."
            )


def models_folder(folder: Path | None = None) -> Path:
    """Return `folder`, or else where the models are that ship with signpipe: in the package, or in its checkout.

    A link is followed here, once: models of one release mustn't be mixed with those of the next, see `releases`.
    """
    if folder is None:
        return shipped("models")
    return folder.resolve() if folder.is_symlink() else folder


def load_manifest(folder: Path | None = None) -> dict[str, ModelEntry]:
    """Read the manifest of a folder (the one that ships with signpipe by default).

    Returns:
        The models by name, in the order of the file.

    Raises:
        ModelError: There is no manifest, it is no valid TOML, or an entry is incomplete or listed twice.
    """
    folder = models_folder(folder)
    path = folder / FILE_NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"There is no model manifest {path}; point runtime.models to a folder that has one, or reinstall signpipe."
        ) from None
    except OSError as error:
        raise ModelError(f"The model manifest {path} can't be read: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"The model manifest {path} is no valid TOML ({error}); correct or restore it.") from None
    if content.get("schema") != SCHEMA:
        raise ModelError(
            f"The model manifest {path} has schema {content.get('schema')}, but this signpipe reads {SCHEMA}; "
            "use the models that belong to this version."
        )
    tables = content.get("model", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ModelError(
            f"The model manifest {path} has a 'model' that is no table; write [[model]] before each model."
        )
    return _entries(tables, path)


def own_models_folder() -> Path:
    """Return the folder of the models that a user has imported, whether it is there or not."""
    return platformdirs.user_data_path("signpipe") / "models"


def known_models(folder: Path | None = None) -> dict[str, ModelEntry]:
    """Return the models that can be named: those of a folder, or else those that ship and those that were imported.

    Raises:
        ModelError: A manifest can't be used, as for `load_manifest`.
    """
    own = own_models_folder()
    if folder is not None or not (own / FILE_NAME).is_file():
        return load_manifest(folder)
    return load_manifest(own) | load_manifest()


def _entries(tables: list[dict[str, Any]], path: Path) -> dict[str, ModelEntry]:
    entries: dict[str, ModelEntry] = {}
    for position, table in enumerate(tables, start=1):
        try:
            entry = ModelEntry.model_validate(table | {"folder": path.parent})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ModelError(
                f"Model {position} of the manifest {path} has a bad '{where}' ({first['msg']}); correct the manifest."
            ) from None
        if entry.name in entries:
            raise ModelError(f"The model manifest {path} lists '{entry.name}' twice; rename one of them.")
        entries[entry.name] = entry
    return entries


def reference_of(entry: ModelEntry, entries: dict[str, ModelEntry]) -> ModelEntry | None:
    """Return the model that another is a variant of, or None if it stands for itself.

    Args:
        entry: The model.
        entries: The models of its manifest.

    Raises:
        ModelError: The manifest doesn't list the reference, or it is no model of the same kind.
    """
    if not entry.reference:
        return None
    reference = entries.get(entry.reference)
    problem = None
    if reference is None or reference is entry:
        problem = "is no other model of its manifest"
    elif reference.role != entry.role or reference.classes != entry.classes:
        problem = f"isn't a {entry.role} of the same classes"
    if problem:
        raise ModelError(
            f"The reference '{entry.reference}' of the model '{entry.name}' {problem}; correct "
            f"{entry.folder / FILE_NAME}."
        )
    return reference


def variant_for_gpu(entry: ModelEntry, entries: dict[str, ModelEntry]) -> ModelEntry:
    """Return what a GPU should run in place of a model in int8: its variant in half precision, or else its reference.

    The pairs of nodes that quantise and dequantise (QDQ) are made for the int8 kernels of CPUs; GPUs run them apart.

    Raises:
        ModelError: The manifest doesn't list the reference, or it is no model of the same kind.
    """
    reference = reference_of(entry, entries) if entry.precision == "int8" else None
    if reference is None:
        return entry
    halves = (one for one in entries.values() if one.precision == "fp16" and one.reference == reference.name)
    return next(halves, reference)


def find_model(model: str, role: str, folder: Path | None = None) -> ModelEntry | Path:
    """Find a model by its name in the manifest, or by the path of an ONNX file.

    Args:
        model: A name, or a path (it ends in .onnx or has a separator).
        role: What it is wanted for: "detector", "classifier" or "reader".
        folder: The folder of the manifest in which names are looked up.

    Returns:
        Its entry, or the path of a file that no manifest beside it lists.

    Raises:
        ModelError: The name is unknown, the file is missing, the model has another role, or a manifest is bad.
    """
    path = Path(model).expanduser()
    if path.suffix.lower() == ".onnx" or len(path.parts) > 1:
        found = _beside(path)
    else:
        entries = known_models(folder)
        if model not in entries:
            fitting = ", ".join(entry.name for entry in entries.values() if entry.role == role) or "none"
            raise ModelError(
                f"There is no model '{model}' in {models_folder(folder)}; known {role}s: {fitting}; "
                "or give the path of an ONNX file."
            )
        found = entries[model]
    if isinstance(found, ModelEntry) and found.role != role:
        raise ModelError(f"The model '{model}' is a {found.role}, but a {role} is needed here; choose another.")
    return found


def _beside(path: Path) -> ModelEntry | Path:
    """Return the entry of a file in the manifest beside it, or the path itself if none lists it."""
    if not path.is_file():
        raise ModelError(f"There is no model file {path}; check the path, or name a model of the manifest.")
    if (path.parent / FILE_NAME).is_file():
        for entry in load_manifest(path.parent).values():
            if entry.path.name == path.name:
                return entry
    return path
