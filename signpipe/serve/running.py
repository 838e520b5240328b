"""Running the server until it is told to end."""

from __future__ import annotations

import logging
import signal
import socket
from types import FrameType

import uvicorn

from signpipe.errors import OutputError
from signpipe.serve.app import create_app
from signpipe.serve.deadlines import protocol
from signpipe.serve.security import is_loopback
from signpipe.serve.service import Service
from signpipe.serve.settings import ServeSettings

_BACKLOG = 512
_MOST_CONNECTIONS = 1000
_FAREWELL = 5  # seconds for answers that are under way when the server ends
_LARGEST_SOCKET_MESSAGE = 16 * 1024  # bytes; clients have nothing to say

log = logging.getLogger(__name__)


def run_server(settings: ServeSettings) -> None:
    """Serve until Ctrl-C or SIGTERM, then end all processes.

    Raises:
        OutputError: The port can't be had.
        SignpipeError: Whatever `Service` raises.
    """
    signal.signal(signal.SIGTERM, _end)
    listening = _listen(settings.server.host, settings.server.port)
    with listening:
        service = Service(settings)
        try:
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"signpipe serves at http://{shown}:{port}/", flush=True)
            uvicorn.Server(_config(service)).run(sockets=[listening])
        finally:
            service.close()


def _end(_number: int, _frame: FrameType | None) -> None:
    """End in good order: uvicorn hands the signal on once it has ended itself, and by default that is sudden death."""
    raise SystemExit(0)


def _config(service: Service) -> uvicorn.Config:
    limits, server = service.settings.limits, service.settings.server
    return uvicorn.Config(
        create_app(service),
        http=protocol(limits.header_seconds),
        ws="websockets-sansio",
        ws_max_size=_LARGEST_SOCKET_MESSAGE,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_FAREWELL,
        backlog=_BACKLOG,
        access_log=False,  # addresses of clients are nobody's business, and of no use to anyone
        server_header=False,
        log_config=None,
        proxy_headers=not is_loopback(server.host),
        forwarded_allow_ips="127.0.0.1",
    )


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OutputError: The port can't be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise OutputError(
            f"The server can't listen on {host}:{port} ({error.strerror}); choose another --port."
        ) from None
    return listening
