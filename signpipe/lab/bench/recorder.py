"""The times of a run, frame by frame, and what they amount to."""

from __future__ import annotations

from array import array
from collections import defaultdict
from time import perf_counter, process_time
from typing import Any

import numpy as np

from signpipe.lab.bench.resources import busy_seconds, peak_memory_mb, reset_peak_memory
from signpipe.lab.bench.statistics import describe, rank_interval
from signpipe.types import FrameResult

# Numbers of signs in a picture for which the overhead is told apart.
CROWDS = {"0": (0, 0), "1-4": (1, 4), "5-15": (5, 15), "16-": (16, 10_000)}


class Recorder:
    """Collects the times of frames; the clock of the whole run starts with `start`.

    Args:
        stages: Also keep the times of each stage; a long soak does without, as its own memory shouldn't grow.
    """

    def __init__(self, stages: bool = True) -> None:
        self._keep_stages = stages
        self._stages: dict[str, array[float]] = defaultdict(lambda: array("f"))
        self._latency_ms, self._waited_ms = array("f"), array("f")
        self._total_ms, self._models_ms = array("f"), array("f")
        self._signs: array[int] = array("H")
        self.start()

    def start(self) -> None:
        """Begin the run: what was used before doesn't count."""
        reset_peak_memory()
        self._started, self._cpu, self._busy = perf_counter(), process_time(), busy_seconds()
        self._ended = self._started

    def add(self, result: FrameResult, waited_ms: float, latency_ms: float) -> None:
        """Take one frame in.

        Args:
            result: What came of it; a gap is no frame and must not be given.
            waited_ms: How long the pipeline waited for the frame.
            latency_ms: From what the scenario calls the start of the frame until its advisories were there.
        """
        self._ended = perf_counter()
        self._latency_ms.append(latency_ms)
        self._waited_ms.append(waited_ms)
        self._total_ms.append(result.timings_ms["total"])
        self._models_ms.append(result.timings_ms["models"])
        self._signs.append(len(result.detections))
        if self._keep_stages:
            for stage, ms in result.timings_ms.items():
                self._stages[stage].append(ms)
            self._stages["wait"].append(waited_ms)

    @property
    def frames(self) -> int:
        """Number of frames so far."""
        return len(self._latency_ms)

    @property
    def latencies_ms(self) -> array[float]:
        """Latency of each frame."""
        return self._latency_ms

    def stage_ms(self, stage: str) -> array[float]:
        """Return the time of a stage in each frame; nothing where stages aren't kept."""
        return self._stages.get(stage, array("f"))

    def metrics(self, counts_waiting: bool = True) -> dict[str, Any]:
        """Return everything measured, with what the whole process used since `start`.

        Args:
            counts_waiting: See `times`.
        """
        seconds, cpu, peak = self._ended - self._started, process_time() - self._cpu, peak_memory_mb()
        busy, passed = busy_seconds(), max(perf_counter() - self._started, 1e-9)
        other = None if busy is None or self._busy is None else max((busy - self._busy - cpu) / passed, 0.0)
        return {
            "fps": round(self.frames / seconds, 2) if seconds > 0 else 0.0,
            "seconds": round(seconds, 3),
            "cpu_seconds_per_frame": round(cpu / max(self.frames, 1), 5),
            "other_work_cores": None if other is None else round(other, 2),
            "peak_memory_mb": None if peak is None else round(peak, 1),
        } | self.times(counts_waiting)

    def times(self, counts_waiting: bool = True) -> dict[str, Any]:
        """Return what was measured of the frames alone.

        Args:
            counts_waiting: Whether waiting for a frame is overhead: it is where the next one could have been there
                already (a recording), and isn't where it is yet to be taken (a camera).
        """
        total = np.asarray(self._total_ms, np.float64)
        waited = np.asarray(self._waited_ms, np.float64)
        return {
            "frames": self.frames,
            "latency_ms": describe(self._latency_ms),
            "models_ms": describe(self._models_ms),
            **self._overhead(total + waited if counts_waiting else total),
            "signs_per_frame": round(float(np.mean(self._signs)), 2) if self.frames else 0.0,
            "stages_ms": {stage: describe(times) for stage, times in self._stages.items()},
        }

    def _overhead(self, frame_ms: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
        """Return how much longer a frame takes than its model runs: the median ratio, with bounds, and by crowd."""
        if not self.frames:
            return {}
        signs = np.asarray(self._signs)
        ratio = frame_ms / np.asarray(self._models_ms, np.float64)
        ordered, ranks = np.sort(ratio), rank_interval(len(ratio), 50)
        crowds = {}
        for name, (least, most) in CROWDS.items():
            own = ratio[(signs >= least) & (signs <= most)]
            if len(own):
                crowds[name] = {"n": len(own), "p50": round(float(np.median(own)), 4)}
        return {
            "overhead_ratio": round(float(np.median(ratio)), 4),
            "overhead_ratio_interval_95": [round(float(ordered[rank]), 4) for rank in ranks] if ranks else None,
            "overhead_ratio_by_signs": crowds,
        }
