"""What a file tells of a drive's positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from signpipe.position.fix import Fix


@dataclass(frozen=True, slots=True)
class Track:
    """Positions of a file.

    Attributes:
        fixes: In the order of the file.
        faults: How many others there are, by what is wrong with them.
        start: Time of the fixes at which the pictures start; None where the file doesn't know of pictures.
    """

    fixes: list[Fix]
    faults: Counter[str] = field(default_factory=Counter)
    start: float | None = None


def beside_pictures(samples: Sequence[tuple[Fix, float | None]]) -> Track:
    """Return a track that was recorded on the clock of the pictures.

    Args:
        samples: Fixes with the recording's time, each with its seconds since 1970, or None where no receiver told it.
    """
    started = [utc - fix.time for fix, utc in samples if utc is not None]
    start = median(started) if started else 0.0
    return Track([replace(fix, time=fix.time + start) for fix, _ in samples], start=start)
