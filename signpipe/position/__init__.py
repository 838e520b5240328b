"""Where the vehicle is: recorded beside a video, or from a receiver while driving."""

from __future__ import annotations

import logging
import re
from functools import partial
from pathlib import Path, PurePath
from typing import Protocol
from urllib.parse import urlsplit

from signpipe.errors import SettingsError, SourceError
from signpipe.position.drives import find_drives, moment
from signpipe.position.embedded import read_embedded
from signpipe.position.gpx import read_gpx
from signpipe.position.live import LivePositions
from signpipe.position.nmea import NmeaReader, read_nmea
from signpipe.position.pictures import read_pictures
from signpipe.position.receivers import import_serial, open_gpsd, open_serial, open_tcp
from signpipe.position.recorded import RecordedPositions, plausible
from signpipe.position.track import Track
from signpipe.settings import PositionSettings
from signpipe.types import Pose

__all__ = ["LivePositions", "PositionSource", "RecordedPositions", "find_positions", "open_position", "tracks_beside"]

logger = logging.getLogger(__name__)
GPSD_PORT = 2947
BAUD = 9600
_SERIAL = re.compile(r"serial:(?P<device>.+?)(?:@(?P<baud>\d+))?")
_KINDS = (
    "name a GPX file, an NMEA log, a recording or subtitles (.srt) with positions, a folder of geotagged pictures, "
    "gpsd://HOST[:PORT], tcp://HOST:PORT or serial:DEVICE[@BAUD]"
)
BESIDE = (".gpx", ".nmea", ".srt")  # ends of a track's name that lies beside a recording
_CONTAINERS = (b"\x1a\x45\xdf\xa3", b"RIFF")  # Matroska and AVI; of MP4 and QuickTime, the second four bytes tell
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


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


def find_positions(recording: Path) -> Path | None:
    """Return where the positions of a recording are: beside it under its name, or in itself; None if nowhere.

    Raises:
        SourceError: Its pictures have places, but not when they were taken.
        ExtraMissingError: Its subtitles hold NMEA sentences, and the extra "map" isn't installed.
    """
    is_folder = recording.is_dir()
    for name in tracks_beside(recording.name, is_folder):
        if (recording.parent / name).is_file():
            return recording.parent / name
    if is_folder:
        return recording if read_pictures(recording).fixes else None
    if not recording.is_file() or not _is_container(_head(recording)):
        return None
    try:
        return recording if read_embedded(recording).fixes else None
    except SourceError:
        return None  # who opens the recording tells what is wrong with it


def tracks_beside(name: str, is_folder: bool) -> list[str]:
    """Return the names that a track beside a recording may have.

    Args:
        name: Of the recording.
        is_folder: Whether it is a folder of pictures, whose name has no end that says so.
    """
    stem = name if is_folder else PurePath(name).stem
    return [stem + suffix for end in BESIDE for suffix in (end, end.upper())]


def _head(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises:
        SourceError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read ({error.strerror}); {_KINDS}.") from None


def _is_container(head: bytes) -> bool:
    return head.startswith(_CONTAINERS) or head[4:8] in _BOXES


def _read_file(path: Path) -> Track:
    """Read a track of any kind, known by its content."""
    if path.is_dir():
        return read_pictures(path)
    head = _head(path)
    if path.suffix.lower() == ".srt" or _is_container(head):
        return read_embedded(path)
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")  # byte order marks and white space
    return Track(*(read_gpx(path) if path.suffix.lower() == ".gpx" or text.startswith(b"<") else read_nmea(path)))


def _open_file(path: Path, offset: float) -> RecordedPositions:
    """Open a recording; what can't be used is reported in one warning.

    Args:
        path: What `_read_file` reads. The clock of one that doesn't know of pictures starts with its main drive.
        offset: Seconds after that, or after its own first picture, at which the pictures start.
    """
    track = _read_file(path)
    if not track.fixes:
        raise SourceError(f"The file {path} has no position with a time; {_KINDS}.")
    fixes, start, misdated = track.fixes, track.start, 0
    if start is None:
        drives = find_drives(fixes)
        fixes, start, misdated = drives.fixes, drives.start, drives.misdated
        if drives.count > 1:
            logger.warning(
                "The positions in %s are of %d drives; the recording's clock starts with the one of the most "
                "positions, at %s. If the recording is of another, set position.offset (seconds from there).",
                path, drives.count, moment(drives.start),
            )  # fmt: skip
    kept, jumped, disordered = plausible(fixes)
    counts = {"jump": jumped, "have a wrong date": misdated, **track.faults, "are out of order": disordered}
    if any(counts.values()):
        counted = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        logger.warning("Of the positions in %s, %s; the other %d are used.", path, counted, len(kept))
    if start + offset > kept[-1].time:
        logger.warning(
            "No frame has a position: with position.offset, %g s, the recording starts after the last one in %s.",
            offset, path,
        )  # fmt: skip
    return RecordedPositions(kept, start + offset)
