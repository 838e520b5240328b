"""The metrics of all sources as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any

from signpipe.errors import ExtraMissingError
from signpipe.metrics.families import FAMILIES, SOURCE, Family, Kind
from signpipe.metrics.meter import Snapshot
from signpipe.version import VERSION

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric


class Exposition:
    """Puts snapshots of sources together, each under its own label `source`.

        exposition = Exposition()
        exposition.update("gantry-1", snapshot)          # from a worker, as often as it sends one
        exposition.put("gantry-1", "signpipe_source_restarts_total", 2)   # what the worker can't know
        content, kind = exposition.render()

    Counters of one's own go into `registry`, as prometheus-client does it.

    Attributes:
        registry: Also tells of this process: memory, processor time, open files.

    Raises:
        ExtraMissingError: prometheus-client isn't installed.
    """

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector
        except ImportError:
            raise ExtraMissingError("Metrics for Prometheus", "metrics") from None
        self.registry: CollectorRegistry = CollectorRegistry()
        self._sources: dict[str, Callable[[], Snapshot]] = {}
        self._put: dict[str, dict[tuple[str, tuple[str, ...]], float]] = {}
        self._lock = Lock()
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def update(self, source: str, snapshot: Snapshot) -> None:
        """Take the latest snapshot of a source in place of the one before."""
        self.follow(source, lambda: snapshot)

    def follow(self, source: str, snapshot: Callable[[], Snapshot]) -> None:
        """Ask a source of this process for its snapshot at each scrape, in the scraper's thread."""
        with self._lock:
            self._sources[source] = snapshot

    def put(self, source: str, family: str, value: float, *labels: str) -> None:
        """Set one number of a source that no snapshot of it knows; it stays until the source is removed.

        Raises:
            KeyError: There is no such family.
        """
        with self._lock:
            self._put.setdefault(source, {})[FAMILIES[family].name, labels] = float(value)

    def remove(self, source: str) -> None:
        """Forget a source; one that isn't there is no error."""
        with self._lock:
            self._sources.pop(source, None)
            self._put.pop(source, None)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics and their content type.

        Args:
            accept: The request's `Accept` header; Prometheus asks for OpenMetrics in it.
        """
        from prometheus_client.exposition import choose_encoder

        encoder, kind = choose_encoder(accept)
        return encoder(self.registry), kind

    def collect(self) -> Iterator[Metric]:
        """Yield each family with the samples of all sources; prometheus-client calls this."""
        from prometheus_client.core import GaugeMetricFamily

        build = GaugeMetricFamily("signpipe_build_info", "1, with the version of signpipe.", labels=("version",))
        build.add_metric((VERSION,), 1)
        yield build
        samples = self._samples()
        for family in FAMILIES.values():
            if family.name in samples:
                yield _metric(family, samples[family.name])

    def _samples(self) -> dict[str, list[tuple[tuple[str, ...], Any]]]:
        """Return labels and content of each series by family; what another version's worker sends is left out."""
        with self._lock:
            sources, put = dict(self._sources), {source: dict(values) for source, values in self._put.items()}
        samples: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
        for source, snapshot in sources.items():
            content = snapshot()
            own = put.pop(source, {})
            for name, labels, value in content["values"]:
                if (name, tuple(labels)) not in own:
                    samples.setdefault(name, []).append(((source, *labels), value))
            for name, labels, counts, total in content["histograms"]:
                samples.setdefault(name, []).append(((source, *labels), (counts, total)))
            put[source] = own
        for source, values in put.items():
            for (name, names), value in values.items():
                samples.setdefault(name, []).append(((source, *names), value))
        return samples


def _metric(family: Family, samples: list[tuple[tuple[str, ...], Any]]) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    labels = (SOURCE, *family.labels)
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.text, labels=labels)
        for values, (counts, total) in samples:
            bounds = (*map(str, family.buckets), "+Inf")
            histogram.add_metric(values, list(zip(bounds, accumulate(counts), strict=True)), total)
        return histogram
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = kind(family.name, family.text, labels=labels)
    for values, value in samples:
        metric.add_metric(values, value)
    return metric
