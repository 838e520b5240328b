"""Whether a frame is the next one of a living sender: not repeated, not out of order, not late.

The counter of a message counts cycles of 100 ms on the sender's clock, so that it is a time stamp: a receiver that
compares it with its own clock sees not only frames that are lost or doubled, but also those that come late.
"""

from __future__ import annotations

from enum import StrEnum

from signpipe.can.codec import COUNTERS, CYCLE

LATEST = 0.3  # seconds that a frame may be later than the promptest one before it
EARLIEST = 0.05  # seconds that one may be earlier, before those it is measured by must have been late themselves
SOONEST = 1.5  # seconds that one may be earlier at most: beyond, it is one of the round before, and very late
TIMEOUT = 0.35  # seconds without a good frame, from which nothing is available
QUALIFIED = 3  # good frames in a row, before anything is believed
DRIFT = 1e-3  # seconds a second by which the clocks of the two may run apart
FORGOTTEN = 60.0  # seconds after which a sender that is silent, or was replaced, is forgotten


class Verdict(StrEnum):
    """What a receiver makes of a frame."""

    GOOD = "good"
    QUALIFYING = "qualifying"  # whole and in order, but not enough of those yet
    FOREIGN = "foreign"  # not of signpipe
    DAMAGED = "damaged"
    REPEATED = "repeated"  # came before, or one after it did
    LATE = "late"
    LEAPING = "leaping"  # its counter is ahead of the time
    RETIRED = "retired"  # of a start of the sender that another has replaced


class Sequence:
    """Follows the counters of one message.

    A frame is good if it is newer than all before it and at most `LATEST` seconds later than the promptest one. Nothing
    is believed before `QUALIFIED` good frames in a row, each at its time: at the start, after `TIMEOUT` seconds without
    one, and with each new session. A burst that was held up somewhere comes faster than its counter says, and so
    doesn't qualify. What can't be told: a link that is late by the same time from the first frame on, one whose delay
    grows by less than a millisecond a second, and a delay of a multiple of 25.6 s, in which the counter goes round.
    """

    def __init__(self) -> None:
        self._session: int | None = None
        self._retired: dict[int, float] = {}
        self._origin = 0.0  # the receiver's time of cycle 0, by the promptest frame
        self._cycle = 0  # of the newest frame, counted on over rounds
        self._heard = 0.0  # time of the latest frame in order
        self._in_row = 0

    def is_alive(self, now: float) -> bool:
        """Return True if what the newest good frame said may be believed."""
        return self._in_row >= QUALIFIED and now - self._heard <= TIMEOUT

    def judge(self, counter: int, session: int, now: float) -> Verdict:
        """Take the next whole frame.

        Args:
            counter: Its counter.
            session: Its session.
            now: Time of its arrival in seconds, on a clock that never goes back.
        """
        if self._session is not None and now - self._heard > FORGOTTEN:
            self._session = None
        if session != self._session:
            return self._begin(counter, session, now)
        self._origin += DRIFT * (now - self._heard)
        due = (now - self._origin) / CYCLE
        soonest = round(due + SOONEST / CYCLE)
        cycle = soonest - (soonest - counter) % COUNTERS
        late = (due - cycle) * CYCLE
        verdict = self._place(cycle, late, now)
        if verdict not in (Verdict.GOOD, Verdict.QUALIFYING):
            self._origin -= DRIFT * (now - self._heard)
        return verdict

    def _begin(self, counter: int, session: int, now: float) -> Verdict:
        """Take the first frame of a start of the sender."""
        if now - self._retired.get(session, -FORGOTTEN) < FORGOTTEN:
            return Verdict.RETIRED
        if self._session is not None:
            self._retired[self._session] = now
        self._session, self._cycle, self._heard, self._in_row = session, counter, now, 1
        self._origin = now - counter * CYCLE
        return Verdict.QUALIFYING

    def _place(self, cycle: int, late: float, now: float) -> Verdict:
        """Judge a frame by its cycle and by how late it is in seconds."""
        if cycle <= self._cycle:
            return Verdict.REPEATED
        if late > LATEST:
            return Verdict.LATE
        if late < -LATEST:  # those before it were late, or the sender began anew
            self._in_row = 0
            self._follow(cycle, late, now)
            return Verdict.LEAPING
        if now - self._heard > TIMEOUT or (late < -EARLIEST and self._in_row < QUALIFIED):
            self._in_row = 0
        self._in_row = min(self._in_row + 1, QUALIFIED)
        self._follow(cycle, late, now)
        return Verdict.GOOD if self._in_row >= QUALIFIED else Verdict.QUALIFYING

    def _follow(self, cycle: int, late: float, now: float) -> None:
        self._cycle, self._heard = cycle, now
        self._origin += min(late, 0.0)
