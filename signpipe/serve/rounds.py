"""What is done again and again in a thread of its own, for as long as the server runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

_TICK = 0.2  # seconds between two rounds


class Rounds:
    """Calls something several times a second until it is closed.

    Args:
        name: Of the thread.
        step: What is called; if it raises, the thread is over and `alive` tells.

    Attributes:
        closing: Set once no further round begins.
    """

    def __init__(self, name: str, step: Callable[[], None]) -> None:
        self.closing = threading.Event()
        self._step = step
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End after the round that is under way."""
        self.closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.closing.wait(_TICK):
            self._step()
