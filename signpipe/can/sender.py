"""Sending in a thread of its own, ten times a second, whether anything new is known or not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from signpipe.can.bulletin import Bulletin, Status
from signpipe.can.bus import BusError, faults, import_can, open_bus
from signpipe.can.codec import CYCLE, SESSIONS, Codec
from signpipe.can.words import Reason, State

if TYPE_CHECKING:
    import can

logger = logging.getLogger(__name__)

REOPEN = 2.0  # seconds without a frame that was taken, after which the bus is opened again
FAREWELLS = 3  # cycles that say in the end that signpipe is off
ENDS_WITHIN = 2.0  # seconds that `close` waits for the thread

Opener = Callable[[], "can.BusABC"]


class Sender:
    """Sends what holds, every 100 ms. A bus that takes nothing costs frames, and nothing else.

    The counter of the frames counts cycles on the clock, those that were missed too. Nothing is ever queued here: what
    can't be sent now is old in the next cycle.

    Args:
        name: INTERFACE:CHANNEL.
        compose: Returns what is to be said at a moment of `time.monotonic()`. It is called in the thread.
        fd: True for frames of CAN FD.
        bitrate: As for `open_bus`.
        opener: Opens the bus; by default `open_bus`.

    Attributes:
        sent: Frames that the bus took.
        lost: Frames that it didn't.

    Raises:
        SettingsError: The name is none of a bus.
        ExtraMissingError: The extra "can" isn't installed.
        BusError: The bus can't be opened.
    """

    def __init__(
        self,
        name: str,
        compose: Callable[[float], Bulletin],
        fd: bool = False,
        bitrate: int | None = None,
        opener: Opener | None = None,
    ) -> None:
        self._name = name
        self._compose = compose
        self._fd = fd
        self._open: Opener = opener or (lambda: open_bus(name, fd, bitrate))
        self._codec = Codec()
        self._message = import_can().Message
        self._bus: can.BusABC | None = self._open()
        self._session = int(time.time()) % SESSIONS
        self._took = time.monotonic()  # when the bus last took a frame, or was opened
        self._said: set[str] = set()
        self.sent = self.lost = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"CAN {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say that signpipe is off, and free the bus; a second call does nothing."""
        self._ending.set()
        self._thread.join(ENDS_WITHIN)

    def _run(self) -> None:
        start, cycle = time.monotonic(), 0
        while not self._ending.wait(max(start + cycle * CYCLE - time.monotonic(), 0.0)):
            self._cycle(cycle, self._compose(time.monotonic()))
            cycle = max(cycle + 1, int((time.monotonic() - start) / CYCLE))
        farewell = Bulletin(Status(State.OFF, Reason.ENDED))
        for last in range(FAREWELLS):
            self._cycle(cycle + last, farewell)
            time.sleep(CYCLE if last < FAREWELLS - 1 else 0.0)
        self._shut()

    def _cycle(self, cycle: int, bulletin: Bulletin) -> None:
        """Send one cycle of messages."""
        for identifier, data in self._codec.encode(bulletin, cycle, self._session):
            try:
                self._send(identifier, data)
            except BusError as error:
                self.lost += 1
                self._say("lost", "The CAN bus %s takes no frames (%s). The run goes on; it is tried again.", error)
        if time.monotonic() - self._took > REOPEN and not self._ending.is_set():
            self._reopen()

    def _send(self, identifier: int, data: bytes) -> None:
        if self._bus is None:
            raise BusError("it is closed")
        with faults():
            message = self._message(
                arbitration_id=identifier, data=data, is_extended_id=False, is_fd=self._fd, bitrate_switch=self._fd
            )
            self._bus.send(message, timeout=0)
        if self._took and "lost" in self._said:
            self._say("back", "The CAN bus %s takes frames again%s.", "")
        self._took = time.monotonic()
        self.sent += 1

    def _reopen(self) -> None:
        self._shut()
        self._took = time.monotonic()
        with suppress(BusError):
            self._bus = self._open()

    def _shut(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            with suppress(BusError), faults():
                bus.shutdown()

    def _say(self, what: str, text: str, detail: object) -> None:
        """Say something once a run."""
        if what not in self._said:
            self._said.add(what)
            logger.warning(text, self._name, detail)
