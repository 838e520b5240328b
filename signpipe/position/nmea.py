"""Positions from NMEA 0183 sentences: RMC (place, speed, course) and GGA (place, quality)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from signpipe.errors import ExtraMissingError, SourceError
from signpipe.position.fix import RANGE_ERROR, Fix, number

KNOT = 1852 / 3600  # metres per second
DAY = 86400.0
_FIRST_DAY = date(1970, 1, 1).toordinal()
_KINDS = ("RMC", "GGA")


class NmeaReader:
    """Turns sentences into fixes. Its clock counts seconds from midnight of the first day and goes on over the next.

    The day is that of RMC's date; GGA has none, so that its time is what tells of a midnight.

    Attributes:
        epoch: Seconds from 1970 to midnight of the first day, or None while no sentence has told a date.
        damaged: How many RMC and GGA sentences so far could not be read.

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
        self.epoch: float | None = None
        self.damaged = 0
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
            self.damaged += line[start + 3 : start + 6] in _KINDS
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
        day = sentence.datestamp if kind == "RMC" else None
        known = day if isinstance(day, date) else None  # pynmea2 leaves what is no date as it is
        fix = Fix(self._clock(sentence.timestamp, known), sentence.latitude, sentence.longitude)
        if kind == "GGA":
            dilution = number(sentence.horizontal_dil)
            self._sigma = dilution * RANGE_ERROR if dilution else None
            return replace(fix, sigma=self._sigma)
        knots = number(sentence.spd_over_grnd)
        speed = None if knots is None else knots * KNOT
        return replace(fix, speed=speed, course=number(sentence.true_course), sigma=self._sigma)

    def _clock(self, time: Any, day: date | None) -> float:
        """Return seconds since midnight of the first day.

        Args:
            time: Hour, minute and second.
            day: The date, or None where the sentence has none.
        """
        seconds = time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6
        if seconds < self._time - DAY / 2:
            self._days += 1
        if day is not None:
            midnight = (day.toordinal() - _FIRST_DAY) * DAY
            if self.epoch is None:
                self.epoch = midnight - self._days * DAY
            self._days = round((midnight - self.epoch) / DAY)
        self._time = seconds
        return float(seconds + self._days * DAY)


def read_nmea(path: Path) -> tuple[list[Fix], Counter[str]]:
    """Read a log of NMEA sentences.

    Returns:
        The fixes in the order of the file, and how many sentences are damaged.

    Raises:
        SourceError: The file can't be read.
        ExtraMissingError: The extra "map" isn't installed.
    """
    reader = NmeaReader()
    try:
        with path.open(encoding="ascii", errors="replace") as lines:
            fixes = [fix for line in lines if (fix := reader.read(line))]
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read: {error.strerror}.") from None
    epoch = reader.epoch or 0.0
    return [replace(fix, time=fix.time + epoch) for fix in fixes], Counter({"are damaged": reader.damaged})
