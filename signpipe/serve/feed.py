"""The newest picture of a source, made only while somebody looks, and no faster than the fastest viewer takes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

_ASK_AGAIN = 2.0  # seconds after which a picture that was asked for isn't coming: the process is another one now


class Feed:
    """Pictures of one source, on their way to any number of viewers.

    Args:
        ask: Asks the source's process for its next picture.
        loop: The server's; all but `put` is called in it.
    """

    def __init__(self, ask: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self._ask = ask
        self._loop = loop
        self._picture = b""
        self._number = 0
        self._asked = 0.0
        self._arrived: asyncio.Future[None] = loop.create_future()

    def put(self, picture: bytes) -> None:
        """Take a picture; may be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._take, picture)

    def _take(self, picture: bytes) -> None:
        self._picture, self._asked = picture, 0.0
        self._number += 1
        arrived, self._arrived = self._arrived, self._loop.create_future()
        arrived.set_result(None)

    async def next(self, seen: int, patience: float) -> tuple[int, bytes] | None:
        """Return a picture that a viewer hasn't seen, with its number, or None if none comes.

        Args:
            seen: Number of the last one that the viewer had; 0 at first.
            patience: Seconds to wait.
        """
        deadline = time.monotonic() + patience
        fresh = seen == 0  # a viewer who comes doesn't want what was made for another an hour ago
        while fresh or self._number == seen:
            now = time.monotonic()
            if now >= deadline:
                return None
            if now - self._asked > _ASK_AGAIN:
                self._asked = now
                self._ask()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._arrived), min(deadline - now, _ASK_AGAIN))
                fresh = False
        return self._number, self._picture
