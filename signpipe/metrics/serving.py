"""The metrics of a run over HTTP, for a Prometheus that scrapes it."""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import TYPE_CHECKING, Self

from signpipe.errors import OutputError, SettingsError
from signpipe.metrics.exposition import Exposition

if TYPE_CHECKING:
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]/]*)):(?P<port>\d{1,5})")


class MetricsServer:
    """Answers GET /metrics in a thread of its own; a context manager.

    Args:
        address: HOST:PORT, or :PORT for this machine alone; port 0 takes a free one.
        exposition: What is answered.

    Attributes:
        host: Where it listens.
        port: The port that it really has.

    Raises:
        SettingsError: The address is none.
        OutputError: The port is taken, or the host isn't one of this machine's.
    """

    def __init__(self, address: str, exposition: Exposition) -> None:
        from prometheus_client import start_http_server

        self.host, port = parse_address(address)
        try:
            started: tuple[WSGIServer, Thread] = start_http_server(port, self.host, exposition.registry)
        except OSError as error:
            raise OutputError(
                f"The metrics can't be served at {self.host}:{port}: {error.strerror or error}; choose another port."
            ) from None
        self._server, self._thread = started
        self.port: int = self._server.server_port
        logger.info("Metrics are served at %s.", self.url)

    @property
    def url(self) -> str:
        """Where Prometheus finds them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop answering; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT, [IPV6]:PORT or :PORT, which is this machine alone.

    Raises:
        SettingsError: It is none.
    """
    match = _ADDRESS.fullmatch(text.strip())
    port = int(match["port"]) if match else -1
    if match is None or not 0 <= port <= 65535:
        raise SettingsError(f"'{text}' is no address to listen at: give HOST:PORT, or :9464 for this machine alone.")
    return match["six"] or match["host"] or LOOPBACK, port
