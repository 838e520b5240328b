"""Execution providers: which of them really work on this machine, and what the others lack."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import sys
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from signpipe.errors import ProviderError
from signpipe.runtime.cores import usable_cores
from signpipe.settings import RuntimeSettings

logger = logging.getLogger(__name__)

# Short name -> ONNX Runtime's name, in the order of preference after which a session falls back.
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# Packages that all bring `import onnxruntime`.
RUNTIMES = ("onnxruntime", "onnxruntime-directml", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-qnn")
# A graph of one addition, `y = x + x` of float32 (1,), to try a provider with.
PROBE = Path(__file__).with_name("probe.onnx")
# A graph of one product of uint8 (8, 64) and int8 (64, 16) that are all 127, to see whether kernels overflow.
OVERFLOW = Path(__file__).with_name("overflow.onnx")
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
CLASH_REMEDY = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"

# What goes wrong comes back as an exception or as another provider than the one asked for; the log on stderr only
# repeats it, in several lines of C++ file names.
ort.set_default_logger_severity(4)


def choose_provider(settings: RuntimeSettings) -> str:
    """Return the short name of the provider that will run the models.

    `auto` takes CUDA where it works and the CPU elsewhere, without a word. TensorRT has to be asked for: it spends
    minutes on building an engine the first time.

    Raises:
        ProviderError: The provider asked for doesn't work here and `allow_cpu` is off.
    """
    if settings.provider == "cpu":
        return "cpu"
    if settings.provider == "auto":
        return "cuda" if why_not("cuda") is None else "cpu"
    reason = why_not(settings.provider)
    return settings.provider if reason is None else fall_back(settings, reason)


def fall_back(settings: RuntimeSettings, reason: str) -> str:
    """Return "cpu" if the settings allow it.

    Raises:
        ProviderError: They don't.
    """
    if not settings.allow_cpu:
        raise ProviderError(
            f"The provider '{settings.provider}' can't be used: {reason}; or go on without it with --allow-cpu."
        )
    logger.warning("The CPU runs the models, not '%s': %s.", settings.provider, reason)
    return "cpu"


@lru_cache(maxsize=8)
def why_not(provider: str) -> str | None:
    """Return None if a provider runs a tiny graph here, else what it lacks and how to get that, for a person."""
    name = PROVIDERS[provider]
    if name not in ort.get_available_providers():
        installed = runtime_packages()
        if len(installed) > 1:
            return f"{' and '.join(installed)} are both installed and hide each other; run  {CLASH_REMEDY}"
        return f"the installed {', '.join(installed) or 'ONNX Runtime'} is built without it; install onnxruntime-gpu"
    if provider != "cpu":
        if not _loads(DRIVER):
            return (
                f"the NVIDIA driver isn't installed ({DRIVER} isn't found); install it on a machine with an NVIDIA GPU"
            )
        _preload_cuda()
    try:
        works = create_session(str(PROBE), provider, threads=1).get_providers()[0] == name
    except Exception:  # ONNX Runtime's exceptions have no base class of their own
        works = False
    return None if works else missing_library(provider)


@lru_cache(maxsize=1)
def int8_overflows() -> bool:
    """Return whether the CPU's kernels overflow where they multiply uint8 by int8, so that signs lose their score.

    On x86 without VNNI they add two products in 16 bits. Asked is the CPU itself: ONNX Runtime takes all that have
    AVX2 for such ones (`MlasPlatformU8S8Overflow`), those with VNNI or AMX among them.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # else it starts one a core, for a single tiny run
    session = ort.InferenceSession(str(OVERFLOW), options, providers=[PROVIDERS["cpu"]])
    highest = np.full(session.get_inputs()[0].shape, 255, np.uint8)
    (sums,) = session.run(None, {"x": highest})
    return bool((sums != highest.shape[1] * 255 * 127).any())


def create_session(
    model: str | bytes, provider: str, threads: int, profile: Path | None = None
) -> ort.InferenceSession:
    """Open a graph with a provider, and those after it in `PROVIDERS` for what it can't run.

    The session may come without the provider: compare its `get_providers()`.

    Args:
        model: Path of an ONNX file, or its content.
        provider: Short name.
        threads: Threads of one run on the CPU; 0 is one a core.
        profile: Start of the name of a file in which every run is recorded, node by node.

    Raises:
        Exception: One of ONNX Runtime's own, which share no base class: the graph can't be loaded.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads or usable_cores()
    # A worker that spins between two runs takes the core that the decoder and the other stages need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if int8_overflows():  # makes the weights uint8, with kernels that don't; a third as fast where AMX could be used
        options.add_session_config_entry("session.x64quantprecision", "1")
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    names = list(PROVIDERS)
    chain = names[names.index(provider) :]
    providers = [(PROVIDERS[name], _options(name)) for name in chain]
    # With its own fallback on, ONNX Runtime prints a banner and goes on with something else.
    return ort.InferenceSession(model, options, providers=providers, enable_fallback=0)


def runtime_packages() -> list[str]:
    """Return the installed packages of `RUNTIMES`; more than one break each other."""
    names = {(distribution.name or "").lower().replace("_", "-") for distribution in distributions()}
    return [name for name in RUNTIMES if name in names]


def _options(provider: str) -> dict[str, Any]:
    if provider == "cuda":
        # The batch of crops changes from frame to frame; an exhaustive search would start anew for each size.
        return {"cudnn_conv_algo_search": "HEURISTIC"}
    if provider == "tensorrt":
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signpipe" / "tensorrt"
        return {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(cache)}
    return {}


def _preload_cuda() -> None:
    """Load CUDA and cuDNN from site-packages, where the extra `cuda` puts them."""
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it can't find; so do we, in one sentence
        ort.preload_dlls()


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_library(provider: str) -> str:
    """Say which library keeps a provider from starting."""
    pattern = "onnxruntime_providers_{}.dll" if sys.platform == "win32" else "libonnxruntime_providers_{}.so"
    folder = Path(ort.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(folder / pattern.format("shared")), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / pattern.format(provider)))
    except OSError as error:
        library = str(error).partition(":")[0]
        tensorrt = library.startswith(("libnvinfer", "libnvonnxparser"))
        remedy = "install TensorRT" if tensorrt else "install CUDA and cuDNN with  pip install 'signpipe[cuda]'"
        return f"{library} isn't found; {remedy}"
    return "it doesn't start; check that  nvidia-smi  lists a GPU and that its driver is recent enough"
