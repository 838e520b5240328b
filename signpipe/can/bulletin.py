"""What one cycle of messages says, as plain values; None is "not available"."""

from __future__ import annotations

from dataclasses import dataclass

from signpipe.can.words import (
    Condition,
    Danger,
    Entry,
    LimitKind,
    LimitSource,
    Overtaking,
    Reason,
    Sight,
    State,
    Unit,
    Unread,
    Validity,
)


@dataclass(frozen=True, slots=True)
class Status:
    """How signpipe itself is.

    Attributes:
        state: How it is.
        reason: Why.
        picture_age: Seconds since the latest picture was taken.
        picture_rate: Results per second.
        latency: Milliseconds from taking the latest picture to its result.
    """

    state: State = State.NOT_AVAILABLE
    reason: Reason = Reason.NOT_AVAILABLE
    picture_age: float | None = None
    picture_rate: float | None = None
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """The speed limit in force.

    Attributes:
        kind: What is known of it.
        value: The limit in `unit`, where there is one.
        unit: Its unit.
        source: What it rests on.
        confidence: 0..1.
        age: Seconds since its sign was last seen.
        validity: Whether it may be relied on.
        condition: What a plate restricts it to.
        remaining: Seconds for which it is still good.
        cautious: The lowest limit that may hold, in `unit` (km/h without one), if conditions that aren't known are met.
    """

    kind: LimitKind = LimitKind.NOT_AVAILABLE
    value: float | None = None
    unit: Unit = Unit.NOT_AVAILABLE
    source: LimitSource = LimitSource.NOT_AVAILABLE
    confidence: float | None = None
    age: float | None = None
    validity: Validity = Validity.NOT_AVAILABLE
    condition: Condition = Condition.NOT_AVAILABLE
    remaining: float | None = None
    cautious: float | None = None


@dataclass(frozen=True, slots=True)
class NextLimit:
    """The next limit, which is seen ahead and doesn't hold yet.

    Attributes:
        kind: What is known of it.
        value: The limit in `unit`, where there is one.
        unit: Its unit.
        distance: Metres to its sign.
        confidence: 0..1.
    """

    kind: LimitKind = LimitKind.NOT_AVAILABLE
    value: float | None = None
    unit: Unit = Unit.NOT_AVAILABLE
    distance: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """What else the signs say.

    Attributes:
        overtaking: Whether overtaking is banned.
        stop: A stop sign.
        give_way: A give way sign.
        priority_road: The road has priority.
        entry: Whether the road ahead may be entered.
        danger_state: Whether a danger lies ahead.
        danger: What is warned of.
        unread: A sign that could not be read.
    """

    overtaking: Overtaking = Overtaking.NOT_AVAILABLE
    stop: Sight = Sight.NOT_AVAILABLE
    give_way: Sight = Sight.NOT_AVAILABLE
    priority_road: Sight = Sight.NOT_AVAILABLE
    entry: Entry = Entry.NOT_AVAILABLE
    danger_state: Sight = Sight.NOT_AVAILABLE
    danger: Danger = Danger.NOT_AVAILABLE
    unread: Unread = Unread.NOT_AVAILABLE


@dataclass(frozen=True, slots=True)
class Bulletin:
    """All that one cycle says."""

    status: Status = Status()
    limit: Limit = Limit()
    ahead: NextLimit = NextLimit()
    signs: Signs = Signs()
