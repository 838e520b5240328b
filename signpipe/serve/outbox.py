"""What a worker's process has to tell, sent by a thread of its own so that a busy server can't hold perception up."""

from __future__ import annotations

import threading
from collections import deque
from multiprocessing.connection import Connection

from signpipe.serve.wire import Message, pack

_MOST = 2000  # messages that wait; of more, the oldest are lost


class Outbox:
    """Messages on their way to the server.

    Args:
        connection: The pipe; only the thread writes to it.

    Attributes:
        lost: Messages that were dropped, because the server took none for long.
    """

    def __init__(self, connection: Connection) -> None:
        self.lost = 0
        self._connection = connection
        self._waiting: deque[tuple[str | None, bytes]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, message: Message, blob: bytes = b"", latest: bool = False) -> None:
        """Queue a message.

        Args:
            message: With its `type`.
            blob: A picture.
            latest: True if it makes a waiting one of its type pointless.
        """
        kind = str(message["type"]) if latest else None
        data = pack(message, blob)
        with self._changed:
            if kind is not None:
                self._waiting = deque(one for one in self._waiting if one[0] != kind)
            if len(self._waiting) >= _MOST:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append((kind, data))
            self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Send what waits, for at most `timeout` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                _, data = self._waiting.popleft()
            try:
                self._connection.send_bytes(data)
            except (OSError, ValueError):  # the server is gone
                return
