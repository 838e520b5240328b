"""What holds at the moment, how it ages, and what has just changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from signpipe.catalogue import Effect
from signpipe.stages.caution import RIGHT_OF_WAY
from signpipe.stages.meaning import LIMIT_UNKNOWN, LIMITS, SPEED_LIMIT, Meaning
from signpipe.stages.roads import BEGINS, Road
from signpipe.types import Advisory, AdvisoryStatus, Condition

REMARK_KEPT = 8.0  # seconds for which a conflict is still mentioned
MOST_REMARKS = 8  # on one topic; of more, the latest are mentioned


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sign was read as.

    Attributes:
        meaning: What it says.
        seen: Media time of the observation, seconds.
        confidence: 0..1.
        witnesses: Who it rests on.
        track_id: Its track, or None if no sign was read.
        class_id: Its class, or None if only the category is sure.
        effect: Its effect, or None if only the category is sure.
        distance: Of the sign in units of the camera's focal length, or 0 if unknown.
        passed_at: Media time at which the sign will be passed, as its motion in the picture tells, seconds.
        conditions: On which it depends whether the sign holds, as its plates say.
        length: Metres from the sign on for which it holds, or None until another sign ends it.
        road: Where one is once the sign has been passed, or None if it doesn't tell.
    """

    meaning: Meaning
    seen: float
    confidence: float = 0.0
    witnesses: tuple[str, ...] = ()
    track_id: int | None = None
    class_id: int | None = None
    effect: Effect | None = None
    distance: float = 0.0
    passed_at: float = 0.0
    conditions: tuple[Condition, ...] = ()
    length: float | None = None
    road: Road | None = None

    @property
    def names_limit(self) -> bool:
        """True if the sign brings a limit of its own, as the end of one doesn't."""
        return self.effect in LIMITS or (self.effect is not None and self.effect in BEGINS)

    @property
    def limit(self) -> float:
        """The limit in km/h, infinite where the sign ends it."""
        return self.meaning.value if isinstance(self.meaning.value, int | float) else math.inf

    @property
    def leniency(self) -> tuple[float, float]:
        """Sorts limits from the lowest, ends last; of equal ones the surest, which is the one that is named."""
        return self.limit, self.confidence

    @property
    def caution(self) -> int:
        """How much the sign asks for in the matter of who goes first, 0 where that isn't its matter."""
        return RIGHT_OF_WAY.get(self.effect, 0) if self.effect else 0


@dataclass(slots=True)
class Held:
    """A reading that is held on to.

    Attributes:
        reading: The latest reading that supports it.
        since: Media time of the first one, seconds.
        metres: Driven since `reading.seen`, as far as speed was known.
        past: Driven since the sign was passed, as far as speed was known.
        stale_since: Media time at which it went stale, or None.
        remarks: Conflicts by what they are about, each with the media time at which it was last true.
        replaced: What was held before it, in case it turns out to be misread.
    """

    reading: Reading
    since: float
    metres: float = 0.0
    past: float = 0.0
    stale_since: float | None = None
    remarks: dict[int | str | None, tuple[str, float]] = field(default_factory=dict)
    replaced: Held | None = None

    @property
    def in_force(self) -> bool:
        """True if it says something that may be relied on."""
        return self.stale_since is None and self.reading.meaning.value is not None

    @property
    def tells(self) -> bool:
        """True if it says something, if only that all limits ended, and hasn't gone stale."""
        return self.stale_since is None and self.reading.meaning != LIMIT_UNKNOWN

    def age(self, now: float, metres: float) -> None:
        """Move on to `now`, `metres` further."""
        if self.replaced is not None:
            self.replaced.age(now, metres)
        for about in [about for about, (_, at) in self.remarks.items() if now - at > REMARK_KEPT]:
            del self.remarks[about]
        validity = self.reading.meaning.validity
        self.metres += metres
        self.past += metres if now > self.reading.passed_at else 0.0
        if self.stale_since is None and validity.seconds is not None:
            if now - self.reading.seen > validity.seconds:
                self.stale_since = self.reading.seen + validity.seconds
            elif validity.metres is not None and self.metres > validity.metres:
                self.stale_since = now

    def advisory(self, now: float, speed_known: bool) -> Advisory:
        """Return it as the stages after this one see it."""
        meaning, reading = self.reading.meaning, self.reading
        stale = self.stale_since is not None
        age = now - reading.seen
        metres = meaning.validity.metres if speed_known else None
        return Advisory(
            topic=meaning.topic,
            message=f"{meaning.message} (last known, stale)" if stale else meaning.message,
            value=meaning.value,
            confidence=reading.confidence,
            witnesses=reading.witnesses,
            status=AdvisoryStatus.STALE if stale else AdvisoryStatus.ACTIVE,
            since=self.since,
            renewed=reading.seen,
            age=age,
            expires_in=None if meaning.validity.seconds is None else meaning.validity.seconds - age,
            expires_in_metres=None if metres is None else metres - self.metres,
            track_id=reading.track_id,
            class_id=reading.class_id,
            conflict="; ".join(text for text, _ in self.remarks.values()) or None,
            origin=meaning.origin,
            unit=meaning.unit,
            cautious=float(meaning.value) if meaning.origin and isinstance(meaning.value, int | float) else None,
            conditions=tuple(map(str, meaning.conditions)),
        )


class DriveState:
    """One held reading per topic. Events are what differs from one publication to the next, so each comes once."""

    def __init__(self) -> None:
        self.now = 0.0
        self._speed_known = False
        self._held: dict[str, Held] = {}
        self._published: dict[str, Advisory] = {}
        self._reasons: dict[str, str] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def get(self, topic: str) -> Held | None:
        """Return what is held on a topic, or None."""
        return self._held.get(topic)

    def advance(self, now: float, metres: float | None) -> None:
        """Let everything age; what has been stale for long enough is dropped.

        Args:
            now: Media time in seconds.
            metres: Driven since the last call, or None where speed is unknown.
        """
        self.now, self._speed_known = now, metres is not None
        for held in self:
            held.age(now, metres or 0.0)
            meaning = held.reading.meaning
            if held.stale_since is not None and now - held.stale_since >= meaning.validity.kept:
                self.drop(meaning.topic, f"not renewed for {now - held.reading.seen:.0f} s")

    def take(self, reading: Reading) -> None:
        """Hold on to a reading: it renews what says the same, or takes the place of what says something else."""
        topic = reading.meaning.topic
        held = self._held.get(topic)
        if held is None or held.reading.meaning != reading.meaning:
            self._hold(Held(reading, self.now, replaced=held))
            self._reasons.setdefault(topic, f"ended by {reading.meaning.label}")
        elif reading.seen < held.reading.seen:
            return
        elif held.reading.track_id == reading.track_id:
            held.reading, held.metres, held.past, held.stale_since = reading, 0.0, 0.0, None
        else:
            self._hold(Held(reading, held.since, remarks=held.remarks, replaced=held))

    def _hold(self, held: Held) -> None:
        if held.replaced is not None:
            held.replaced.replaced = None  # one step back is enough, and memory stays flat
        self._held[held.reading.meaning.topic] = held

    def drop(self, topic: str, reason: str) -> None:
        """Let go of a topic; the event will give the reason."""
        if self._held.pop(topic, None) is not None:
            self._reasons[topic] = reason

    def withdraw(self, topic: str, reason: str) -> None:
        """Let go of a topic that rests on a misread sign: what was held before it holds again."""
        held = self._held.get(topic)
        self.drop(topic, reason)
        if held is not None and held.replaced is not None:
            self._held[topic] = held.replaced

    def doubt(self, topic: str) -> None:
        """Let a topic go stale: it is shown as last known, until it is read again or has been stale for long enough."""
        held = self._held.get(topic)
        if held is not None and held.stale_since is None:
            held.stale_since = self.now

    def clear(self, reason: str) -> None:
        """Let go of everything."""
        for topic in list(self._held):
            self.drop(topic, reason)

    def remark(self, topic: str, about: int | str | None, text: str) -> None:
        """Mention a conflict on a topic, in place of an earlier remark about the same."""
        if topic in self._held:
            remarks = self._held[topic].remarks
            remarks[about] = (text, self.now)
            if len(remarks) > MOST_REMARKS:
                del remarks[min(remarks, key=lambda about: remarks[about][1])]

    def unremark(self, topic: str, about: int | str | None) -> None:
        """Mention a conflict no more."""
        if topic in self._held:
            self._held[topic].remarks.pop(about, None)

    def publish(
        self, amend: Callable[[Advisory], Advisory] = lambda advisory: advisory
    ) -> tuple[list[Advisory], list[Advisory]]:
        """Return all advisories, the speed limit first, and the events since the last call.

        Args:
            amend: What is made of the advisory on the speed limit before it is published.
        """
        current = {topic: self._held[topic].advisory(self.now, self._speed_known) for topic in sorted(self._held)}
        if SPEED_LIMIT in current:
            current[SPEED_LIMIT] = amend(current[SPEED_LIMIT])
        events = []
        for topic, old in self._published.items():
            new = current.get(topic)
            if new is None or (new.value is None and old.value is not None):
                message = f"{old.message}: {self._reasons.get(topic, 'ended')}"
                age = self.now - old.renewed
                events.append(replace(old, message=message, status=AdvisoryStatus.ENDED, age=age, conflict=None))
        for topic, new in current.items():
            before = self._published.get(topic)
            if before is None or _has_changed(before, new):
                events.append(new)
        self._published = current
        self._reasons = {}
        return sorted(current.values(), key=lambda advisory: advisory.topic != SPEED_LIMIT), events


def _has_changed(old: Advisory, new: Advisory) -> bool:
    """Return True if the change is worth an event; that a conflict is no longer mentioned isn't."""
    if (old.status, old.value, old.message) != (new.status, new.value, new.message):
        return True
    return new.conflict is not None and new.conflict != old.conflict
