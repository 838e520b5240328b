"""Positions in the pictures of a sequence, as cameras with a receiver and mapping apps write them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from signpipe.errors import SourceError
from signpipe.geotags import picture_times, pictures_in, read_geotag
from signpipe.position.fix import Fix
from signpipe.position.track import Track


def read_pictures(folder: Path) -> Track:
    """Read where and when the pictures of a folder were taken.

    Raises:
        SourceError: The folder can't be listed, or its pictures don't tell when they were taken one after the other.
    """
    try:
        tags = [read_geotag(path) for path in pictures_in(folder)]
    except OSError as error:
        raise SourceError(f"The folder {folder} can't be listed: {error.strerror}.") from None
    placed = any(tag.latitude is not None for tag in tags)
    times = picture_times(tags) if placed else []
    if times is None:
        raise SourceError(
            f"The pictures in {folder} have places, but most don't tell when they were taken, or not in the order of "
            "their names; give their track as GPX."
        )
    fixes: list[Fix] = []
    for tag, time in zip(tags, times, strict=False):
        if tag.latitude is not None and tag.longitude is not None:
            fixes.append(Fix(time, tag.latitude, tag.longitude, tag.speed, tag.course, tag.sigma))
    return Track(fixes, Counter({"have no place": len(times) - len(fixes)}), times[0] if times else None)
