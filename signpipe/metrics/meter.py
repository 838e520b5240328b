"""Counts of one source, kept in the process that watches it, and handed over as plain values."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from signpipe.catalogue import Catalogue
from signpipe.metrics.families import FAMILIES
from signpipe.types import Certainty, Frame, FrameResult, Gap, SignTrack, TrackState

# Plain values, fit for JSON or a pipe: {"values": [[family, [label, ...], number], ...],
# "histograms": [[family, [label, ...], [count a bucket, the last one over all bounds], sum], ...]}
Snapshot = dict[str, list[Any]]

OTHER = "other"
MOST_SERIES = 512  # of one family; what comes on top is counted under "other"
_RANK = {certainty: rank for rank, certainty in enumerate(Certainty)}
_SUMS = ("total", "models")  # among the timings: no stages


@dataclass(slots=True)
class _Passing:
    """A sign that is in view."""

    certainty: Certainty = Certainty.UNKNOWN
    category: str | None = None
    conflict: bool = False
    published: set[int] = field(default_factory=set)


class Meter:
    """Counts the results of one source; a few microseconds a picture, and flat memory.

    `add` and `finish` are called by the thread that watches, `snapshot` by any.

    Args:
        catalogue: Names of the classes.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._values: dict[str, dict[tuple[str, ...], float]] = {}
        self._histograms: dict[str, dict[tuple[str, ...], _Histogram]] = {}
        self._passing: dict[int, _Passing] = {}
        self._silence = 0.0  # seconds of the present gap that are counted already
        self._lock = Lock()
        for name in ("frames", "frames_dropped", "gaps", "gap_seconds", "detections", "conflicts"):
            self.count(f"signpipe_{name}_total", 0)  # so that rates and alerts have a start
        for certainty in Certainty:
            self.count("signpipe_tracks_total", 0, certainty.value)
        self.set("signpipe_start_timestamp_seconds", time.time())
        self.set("signpipe_source_up", 0)

    def count(self, family: str, by: float, *labels: str) -> None:
        """Add to a counter; `labels` are in the family's order."""
        series = self._values.setdefault(family, {})
        labels = _bounded(series, labels)
        series[labels] = series.get(labels, 0.0) + by

    def set(self, family: str, value: float, *labels: str) -> None:
        """Set a gauge, or a counter that is counted elsewhere."""
        series = self._values.setdefault(family, {})
        series[_bounded(series, labels)] = float(value)

    def observe(self, family: str, value: float, *labels: str) -> None:
        """Take a value into a histogram."""
        series = self._histograms.setdefault(family, {})
        labels = _bounded(series, labels)
        if labels not in series:
            series[labels] = _Histogram(FAMILIES[family].buckets)
        series[labels].add(value)

    def describe(self, models: Iterable[tuple[str, str | None, str]], as_asked: bool) -> None:
        """Say what runs.

        Args:
            models: Name, SHA-256 or None, and execution provider of each.
            as_asked: Whether that is the provider that was asked for.
        """
        with self._lock:
            for name, digest, provider in models:
                self.set("signpipe_model_info", 1, name, digest or "", provider)
            self.set("signpipe_provider_as_asked", as_asked)

    def add(self, result: FrameResult) -> None:
        """Take the result of one frame or gap."""
        with self._lock:
            if isinstance(result.frame, Gap):
                self._gap(result.frame)
            else:
                self._frame(result.frame, result)
            self.set("signpipe_frames_dropped_total", result.dropped)
            for event in result.events:
                self.count("signpipe_advisory_events_total", 1, event.status.value)
            self._tracks(result.tracks)

    def finish(self) -> None:
        """Count the signs that are in view at the end, and say that there are no pictures any more."""
        with self._lock:
            self._tracks([])
            self.set("signpipe_source_up", 0)

    def snapshot(self) -> Snapshot:
        """Return all counts as they are now."""
        with self._lock:
            return {
                "values": [[name, [*labels], value] for name, series in self._values.items()
                           for labels, value in series.items()],
                "histograms": [[name, [*labels], [*one.counts], one.total] for name, series in self._histograms.items()
                               for labels, one in series.items()],
            }  # fmt: skip

    def _frame(self, frame: Frame, result: FrameResult) -> None:
        self._silence = 0.0
        self.count("signpipe_frames_total", 1)
        self.set("signpipe_source_up", 1)
        self.set("signpipe_last_frame_timestamp_seconds", time.time())
        self.observe("signpipe_frame_latency_seconds", max(time.monotonic() - frame.captured_at, 0.0))
        self._timings(result.timings_ms)
        self.count("signpipe_detections_total", len(result.detections))
        for score in result.detections.score.tolist():
            self.observe("signpipe_detection_score", score)
        for rule, count in result.rejected.items():
            self.count("signpipe_detections_rejected_total", count, rule)

    def _gap(self, gap: Gap) -> None:
        if not self._silence or gap.duration <= self._silence:
            self.count("signpipe_gaps_total", 1)
            self._silence = 0.0
        self.count("signpipe_gap_seconds_total", max(gap.duration - self._silence, 0.0))
        self._silence = gap.duration
        self.set("signpipe_source_up", 0)

    def _timings(self, timings_ms: Mapping[str, float]) -> None:
        for name, family in (("total", "frame"), ("models", "model")):
            if name in timings_ms:
                self.observe(f"signpipe_{family}_duration_seconds", timings_ms[name] / 1000)
        for stage, milliseconds in timings_ms.items():
            if "." not in stage and stage not in _SUMS:  # a step within a stage has a dot
                self.observe("signpipe_stage_duration_seconds", milliseconds / 1000, stage)

    def _tracks(self, tracks: list[SignTrack]) -> None:
        living = {track.id for track in tracks}
        for track_id in self._passing.keys() - living:
            self._passed(self._passing.pop(track_id))
        for track in tracks:
            if track.state is not TrackState.TENTATIVE:
                self._see(track)

    def _see(self, track: SignTrack) -> None:
        sign, verdict = self._passing.setdefault(track.id, _Passing()), track.verdict
        if _RANK[verdict.certainty] < _RANK[sign.certainty]:
            sign.certainty = verdict.certainty
        sign.category = verdict.category or sign.category
        if verdict.conflict and not sign.conflict:
            sign.conflict = True
            self.count("signpipe_conflicts_total", 1)
        if verdict.is_sure and track.class_id not in sign.published:
            sign.published.add(track.class_id)
            self.count("signpipe_signs_published_total", 1, self._catalogue[track.class_id].name)

    def _passed(self, sign: _Passing) -> None:
        self.count("signpipe_tracks_total", 1, sign.certainty.value)
        if not sign.published:
            self.count("signpipe_abstentions_total", 1, sign.category or "none")


class _Histogram:
    """Counts a bucket, not added up."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def with_values(snapshot: Snapshot, *values: tuple[str, float, tuple[str, ...]]) -> Snapshot:
    """Return a snapshot with more gauges or counters: family, number and labels of each."""
    return {**snapshot, "values": [*snapshot["values"], *([name, [*labels], value] for name, value, labels in values)]}


def _bounded(series: Mapping[tuple[str, ...], Any], labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels, or "other" in their place if there are too many of them already."""
    return labels if labels in series or len(series) < MOST_SERIES else (OTHER,) * len(labels)
