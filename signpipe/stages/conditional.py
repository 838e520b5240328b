"""Limits that hold under conditions, several at once, and what they make of the limit that holds without any."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from signpipe.catalogue.rules import Exemption
from signpipe.settings import VehicleSettings
from signpipe.stages.conditions import BROAD, all_hold
from signpipe.stages.drive_state import Reading
from signpipe.stages.meaning import IMPLICIT, POSTED, told
from signpipe.types import Advisory, Alternative, Condition, ConditionKind, Surroundings

ONE_POLE = 0.5  # seconds within which the signs of one pole are lost from sight
MOST_TOLD = 3  # of the limits that may hold instead, in one message


@dataclass(slots=True)
class ConditionalLimit:
    """A limit with a condition that was seen.

    Attributes:
        reading: The latest reading of it.
        metres: Driven since it was passed, as far as speed was known.
        total: Driven since it was seen last, as far as speed was known.
        is_passed: Whether its sign has been passed.
    """

    reading: Reading
    metres: float = 0.0
    total: float = 0.0
    is_passed: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A limit that may hold in place of the one that holds without conditions.

    Attributes:
        value: km/h, infinite for no limit.
        words: Its conditions.
        applies: Whether they are met; None if that isn't known.
        is_broad: Whether it has to be kept unless its conditions are known not to be met.
        lifts: Whether it may take the place of a lower limit, if its conditions are met.
        reading: The sign that it rests on, or None for a rule of the country.
    """

    value: float
    words: tuple[str, ...]
    applies: bool | None
    is_broad: bool = False
    lifts: bool = False
    reading: Reading | None = None


class ConditionalLimits:
    """The conditional limits that were seen and that no later sign has taken back.

    Args:
        vehicle: What is driven.
    """

    def __init__(self, vehicle: VehicleSettings) -> None:
        self._vehicle = vehicle
        self._held: list[ConditionalLimit] = []

    def take(self, reading: Reading) -> None:
        """Hold on to a limit; one that says the same, or rests on the same sign, is renewed."""
        says = (reading.meaning.value, reading.conditions)
        for held in self._held:
            one = held.reading
            if one.track_id == reading.track_id or (one.meaning.value, one.conditions) == says:
                held.reading, held.metres, held.total, held.is_passed = reading, 0.0, 0.0, False
                return
        self._held.append(ConditionalLimit(reading))

    def withdraw(self, track_id: int | None) -> None:
        """Let go of what rests on a sign."""
        self._held = [held for held in self._held if held.reading.track_id != track_id]

    def withdraw_misread(self, read: dict[int, int]) -> None:
        """Let go of what rests on signs that are read as something else now, by track."""
        self._held = [
            held
            for held in self._held
            if held.reading.track_id not in read or read[held.reading.track_id] == held.reading.class_id
        ]

    def drop_before(self, time: float) -> None:
        """Let go of the limits whose signs were seen before a media time."""
        self._held = [held for held in self._held if held.reading.seen >= time]

    def clear(self) -> None:
        """Let go of everything."""
        self._held = []

    def advance(self, now: float, metres: float | None, living: Iterable[int]) -> list[Reading]:
        """Let everything age.

        Args:
            now: Media time in seconds.
            metres: Driven since the last call, or None where speed is unknown.
            living: The tracks that live.

        Returns:
            What was announced and has been reached: it holds from here, under its other conditions.
        """
        tracks, reached = set(living), []
        for held in list(self._held):
            reading, validity = held.reading, held.reading.meaning.validity
            held.metres += (metres or 0.0) if held.is_passed else 0.0
            held.total += metres or 0.0
            held.is_passed |= reading.track_id not in tracks and now >= reading.passed_at
            if _has_begun(held):
                self._held.remove(held)
                rest = tuple(one for one in reading.conditions if one.kind is not ConditionKind.AHEAD)
                reached.append(replace(reading, conditions=rest, seen=now))
            elif _is_over(now - reading.seen, validity.seconds) or _is_over(held.total, validity.metres):
                self._held.remove(held)
        return reached

    def offers(self, around: Surroundings, since: float) -> list[Offer]:
        """Return what may hold in place of the limit without conditions.

        Args:
            around: What is known of the conditions.
            since: Media time at which the sign of that limit was seen last; what was passed later may lift it.
        """
        found = []
        for held in self._held:
            reading = held.reading
            value = reading.meaning.value
            found.append(
                Offer(
                    float(value) if isinstance(value, int | float) else math.inf,
                    tuple(map(str, reading.conditions)),
                    all_hold(reading.conditions, self._vehicle, around),
                    _is_broad(reading.conditions),
                    held.is_passed and reading.seen > since - ONE_POLE,
                    reading,
                )
            )
        return found

    def exempted(self, exemptions: Iterable[Exemption], around: Surroundings) -> list[Offer]:
        """Return what the country's rules let hold in place of a general limit."""
        return [
            Offer(
                math.inf if one.limit is None else one.limit,
                tuple(map(str, one.conditions)),
                all_hold(one.conditions, self._vehicle, around),
                lifts=True,
            )
            for one in exemptions
        ]


def amended(advisory: Advisory, offers: Sequence[Offer]) -> Advisory:
    """Return the advisory on the speed limit with the limits that hold, or may hold, under conditions.

    A limit whose conditions are met takes effect; so does one that has a condition that could not be read, if it is
    lower. A limit never rises because of a condition that isn't known to be met.
    """
    unit = advisory.unit or next((one.reading.meaning.unit for one in offers if one.reading), None) or "km/h"
    base = float(advisory.value) if isinstance(advisory.value, int | float) else math.inf
    is_known = base < math.inf or advisory.origin is not None
    chosen = _chosen(offers, base, is_known)
    value = chosen.value if chosen else base
    open_ = [one for one in offers if one.applies is None and one is not chosen]
    cautious = min([value, *(one.value for one in open_)])
    message = advisory.message if chosen is None else _told_instead(chosen, base, is_known, unit)
    said = [one for one in open_ if one.value < value or one.reading is not None]
    for one in sorted(said, key=lambda one: one.value)[:MOST_TOLD]:
        message += f", {_number(one.value, unit)} {' '.join(one.words)}"
    alternatives = tuple(
        Alternative(_finite(one.value), one.words, one.applies, one.reading.track_id if one.reading else None)
        for one in sorted(offers, key=lambda one: one.value)
        if one is not chosen
    )
    changed = replace(advisory, message=message, cautious=_finite(cautious), alternatives=alternatives, unit=unit)
    if chosen is None:
        return changed if offers or is_known else replace(changed, unit=None)
    changed = replace(changed, value=_finite(chosen.value), conditions=chosen.words, origin=IMPLICIT)
    if chosen.reading is None:
        return changed
    return replace(
        changed,
        origin=POSTED,
        confidence=chosen.reading.confidence,
        witnesses=chosen.reading.witnesses,
        track_id=chosen.reading.track_id,
        class_id=chosen.reading.class_id,
    )


def _chosen(offers: Sequence[Offer], base: float, is_known: bool) -> Offer | None:
    """Return the limit that takes effect under its conditions, or None if the one without conditions does."""
    met = [one for one in offers if one.applies is True]
    cautious = [one for one in offers if one.applies is None and one.is_broad]
    lower = [one for one in met + cautious if one.value < base or not is_known]
    if lower:
        return min(lower, key=lambda one: one.value)
    higher = [one for one in met if one.lifts and one.value > base]
    return max(higher, key=lambda one: (one.reading.seen if one.reading else 0.0, -one.value), default=None)


def _told_instead(chosen: Offer, base: float, is_known: bool, unit: str) -> str:
    words = " ".join(chosen.words)
    number = _number(chosen.value, unit)
    said = f"{words}: {number}" if chosen.value == math.inf else f"limit {number} {words}"
    return f"{said} (else {_number(base, unit)})" if is_known else said


def _number(value: float, unit: str) -> str:
    return "no general limit" if value == math.inf else told(value, unit)


def _finite(value: float) -> float | None:
    return value if value < math.inf else None


def _has_begun(held: ConditionalLimit) -> bool:
    """Return True if a limit was announced, and as far has been driven since its sign as that said."""
    ahead = [one.value or 0.0 for one in held.reading.conditions if one.kind is ConditionKind.AHEAD]
    return bool(ahead) and held.is_passed and held.metres >= max(ahead)


def _is_over(amount: float, most: float | None) -> bool:
    return most is not None and amount > most


def _is_broad(conditions: Iterable[Condition]) -> bool:
    kinds = {one.kind for one in conditions}
    return bool(kinds) and all(kind in BROAD for kind in kinds)
