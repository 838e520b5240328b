"""Positions that GoPro cameras record beside their pictures, in the General Purpose Metadata Format.

It is a tree of keys, types and lengths (github.com/gopro/gpmf-parser documents it). Up to HERO10 a payload of about a
second has its positions under GPS5, with one time, quality and dilution; from HERO11 on each position under GPS9 has
its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from signpipe.position.fix import RANGE_ERROR, Fix

MARK = b"DEVC"  # with which each payload begins
_DAYS_FROM = datetime(2000, 1, 1, tzinfo=UTC)
_FLAT_FIX = 2  # quality from which a position counts: two dimensions
_NUMBERS = {b"l": "i", b"L": "I", b"s": "h", b"S": "H"}


@dataclass(frozen=True, slots=True)
class _Element:
    key: bytes
    kind: bytes
    size: int
    content: bytes

    def numbers(self, layout: str) -> list[tuple[int, ...]]:
        """Return its rows; those of another length than they must have are left out."""
        row = struct.Struct(f">{layout}")
        return list(row.iter_unpack(self.content)) if row.size == self.size else []


def read_payload(content: bytes, start: float, lasted: float) -> list[tuple[Fix, float | None]]:
    """Return the positions of a payload, each with its seconds since 1970 where they are known.

    Args:
        content: The payload.
        start: Seconds in the recording at which it begins.
        lasted: Seconds; its positions are spread evenly over them.
    """
    found: list[tuple[Fix, float | None]] = []
    for device in _elements(content):
        for stream in _elements(device.content) if device.key == MARK else ():
            if stream.key == b"STRM":
                elements = {element.key: element for element in _elements(stream.content)}
                found += _old(elements, start, lasted) if b"GPS5" in elements else _new(elements, start, lasted)
    return found


def _elements(content: bytes) -> Iterator[_Element]:
    """Yield the elements of a level; one that is cut off ends it."""
    at = 0
    while at + 8 <= len(content):
        key, kind, size, count = struct.unpack_from(">4scBH", content, at)
        end = at + 8 + size * count
        if end > len(content):
            return
        yield _Element(key, kind, size, content[at + 8 : end])
        at = end + -(size * count) % 4


def _old(elements: dict[bytes, _Element], start: float, lasted: float) -> list[tuple[Fix, float | None]]:
    """Return the positions of GPS5: latitude, longitude, altitude, speed over ground and in space."""
    if _single(elements, b"GPSF", 0) < _FLAT_FIX:
        return []
    dilution = _single(elements, b"GPSP", 0) / 100
    utc = _moment(elements[b"GPSU"].content) if b"GPSU" in elements else None
    rows, scales = elements[b"GPS5"].numbers("5i"), _scales(elements)
    if len(scales) != 5:
        return []
    step = lasted / max(len(rows), 1)
    return [
        _fix(row, scales, dilution, start + number * step, None if utc is None else utc + number * step)
        for number, row in enumerate(rows)
    ]


def _new(elements: dict[bytes, _Element], start: float, lasted: float) -> list[tuple[Fix, float | None]]:
    """Return the positions of GPS9: those of GPS5, then days since 2000, seconds of the day, dilution and quality."""
    rows = elements[b"GPS9"].numbers("7i2H") if b"GPS9" in elements else []
    scales = _scales(elements)
    if len(scales) != 9:
        return []
    step, found = lasted / max(len(rows), 1), []
    for number, row in enumerate(rows):
        if row[8] >= _FLAT_FIX:
            moment = _DAYS_FROM + timedelta(days=row[5] / scales[5], seconds=row[6] / scales[6])
            found.append(_fix(row, scales, row[7] / scales[7], start + number * step, moment.timestamp()))
    return found


def _fix(
    row: tuple[int, ...], scales: list[float], dilution: float, time: float, utc: float | None
) -> tuple[Fix, float | None]:
    latitude, longitude, _, speed = (value / scale for value, scale in zip(row[:4], scales[:4], strict=True))
    return Fix(time, latitude, longitude, speed, None, dilution * RANGE_ERROR if dilution else None), utc


def _scales(elements: dict[bytes, _Element]) -> list[float]:
    """Return by what the numbers of a stream are to be divided."""
    element = elements.get(b"SCAL")
    layout = _NUMBERS.get(element.kind) if element else None
    scales = [float(value) for (value,) in element.numbers(layout)] if element and layout else []
    return scales if all(scales) else []


def _single(elements: dict[bytes, _Element], key: bytes, missing: int) -> int:
    element = elements.get(key)
    layout = _NUMBERS.get(element.kind) if element else None
    rows = element.numbers(layout) if element and layout else []
    return rows[0][0] if rows else missing


def _moment(content: bytes) -> float | None:
    """Return seconds since 1970 of a time such as 260301235950.250."""
    try:
        return (
            datetime.strptime(content.decode("ascii").strip("\0 "), "%y%m%d%H%M%S.%f").replace(tzinfo=UTC).timestamp()
        )
    except ValueError:
        return None
