"""The machine that a result was made on: what a number depends on besides the code."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from signpipe.runtime.cores import usable_cores
from signpipe.runtime.providers import PROVIDERS, RUNTIMES, why_not
from signpipe.shipped import PACKAGE
from signpipe.version import VERSION

# Those of the run time that results depend on, and those of training, which may be absent.
PACKAGES = (
    "numpy", "opencv-python", "av", "scipy", "pydantic-settings", "typer", "rich", *RUNTIMES,
    "torch", "torchvision", "ultralytics", "onnx",
)  # fmt: skip
CPU_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm")
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a result depends on; `dataclasses.asdict` gives what result files hold.

    Attributes:
        date: When it was looked at, ISO 8601 in UTC.
        commit: Short hash of the checkout that signpipe runs from, ending in "-dirty" where tracked files are
            changed; None for an installed package.
        cpu: Name of the processor.
        cpu_features: Those of `CPU_FEATURES` that it has; empty where the system doesn't tell.
        cores: Physical cores that this process may use.
        logical_cpus: Logical processors that this process may use.
        memory_gb: Memory that this process may use in GB (10^9 bytes), or None where the system doesn't tell.
        os: Name and release of the operating system.
        python: Version of Python.
        signpipe: Version of signpipe.
        packages: Versions of the installed ones of `PACKAGES`.
        providers: Execution providers that ran a graph here, as settings name them.
        gpus: Name, memory and driver of each NVIDIA GPU.
    """

    date: str
    commit: str | None
    cpu: str
    cpu_features: tuple[str, ...]
    cores: int
    logical_cpus: int
    memory_gb: float | None
    os: str
    python: str
    signpipe: str
    packages: dict[str, str]
    providers: tuple[str, ...]
    gpus: tuple[str, ...]


def describe_machine() -> Machine:
    """Look at this machine; takes some milliseconds, and a second or two where there is a GPU."""
    info = _cpu_info()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    return Machine(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        cpu=info.get("model name") or platform.processor() or platform.machine(),
        cpu_features=tuple(feature for feature in CPU_FEATURES if feature in flags),
        cores=usable_cores(),
        logical_cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gb=_memory_gb(),
        os=platform.platform(terse=True),
        python=platform.python_version(),
        signpipe=VERSION,
        packages=_versions(),
        providers=tuple(name for name in PROVIDERS if why_not(name) is None),
        gpus=tuple(_ask("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")),
    )


def _cpu_info() -> dict[str, str]:
    """Return what Linux says of the first CPU; nothing elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _memory_gb() -> float | None:
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None
    with contextlib.suppress(OSError, ValueError):  # no control group, or "max"
        memory = min(memory, int(MEMORY_LIMIT.read_text()))
    return round(memory / 1e9, 1)


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    checkout = PACKAGE.parent
    if not (checkout / ".git").exists():  # installed, perhaps into an environment inside another project's checkout
        return None
    return next(
        iter(_ask("git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*")), None
    )


def _ask(program: str, *arguments: str) -> list[str]:
    """Return the lines that a program prints; none where it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        return []
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()
