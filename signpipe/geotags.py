"""When and where pictures were taken, by what cameras write into them (EXIF)."""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import exifread
import numpy as np
from exifread.core.exceptions import ExifError
from natsort import natsorted

logging.getLogger("exifread").setLevel(logging.CRITICAL)  # of pictures without EXIF, it warns

_SPEEDS = {"K": 1 / 3.6, "M": 0.44704, "N": 1852 / 3600}  # metres per second
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif")  # of what should be a picture
MOST = 0.5  # share of the pictures that have to tell when they were taken
LONGEST_SHARE = 1.0  # seconds over which pictures of one moment are spread: many cameras tell whole seconds


@dataclass(frozen=True, slots=True)
class Geotag:
    """What a picture says of itself; None where it doesn't.

    Attributes:
        utc: Seconds since 1970 by its receiver.
        taken: Seconds since 1970 by its camera's clock, which is UTC only if `offset_known`.
        offset_known: Whether the camera told how far its clock is from UTC.
        latitude: WGS 84 degrees.
        longitude: Likewise.
        speed: Metres per second.
        course: Direction of movement in degrees clockwise from true north.
        sigma: Spread of the place in metres.
    """

    utc: float | None = None
    taken: float | None = None
    offset_known: bool = False
    latitude: float | None = None
    longitude: float | None = None
    speed: float | None = None
    course: float | None = None
    sigma: float | None = None


def read_geotag(path: Path) -> Geotag:
    """Return what a picture says; nothing of one that can't be read."""
    try:
        with path.open("rb") as file:
            tags: dict[str, Any] = exifread.process_file(file, details=False)
        return _geotag(tags)
    except (OSError, ExifError, struct.error, ValueError, IndexError, KeyError, TypeError, ZeroDivisionError):
        return Geotag()  # all that a damaged file makes the library raise


def pictures_in(folder: Path) -> list[Path]:
    """Return what should be pictures in a folder by the ends of their names, in natural order (2.jpg before 10.jpg).

    Raises:
        OSError: It can't be listed.
    """
    return natsorted((path for path in folder.iterdir() if is_picture_name(path.name)), key=str)


def is_picture_name(name: str) -> bool:
    """Return whether a file should be a picture by its name; hidden ones are a system's own."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def picture_times(tags: Sequence[Geotag]) -> list[float] | None:
    """Return when pictures were taken one after the other, None where they don't tell.

    Times of the receiver come first, then those of the camera, which are UTC if it told its offset; else they begin
    with 0. Pictures of one moment are spread evenly up to the next one. A picture that tells nothing, such as a damaged
    one, was taken between its neighbours, as long as most tell.

    Args:
        tags: Of the pictures, in their order.
    """
    for least in (1.0, MOST):
        for name in ("utc", "taken"):
            told: list[float | None] = [getattr(tag, name) for tag in tags]
            known = [time for time in told if time is not None]
            ordered = len(known) > 1 and known[0] < known[-1] and all(one <= other for one, other in pairwise(known))
            if ordered and len(known) >= least * len(told):
                zoned = name == "utc" or all(tag.offset_known for tag in tags if tag.taken is not None)
                begin = 0.0 if zoned else known[0]
                return _filled([None if time is None else time - begin for time in told])
    return None


def _filled(told: Sequence[float | None]) -> list[float]:
    """Return times of which each is later than the one before, with those that are missing."""
    rows = [row for row, time in enumerate(told) if time is not None]
    times = _spread([time for time in told if time is not None])
    step = (times[-1] - times[0]) / (rows[-1] - rows[0])
    count = len(told)  # before the first and after the last one, the pace is that of all
    rows, times = (
        [rows[0] - count, *rows, rows[-1] + count],
        [times[0] - count * step, *times, times[-1] + count * step],
    )
    return [float(time) for time in np.interp(np.arange(count), rows, times)]


def _spread(times: Sequence[float]) -> list[float]:
    """Return times of which each is later than the one before."""
    moments = sorted(set(times))
    after = dict(zip(moments, [*moments[1:], moments[-1] + LONGEST_SHARE], strict=True))
    spread: list[float] = []
    for moment in moments:
        count, room = times.count(moment), min(after[moment] - moment, LONGEST_SHARE)
        spread += [moment + number * room / count for number in range(count)]
    return spread


def _geotag(tags: dict[str, Any]) -> Geotag:
    latitude, longitude = (_angle(tags, f"GPS GPS{axis}") for axis in ("Latitude", "Longitude"))
    if latitude is None or longitude is None or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        latitude = longitude = None
    unit = _SPEEDS.get(_text(tags, "GPS GPSSpeedRef") or "K", 1 / 3.6)
    speed, course = (_first(tags, f"GPS GPS{name}") for name in ("Speed", "Track"))
    taken, offset_known = _taken(tags)
    return Geotag(
        _received(tags), taken, offset_known, latitude, longitude, None if speed is None else speed * unit, course,
        _first(tags, "GPS Tag 0x001F") or None,
    )  # fmt: skip


def _angle(tags: dict[str, Any], key: str) -> float | None:
    """Return degrees of latitude or longitude."""
    parts = _numbers(tags, key)
    if len(parts) != 3:
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    return -degrees if (_text(tags, f"{key}Ref") or "N")[0] in "SW" else degrees


def _received(tags: dict[str, Any]) -> float | None:
    day, clock = _text(tags, "GPS GPSDate"), _numbers(tags, "GPS GPSTimeStamp")
    if day is None or len(clock) != 3:
        return None
    midnight = datetime.strptime(day.replace("-", ":"), "%Y:%m:%d").replace(tzinfo=UTC)
    return (midnight + timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2])).timestamp()


def _taken(tags: dict[str, Any]) -> tuple[float | None, bool]:
    """Return the camera's time, and whether its distance from UTC is known."""
    text = _text(tags, "EXIF DateTimeOriginal")
    if text is None:
        return None, False
    moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    seconds = float(f"0.{_text(tags, 'EXIF SubSecTimeOriginal') or '0'}")
    offset = _text(tags, "EXIF OffsetTimeOriginal")
    away = datetime.strptime(offset, "%z").utcoffset() if offset else None
    return moment.timestamp() + seconds - (away.total_seconds() if away else 0.0), away is not None


def _numbers(tags: dict[str, Any], key: str) -> list[float]:
    values = getattr(tags.get(key), "values", [])
    return [float(value) for value in values] if isinstance(values, list) else []


def _first(tags: dict[str, Any], key: str) -> float | None:
    return next(iter(_numbers(tags, key)), None)


def _text(tags: dict[str, Any], key: str) -> str | None:
    values = getattr(tags.get(key), "values", None)
    return values.strip("\0 ") or None if isinstance(values, str) else None
