"""Whether positions and pictures are of one drive, by the days and hours that both tell."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from signpipe.errors import SourceError
from signpipe.mapping.recording import Recording

HOUR = 3600.0
SAME = 1.0  # hours between two clocks of one drive that are set
ANOTHER_DAY = 20.0  # hours; time zones are up to 14 hours from UTC
SET = 946_684_800.0  # seconds from 1970 to 2000; a camera that tells an earlier time has no clock


def check_clocks(recording: Recording, made_at: float | None) -> str | None:
    """Return a sentence where the clocks of pictures and positions are hours apart, None where they aren't known to be.

    Args:
        recording: The drive.
        made_at: When its pictures say that they were taken, in seconds since 1970.

    Raises:
        SourceError: They are of different days, so that the positions are of another drive.
    """
    utc = recording.frames["utc"][np.isfinite(recording.frames["utc"])]
    if made_at is None or made_at < SET or not len(utc):
        return None
    apart = max(float(utc[0]) - made_at, made_at - float(utc[-1])) / HOUR  # some cameras tell the end
    if apart <= SAME:
        return None
    if apart >= ANOTHER_DAY:
        raise SourceError(
            f"The positions of {recording.name} are of {_day(float(utc[0]))}, and it was recorded on {_day(made_at)}: "
            "put the right track beside it or, where the camera's clock is wrong, name the track with --gpx."
        )
    return (
        f"The clocks of pictures and positions of {recording.name} are {apart:.1f} h apart, as between time zones; its "
        "positions are taken to begin with its pictures."
    )


def _day(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d}"
