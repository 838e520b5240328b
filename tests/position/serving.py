"""A server that sends lines over TCP: a receiver's NMEA sentences, or what gpsd answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

# Gets what the client sent first, if it is waited for, and yields lines; it ends when the server does.
Script = Callable[[], Iterator[bytes]]


class LineServer:
    """Serves each client the lines of a script, one after the other.

    Args:
        script: Makes the lines; it may sleep in between.
        expects: What a client must send before it is served.
        port: Port to listen on, or any.
    """

    def __init__(self, script: Script, expects: bytes = b"", port: int = 0) -> None:
        self._script = script
        self._expects = expects
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.1)
        self._clients: list[socket.socket] = []
        self.ended = threading.Event()
        self.served = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        for client in self._clients:
            client.close()
        self._thread.join(5)
        self._listener.close()

    def hang_up(self) -> None:
        """Cut all connections."""
        for client in self._clients:
            client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self.ended.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._clients.append(client)
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        try:
            if self._expects:
                got = b""
                while self._expects not in got:
                    got += client.recv(1024)
            self.served += 1
            for line in self._script():
                client.sendall(line)
                if self.ended.is_set():
                    return
        except OSError:
            return
        client.close()


def every(interval: float, lines: Callable[[float], list[str]], ended: Callable[[], bool]) -> Iterator[bytes]:
    """Yield lines for the seconds since the start, again and again."""
    start = time.monotonic()
    while not ended():
        yield "".join(f"{line}\r\n" for line in lines(time.monotonic() - start)).encode("ascii")
        time.sleep(interval)
