"""From one recording to what it tells a map: signs with places, the way that was driven, and the limits on it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.errors import SourceError
from signpipe.mapping.clocks import check_clocks
from signpipe.mapping.looks import Sizes
from signpipe.mapping.optics import Optics
from signpipe.mapping.placed import DrivenRoad, LimitStretch, Waypoint
from signpipe.mapping.placing import place_signs, put_in_time
from signpipe.mapping.recording import LimitChange, Recording
from signpipe.mapping.trajectory import Trajectory, find_trajectory
from signpipe.settings import CameraSettings

EVERY = 4.0  # metres between waypoints
logger = logging.getLogger(__name__)


def sizes_of(catalogue: Catalogue) -> Sizes:
    """Return the usual width and height in metres of each class."""
    return {sign.name: (sign.width, sign.height) for sign in catalogue}


def place_recording(recording: Recording, camera: CameraSettings, sizes: Sizes, in_time: bool = True) -> DrivenRoad:
    """Place the signs of a recording.

    Args:
        recording: Its results.
        camera: What is known of the camera; focal length and mounting are learned from the drive.
        sizes: Usual width and height in metres of each class.
        in_time: False to look for a delay between pictures and positions first, which takes as long as placing does.

    Raises:
        SourceError: The recording has no positions.
    """
    frames = recording.frames
    trajectory = find_trajectory(frames, recording.name)
    width, height = (float(np.nanmedian(frames[name])) for name in ("width", "height"))
    optics = Optics.of(camera, round(width), round(height))
    delay = None
    if not in_time:
        trajectory, delay = put_in_time(recording, trajectory, optics, sizes)
    signs, learned = place_signs(recording, trajectory, optics, sizes)
    waypoints = _waypoints(recording, trajectory, math.degrees(math.atan(0.5 / learned.focal)))
    mounting = tuple(
        math.degrees(value) for value in (learned.yaw, learned.yaw_sigma, learned.pitch, learned.pitch_sigma)
    )
    return DrivenRoad(
        recording.name, signs, waypoints, lay_limits(recording.limits, waypoints),
        (learned.focal * width, learned.focal_sigma), (mounting[0], mounting[1], mounting[2], mounting[3]), delay,
    )  # fmt: skip


def place_watched(
    recording: Recording, camera: CameraSettings, sizes: Sizes, made_at: float | None, *, one_clock: bool,
    named: bool = False,
) -> DrivenRoad:  # fmt: skip
    """Place the signs of a recording that was watched, after a look at its clocks.

    Args:
        recording: Its results.
        camera: See `place_recording`, as for the next.
        sizes: Usual width and height in metres of each class.
        made_at: When its pictures say that they were taken, in seconds since 1970; None where they don't.
        one_clock: Whether pictures and positions are known to share a clock; else their delay is looked for.
        named: Whether somebody named the positions: those of another day are then warned of, not refused.

    Raises:
        SourceError: The recording has no positions, or they are of another day.
    """
    try:
        told = check_clocks(recording, made_at)
    except SourceError as error:
        if not named:
            raise
        told = str(error)
    if told:
        logger.warning("%s", told)
    return place_recording(recording, camera, sizes, in_time=one_clock)


def _waypoints(recording: Recording, trajectory: Trajectory, half_view: float) -> list[Waypoint]:
    """Return the way of a drive."""
    time = recording.frames["time"]
    position, course, _ = trajectory.at(time)
    known = np.flatnonzero(np.isfinite(position).all(axis=1))
    rows: list[int] = []
    for row in known.tolist():
        if not rows or np.hypot(*(position[row] - position[rows[-1]])) >= EVERY:
            rows.append(row)
    latitude, longitude = trajectory.globe(position[rows])
    utc = recording.frames["utc"][rows]
    return [
        Waypoint(
            recording.name, float(time[row]), float(clock) if np.isfinite(clock) else None, float(lat), float(lon),
            math.degrees(course[row]) % 360, half_view,
        )
        for row, lat, lon, clock in zip(rows, latitude, longitude, utc, strict=True)
    ]  # fmt: skip


def lay_limits(changes: Sequence[LimitChange], waypoints: Sequence[Waypoint]) -> list[LimitStretch]:
    """Return the stretches of a drive by the limit that held on them.

    Args:
        changes: From when on which limit held, in order.
        waypoints: The drive's way.
    """
    times = np.array([point.time for point in waypoints])
    stretches: list[LimitStretch] = []
    for number, change in enumerate(changes):
        end = changes[number + 1].time if number + 1 < len(changes) else math.inf
        rows = np.flatnonzero((times >= change.time) & (times <= end))
        if len(rows) > 1:
            path = [(waypoints[row].latitude, waypoints[row].longitude) for row in rows.tolist()]
            length = EVERY * (len(rows) - 1)
            drive = waypoints[0].drive
            stretches.append(LimitStretch(drive, change.value, change.message, change.sure, path, length))
    return stretches
