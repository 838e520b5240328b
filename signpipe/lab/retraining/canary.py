"""Two sets of models on the same recorded traffic, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from signpipe.pipeline import Pipeline
from signpipe.types import Certainty, FloatArray, Frame, FrameResult, Gap, SignTrack, TrackState

# What a candidate may at most do worse, on the same frames.
MOST_CHANGED = 0.02  # share of the signs that both publish, as another class
MOST_FEWER = 0.05  # share of the published signs that it doesn't publish any more
MOST_SLOWER = 1.25  # its median latency over the other's

_OVERLAP = 0.5  # of two boxes that are one sign
_LEAST = 10  # signs, of fewer of which shares say nothing


@dataclass(slots=True)
class Seen:
    """What a set of models made of the traffic.

    Attributes:
        frames: Pictures.
        latencies_ms: Of each of them.
        published: Class by the number of the track, as it was published last.
        abstained: Tracks that were never sure.
        conflicts: Tracks about which the witnesses contradicted one another.
    """

    frames: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    published: dict[int, str] = field(default_factory=dict)
    abstained: set[int] = field(default_factory=set)
    conflicts: set[int] = field(default_factory=set)

    def add(self, result: FrameResult, names: tuple[str, ...]) -> None:
        """Take a result into account."""
        self.frames += not result.is_gap
        self.latencies_ms.append(result.timings_ms["total"])
        for track in result.tracks:
            if track.state is TrackState.TENTATIVE:
                continue
            if track.verdict.conflict:
                self.conflicts.add(track.id)
            if track.is_sure:
                self.published[track.id] = names[track.class_id]
                self.abstained.discard(track.id)
            elif track.id not in self.published and track.verdict.certainty is not Certainty.CONFIRMED:
                self.abstained.add(track.id)

    def counts(self) -> dict[str, Any]:
        """Return it as plain values."""
        median = float(np.median(self.latencies_ms)) if self.latencies_ms else 0.0
        return {
            "frames": self.frames, "published": len(self.published), "abstained": len(self.abstained),
            "conflicts": len(self.conflicts), "median_ms": round(median, 2),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """A sign about which the two don't agree.

    Attributes:
        before: What runs publishes, or "" for nothing.
        now: What the candidate publishes, or "".
        at: Media time at which both last saw it, seconds.
    """

    before: str
    now: str
    at: float


@dataclass(frozen=True, slots=True)
class Canary:
    """Both on the same traffic.

    Attributes:
        before: What runs.
        now: The candidate.
        differences: Signs about which they don't agree.
        problems: Why the candidate isn't to be promoted; empty if it may be.
    """

    before: Seen
    now: Seen
    differences: tuple[Difference, ...]
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "passed": not self.problems, "problems": list(self.problems), "before": self.before.counts(),
            "now": self.now.counts(), "differences": [asdict(one) for one in self.differences],
        }  # fmt: skip


def compare_on(
    frames: Iterable[Frame | Gap], before: Pipeline, now: Pipeline, progress: Callable[[int], None] | None = None
) -> Canary:
    """Run both on the same frames.

    Args:
        frames: Recorded traffic.
        before: What runs.
        now: The candidate.
        progress: Is told how many frames are done.
    """
    seen, pairs = (Seen(), Seen()), dict[tuple[int, int], float]()
    for number, frame in enumerate(frames, 1):
        results = before.process(frame), now.process(frame)
        for one, result, pipeline in zip(seen, results, (before, now), strict=True):
            one.add(result, pipeline.catalogue.names)
        for pair in _pairs(results[0].tracks, results[1].tracks):
            pairs[pair] = frame.media_time
        if progress:
            progress(number)
    return _judged(seen[0], seen[1], pairs, frozenset(before.catalogue.names))


def _judged(before: Seen, now: Seen, pairs: dict[tuple[int, int], float], known: frozenset[str]) -> Canary:
    differences, agreed, changed, fewer = [], 0, 0, 0
    for (old, new), at in pairs.items():
        names = before.published.get(old, ""), now.published.get(new, "")
        agreed += bool(names[0]) and names[0] == names[1]
        changed += bool(names[0]) and bool(names[1]) and names[0] != names[1] and names[1] in known
        fewer += bool(names[0]) and not names[1]
        if names[0] != names[1]:
            differences.append(Difference(*names, round(at, 2)))
    both, problems = agreed + changed, []
    if both >= _LEAST and changed / both > MOST_CHANGED:
        problems.append(f"{changed} of {both} signs are published as another known class")
    if both + fewer >= _LEAST and fewer / (both + fewer) > MOST_FEWER:
        problems.append(f"{fewer} of {both + fewer} published signs aren't any more")
    medians = [one.counts()["median_ms"] for one in (before, now)]
    if medians[0] and medians[1] / medians[0] > MOST_SLOWER:
        problems.append(f"a frame takes {medians[1]:.1f} ms instead of {medians[0]:.1f} ms")
    return Canary(before, now, tuple(differences), tuple(problems))


def _pairs(old: list[SignTrack], new: list[SignTrack]) -> list[tuple[int, int]]:
    """Return which tracks of the two are the same sign in this frame."""
    found = []
    for one in old:
        best = max(((_overlap(one.xyxy, other.xyxy), other.id) for other in new), default=(0.0, 0))
        if best[0] >= _OVERLAP and one.state is not TrackState.TENTATIVE:
            found.append((one.id, best[1]))
    return found


def _overlap(one: FloatArray, other: FloatArray) -> float:
    inner = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None).prod()
    union = (one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - inner
    return float(inner / union) if union > 0 else 0.0
