"""Two results side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from signpipe.errors import SourceError
from signpipe.lab.bench.result import BenchResult

# What is compared of every scenario, point of a sweep and peer; what isn't there is left out.
METRICS = (
    "fps", "latency_ms.p50", "latency_ms.p90", "latency_ms.p99", "latency_ms.max", "age_ms.p50", "age_ms.p99",
    "models_ms.p50", "overhead_ratio", "dropped_share", "cpu_seconds_per_frame", "peak_memory_mb",
    "stages_ms.wait.p50", "stages_ms.preprocess.p50", "stages_ms.detect.p50", "stages_ms.classify.p50",
    "stages_ms.track.p50", "drift.latency_ms.ratio", "drift.memory_mb.ratio",
)  # fmt: skip
MORE_IS_BETTER = frozenset({"fps"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of both results.

    Attributes:
        where: Scenario, sweep with its value, or peer.
        metric: Name of the number, with dots.
        first: Its value in the first result.
        second: Its value in the second result.
        clear: Whether the bounds of the two don't overlap; None where a number has no bounds.
    """

    where: str
    metric: str
    first: float
    second: float
    clear: bool | None

    @property
    def ratio(self) -> float:
        """The second value over the first; infinity over 0."""
        return self.second / self.first if self.first else float("inf") if self.second else 1.0

    @property
    def better(self) -> bool:
        """True if the second is better, or just as good."""
        return self.ratio >= 1 if self.metric in MORE_IS_BETTER else self.ratio <= 1


def compare_results(first: BenchResult, second: BenchResult) -> list[Difference]:
    """Return every number that both results have.

    Raises:
        SourceError: They have nothing in common.
    """
    ours, theirs = dict(_measured(first)), dict(_measured(second))
    differences = [
        Difference(where, metric, one, other, _clear(ours[where], theirs[where], metric))
        for where in ours
        if where in theirs
        for metric in METRICS
        if (one := _number(ours[where], metric)) is not None
        and (other := _number(theirs[where], metric)) is not None
    ]  # fmt: skip
    if not differences:
        raise SourceError("The two results have no scenario, sweep or peer in common: measure the same in both.")
    return differences


def unlike(first: BenchResult, second: BenchResult) -> list[str]:
    """Return what besides the code differs between two results, so that a reader may doubt their comparison."""
    reasons = [
        f"{name}: {first.machine.get(name)} and {second.machine.get(name)}"
        for name in ("cpu", "cores", "gpus", "os")
        if first.machine.get(name) != second.machine.get(name)
    ]
    reasons += [
        f"{which}, {sentence}" for which, result in (("A", first), ("B", second)) for sentence in result.disturbances
    ]
    if first.source != second.source:
        reasons.append(f"source: {first.source} and {second.source}")
    for section, values in first.settings.items():
        other = second.settings.get(section, {})
        changed = [key for key, value in values.items() if other.get(key) != value]
        reasons += [f"{section}.{key}: {values[key]} and {other.get(key)}" for key in changed]
    return reasons


def _measured(result: BenchResult) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where something was measured, and its metrics."""
    for name, scenario in result.scenarios.items():
        yield name, scenario["metrics"]
    for name, points in result.sweeps.items():
        for point in points:
            yield f"{name} {point['value']}", point["metrics"]
    for name, peer in result.peers.items():
        yield name, peer["metrics"]


def _find(metrics: dict[str, Any], dotted: str) -> Any:
    found: Any = metrics
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _number(metrics: dict[str, Any], dotted: str) -> float | None:
    found = _find(metrics, dotted)
    return float(found) if isinstance(found, int | float) else None


def _clear(ours: dict[str, Any], theirs: dict[str, Any], dotted: str) -> bool | None:
    """Return whether two numbers with bounds differ by more than those."""
    group, _, name = dotted.rpartition(".")
    path = f"{group}.interval_95.{name}" if group else f"{dotted}_interval_95"
    one, other = _find(ours, path), _find(theirs, path)
    return None if not one or not other else bool(one[1] < other[0] or other[1] < one[0])
