"""Where signpipe, the driver and the map disagree."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from signpipe.catalogue import Catalogue
from signpipe.settings import ShadowSettings
from signpipe.shadow.moment import Moment, Passed
from signpipe.types import SignTrack

KMH = 3.6  # km/h in a m/s
BRAKES = 0.5  # m/s2 from which the driver brakes
STOPPED = 10.0  # km/h that count as having stopped, by a receiver's speed
STOP_PASSED = 3.0  # seconds since a stop sign was seen, from which it has been passed
METRES = 100.0  # for which more is told than the map allows, before it counts: a sign is told from its sight on
SETTLED, BEFORE = 5.0, 15.0  # seconds at a lower speed, and before them in which the driver braked
STEADY, LOWER = 5.0, 15.0  # km/h within which a speed is steady, and by which it is lower
CRAWLING = 15.0  # km/h; slower is a queue
REMEMBERED = 60.0  # seconds for which what was seen counts for a sign that is passed


class Kind(StrEnum):
    """What a disagreement is."""

    BRAKED = "would_have_braked"
    ALLOWED = "would_have_allowed_more"
    MISSED = "sign_missed"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something that a person should look at.

    Attributes:
        kind: What it is.
        reason: In one sentence.
        at: Media time in seconds at which it counts.
        since: Media time at which it began.
    """

    kind: Kind
    reason: str
    at: float
    since: float


class Judge:
    """Compares moment by moment; each disagreement is reported once.

    - **Would have braked**: the driver is faster than a car would be that comes down to the limit told at a comfortable
      rate, and doesn't brake; or drives past a stop sign that was told.
    - **Would have allowed more**: the limit told is over the map's; or the driver braked far below it and stayed there,
      and the map doesn't bear signpipe out.
    - **Sign missed**: a mapped sign was passed, and vision was sure of none of its class.

    Args:
        settings: What counts.
        catalogue: Titles of the signs.
    """

    def __init__(self, settings: ShadowSettings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._seen: deque[tuple[float, int, bool]] = deque()  # time, class, whether it was sure
        self._speeds: deque[tuple[float, float]] = deque()
        self._time: float | None = None
        self._told: float | None = None
        self._changed = 0.0
        self._envelope = math.inf  # m/s
        self._over: float | None = None
        self._more: tuple[float, float, float, float] | None = None  # since, from metre, told, mapped
        self._reported: set[Kind] = set()
        self._settled_at: float | None = None
        self._slowest: float | None = None  # m/s while a stop sign is told of
        self._stopped = False

    def update(self, moment: Moment, tracks: list[SignTrack]) -> list[Disagreement]:
        """Take a moment and the tracks of its frame in; return what has just become a disagreement."""
        elapsed = 0.0 if self._time is None else max(moment.time - self._time, 0.0)
        self._time = moment.time
        self._look(moment.time, tracks)
        found = [
            self._braked(moment, elapsed), self._drove_on(moment), self._over_map(moment), self._slower(moment),
            *self._missed(moment),
        ]  # fmt: skip
        return [one for one in found if one is not None]

    def _look(self, time: float, tracks: list[SignTrack]) -> None:
        """Remember what was seen."""
        for track in tracks:
            self._seen.append((time, track.class_id, track.is_sure))
        while self._seen and time - self._seen[0][0] > REMEMBERED:
            self._seen.popleft()

    def _braked(self, moment: Moment, elapsed: float) -> Disagreement | None:
        told, speed, settings = moment.told, moment.speed, self._settings
        if told != self._told:
            self._told, self._changed = told, moment.time
            self._reported.discard(Kind.BRAKED)
            self._envelope = math.inf if speed is None else speed
        if told is None or speed is None or math.isinf(told):
            self._over = None
            return None
        if moment.time - self._changed > settings.reaction:
            self._envelope -= settings.comfort * elapsed
        self._envelope = max(self._envelope, told / KMH)
        if speed * KMH <= self._envelope * KMH + settings.tolerance:
            self._over = None
            self._reported.discard(Kind.BRAKED)
            return None
        if moment.braking is not None and moment.braking >= BRAKES:
            return None
        self._over = moment.time if self._over is None else self._over
        if moment.time - self._over < settings.persist or Kind.BRAKED in self._reported:
            return None
        self._reported.add(Kind.BRAKED)
        by_map = "" if moment.mapped is None else f", the map says {moment.mapped:.0f}"
        return Disagreement(
            Kind.BRAKED, f"limit {told:.0f} would have been told, the driver kept {speed * KMH:.0f} km/h{by_map}",
            moment.time, self._over,
        )  # fmt: skip

    def _drove_on(self, moment: Moment) -> Disagreement | None:
        """Compare with a stop sign."""
        if moment.stop is None or moment.speed is None:
            self._slowest, self._stopped = None, False
            return None
        self._slowest = moment.speed if self._slowest is None else min(self._slowest, moment.speed)
        if self._stopped or moment.stop < STOP_PASSED:
            return None
        self._stopped = True
        if self._slowest * KMH <= STOPPED:
            return None
        reason = f"a stop sign would have been told, the driver went on at {self._slowest * KMH:.0f} km/h and more"
        return Disagreement(Kind.BRAKED, reason, moment.time, moment.time - moment.stop)

    def _over_map(self, moment: Moment) -> Disagreement | None:
        told, mapped = moment.told, moment.mapped
        if told is None or mapped is None or told <= mapped + 1:
            self._more = None
            return None
        if self._more is None or self._more[2:] != (told, mapped):
            self._more = moment.time, moment.travelled, told, mapped
            self._reported.discard(Kind.ALLOWED)
        since, metre, *_ = self._more
        lasted = moment.time - since >= self._settings.persist and moment.travelled - metre >= METRES
        if not lasted or Kind.ALLOWED in self._reported:
            return None
        self._reported.add(Kind.ALLOWED)
        speed = "" if moment.speed is None else f", the driver drove {moment.speed * KMH:.0f} km/h"
        return Disagreement(
            Kind.ALLOWED, f"{_limit(told)} would have been told, the map says {mapped:.0f}{speed}", moment.time, since
        )

    def _slower(self, moment: Moment) -> Disagreement | None:
        """Look for a driver who has come down to a speed far below what is told, and keeps it."""
        if moment.speed is None:
            self._speeds.clear()
            return None
        self._speeds.append((moment.time, moment.speed * KMH))
        while moment.time - self._speeds[0][0] > SETTLED + BEFORE:
            self._speeds.popleft()
        late = [speed for time, speed in self._speeds if moment.time - time <= SETTLED]
        steady = moment.time - self._speeds[0][0] > SETTLED and max(late) - min(late) <= STEADY
        kept = sum(late) / len(late)
        fastest = max(speed for _, speed in self._speeds)
        if not steady or kept < CRAWLING or fastest - kept < LOWER:
            return None
        told, mapped = moment.told, moment.mapped
        again = self._settled_at is not None and moment.time - self._settled_at < SETTLED + BEFORE
        if told is None or told - kept < LOWER or (mapped is not None and mapped >= told - 1) or again:
            return None
        if Kind.ALLOWED in self._reported and self._more is not None:  # the map has said so already
            return None
        self._settled_at = moment.time
        reason = f"{_limit(told)} would have been told, the driver braked from {fastest:.0f} to {kept:.0f} km/h"
        return Disagreement(Kind.ALLOWED, reason, moment.time, moment.time - SETTLED)

    def _missed(self, moment: Moment) -> Iterator[Disagreement]:
        for passed in moment.passed:
            wanted = passed.entry.class_id
            seen = [(class_id, sure) for time, class_id, sure in self._seen if time >= passed.approached]
            if (wanted, True) not in seen:
                yield Disagreement(Kind.MISSED, self._why(passed, seen), moment.time, passed.approached)

    def _why(self, passed: Passed, seen: list[tuple[int, bool]]) -> str:
        """Say what was seen in place of a mapped sign."""
        wanted = self._catalogue[passed.entry.class_id]
        alike = [self._catalogue[class_id] for class_id in {class_id for class_id, sure in seen if sure}]
        others = sorted(sign.title for sign in alike if sign.effect is wanted.effect)
        if (passed.entry.class_id, False) in seen:
            what = "vision saw it and was never sure"
        elif others:
            what = f"vision was sure of {', '.join(others)} instead"
        else:
            what = "vision saw nothing of the kind there" if seen else "vision saw nothing there"
        return f"the map has '{wanted.title}' ({passed.entry.source}), {what}"


def _limit(told: float) -> str:
    return "no limit" if math.isinf(told) else f"limit {told:.0f}"
