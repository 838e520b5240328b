"""Positions from NMEA 0183 sentences: RMC (place, speed, course) and GGA (place, quality)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from signpipe.errors import ExtraMissingError, SourceError
from signpipe.position.fix import RANGE_ERROR, Fix, number

KNOT = 1852 / 3600  # metres a second
DAY = 86400.0


class NmeaReader:
    """Turns sentences into fixes. Its clock counts seconds from midnight and goes on over the next one.

    Raises:
        ExtraMissingError: The extra "map" isn't installed.
    """

    def __init__(self) -> None:
        try:
            import pynmea2
        except ImportError:
            raise ExtraMissingError("Reading NMEA", "map") from None
        self._parse = pynmea2.parse
        self._days = 0
        self._time = 0.0
        self._sigma: float | None = None

    def read(self, line: str) -> Fix | None:
        """Return the fix in a line, or None if it is damaged, has none, or is of another kind.

        Args:
            line: A sentence; what a logger wrote before its "$" is ignored.
        """
        start = line.find("$")
        if start < 0:
            return None
        try:
            return self._fix(self._parse(line[start:].strip()))
        except (ValueError, AttributeError, TypeError):  # pynmea2's errors are ValueErrors
            return None

    def _fix(self, sentence: Any) -> Fix | None:
        """Return the fix in a parsed sentence."""
        kind = sentence.sentence_type
        if kind == "RMC":
            valid = sentence.status == "A"
        elif kind == "GGA":
            valid = int(sentence.gps_qual or 0) > 0
        else:
            return None
        if not valid or not sentence.lat or not sentence.lon or sentence.timestamp is None:
            return None
        if not (abs(sentence.latitude) <= 90 and abs(sentence.longitude) <= 180):
            return None
        fix = Fix(self._clock(sentence.timestamp), sentence.latitude, sentence.longitude)
        if kind == "GGA":
            dilution = number(sentence.horizontal_dil)
            self._sigma = dilution * RANGE_ERROR if dilution else None
            return replace(fix, sigma=self._sigma)
        knots = number(sentence.spd_over_grnd)
        speed = None if knots is None else knots * KNOT
        return replace(fix, speed=speed, course=number(sentence.true_course), sigma=self._sigma)

    def _clock(self, time: Any) -> float:
        """Return seconds that go on over midnight."""
        seconds = time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6
        if seconds < self._time - DAY / 2:
            self._days += 1
        self._time = seconds
        return float(seconds + self._days * DAY)


def read_nmea(path: Path) -> tuple[list[Fix], int]:
    """Read a log of NMEA sentences.

    Returns:
        The fixes in the order of the file, and 0: every sentence that counts has a time.

    Raises:
        SourceError: The file can't be read.
        ExtraMissingError: The extra "map" isn't installed.
    """
    reader = NmeaReader()
    try:
        with path.open(encoding="ascii", errors="replace") as lines:
            return [fix for line in lines if (fix := reader.read(line))], 0
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read: {error.strerror}.") from None
