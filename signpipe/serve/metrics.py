"""What is counted of the server itself, beside what its sources count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signpipe.metrics import Exposition

if TYPE_CHECKING:
    from signpipe.serve.service import Service

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of the server.

    Args:
        service: What is asked at each scrape.

    Attributes:
        exposition: All counts, the sources' too.
        requests: Answers, by route, method and status.
        durations: What they took, by route; streams that go on for ever are left out.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.exposition = Exposition()
        registry = self.exposition.registry
        labels = ("route", "method", "status")
        self.requests = Counter("signpipe_http_requests", "Requests that were answered.", labels, registry=registry)
        self.durations = Histogram(
            "signpipe_http_request_duration_seconds", "From a request to the end of its answer.", ("route",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield what is known only when somebody asks."""
        store = self._service.store
        yield GaugeMetricFamily("signpipe_database_up", "1 if signs can be stored.", float(store.trouble is None))
        yield GaugeMetricFamily("signpipe_signs_held", "Signs that wait for a disk that can't be written.", store.held)
        yield CounterMetricFamily("signpipe_signs_lost", "Signs that could not be kept.", store.lost)
        yield GaugeMetricFamily("signpipe_viewers", "Live views and streams of events.", self._service.viewers)

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: what there is, is known once the service is open."""
        yield from ()


class Counting:
    """Counts requests by the route that answers them, of which there are few, whatever is asked for."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE", "HEAD") else "other"
            self._metrics.requests.labels(route, method, str(status)).inc()
            if not route.endswith(("/events", "/stream")):
                self._metrics.durations.labels(route).observe(time.perf_counter() - start)
