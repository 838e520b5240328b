"""Telling systemd that the service is up and alive (sd_notify, `Type=notify`, `WatchdogSec=`)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic


class Notifier:
    """Speaks to the service manager that started this process; without one, all of it does nothing.

    Call `alive` from the loop that must not stand still, as often as you like: it is told at half the watchdog's time.

    Args:
        environ: Where `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are looked for.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address  # a name without a file
        self._interval = _watchdog(environ) / 2
        self._told = float("-inf")

    def ready(self, status: str = "") -> None:
        """Say that everything is open and the work begins."""
        self._tell("READY=1" + (f"\nSTATUS={_line(status)}" if status else ""))

    def status(self, text: str) -> None:
        """Say in one line what goes on, for `systemctl status`."""
        self._tell(f"STATUS={_line(text)}")

    def alive(self) -> None:
        """Say that the loop goes round."""
        now = monotonic()
        if self._interval and now - self._told >= self._interval:
            self._told = now
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end has begun, so that its time counts as such."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # a manager that doesn't listen must not hold the service up
            sender.sendto(message.encode(), self._address)


def _watchdog(environ: Mapping[str, str]) -> float:
    """Return the seconds after which silence counts as death; 0 where nobody asks for signs of life of this process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    with suppress(ValueError):
        return max(int(environ.get("WATCHDOG_USEC", "0")), 0) / 1e6
    return 0.0


def _line(text: str) -> str:
    return " ".join(text.split())
