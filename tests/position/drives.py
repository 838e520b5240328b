"""Recorded drives, made up: where a vehicle was, as GPX and as NMEA."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pynmea2

from signpipe.geodesy import place

START = datetime(2026, 3, 1, 23, 59, 50, tzinfo=UTC)  # ten seconds before midnight
HOME = (50.0, 9.0)


def at(second: float, east: float, north: float) -> tuple[float, float, float]:
    """Return a time and a place some metres from home as time, latitude and longitude."""
    latitude, longitude = place(*HOME, east, north)
    return second, float(latitude), float(longitude)


def eastward(seconds: Iterable[float], speed: float = 20.0) -> list[tuple[float, float, float]]:
    """Return a drive to the east from home."""
    return [at(second, second * speed, 0.0) for second in seconds]


def gpx(points: Iterable[tuple[float | None, float, float]], inside: str = "") -> str:
    """Return a GPX track; a point without a time has none. `inside` goes into each point."""
    lines = []
    for second, latitude, longitude in points:
        stamp = "" if second is None else (START + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
        time = f"<time>{stamp}</time>" if stamp else ""
        lines.append(f'<trkpt lat="{latitude:.8f}" lon="{longitude:.8f}">{time}{inside}</trkpt>')
    return (
        '<?xml version="1.0"?><gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1"'
        ' xmlns:x="http://www.garmin.com/xmlschemas/TrackPointExtension/v2"><trk><trkseg>'
        + "".join(lines)
        + "</trkseg></trk></gpx>"
    )


def _angle(degrees: float, width: int, sides: str) -> list[str]:
    """Return degrees as NMEA has them: degrees and minutes, and the side of the globe."""
    whole, minutes = divmod(abs(degrees) * 60, 60)
    return [f"{int(whole):0{width}d}{minutes:09.6f}", sides[degrees < 0]]


def rmc(
    second: float, latitude: float, longitude: float, speed: float | None = None, course: float | None = None,
    status: str = "A",
) -> str:  # fmt: skip
    """Return an RMC sentence: speed in metres per second, course in degrees."""
    moment = START + timedelta(seconds=second)
    knots = "" if speed is None else f"{speed * 3600 / 1852:.3f}"
    degrees = "" if course is None else f"{course:.2f}"
    place_fields = [*_angle(latitude, 2, "NS"), *_angle(longitude, 3, "EW")]
    fields = [f"{moment:%H%M%S}.{moment.microsecond // 10000:02d}", status, *place_fields, knots, degrees]
    return str(pynmea2.RMC("GN", "RMC", [*fields, f"{moment:%d%m%y}", "", "", "A"]))


def gga(second: float, latitude: float, longitude: float, quality: int = 1, dilution: float = 0.8) -> str:
    """Return a GGA sentence."""
    moment = START + timedelta(seconds=second)
    place_fields = [*_angle(latitude, 2, "NS"), *_angle(longitude, 3, "EW")]
    fields = [f"{moment:%H%M%S}.{moment.microsecond // 10000:02d}", *place_fields, str(quality), "09", str(dilution)]
    return str(pynmea2.GGA("GP", "GGA", [*fields, "120.0", "M", "47.0", "M", "", ""]))
