"""Positions from GPX tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signpipe.errors import SourceError
from signpipe.position.fix import RANGE_ERROR, Fix, number

if TYPE_CHECKING:
    from gpxpy.gpx import GPXTrackPoint


def read_gpx(path: Path) -> tuple[list[Fix], int]:
    """Read all track points of a GPX file.

    Returns:
        The points that have a time, in the order of the file, and how many have none.

    Raises:
        SourceError: The file can't be read or is no GPX.
    """
    import gpxpy
    from gpxpy.gpx import GPXException

    try:
        tracks = gpxpy.parse(path.read_bytes()).tracks
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read: {error.strerror}.") from None
    except (GPXException, ValueError, LookupError) as error:
        raise SourceError(f"The positions {path} are no GPX ({error}); export the track again.") from None
    points = [point for track in tracks for segment in track.segments for point in segment.points]
    fixes = [fix for point in points if (fix := _fix(point))]
    return fixes, len(points) - len(fixes)


def _fix(point: GPXTrackPoint) -> Fix | None:
    """Return a track point as a fix, or None if it has no time or no place on earth."""
    if point.time is None or not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180):
        return None
    dilution = number(point.horizontal_dilution)
    return Fix(
        point.time.timestamp(), point.latitude, point.longitude,
        _told(point, "speed", point.speed), _told(point, "course", point.course),
        dilution * RANGE_ERROR if dilution else None,
    )  # fmt: skip


def _told(point: GPXTrackPoint, name: str, value: float | None) -> float | None:
    """Return a value that GPX 1.0 has as an element and 1.1 as an extension, in any namespace."""
    texts = [
        element.text for top in point.extensions for element in top.iter() if str(element.tag).endswith(f"}}{name}")
    ]
    return number(texts[0] if value is None and texts else value)
