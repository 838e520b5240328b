"""What a run amounted to: the signs seen, the frames per second and the latency."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from signpipe.types import Certainty, FrameResult, SignTrack, TrackState

# Latencies kept for the percentiles: enough for a p99, and flat memory on an endless stream.
LATENCIES_KEPT = 20_000
# Signs of which the summary keeps the details: a run without end passes more than anybody reads.
SIGNS_KEPT = 10_000


@dataclass(slots=True)
class SignSeen:
    """One physical sign over its whole track.

    Attributes:
        track_id: Number of the track.
        class_id: Class that was published last, or None if none ever was.
        category: Category that was published last, or None.
        verdict: Best verdict the track reached; the class is the one that stood then.
        confidence: Highest fused probability under that verdict, 0..1.
        first: Media time of the first confirmed sight, seconds.
        last: Media time of the last sight, seconds.
        largest: Longest side of its box in pixels.
        name: File name, for still pictures.
        conflict: What was overruled or held back about it last, if anything was.
    """

    track_id: int
    class_id: int | None
    category: str | None
    certainty: Certainty
    confidence: float
    first: float
    last: float
    largest: float
    name: str | None = None
    conflict: str | None = None


# From the verdict that says most to the one that says least.
RANK = {certainty: rank for rank, certainty in enumerate(Certainty)}


@dataclass(slots=True)
class Summary:
    """Counts over a run of any length; memory stays flat.

    Attributes:
        frames: Pictures that were looked at.
        gaps: Reports of a missing signal.
        dropped: Frames that gave way to newer ones.
        total: Signs seen.
        signs: The latest of them by the number of their track.
        rejected: Boxes that each rule of plausibility left out.
        latencies_ms: Of the latest frames.
        models_ms: What the models took of that.
    """

    frames: int = 0
    gaps: int = 0
    dropped: int = 0
    total: int = 0
    signs: dict[int, SignSeen] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    models_ms: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    _first_at: float | None = None
    _last_at: float = 0.0
    _tentative: frozenset[int] = frozenset()
    _brief: int = 0

    def add(self, result: FrameResult) -> None:
        """Take one result into account."""
        now = monotonic()
        self.dropped = result.dropped
        self.rejected.update(result.rejected)
        if result.is_gap:
            self.gaps += 1
            return
        self.frames += 1
        self.latencies_ms.append(result.timings_ms["total"])
        self.models_ms.append(result.timings_ms["models"])
        if self._first_at is None:
            # The frame that ends now began one latency earlier.
            self._first_at = now - result.timings_ms["total"] / 1000
        self._last_at = now
        for track in result.tracks:
            if track.state is not TrackState.TENTATIVE:
                self._see(track, result)
        living = {track.id: track.state for track in result.tracks}
        self._brief += len(self._tentative - living.keys())
        self._tentative = frozenset(id_ for id_, state in living.items() if state is TrackState.TENTATIVE)

    @property
    def brief(self) -> int:
        """Signs that were seen too briefly to be confirmed."""
        return self._brief + len(self._tentative)

    def _see(self, track: SignTrack, result: FrameResult) -> None:
        side = float(max(track.xyxy[2] - track.xyxy[0], track.xyxy[3] - track.xyxy[1]))
        time = result.frame.media_time
        seen = self.signs.get(track.id)
        if seen is None:
            name = getattr(result.frame, "name", None)
            seen = SignSeen(track.id, None, None, Certainty.UNKNOWN, 0.0, time, time, side, name)
            self.signs[track.id] = seen
            self.total += 1
            if len(self.signs) > SIGNS_KEPT:
                del self.signs[next(iter(self.signs))]
        if track.detection is not None:
            seen.last, seen.largest = time, max(seen.largest, side)
        seen.conflict = track.verdict.conflict or seen.conflict
        certainty = track.verdict.certainty
        if RANK[certainty] > RANK[seen.certainty]:
            return
        published = track.is_sure
        class_id = track.class_id if published else None
        changed = RANK[certainty] < RANK[seen.certainty] or class_id != seen.class_id
        seen.certainty, seen.category, seen.class_id = certainty, track.verdict.category, class_id
        confidence = track.confidence if published else 0.0
        seen.confidence = confidence if changed else max(seen.confidence, confidence)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds from the first frame to the last."""
        return self._last_at - self._first_at if self._first_at is not None else 0.0

    @property
    def fps(self) -> float:
        """Frames per second of wall-clock time, or 0 before the first."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile (0..100) of the whole frame's latency in milliseconds, or NaN without frames."""
        return float(np.percentile(self.latencies_ms, percentile)) if self.latencies_ms else float("nan")

    @property
    def overhead(self) -> float:
        """Share of the frame's time that no model used: 1 - median(models / whole), or NaN without frames."""
        if not self.latencies_ms:
            return float("nan")
        return 1.0 - float(np.median(np.asarray(self.models_ms) / np.asarray(self.latencies_ms)))
