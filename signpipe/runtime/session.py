"""Open models and run them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from signpipe.errors import ModelError
from signpipe.runtime.contract import check_graph, entry_from_graph
from signpipe.runtime.manifest import (
    ModelEntry,
    TensorSpec,
    find_model,
    known_models,
    models_folder,
    variant_for_gpu,
)
from signpipe.runtime.providers import PROVIDERS, choose_provider, create_session, fall_back
from signpipe.settings import RuntimeSettings, Settings, load_settings
from signpipe.types import Image

log = logging.getLogger("signpipe.runtime")

DTYPES = {"float": "float32", "double": "float64"}  # ONNX Runtime's words -> numpy's, where they differ
MOST_SHAPES = 128  # of inputs for which buffers on a device are kept


class Run(dict[str, npt.NDArray[Any]]):
    """What one run of a model gave: its outputs by name.

    Attributes:
        ms: Milliseconds that it took, copies included.
    """

    def __init__(self, outputs: Iterable[tuple[str, npt.NDArray[Any]]], ms: float) -> None:
        super().__init__(outputs)
        self.ms = ms


class Session:
    """An open model; pipelines and threads may share it.

    Args:
        entry: What the model is.
        runner: ONNX Runtime's session.
        device: Where its inputs and outputs lie: "cpu" (no copies are made) or "cuda" (buffers on the device are kept).

    Attributes:
        entry: What the model is: input, outputs, classes.
        providers: ONNX Runtime's names of the providers that run it, the first one first.
    """

    def __init__(self, entry: ModelEntry, runner: ort.InferenceSession, device: str = "cpu") -> None:
        self.entry = entry
        self.providers: tuple[str, ...] = tuple(runner.get_providers())
        self._names = [output.name for output in entry.outputs]
        self._runner: Any = runner
        self._buffers = None if device == "cpu" else DeviceBuffers(runner, entry.input.name, self._names, device)

    def run(self, array: Image) -> Run:
        """Run the model on a batch.

        Args:
            array: Of the type and shape that `entry.input` says; not copied on the CPU if it is contiguous.

        Returns:
            The outputs by name, with the time that the run took.

        Raises:
            ModelError: The model can't be run on this input.
        """
        start = perf_counter()
        array = np.ascontiguousarray(array)
        try:
            if self._buffers is None:
                values = self._runner.run(self._names, {self.entry.input.name: array})
            else:
                values = self._buffers.run(array)
        except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
            raise ModelError(
                f"The model {self.entry.path} failed on an input {array.dtype} {array.shape}, where it takes "
                f"{self.entry.input} ({_first_line(error)}); choose another model or export this one again."
            ) from None
        return Run(zip(self._names, values, strict=True), (perf_counter() - start) * 1e3)

    def warm_up(self, shape: tuple[int, ...]) -> Run:
        """Run once on an empty input of this shape, so that the first frame doesn't pay for allocations and kernels.

        Raises:
            ModelError: The model can't be run on it.
        """
        return self.run(np.zeros(shape, np.uint8))

    def close(self) -> None:
        """Release the model; it can't be run afterwards."""
        self._buffers = self._runner = None


class DeviceBuffers:
    """Input and outputs bound to memory of a device, and kept for each shape of the input.

    A detector's input has one shape, a classifier's as many as there are numbers of signs in a picture.

    Args:
        runner: ONNX Runtime's session.
        source: Name of the input.
        outputs: Names of the outputs.
        device: Such as "cuda".
    """

    def __init__(self, runner: ort.InferenceSession, source: str, outputs: list[str], device: str) -> None:
        self._runner = runner
        self._source = source
        self._outputs = outputs
        self._device = device
        self._bound: dict[tuple[int, ...], tuple[Any, Any]] = {}
        self._lock = Lock()  # a buffer must not be filled anew before its outputs have been copied back

    def run(self, array: Image) -> list[npt.NDArray[Any]]:
        """Copy the input over, run, and copy the outputs back; of several threads, one after the other."""
        with self._lock:
            return self._run(array)

    def _run(self, array: Image) -> list[npt.NDArray[Any]]:
        if array.shape not in self._bound:
            if len(self._bound) >= MOST_SHAPES:
                self._bound.clear()
            self._bound[array.shape] = self._bind(array)
        value, binding = self._bound[array.shape]
        value.update_inplace(array)
        self._runner.run_with_iobinding(binding)
        outputs: list[npt.NDArray[Any]] = binding.copy_outputs_to_cpu()
        return outputs

    def _bind(self, array: Image) -> tuple[Any, Any]:
        """Return the input on the device, and the binding of it and the outputs."""
        value = ort.OrtValue.ortvalue_from_shape_and_type(array.shape, array.dtype, self._device, 0)
        binding = self._runner.io_binding()
        binding.bind_ortvalue_input(self._source, value)
        for name in self._outputs:
            binding.bind_output(name, self._device, 0)  # allocated by the first run, kept for the next ones
        return value, binding


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a pipeline, open; several pipelines may share them. A context manager that closes them.

    Attributes:
        detector: Finds signs; None where a stage of one's own does that.
        classifier: Says which they are; None where a stage of one's own does that.
        reader: Reads their figures; None where that is switched off, or there is no such model.
    """

    detector: Session | None = None
    classifier: Session | None = None
    reader: Session | None = None

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that there are, the detector first."""
        return tuple(session for session in (self.detector, self.classifier, self.reader) if session is not None)

    def close(self) -> None:
        """Release the models; no pipeline that shares them can run afterwards."""
        for session in self.sessions:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_models(
    settings: Settings | None = None, *, detector: bool = True, classifier: bool = True, reader: bool = True
) -> Models:
    """Open the models that the settings name.

    Args:
        settings: The whole configuration; the default is `Settings()`.
        detector: Whether the detector is needed.
        classifier: Whether the classifier is needed.
        reader: Whether the reader is wanted; a folder of models that has none is told of in a warning.

    Raises:
        ModelError: One is unknown, missing, altered, no ONNX, or of the wrong shape.
        ProviderError: The provider asked for can't run one and `runtime.allow_cpu` is off.
    """
    settings = settings or load_settings()
    return Models(
        open_session(settings.detector, settings.runtime, "detector") if detector else None,
        open_session(settings.classifier, settings.runtime, "classifier") if classifier else None,
        _open_reader(settings) if reader and settings.figures.enabled else None,
    )


def _open_reader(settings: Settings) -> Session | None:
    """Open the reader, or return None where the folder of models has none by the usual name."""
    model = settings.figures.model
    if model == type(settings.figures)().model and model not in known_models(settings.runtime.models):
        log.warning(
            "There is no model '%s' in %s: figures on signs aren't read. Export one, or set figures.enabled to false.",
            model, models_folder(settings.runtime.models),
        )  # fmt: skip
        return None
    return open_session(model, settings.runtime, "reader")


def open_session(model: str, settings: RuntimeSettings, role: str) -> Session:
    """Open a model that fits its role and, where a manifest lists it, the manifest.

    Args:
        model: Name in the manifest, or path of an ONNX file.
        settings: Provider, threads and the folder of the manifest.
        role: "detector", "classifier" or "reader".

    Raises:
        ModelError: It is unknown, missing, altered, no ONNX, or of the wrong shape.
        ProviderError: The provider asked for can't run it and `allow_cpu` is off.
    """
    found = find_model(model, role, settings.models)
    provider = choose_provider(settings)
    if provider != "cpu":
        suited = _suited_to_gpu(found, model, settings)
        runner = _start_on_gpu(_file(suited), provider, settings.threads)
        if runner is not None:
            return Session(_described(suited, role, runner), runner, "cuda")
    runner = _start_on_cpu(_file(found), settings.threads)  # a bad file is the file's fault, not the provider's
    if provider != "cpu" and settings.provider != "auto":
        fall_back(settings, f"it doesn't run {_file(found).name}")
    return Session(_described(found, role, runner), runner, "cpu")


def _suited_to_gpu(found: ModelEntry | Path, model: str, settings: RuntimeSettings) -> ModelEntry | Path:
    """Return the variant of a model that a GPU should run; one that was given by its path is run as it is."""
    if settings.variant == "named" or not isinstance(found, ModelEntry) or found.name != model:
        return found
    return variant_for_gpu(found, known_models(settings.models))


def _file(found: ModelEntry | Path) -> Path:
    """Return the file of a model, compared with its checksum if there is one.

    Raises:
        ModelError: It is missing or altered.
    """
    if isinstance(found, Path):
        return found
    found.verify()
    return found.path


def _described(found: ModelEntry | Path, role: str, runner: ort.InferenceSession) -> ModelEntry:
    """Return the entry of a model that is open.

    Raises:
        ModelError: The graph doesn't fit it, or the role.
    """
    inputs, outputs = _specs(runner.get_inputs()), _specs(runner.get_outputs())
    if isinstance(found, Path):
        return entry_from_graph(found, role, inputs, outputs)
    check_graph(found, inputs, outputs)
    return found


def _start_on_gpu(path: Path, provider: str, threads: int) -> ort.InferenceSession | None:
    """Open a file with a provider, or return None where that isn't what would run it."""
    with contextlib.suppress(Exception):  # ONNX Runtime's exceptions have no base class of their own
        runner = create_session(str(path), provider, threads)
        if runner.get_providers()[0] == PROVIDERS[provider]:
            return runner
    return None


def _start_on_cpu(path: Path, threads: int) -> ort.InferenceSession:
    try:
        return create_session(str(path), "cpu", threads)
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        raise ModelError(
            f"The model file {path} can't be loaded as ONNX ({_first_line(error)}); restore or export it again."
        ) from None


def _specs(arguments: list[Any]) -> list[TensorSpec]:
    """Turn ONNX Runtime's description of inputs or outputs into ours."""
    specs = []
    for argument in arguments:
        kind = argument.type.removeprefix("tensor(").removesuffix(")")
        shape = tuple(size if isinstance(size, int) else size or "?" for size in argument.shape)
        specs.append(TensorSpec(name=argument.name, dtype=DTYPES.get(kind, kind), shape=shape))
    return specs


def _first_line(error: Exception) -> str:
    """Return what ONNX Runtime says, without its codes."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.rpartition(" : ")[2].rstrip(".") if text.startswith("[ONNXRuntimeError]") else text.rstrip(".")
