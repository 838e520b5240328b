"""Numbers for Prometheus: counted where a source is watched, put together where they are scraped."""

from signpipe.metrics.exposition import Exposition
from signpipe.metrics.meter import Meter, Snapshot, with_values
from signpipe.metrics.serving import MetricsServer

__all__ = ["Exposition", "Meter", "MetricsServer", "Snapshot", "with_values"]
