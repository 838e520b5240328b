"""How many cores a model run may use."""

from __future__ import annotations

import os
from pathlib import Path

CPU_FOLDER = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return the physical cores that this process may use: by affinity and, in a container, by its quota of time.

    Two threads of one core share its arithmetic units, so more threads than cores only get in each other's way.
    """
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = len({_siblings(cpu) for cpu in cpus})
    return max(min(cores, _quota() or cores), 1)


def _siblings(cpu: int) -> str:
    """Return what names the physical core of a logical CPU."""
    try:
        return (CPU_FOLDER / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota() -> int | None:
    """Return the whole cores that a container's quota pays for, at least 1, or None without a quota."""
    try:
        quota, period = QUOTA.read_text().split()
        return max(int(quota) // int(period), 1)
    except (OSError, ValueError):  # no control group, or "max"
        return None
