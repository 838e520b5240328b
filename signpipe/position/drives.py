"""Which of the drives in a file is the one beside the recording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from signpipe.position.fix import Fix

APART = 3600.0  # seconds between two drives
AWAY = 86400.0  # seconds from which a few positions have a wrong date, rather than belonging to a short drive
FEW = 0.1  # as a share of the positions of the main drive


@dataclass(frozen=True, slots=True)
class Drives:
    """What drives a file holds.

    Attributes:
        fixes: All positions but those with a wrong date, in the order of the file.
        misdated: How many have a wrong date.
        count: Number of drives.
        start: When the main drive begins: the one of the most positions, or the latest of several such.
    """

    fixes: list[Fix]
    misdated: int
    count: int
    start: float


def find_drives(fixes: list[Fix]) -> Drives:
    """Find the main drive, and drop positions with a wrong date.

    A receiver without a fix reports the first day of its clock, in 1970, 1980 or 2004; a logger goes on with the file
    of last week.

    Args:
        fixes: At least one, in any order.
    """
    ordered = sorted(fixes, key=lambda fix: fix.time)
    cuts = [number for number, (one, other) in enumerate(pairwise(ordered), 1) if other.time - one.time > APART]
    drives = [ordered[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(ordered)], strict=True)]
    main = max(drives, key=lambda drive: (len(drive), drive[0].time))

    def misdated(drive: list[Fix]) -> bool:
        distance = max(main[0].time - drive[-1].time, drive[0].time - main[-1].time)
        return distance > AWAY and (len(drive) == 1 or len(drive) < FEW * len(main))

    strays = {fix for drive in drives if misdated(drive) for fix in drive}
    kept = [fix for fix in fixes if fix not in strays]
    count = sum(not misdated(drive) for drive in drives)
    return Drives(kept, len(fixes) - len(kept), count, main[0].time)


def moment(time: float) -> str:
    """Return a time as a person reads it: without a date in the first days of 1970, where a log has no dates."""
    stamp = datetime.fromtimestamp(time, UTC)
    return f"{stamp:%H:%M:%S} UTC" if abs(time) < 30 * AWAY else f"{stamp:%Y-%m-%d %H:%M:%S} UTC"
