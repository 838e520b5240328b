"""Signs on their way into the database: none is stored twice, and none is lost while the disk is full."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from signpipe.serve.database import Database
from signpipe.serve.wire import Message

_SAME = 10.0  # seconds within which a sign that a new run of a source sees is taken for the one that the last run saw
_HELD = 2000  # signs that wait for a disk that can't be written
_AGAIN = 5.0  # seconds between two tries
_PRUNE = 3600.0  # seconds between two looks for old signs
_JUMP = 60.0  # seconds by which the clock may differ from what it should be; more, and it was set

log = logging.getLogger(__name__)


_Identity = tuple[str, int, float]  # run, track, and since when the sign is known


@dataclass(slots=True)
class _Run:
    """The current run of a source.

    Attributes:
        name: Its name.
        tracks: As what each of its living tracks is stored.
        taken_over: Numbers of the signs that the run before had seen already.
    """

    name: str
    tracks: dict[int, _Identity] = field(default_factory=dict)
    taken_over: set[int] = field(default_factory=set)


class SignStore:
    """Keeps signs; any thread may call it.

    Args:
        database: Where they go.
        retention: Seconds for which they are kept.
        most: Most of them.

    Attributes:
        trouble: Why the database can't be written at present, or None.
        lost: Signs that could not be kept.
    """

    def __init__(self, database: Database, retention: float, most: int) -> None:
        self.trouble: str | None = None
        self.lost = 0
        self._database = database
        self._retention, self._most = retention, most
        self._lock = threading.Lock()
        self._held: deque[tuple[Message, bytes]] = deque()
        self._next_try = self._next_prune = 0.0
        self._offset = time.time() - time.monotonic()
        self._runs: dict[str, _Run] = {}  # by source

    @property
    def held(self) -> int:
        """Signs that wait for a disk that can't be written."""
        return len(self._held)

    def put(self, sign: Message, crop: bytes) -> Message:
        """Keep a sign, or what is newly known of one.

        Args:
            sign: With `source`, `run` and `track`.
            crop: JPEG.

        Returns:
            The sign as it is stored, with its number, or without where it has to wait.
        """
        now = time.time()
        with self._lock:
            try:
                sign = self._identified(sign, now)
                self._drain()  # what waits is older, and would later undo what is newly known of the same sign
                number = self._database.put_sign(sign, crop)
                self._well()
                return {"id": number, **sign}
            except sqlite3.Error as error:
                self._hold(sign, crop, error)
                return {"id": None, **sign}

    def _identified(self, sign: Message, now: float) -> Message:
        """Return a sign under the run and track by which it is stored: those of the run before, if that saw it too."""
        source, run_name, track = str(sign["source"]), str(sign["run"]), int(sign["track"])
        run = self._runs.get(source)
        if run is None or run.name != run_name:
            run = self._runs[source] = _Run(run_name)
        if track not in run.tracks:
            run.tracks[track] = self._identity(sign, run, now)
        name, number, first = run.tracks[track]
        if sign.get("ended"):
            del run.tracks[track]
        return {**sign, "run": name, "track": number, "first": first, "last": now}

    def _identity(self, sign: Message, run: _Run, now: float) -> _Identity:
        if sign["media_time"] < _SAME:
            before = self._database.recent_sign(sign["source"], sign["class_name"], run.name, now - _SAME)
            if before is not None and before["id"] not in run.taken_over:
                run.taken_over.add(before["id"])
                return before["run"], before["track"], before["first"]
        return run.name, int(sign["track"]), now

    def _hold(self, sign: Message, crop: bytes, error: sqlite3.Error) -> None:
        if self.trouble is None:
            log.error("The database can't be written (%s): signs are held in memory.", error)
        self.trouble = str(error)
        self._next_try = time.monotonic() + _AGAIN
        if len(self._held) >= _HELD:
            self._held.popleft()
            self.lost += 1
        now = time.time()
        self._held.append(({"first": now, "last": now, **sign}, crop))

    def _well(self) -> None:
        if self.trouble is not None:
            log.warning("The database can be written again.")
        self.trouble = None

    def retry(self) -> None:
        """Do what is due: store what was held, and remove what is old."""
        now = time.monotonic()
        with self._lock:
            if self.trouble is not None and now >= self._next_try:
                self._next_try = now + _AGAIN
                self._release()
            if self.trouble is None and now >= self._next_prune:
                self._next_prune = now + _PRUNE
                self._prune()

    def _drain(self) -> None:
        """Store what was held, in its order."""
        while self._held:
            self._database.put_sign(*self._held[0])
            self._held.popleft()

    def _release(self) -> None:
        try:
            self._database.check()
            self._drain()
            self._well()
        except sqlite3.Error as error:
            self.trouble = str(error)

    def _prune(self) -> None:
        """Remove what is old, unless the clock was set since the last look: it may be wrong."""
        offset = time.time() - time.monotonic()
        jumped, self._offset = abs(offset - self._offset) > _JUMP, offset
        if jumped:
            log.warning("The clock was set by more than a minute: old signs are removed an hour later.")
            return
        try:
            self._database.prune(time.time() - self._retention, self._most)
        except sqlite3.Error as error:
            self.trouble = str(error)
