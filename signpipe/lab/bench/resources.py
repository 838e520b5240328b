"""What this process uses: processor time, memory, open files, threads."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

PROCESS, SYSTEM = Path("/proc/self"), Path("/proc/stat")
FORGET_PEAK = "5"  # what the kernel takes in clear_refs as "let the peak start from what is held now"


def busy_seconds() -> float | None:
    """Return for how long the processors that this process may use have been busy, all together, with anything.

    Only differences mean something. None where the system doesn't tell.
    """
    try:
        lines = SYSTEM.read_text().splitlines()
        mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    except (AttributeError, OSError):
        return None
    times = [list(map(int, line.split()[1:9])) for line in lines if line.split(" ", 1)[0] in mine]
    # user, nice, system, idle, waiting, interrupts (two), taken by the hypervisor
    return sum(sum(each) - each[3] - each[4] for each in times) / os.sysconf("SC_CLK_TCK")


def memory_mb() -> float | None:
    """Return the memory that this process holds now, in MB (10^6 bytes), or None where the system doesn't tell."""
    try:
        pages = int((PROCESS / "statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_memory_mb() -> float | None:
    """Return the most memory held since `reset_peak_memory`, in MB, or None where the system doesn't tell."""
    try:
        lines = (PROCESS / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("VmHWM:")), None)


def reset_peak_memory() -> None:
    """Let `peak_memory_mb` count from now; where that isn't possible, it counts from the start of the process."""
    with contextlib.suppress(OSError):
        (PROCESS / "clear_refs").write_text(FORGET_PEAK)


def open_handles() -> int | None:
    """Return the number of open files, sockets and devices, or None where the system doesn't tell."""
    try:
        return sum(1 for _ in (PROCESS / "fd").iterdir()) - 1  # the listing itself holds one
    except OSError:
        return None


def running_threads() -> int:
    """Return the number of threads, those of libraries too where the system tells."""
    try:
        return sum(1 for _ in (PROCESS / "task").iterdir())
    except OSError:
        return threading.active_count()
