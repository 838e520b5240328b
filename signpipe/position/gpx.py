"""Positions from GPX tracks."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from signpipe.errors import SourceError
from signpipe.position.fix import RANGE_ERROR, Fix, number


def read_gpx(path: Path) -> tuple[list[Fix], Counter[str]]:
    """Read all track points of a GPX file, in any encoding and with any prefix that XML allows.

    Returns:
        The points with a time and a place, in the order of the file; and how many others there are, by what they lack.

    Raises:
        SourceError: The file can't be read or is no GPX.
    """
    try:
        points = list(_parsed(path.read_bytes()).iterfind("./{*}trk/{*}trkseg/{*}trkpt"))
        places = [(float(point.get("lat", "")), float(point.get("lon", ""))) for point in points]
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read: {error.strerror}.") from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise SourceError(f"The positions {path} are no GPX ({error}); export the track again.") from None
    fixes: list[Fix] = []
    faults: Counter[str] = Counter()
    for point, (latitude, longitude) in zip(points, places, strict=True):
        time = _time(point.findtext("{*}time"))
        if time is None:
            faults["have no time"] += 1
        elif not (abs(latitude) <= 90 and abs(longitude) <= 180):
            faults["are nowhere on earth"] += 1
        else:
            dilution = number(point.findtext("{*}hdop"))
            sigma = dilution * RANGE_ERROR if dilution else None
            fixes.append(Fix(time, latitude, longitude, _stated(point, "speed"), _stated(point, "course"), sigma))
    return fixes, faults


def _parsed(content: bytes) -> ET.Element:
    """Return the tree of an XML file.

    Raises:
        ET.ParseError: It is no XML.
        UnicodeDecodeError: It is neither in the encoding that it declares nor in UTF-8.
    """
    try:
        return ET.fromstring(content.lstrip(b" \t\r\n"))
    except ET.ParseError:
        return ET.fromstring(content.decode("utf-8-sig"))  # some programs declare UTF-16 and write UTF-8


def _time(text: str | None) -> float | None:
    """Return seconds since 1970 from an ISO 8601 time, which is UTC unless it says otherwise; None if it is none."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _stated(point: ET.Element, name: str) -> float | None:
    """Return a value that GPX 1.0 has as an element and 1.1 as an extension, in any namespace."""
    return number(point.findtext(f"{{*}}{name}") or point.findtext(f"{{*}}extensions//{{*}}{name}"))
