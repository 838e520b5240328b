"""Where the vehicle is: recorded beside a video, or from a receiver while driving."""

from __future__ import annotations

import logging
import re
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from signpipe.errors import SettingsError, SourceError
from signpipe.position.drives import find_drives, moment
from signpipe.position.gpx import read_gpx
from signpipe.position.live import LivePositions
from signpipe.position.nmea import NmeaReader, read_nmea
from signpipe.position.receivers import import_serial, open_gpsd, open_serial, open_tcp
from signpipe.position.recorded import RecordedPositions, plausible
from signpipe.settings import PositionSettings
from signpipe.types import Pose

__all__ = ["LivePositions", "PositionSource", "RecordedPositions", "open_position"]

logger = logging.getLogger(__name__)
GPSD_PORT = 2947
BAUD = 9600
_SERIAL = re.compile(r"serial:(?P<device>.+?)(?:@(?P<baud>\d+))?")
_KINDS = "name a GPX file, an NMEA log, gpsd://HOST[:PORT], tcp://HOST:PORT or serial:DEVICE[@BAUD]"


class PositionSource(Protocol):
    """Knows where the vehicle is."""

    def at(self, media_time: float, captured_at: float) -> Pose | None:
        """Return the pose at a frame, or None where it isn't known. It never waits.

        Args:
            media_time: Seconds since the start of the recording.
            captured_at: `time.monotonic()` when the picture was taken.
        """

    def close(self) -> None:
        """Release what is held open."""


def open_position(settings: PositionSettings) -> PositionSource:
    """Open what knows where the vehicle is; without a source, one that never knows.

    Raises:
        SettingsError: The source is none.
        SourceError: The file can't be read, or has no position with a time.
        ExtraMissingError: NMEA or a serial line is to be read, and the extra "map" isn't installed.
    """
    source = settings.source
    if source is None:
        return RecordedPositions()
    if match := _SERIAL.fullmatch(source):
        NmeaReader(), import_serial()  # say now what is missing
        return LivePositions(source, partial(open_serial, match["device"], int(match["baud"] or BAUD)))
    if "://" in source:
        return _open_server(source)
    return _open_file(Path(source), settings.offset)


def _open_server(address: str) -> LivePositions:
    """Open gpsd or a server of NMEA sentences."""
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme == "gpsd" and host:
        return LivePositions(address, partial(open_gpsd, host, port or GPSD_PORT))
    if scheme == "tcp" and host and port:
        NmeaReader()
        return LivePositions(address, partial(open_tcp, host, port))
    raise SettingsError(f"Positions can't come from '{address}'; {_KINDS}.")


def _open_file(path: Path, start: float) -> RecordedPositions:
    """Open a recording, whose clock starts with its main drive; what can't be used is reported in one warning.

    Args:
        path: GPX, or a log of NMEA sentences.
        start: Seconds after the first position of the main drive at which the pictures start.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")  # byte order marks and white space
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read ({error.strerror}); {_KINDS}.") from None
    gpx = path.suffix.lower() == ".gpx" or head.startswith(b"<")
    fixes, faults = read_gpx(path) if gpx else read_nmea(path)
    if not fixes:
        raise SourceError(f"The file {path} has no position with a time; {_KINDS}.")
    drives = find_drives(fixes)
    kept, jumped, disordered = plausible(drives.fixes)
    counts = {"jump": jumped, "have a wrong date": drives.misdated, **faults, "are out of order": disordered}
    if any(counts.values()):
        counted = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        logger.warning("Of the positions in %s, %s; the other %d are used.", path, counted, len(kept))
    if drives.count > 1:
        logger.warning(
            "The positions in %s are of %d drives; the recording's clock starts with the one of the most positions, at "
            "%s. If the recording is of another, set position.offset (seconds from there).",
            path, drives.count, moment(drives.start),
        )  # fmt: skip
    if drives.start + start > kept[-1].time:
        logger.warning(
            "No frame has a position: with position.offset, %g s, the recording starts after the last one in %s.",
            start, path,
        )  # fmt: skip
    return RecordedPositions(kept, drives.start + start)
