"""Positions that were recorded beside a video."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from signpipe.geodesy import bearing, offset
from signpipe.position.fix import FASTEST, LONGEST_GAP, NEAR, STANDING, Fix
from signpipe.types import Pose

FIRST_DATE = 1e8  # seconds after 1970; what is earlier is a time of the day without a date
BASELINE = 1.0  # seconds before and after, between which movement gives a heading

Values = npt.NDArray[np.float64]


class RecordedPositions:
    """Positions over time, interpolated.

    Args:
        fixes: As `plausible` returns them: later and later, and none out of reach of the one before.
        start: Time of the fixes at which the video starts, in seconds.
    """

    def __init__(self, fixes: Iterable[Fix] = (), start: float = 0.0) -> None:
        self._start = start
        self._stretches = [_Stretch(fixes) for fixes in _split(fixes)]
        self._begins = [stretch.time[0] for stretch in self._stretches]

    def at(self, media_time: float, captured_at: float) -> Pose | None:  # noqa: ARG002  # the live sources' clock
        """Return the pose at a time of the video, or None outside the recording and in its gaps."""
        time = media_time + self._start
        number = bisect_right(self._begins, time) - 1
        return self._stretches[number].at(time) if number >= 0 else None

    def close(self) -> None:
        """Nothing is held open."""


class _Stretch:
    """Positions without a gap.

    Args:
        fixes: At least one, later and later.
    """

    def __init__(self, fixes: list[Fix]) -> None:
        self.time = np.array([fix.time for fix in fixes])
        self._latitude = np.array([fix.latitude for fix in fixes])
        self._longitude = np.unwrap([fix.longitude for fix in fixes], period=360)
        self._sigma = np.array([np.nan if fix.sigma is None else fix.sigma for fix in fixes])
        heading, speed = self._movement()
        stated = [fix.heading for fix in fixes]
        heading = np.array([moved if course is None else course for moved, course in zip(heading, stated, strict=True)])
        self._heading = _held(heading)
        self._speed = np.array(
            [moved if fix.speed is None else fix.speed for moved, fix in zip(speed, fixes, strict=True)]
        )

    def at(self, time: float) -> Pose | None:
        """Return the pose at a time, or None after the last fix."""
        if time > self.time[-1]:
            return None
        latitude, longitude = self._place(time)
        heading, speed, sigma = (
            float(np.interp(time, self.time, values)) for values in (self._heading, self._speed, self._sigma)
        )
        return Pose(
            float(latitude), (float(longitude) + 180) % 360 - 180,
            None if np.isnan(heading) else heading % 360, None if np.isnan(speed) else speed,
            None if np.isnan(sigma) else sigma, time if time > FIRST_DATE else None,
        )  # fmt: skip

    def _place(self, time: float | Values) -> tuple[Values, Values]:
        """Return latitudes and longitudes at some times."""
        return (
            np.asarray(np.interp(time, self.time, self._latitude)),
            np.asarray(np.interp(time, self.time, self._longitude)),
        )

    def _movement(self) -> tuple[Values, Values]:
        """Return heading (degrees, nan where standing) and speed (metres per second, nan if alone) at each fix."""
        before = np.maximum(self.time - BASELINE, self.time[0])
        after = np.minimum(self.time + BASELINE, self.time[-1])
        east, north = offset(*self._place(before), *self._place(after))
        lasted = np.where(after > before, after - before, np.nan)
        speed = np.hypot(east, north) / lasted
        return np.where(speed >= STANDING, bearing(east, north), np.nan), speed


def _held(heading: Values) -> Values:
    """Return headings without a turn over 180 degrees between two; a vehicle that stands keeps its heading."""
    known = np.flatnonzero(~np.isnan(heading))
    if not len(known):
        return heading
    last = np.maximum.accumulate(np.where(np.isnan(heading), -1, np.arange(len(heading))))
    return np.unwrap(heading[np.where(last < 0, known[0], last)], period=360)


def _split(fixes: Iterable[Fix]) -> list[list[Fix]]:
    """Cut a recording at its gaps."""
    stretches: list[list[Fix]] = []
    for fix in fixes:
        if not stretches or fix.time - stretches[-1][-1].time > LONGEST_GAP:
            stretches.append([])
        stretches[-1].append(fix)
    return stretches


def plausible(fixes: list[Fix]) -> tuple[list[Fix], int, int]:
    """Sort fixes by time, join those of one moment, and drop those that jump.

    What is kept is the largest set that one vehicle can have driven, so that a first fix that is wrong doesn't cost
    the whole recording. Runs of fixes that agree are found first; a longest path over the runs does the rest.

    Returns:
        The fixes that are kept, how many jumped, and how many were out of order.
    """
    disordered = sum(later.time < earlier.time for earlier, later in pairwise(fixes))
    moments: list[Fix] = []
    for fix in sorted(fixes, key=lambda fix: fix.time):
        if moments and fix.time == moments[-1].time:
            moments[-1] = moments[-1].filled(fix)
        else:
            moments.append(fix)
    runs = _runs(moments)
    kept = [fix for number in _longest_path(runs) for fix in runs[number]]
    return kept, len(moments) - len(kept), disordered


def _table(fixes: list[Fix]) -> Values:
    """Return (N, 3): time, latitude and longitude."""
    return np.array([(fix.time, fix.latitude, fix.longitude) for fix in fixes]).reshape(-1, 3)


def _reachable(first: Values, second: Values) -> npt.NDArray[np.bool_]:
    """Return for each row whether a vehicle can have come from the first place to the second in the time between."""
    east, north = offset(first[:, 1], first[:, 2], second[:, 1], second[:, 2])
    return np.asarray(np.hypot(east, north) <= NEAR + FASTEST * (second[:, 0] - first[:, 0]))


def _runs(fixes: list[Fix]) -> list[list[Fix]]:
    """Cut fixes where one can't be reached from the one before."""
    table = _table(fixes)
    cuts = (np.flatnonzero(~_reachable(table[:-1], table[1:])) + 1).tolist()
    return [fixes[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(fixes)], strict=True) if end > begin]


def _longest_path(runs: list[list[Fix]]) -> list[int]:
    """Return the runs, in order, that can be driven one after the other and hold the most fixes."""
    begins, ends = _table([run[0] for run in runs]), _table([run[-1] for run in runs])
    total = np.array([float(len(run)) for run in runs])
    previous = [-1] * len(runs)
    for number in range(1, len(runs)):
        before = np.where(_reachable(ends[:number], begins[number : number + 1]), total[:number], 0.0)
        best = int(np.argmax(before))
        if before[best] > 0:
            previous[number] = best
            total[number] += before[best]
    path = [int(np.argmax(total))] if runs else []
    while path and previous[path[-1]] >= 0:
        path.append(previous[path[-1]])
    return path[::-1]
