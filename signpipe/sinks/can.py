"""What the car's control system is told, on its CAN bus."""

from __future__ import annotations

import time
from collections import deque

from signpipe.can.bulletin import Bulletin
from signpipe.can.bus import BusError
from signpipe.can.compose import Composer
from signpipe.can.sender import Sender
from signpipe.catalogue import Catalogue
from signpipe.errors import OutputError
from signpipe.settings import CameraSettings, CanSettings
from signpipe.types import Frame, FrameResult

_WINDOW = 2.0  # seconds over which the rate of results is taken


class CanSink:
    """Sends the messages of signpipe.dbc ten times a second, by the latest result and its age.

    Args:
        settings: Names the bus.
        catalogue: The signs that the classes are of.
        camera: Its focal length tells how far a sign is.

    Raises:
        SettingsError: There is no such kind of bus.
        ExtraMissingError: The extra "can" isn't installed.
        OutputError: The bus can't be opened.
    """

    name = "CAN bus"

    def __init__(self, settings: CanSettings, catalogue: Catalogue, camera: CameraSettings) -> None:
        self._composer = Composer(catalogue, camera)
        self._latest: tuple[FrameResult | None, float, float | None] = (None, 0.0, None)
        self._times: deque[float] = deque()
        self._started = time.monotonic()
        try:
            self._sender = Sender(settings.bus or "", self._compose, settings.fd, settings.bitrate)
        except BusError as error:
            raise OutputError(
                f"The CAN bus {settings.bus} can't be opened ({error}); bring it up, or name another with --can."
            ) from None

    def write(self, result: FrameResult) -> None:
        """Take the result of one frame or gap; the next cycle tells of it."""
        now = time.monotonic()
        if isinstance(result.frame, Frame):
            self._times.append(now)
        while self._times and self._times[0] < now - _WINDOW:
            self._times.popleft()
        known = now - self._started > _WINDOW
        self._latest = result, now, len(self._times) / _WINDOW if known else None

    def close(self) -> None:
        """Say that signpipe is off; a second call does nothing.

        Raises:
            OSError: The bus never took a frame.
        """
        self._sender.close()
        if not self._sender.sent:
            raise OSError("it took no frame at all")

    def _compose(self, now: float) -> Bulletin:
        result, taken, rate = self._latest
        return self._composer.compose(result, now, taken, rate)
