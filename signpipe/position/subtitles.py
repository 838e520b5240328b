"""Positions that dash-cams write into the subtitles of a recording, or into an .srt file beside it."""

from __future__ import annotations

import re

from signpipe.position.fix import Fix
from signpipe.position.nmea import NmeaReader

_NUMBER = r"[-+]?\d{1,3}\.\d+"
# As different cameras write a place; which of the two letters or words comes first is no matter.
_NAMED = re.compile(rf"\b(lat|lon)\w*\s*[:=]?\s*({_NUMBER})", re.IGNORECASE)
_LETTER_FIRST = re.compile(rf"\b([NSEW])\s*[:=]?\s*({_NUMBER})")
_LETTER_LAST = re.compile(rf"({_NUMBER})\s*°?\s*([NSEW])\b")
_IN_BRACKETS = re.compile(rf"\bGPS\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})")  # longitude first
_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(km/?h|mph|m/s)", re.IGNORECASE)
_UNITS = {"km/h": 1 / 3.6, "kmh": 1 / 3.6, "mph": 0.44704, "m/s": 1.0}  # metres per second


class SubtitleReader:
    """Turns lines of text into fixes."""

    def __init__(self) -> None:
        self._sentences: NmeaReader | None = None

    def read(self, text: str, time: float) -> tuple[Fix, float | None] | None:
        """Return the fix in a text, with its seconds since 1970 where a receiver's sentence tells them.

        Args:
            text: What is shown at that time.
            time: Seconds in the recording.

        Raises:
            ExtraMissingError: It holds NMEA sentences, and the extra "map" isn't installed.
        """
        if re.search(r"\$G[A-Z]RMC,", text):
            return self._sentence(text, time)
        place = _place(text)
        if place is None or not (abs(place[0]) <= 90 and abs(place[1]) <= 180) or place == (0.0, 0.0):
            return None
        speed = _SPEED.search(text)
        return Fix(time, *place, float(speed[1]) * _UNITS[speed[2].lower()] if speed else None), None

    def _sentence(self, text: str, time: float) -> tuple[Fix, float | None] | None:
        reader = self._sentences = self._sentences or NmeaReader()
        fix = next((fix for line in re.split(r"(?=\$G)", text) if (fix := reader.read(line))), None)
        if fix is None:
            return None
        utc = None if reader.epoch is None else reader.epoch + fix.time
        return Fix(time, fix.latitude, fix.longitude, fix.speed, fix.course, fix.sigma), utc


def _place(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude, or None where the text has none."""
    named = {name.lower(): float(value) for name, value in _NAMED.findall(text)}
    if len(named) == 2:
        return named["lat"], named["lon"]
    first, last = _LETTER_FIRST.search(text), _LETTER_LAST.search(text)
    behind = last is not None and (first is None or last.start() < first.start())  # the number that comes first tells
    letters = [found[::-1] for found in _LETTER_LAST.findall(text)] if behind else _LETTER_FIRST.findall(text)
    signed = {
        "NS" if letter in "NS" else "EW": (-1 if letter in "SW" else 1) * float(value) for letter, value in letters
    }
    if len(signed) == 2:
        return signed["NS"], signed["EW"]
    bracket = _IN_BRACKETS.search(text)
    return (float(bracket[2]), float(bracket[1])) if bracket else None
