"""Receivers that are read while driving: gpsd, NMEA over TCP, NMEA over a serial line."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from signpipe.errors import ExtraMissingError
from signpipe.position.fix import Fix, number
from signpipe.position.nmea import NmeaReader

CONNECT_WITHIN = 5.0  # seconds
WAIT = 0.5  # seconds for the next bytes, after which the reader may be stopped
SILENT = 10.0  # seconds without a byte, after which a connection counts as dead
LONGEST_LINE = 65536  # bytes
WATCH = b'?WATCH={"enable":true,"json":true};\n'


@contextmanager
def open_gpsd(host: str, port: int) -> Iterator[Iterator[Fix | None]]:
    """Open a gpsd, which speaks JSON (https://gpsd.io/gpsd_json.html).

    Yields:
        Fixes, and None where nothing new has come.

    Raises:
        OSError: It can't be reached, or is lost.
    """
    with socket.create_connection((host, port), CONNECT_WITHIN) as connection:
        connection.sendall(WATCH)
        yield (_report(line) if line else None for line in _lines(_received(connection)))


@contextmanager
def open_tcp(host: str, port: int) -> Iterator[Iterator[Fix | None]]:
    """Open a server of NMEA sentences.

    Yields:
        Fixes, and None where nothing new has come.

    Raises:
        OSError: It can't be reached, or is lost.
        ExtraMissingError: The extra "map" isn't installed.
    """
    reader = NmeaReader()
    with socket.create_connection((host, port), CONNECT_WITHIN) as connection:
        yield (reader.read(line) if line else None for line in _lines(_received(connection)))


@contextmanager
def open_serial(device: str, baud: int) -> Iterator[Iterator[Fix | None]]:
    """Open a receiver on a serial line that sends NMEA sentences.

    Yields:
        Fixes, and None where nothing new has come.

    Raises:
        OSError: It can't be opened, or is gone.
        ExtraMissingError: The extra "map" isn't installed.
    """
    reader, serial = NmeaReader(), import_serial()
    with serial.Serial(device, baud, timeout=WAIT) as line:

        def chunks() -> Iterator[bytes]:
            while True:
                yield line.read(max(line.in_waiting, 1))

        yield (reader.read(text) if text else None for text in _lines(chunks()))


def import_serial() -> Any:
    """Import pyserial.

    Raises:
        ExtraMissingError: The extra "map" isn't installed.
    """
    try:
        import serial
    except ImportError:
        raise ExtraMissingError("Reading a serial receiver", "map") from None
    return serial


def _received(connection: socket.socket) -> Iterator[bytes]:
    """Yield what comes in, empty where nothing does for a while, until the other side ends the connection."""
    connection.settimeout(WAIT)
    heard = time.monotonic()
    while True:
        try:
            data = connection.recv(4096)
        except TimeoutError:
            if time.monotonic() - heard > SILENT:
                raise TimeoutError(f"it sent nothing for {SILENT:.0f} s") from None
            yield b""
            continue
        if not data:
            return
        heard = time.monotonic()
        yield data


def _lines(chunks: Iterable[bytes]) -> Iterator[str | None]:
    """Yield whole lines, and None for each empty chunk.

    Raises:
        ValueError: What comes in has no lines.
    """
    rest = b""
    for chunk in chunks:
        if not chunk:
            yield None
            continue
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise ValueError("what it sends has no lines")
        yield from (line.decode("ascii", "replace").strip() for line in lines)


def _report(line: str) -> Fix | None:
    """Return the fix in a report of gpsd, or None if it has none or is of another class."""
    try:
        report = json.loads(line)
        if report.get("class") != "TPV" or report.get("mode", 0) < 2:
            return None
        stamp = report.get("time")
        moment = datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else time.monotonic()
        latitude, longitude = float(report["lat"]), float(report["lon"])
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            return None
        speed, course, sigma = (number(report.get(key)) for key in ("speed", "track", "eph"))
        return Fix(moment, latitude, longitude, speed, course, sigma)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
