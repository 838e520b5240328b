"""How a source does, told once a second."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from signpipe.serve.wire import Message
from signpipe.types import Frame, FrameResult

_EVERY = 1.0  # seconds
_RECENT = 512  # latencies that percentiles are of


class Statistics:
    """Counts what a run gives.

    Args:
        frames: How many the source announces, or None.
    """

    def __init__(self, frames: int | None) -> None:
        self._announced = frames
        self._frames = self._gaps = self._since = 0
        self._latencies: deque[float] = deque(maxlen=_RECENT)
        self._told = self._started = time.monotonic()
        self._last: dict[str, Any] = {}

    def __call__(self, result: FrameResult) -> Message | None:
        """Count a result; return the message if one is due."""
        frame = result.frame
        if isinstance(frame, Frame):
            self._frames += 1
            self._since += 1
            self._latencies.append((time.monotonic() - frame.captured_at) * 1e3)
        else:
            self._gaps += 1
        now = time.monotonic()
        if now - self._told < _EVERY and self._frames + self._gaps > 1:
            return None
        rate, self._since = self._since / max(now - self._told, 1e-3), 0
        self._told = now
        return self._message(result, rate)

    def _message(self, result: FrameResult, rate: float) -> Message:
        frame, record = result.frame, result.to_dict()
        pose = frame.pose if isinstance(frame, Frame) else None
        p50, p95 = np.percentile(self._latencies, [50, 95]) if self._latencies else (None, None)
        return {
            "type": "stats",
            "frames": self._frames,
            "gaps": self._gaps,
            "dropped": result.dropped,
            "fps": round(rate, 2),
            "latency_ms": {"p50": _rounded(p50), "p95": _rounded(p95)},
            "media_time": record["media_time"],
            "signal": None if isinstance(frame, Frame) else frame.reason,
            "advisories": record["advisories"],
            "place": None if pose is None else [round(pose.latitude, 7), round(pose.longitude, 7)],
            "heading": None if pose is None or pose.heading is None else round(pose.heading, 1),
            **self._progress(frame.index if isinstance(frame, Frame) else 0),
        }

    def _progress(self, index: int) -> Message:
        """Say how far a recording is and how many seconds are left."""
        if not self._announced:
            return {"progress": None, "left": None}
        share = min((index + 1) / self._announced, 1.0)
        took = time.monotonic() - self._started
        return {"progress": round(share, 4), "left": round(took / share * (1 - share), 1)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 1)
