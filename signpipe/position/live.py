"""Positions from a receiver that is read while driving."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from signpipe.geodesy import bearing, offset, place
from signpipe.position.fix import FASTEST, LONGEST_GAP, NEAR, STANDING, Fix
from signpipe.types import Pose

logger = logging.getLogger(__name__)

STALE_AFTER = 3.0  # seconds without a fix, from which nothing is said of where the vehicle is
RETRY = 2.0  # seconds until a receiver that is gone is tried again
MOVED = 5.0  # metres between two places that give a heading where the receiver tells no course
ENDS_WITHIN = 2.0  # seconds that `close` waits for the reader

# Opens a receiver; it yields a fix, or None from time to time, so that the reader can be stopped.
Receiver = Callable[[], AbstractContextManager[Iterator[Fix | None]]]


class LivePositions:
    """The latest position of a receiver, read by a thread of its own.

    A receiver that can't be reached, or is lost, is reported once and tried again for as long as the run lasts.

    Args:
        name: The receiver, for a person.
        receiver: Opens it.
    """

    def __init__(self, name: str, receiver: Receiver) -> None:
        self._name = name
        self._receiver = receiver
        self._latest: Fix | None = None  # its time is `time.monotonic()` at arrival
        self._anchor: Fix | None = None  # with the receiver's time: where movement is measured from
        self._stamp: float | None = None  # the receiver's time of the latest fix
        self._said: set[str] = set()
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="positions", daemon=True)
        self._thread.start()

    def at(self, media_time: float, captured_at: float) -> Pose | None:  # noqa: ARG002  # the recordings' clock
        """Return the pose when a picture was taken, moved on from the latest fix; None if that is too old.

        Args:
            media_time: Not used.
            captured_at: `time.monotonic()` of the picture.
        """
        fix = self._latest
        since = captured_at - (fix.time if fix else self._started)
        if abs(since) > STALE_AFTER:
            self._warn("it has been silent or without a fix for over %.0f s", STALE_AFTER)
            return None
        if fix is None:
            return None
        latitude, longitude = fix.latitude, fix.longitude
        if fix.course is not None and fix.speed is not None:
            way, turned = fix.speed * since, math.radians(fix.course)
            north, east = place(latitude, longitude, way * math.sin(turned), way * math.cos(turned))
            latitude, longitude = float(north), float(east)
        return Pose(latitude, longitude, fix.course, fix.speed, fix.sigma)

    def close(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join(ENDS_WITHIN)

    def _read(self) -> None:
        """Keep the latest fix until closed."""
        while not self._ended.is_set():
            try:
                with self._receiver() as fixes:
                    for fix in fixes:
                        if self._ended.is_set():
                            return
                        if fix is not None:
                            self._take(fix)
                self._warn("it ended the connection")
            except (OSError, ValueError) as error:  # pyserial's errors are OSErrors
                self._warn("%s", error)
            self._ended.wait(RETRY)

    def _take(self, fix: Fix) -> None:
        """Make a fix the latest, with a course wherever one can be had; a vehicle that stands keeps its own."""
        now, latest = time.monotonic(), self._latest
        if latest is not None and fix.time == self._stamp:
            fix = fix.filled(latest)  # another sentence of the same moment
        elif latest is not None and now - latest.time < STALE_AFTER:
            jump = math.hypot(*offset(latest.latitude, latest.longitude, fix.latitude, fix.longitude))
            if jump > NEAR + FASTEST * (now - latest.time):
                self._warn("it jumped by %.0f m", jump)
                return
        course, speed = fix.heading, fix.speed
        if course is None:
            course, speed = self._movement(fix, latest)
        else:
            self._anchor = fix
        self._stamp = fix.time
        self._latest = replace(fix, time=now, course=course, speed=speed)

    def _movement(self, fix: Fix, latest: Fix | None) -> tuple[float | None, float | None]:
        """Return course and speed from the places; the latest ones until there is movement enough."""
        course, speed = (latest.course, latest.speed) if latest else (None, None)
        anchor = self._anchor
        if anchor is None or not 0 <= fix.time - anchor.time <= LONGEST_GAP:
            self._anchor = fix
        elif fix.time > anchor.time:
            east, north = offset(anchor.latitude, anchor.longitude, fix.latitude, fix.longitude)
            measured = math.hypot(east, north) / (fix.time - anchor.time)
            if math.hypot(east, north) >= MOVED and (fix.speed or measured) >= STANDING:
                course, speed, self._anchor = float(bearing(east, north)), measured, fix
        return course, speed if fix.speed is None else fix.speed

    def _warn(self, reason: str, *values: object) -> None:
        """Say that there is no position, each reason once."""
        if reason not in self._said:
            self._said.add(reason)
            logger.warning(
                "There is no position from %s (%s); the map is not asked until there is one.",
                self._name, reason % values,
            )  # fmt: skip
