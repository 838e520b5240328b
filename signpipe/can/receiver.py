"""The reference receiver: what a car may believe of the frames that it gets.

It knows no bus and no clock of its own, so that it can be tested, and translated, line by line.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

from signpipe.can.bulletin import Limit, NextLimit, Signs, Status
from signpipe.can.codec import AHEAD, LIMIT, SIGNS, STATUS, Codec, DamagedFrameError, Decoded
from signpipe.can.sequence import Sequence, Verdict
from signpipe.can.words import LimitKind, Sight, State, Unit, Validity

OLDEST = 600.0  # seconds since its sign was seen, from which a limit is stale whatever the sender says
HIGHEST = 300  # of a limit, in its unit
SEEING = (State.OK, State.DEGRADED)
SPEAKING = (*SEEING, State.BLIND)


@dataclass(frozen=True, slots=True)
class _Held:
    """The newest good frame of a message."""

    decoded: Decoded
    at: float


class Receiver:
    """Takes frames, and says what may be believed now.

    Everything is "not available" until a message has qualified, and again once it is `sequence.TIMEOUT` seconds old,
    its sender's state isn't available, off or a fault, or its values contradict one another. "No limit" is said only
    for as long as good frames say so.

        receiver = Receiver()
        for frame in bus:
            receiver.receive(frame.arbitration_id, bytes(frame.data), time.monotonic())
            print(receiver.limit(time.monotonic()))

    Attributes:
        counts: How many frames were judged how.

    Raises:
        ExtraMissingError: The extra "can" isn't installed.
    """

    def __init__(self) -> None:
        self._codec = Codec()
        self.counts: Counter[Verdict] = Counter()
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at the start."""
        self._sequences = {name: Sequence() for name in (STATUS, LIMIT, AHEAD, SIGNS)}
        self._held: dict[str, _Held] = {}

    def receive(self, identifier: int, data: bytes, now: float) -> Verdict:
        """Take a frame.

        Args:
            identifier: Of the frame.
            data: Its bytes.
            now: Time of its arrival in seconds, on a clock that never goes back.
        """
        verdict = self._judge(identifier, data, now)
        self.counts[verdict] += 1
        return verdict

    def _judge(self, identifier: int, data: bytes, now: float) -> Verdict:
        try:
            decoded = self._codec.decode(identifier, data)
        except DamagedFrameError:
            return Verdict.DAMAGED
        if decoded is None:
            return Verdict.FOREIGN
        verdict = self._sequences[decoded.message].judge(decoded.counter, decoded.session, now)
        if verdict is Verdict.GOOD:
            self._held[decoded.message] = _Held(decoded, now)
        return verdict

    def _newest(self, message: str, now: float) -> _Held | None:
        """Return the newest good frame of a message while it may be believed."""
        return self._held.get(message) if self._sequences[message].is_alive(now) else None

    def status(self, now: float) -> Status:
        """Return how the sender is."""
        held = self._newest(STATUS, now)
        if held is None or not isinstance(held.decoded.content, Status):
            return Status()
        return held.decoded.content

    def limit(self, now: float) -> Limit:
        """Return the limit in force; stale while the sender is blind."""
        held, state = self._newest(LIMIT, now), self.status(now).state
        if held is None or state not in SPEAKING or not isinstance(held.decoded.content, Limit):
            return Limit()
        limit = held.decoded.content
        if limit.age is None or limit.validity is Validity.NOT_AVAILABLE or not _is_whole(limit):
            return Limit()
        ahead, signs = self._newest(AHEAD, now), self._newest(SIGNS, now)
        age = limit.age + now - held.at
        if state is State.BLIND or age > OLDEST:
            limit = replace(limit, validity=Validity.STALE)
        if limit.kind is LimitKind.NO_LIMIT and limit.validity is not Validity.ACTIVE:
            return Limit(LimitKind.UNKNOWN, age=age, validity=Validity.ACTIVE)
        remaining = ahead.decoded.remaining if ahead else None
        return replace(limit, age=age, remaining=remaining, cautious=signs.decoded.cautious if signs else None)

    def ahead(self, now: float) -> NextLimit:
        """Return the next limit, while the sender sees."""
        held = self._newest(AHEAD, now)
        if held is None or self.status(now).state not in SEEING or not isinstance(held.decoded.content, NextLimit):
            return NextLimit()
        return held.decoded.content if _is_whole(held.decoded.content) else NextLimit()

    def signs(self, now: float) -> Signs:
        """Return what else the signs say; while the sender is blind, that none is seen isn't available."""
        held, state = self._newest(SIGNS, now), self.status(now).state
        if held is None or state not in SPEAKING or not isinstance(held.decoded.content, Signs):
            return Signs()
        signs = held.decoded.content
        if state in SEEING:
            return signs
        return Signs(
            overtaking=signs.overtaking,
            stop=_unless_none(signs.stop),
            give_way=_unless_none(signs.give_way),
            danger_state=_unless_none(signs.danger_state),
            danger=signs.danger if _unless_none(signs.danger_state) else type(signs.danger)(0),
        )


def _is_whole(limit: Limit | NextLimit) -> bool:
    """Return True if a limit's values go together."""
    if limit.kind is LimitKind.NOT_AVAILABLE:
        return False
    if limit.kind is not LimitKind.LIMIT:
        return limit.value is None
    value = limit.value
    return value is not None and 0 < value <= HIGHEST and not math.isinf(value) and limit.unit is not Unit.NOT_AVAILABLE


def _unless_none(sight: Sight) -> Sight:
    return Sight.NOT_AVAILABLE if sight is Sight.NONE_SEEN else sight
