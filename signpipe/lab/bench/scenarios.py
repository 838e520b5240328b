"""The ways of running that are measured: one frame after the other, live, several sources, for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from time import monotonic, perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.lab.bench.recorder import Recorder
from signpipe.lab.bench.resources import memory_mb, open_handles, running_threads
from signpipe.lab.bench.statistics import describe
from signpipe.runtime.cores import usable_cores
from signpipe.settings import Settings
from signpipe.types import FrameResult
from signpipe.watching import Watch, watch

WARM_UP = 10  # frames before the clock starts: first allocations, first look at the file
USED_EVERY = 0.01  # seconds: how often a vehicle's control loop looks at the advisories
SAMPLES = 100  # looks at the process over a soak

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        source: What `open_source` takes; a recording is played over and over.
        frames: Frames to measure, of each source.
        rate: Frames per second of `live`, or None for the source's own.
        sources: Number of sources of `throughput`.
        seconds: Longest time of `soak`, or None.
    """

    source: str
    frames: int = 500
    rate: float | None = None
    sources: int = 2
    seconds: float | None = None


def single(plan: Plan, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Measure one frame after the other, as fast as it goes; reading ahead is the capture's.

    The latency is from the frame's arrival in the pipeline to its advisories. The overhead counts what the pipeline
    waited for the decoder.

    Raises:
        SignpipeError: The source or a model can't be used.
    """
    with _warm(plan, settings) as results:
        recorder = Recorder()
        for result, waited_ms in _results(results, plan.frames):
            recorder.add(result, waited_ms, result.timings_ms["total"])
            progress(1)
        return recorder.metrics()


def live(plan: Plan, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Measure frames that come at a rate, of which the pipeline takes the newest when it is free.

    The latency is from the moment of capture to the advisories. `age_ms` is the age of what is known, the time since
    the capture of the newest frame whose advisories are there, when looked at every 10 ms (Kaul, Yates and Gruteser,
    Real-time status: how often should one update?, INFOCOM 2012).

    Raises:
        SignpipeError: The source or a model can't be used.
    """
    captured: list[float] = []
    done: list[float] = []
    with _warm(plan, settings, paced=True) as results:
        recorder, dropped = Recorder(), results.dropped
        for result, waited_ms in _results(results, plan.frames):
            captured.append(result.frame.captured_at)
            done.append(monotonic())
            recorder.add(result, waited_ms, (done[-1] - captured[-1]) * 1e3)
            progress(1)
        metrics, dropped = recorder.metrics(counts_waiting=False), results.dropped - dropped
        return metrics | {
            "rate": results.info.fps,
            "dropped": dropped,
            "dropped_share": round(dropped / max(recorder.frames + dropped, 1), 4),
            "age_ms": describe(ages_ms(np.array(captured), np.array(done)), recorder.frames),
        }


def throughput(plan: Plan, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Measure several sources at once, each with a pipeline of its own in a thread of its own.

    Unless the settings give a number of threads, the sources share the cores.

    Raises:
        SignpipeError: The source or a model can't be used.
    """
    threads = settings.runtime.threads or max(usable_cores() // plan.sources, 1)
    shared = settings.model_copy(update={"runtime": settings.runtime.model_copy(update={"threads": threads})})
    lock = Lock()

    def follow(results: Watch) -> None:
        for result, waited_ms in _results(results, plan.frames):
            with lock:
                recorder.add(result, waited_ms, result.timings_ms["total"])
            progress(1)

    with ExitStack() as stack, ThreadPoolExecutor(plan.sources) as pool:
        ready = [stack.enter_context(_warm(plan, shared)) for _ in range(plan.sources)]
        recorder = Recorder()
        for running in [pool.submit(follow, results) for results in ready]:
            running.result()
        return recorder.metrics() | {"sources": plan.sources, "threads_per_source": threads}


def soak(plan: Plan, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Measure over a long time whether memory, handles, threads or latency grow.

    Early is the second tenth of the run and late the last one: in the first tenth, buffers are still being filled.

    Raises:
        SignpipeError: The source or a model can't be used.
    """
    samples: list[tuple[float | None, int | None, int]] = []
    with _warm(plan, settings) as results:
        recorder, start = Recorder(stages=False), monotonic()
        for result, waited_ms in _results(results, plan.frames):
            recorder.add(result, waited_ms, result.timings_ms["total"])
            progress(1)
            passed = (monotonic() - start) / plan.seconds if plan.seconds else 0.0
            done = max(passed, recorder.frames / plan.frames)
            if done * SAMPLES >= len(samples) + 1:
                samples.append((memory_mb(), open_handles(), running_threads()))
            if done >= 1:
                break
        metrics = recorder.metrics()
    drift = {"latency_ms": _early_and_late(recorder.latencies_ms)}
    for name, values in zip(("memory_mb", "handles", "threads"), zip(*samples, strict=True), strict=False):
        if None not in values:
            drift[name] = _early_and_late(values)
    return metrics | {"drift": drift}


SCENARIOS: dict[str, Callable[[Plan, Settings, Progress], dict[str, Any]]] = {
    "single": single,
    "live": live,
    "throughput": throughput,
    "soak": soak,
}


def ages_ms(captured: npt.NDArray[np.float64], done: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the age in milliseconds of the newest result, looked at every 10 ms from the first to the last.

    Args:
        captured: Seconds, when the frame of each result was taken.
        done: Seconds on the same clock, when the result was there; rising.
    """
    if not len(done):
        return np.zeros(0)
    looks = np.arange(done[0], done[-1], USED_EVERY)
    newest = np.searchsorted(done, looks, side="right") - 1
    return (looks - captured[newest]) * 1e3


@contextmanager
def _warm(plan: Plan, settings: Settings, paced: bool = False) -> Iterator[Watch]:
    """Yield a watch of the source that never ends, of which some frames have been run already."""
    capture: dict[str, Any] = {"loop": 0}
    if paced:
        capture |= {"policy": "drop_oldest"} | ({"fps": plan.rate} if plan.rate else {})
    with watch(plan.source, settings, capture=capture, output={"status": False}) as results:
        for _ in _results(results, WARM_UP):
            pass
        yield results


def _results(results: Watch, frames: int) -> Iterator[tuple[FrameResult, float]]:
    """Yield the results of so many frames, gaps left out, and for how many milliseconds each frame was waited for."""
    start = perf_counter()
    for result in results:
        waited_ms = (perf_counter() - start) * 1e3 - result.timings_ms["total"]
        if not result.is_gap:
            yield result, waited_ms
            frames -= 1
        if not frames:
            return
        start = perf_counter()


def _early_and_late(values: Sequence[float]) -> dict[str, float]:
    """Return the medians of the second and of the last tenth of a run, and their ratio."""
    tenth = max(len(values) // 10, 1)
    early, late = (float(np.median(part)) for part in (values[tenth : 2 * tenth] or values, values[-tenth:]))
    return {"early": round(early, 3), "late": round(late, 3), "ratio": round(late / early, 4)}
