"""What happens, told to everyone who listens, each at the pace at which they listen."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field

from signpipe.serve.wire import Message

_REMEMBERED = 1000  # events that a listener who comes back may still get
_WAITING = 256  # events that wait for a slow listener; of more, the oldest are lost


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        number: Rises by one with each event.
        kind: "sign", "advisory", "stats" or "source".
        text: What, as JSON.
    """

    number: int
    kind: str
    text: str


@dataclass(eq=False)
class _Listener:
    waiting: deque[Event] = field(default_factory=lambda: deque(maxlen=_WAITING))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class Hub:
    """Takes events from any thread and gives them to listeners in the server's loop.

    Attributes:
        listeners: How many listen.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[_Listener] = set()
        self._remembered: deque[Event] = deque(maxlen=_REMEMBERED)
        self._numbers = itertools.count(1)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give events to listeners in this loop from now on."""
        self._loop = loop

    def publish(self, kind: str, message: Message) -> None:
        """Tell everyone; may be called from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._deliver, kind, json.dumps(message, separators=(",", ":")))

    def _deliver(self, kind: str, text: str) -> None:
        event = Event(next(self._numbers), kind, text)
        if kind != "stats":  # what is told every second needs no second telling
            self._remembered.append(event)
        for listener in self._listeners:
            listener.waiting.append(event)
            listener.arrived.set()

    async def listen(self, after: int | None = None, idle: float = 15.0) -> AsyncGenerator[Event | None, None]:
        """Yield what happens; None after each `idle` seconds in which nothing did.

        Args:
            after: Number of the last event that the listener has; what is remembered of later ones comes first.
            idle: Seconds.
        """
        listener = _Listener()
        if after is not None:
            listener.waiting.extend(event for event in self._remembered if event.number > after)
        self._listeners.add(listener)
        try:
            while True:
                while listener.waiting:
                    yield listener.waiting.popleft()
                listener.arrived.clear()
                try:
                    await asyncio.wait_for(listener.arrived.wait(), idle)
                except TimeoutError:
                    yield None
        finally:
            self._listeners.discard(listener)
