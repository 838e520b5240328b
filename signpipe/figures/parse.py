"""From what the reader writes to what it means: a quantity with its unit, or a span of time."""

from __future__ import annotations

import re
from dataclasses import dataclass

METRES = {"m": 1.0, "km": 1000.0, "yd": 0.9144, "ft": 0.3048}  # in a unit of length
_QUANTITY = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)(km/h|kmh|mph|kg|km|yd|t|m|h|%)?")
_FEET = re.compile(r"(\d{1,2})'(?:-?(\d{1,2})\"?)?")
_CLOCK = r"(\d{1,2})(?:[.:h](\d{2}))?(am|pm|h)?"
_SPAN = re.compile(rf"{_CLOCK}-{_CLOCK}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit.

    Attributes:
        value: The number.
        unit: "" (a bare number: a speed), "km/h", "mph", "t", "kg", "m", "km", "yd", "ft", "h" or "%".
    """

    value: float
    unit: str

    @property
    def metres(self) -> float | None:
        """The length in metres, or None if it is no length."""
        return self.value * METRES[self.unit] if self.unit in METRES else None

    @property
    def tonnes(self) -> float | None:
        """The weight in tonnes, or None if it is no weight."""
        if self.unit == "kg":
            return self.value / 1000
        return self.value if self.unit == "t" else None


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From when to when, by the clock; it goes over midnight if it ends before it starts.

    Attributes:
        start: Minutes after midnight.
        end: Minutes after midnight.
    """

    start: int
    end: int

    def includes(self, minute: int) -> bool:
        """Return True if a minute of the day, 0..1439, lies in the span; its last minute doesn't."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def parse_figures(text: str) -> Quantity | TimeSpan | None:
    r"""Return what figures mean, or None if they are empty, unread ("?") or nothing that a sign says.

    Args:
        text: As the reader writes it: "80", "7.5t", "200m", "22-6h", "7.30-18.00", "8am-6pm", "12'6", "10%".
    """
    found = _QUANTITY.fullmatch(text)
    if found:
        return Quantity(float(found[1]), "km/h" if found[2] == "kmh" else found[2] or "")
    found = _FEET.fullmatch(text)
    if found:
        inches = int(found[2] or 0)
        return Quantity(int(found[1]) + inches / 12, "ft") if inches < 12 else None
    found = _SPAN.fullmatch(text)
    if found:
        start, end = _minutes(*found.groups()[:3]), _minutes(*found.groups()[3:])
        if start is not None and end is not None:
            return TimeSpan(start % 1440, end % 1440)
    return None


def speed_of(text: str) -> float | None:
    """Return the speed of a limit's figures in its country's unit, or None if they are no whole speed of 3 to 200.

    A decimal point or any other unit makes it something else: "2.5t" is no limit of 25, "3.0m" none of 30.
    """
    quantity = parse_figures(text)
    if not isinstance(quantity, Quantity) or quantity.unit not in ("", "km/h", "mph") or "." in text:
        return None
    return quantity.value if 3 <= quantity.value <= 200 and text[0] != "0" else None


def _minutes(hours: str, minutes: str | None, suffix: str | None) -> int | None:
    """Return the minutes after midnight of a time by the clock, or None if no clock shows it."""
    hour, minute = int(hours), int(minutes or 0)
    if suffix in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (suffix == "pm")
    return hour * 60 + minute if hour <= 24 and minute < 60 and hour * 60 + minute <= 1440 else None
