"""What the process uses, where the system tells."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from signpipe.lab.bench import resources

MEASURED = """
import gc
import numpy as np
from signpipe.lab.bench import resources
resources.reset_peak_memory()
before = resources.peak_memory_mb()
large = np.ones(40_000_000, np.uint8)
del large
gc.collect()
peak, now = resources.peak_memory_mb(), resources.memory_mb()
resources.reset_peak_memory()
print(before, peak, now, resources.peak_memory_mb())
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells all of it")


def test_peak_memory_counts_from_the_reset_and_remembers_what_was_freed() -> None:
    """In a process of its own: what other tests have used and freed would come back here."""
    told = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True).stdout
    before, peak, now, after = map(float, told.split())
    assert peak >= before + 35
    assert after < peak - 20
    assert now < peak


def test_open_files_and_threads_are_counted(tmp_path: Path) -> None:
    handles, threads = resources.open_handles(), resources.running_threads()
    assert handles is not None
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    with (tmp_path / "file").open("w"):
        thread.start()
        assert resources.open_handles() == handles + 1
        assert resources.running_threads() == threads + 1
    stop.set()
    thread.join()
    assert resources.open_handles() == handles


def test_busy_time_grows_with_work() -> None:
    before, cpu = resources.busy_seconds(), time.process_time()
    while time.process_time() < cpu + 0.1:
        pass
    after = resources.busy_seconds()
    assert before is not None
    assert after is not None
    assert after - before >= 0.07  # the kernel counts in steps of 0.01 s
