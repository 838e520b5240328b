"""The reference receiver on a bus that loses, doubles, reorders, damages and delays frames: it says only what is so."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signpipe.can.bulletin import Bulletin, Limit, NextLimit, Signs, Status
from signpipe.can.codec import CYCLE, Codec
from signpipe.can.receiver import Receiver
from signpipe.can.sequence import LATEST, QUALIFIED, TIMEOUT, Verdict
from signpipe.can.words import LimitKind, LimitSource, Overtaking, Reason, Sight, State, Unit, Validity

CODEC = Codec()
OK = Status(State.OK, Reason.NONE, 0.1, 10, 40)


def limit(value: float | None, kind: LimitKind = LimitKind.LIMIT, age: float = 3.0) -> Limit:
    unit = Unit.KILOMETRES if kind is LimitKind.LIMIT else Unit.NOT_AVAILABLE
    return Limit(kind, value, unit, LimitSource.VISION, 0.97, age, Validity.ACTIVE, remaining=200.0)


NO_LIMIT = Bulletin(OK, limit(None, LimitKind.NO_LIMIT))
EIGHTY = Bulletin(OK, limit(80), NextLimit(LimitKind.LIMIT, 50, Unit.KILOMETRES, 120, 0.9))


def give(receiver: Receiver, bulletin: Bulletin, cycle: int, now: float, session: int = 7) -> list[Verdict]:
    return [receiver.receive(number, data, now) for number, data in CODEC.encode(bulletin, cycle, session)]


def speaking(bulletin: Bulletin = EIGHTY, cycles: int = 5) -> Receiver:
    """Return a receiver that has had some cycles in order, the last of them at (cycles - 1) / 10 s."""
    receiver = Receiver()
    for cycle in range(cycles):
        give(receiver, bulletin, cycle, cycle * CYCLE)
    return receiver


def test_what_was_sent_is_read_once_it_has_qualified() -> None:
    receiver = Receiver()
    for cycle in range(QUALIFIED):
        assert receiver.limit(cycle * CYCLE) == Limit()
        give(receiver, EIGHTY, cycle, cycle * CYCLE)
    now = (QUALIFIED - 1) * CYCLE
    read = receiver.limit(now)
    assert (read.kind, read.value, read.unit, read.validity) == (LimitKind.LIMIT, 80, Unit.KILOMETRES, Validity.ACTIVE)
    assert (read.source, read.age, read.remaining) == (LimitSource.VISION, 3.0, 200.0)
    assert receiver.ahead(now) == EIGHTY.ahead
    assert receiver.status(now).state is State.OK


def test_silence_is_not_available_and_takes_a_few_frames_to_mend() -> None:
    receiver = speaking(NO_LIMIT)
    assert receiver.limit(0.4 + TIMEOUT).kind is LimitKind.NO_LIMIT
    assert receiver.limit(0.41 + TIMEOUT) == Limit()
    assert receiver.status(0.41 + TIMEOUT).state is State.NOT_AVAILABLE
    for cycle in (20, 21):
        give(receiver, NO_LIMIT, cycle, cycle * CYCLE)
        assert receiver.limit(cycle * CYCLE) == Limit()
    give(receiver, NO_LIMIT, 22, 2.2)
    assert receiver.limit(2.2).kind is LimitKind.NO_LIMIT


def test_a_sender_that_is_stuck_is_as_good_as_none() -> None:
    receiver = speaking()
    for late in range(1, 20):
        assert set(give(receiver, EIGHTY, 4, 0.4 + late * CYCLE)) == {Verdict.REPEATED}
    assert receiver.limit(0.9) == Limit()


@pytest.mark.parametrize("state", [State.NOT_AVAILABLE, State.OFF, State.FAULT])
def test_a_sender_that_is_off_or_at_fault_says_nothing(state: State) -> None:
    receiver = speaking(Bulletin(Status(state), limit(80), EIGHTY.ahead, Signs(stop=Sight.AHEAD)))
    assert (receiver.limit(0.4), receiver.ahead(0.4), receiver.signs(0.4)) == (Limit(), NextLimit(), Signs())


def test_a_blind_sender_has_a_last_known_limit_and_sees_nothing_ahead() -> None:
    blind = Bulletin(Status(State.BLIND), limit(80), EIGHTY.ahead, Signs(Overtaking.BANNED, stop=Sight.NONE_SEEN))
    receiver = speaking(blind)
    assert receiver.limit(0.4).validity is Validity.STALE
    assert receiver.ahead(0.4) == NextLimit()
    assert (receiver.signs(0.4).stop, receiver.signs(0.4).overtaking) == (Sight.NOT_AVAILABLE, Overtaking.BANNED)


def test_no_limit_that_is_stale_or_old_is_unknown() -> None:
    for content in (limit(None, LimitKind.NO_LIMIT, 1e6), limit(None, LimitKind.NO_LIMIT)):
        state = State.BLIND if content.age == 3 else State.OK
        assert speaking(Bulletin(Status(state), content)).limit(0.4).kind is LimitKind.UNKNOWN


@pytest.mark.parametrize(
    "wrong",
    [
        Limit(),
        limit(None),
        limit(0),
        limit(450),
        Limit(LimitKind.LIMIT, 80, age=1, validity=Validity.ACTIVE),
        Limit(LimitKind.NO_LIMIT, 80, Unit.KILOMETRES, age=1, validity=Validity.ACTIVE),
        Limit(LimitKind.NO_LIMIT, age=None, validity=Validity.ACTIVE),
        Limit(LimitKind.NO_LIMIT, age=1, validity=Validity.NOT_AVAILABLE),
    ],
)
def test_values_that_contradict_one_another_are_not_available(wrong: Limit) -> None:
    assert speaking(Bulletin(OK, wrong)).limit(0.4) == Limit()


def test_frames_of_before_a_restart_do_not_count_after_it() -> None:
    receiver = speaking(NO_LIMIT)
    for cycle in range(QUALIFIED):
        assert receiver.limit(0.5 + cycle * CYCLE).kind in (LimitKind.NO_LIMIT, LimitKind.NOT_AVAILABLE)
        give(receiver, EIGHTY, cycle, 0.5 + cycle * CYCLE, session=8)
    assert set(give(receiver, NO_LIMIT, 5, 0.71)) == {Verdict.RETIRED}
    assert receiver.limit(0.71).value == 80


def test_a_burst_that_was_held_up_is_not_believed() -> None:
    receiver = Receiver()
    for cycle in range(30):
        give(receiver, NO_LIMIT, cycle, 3.0)  # all that was sent in three seconds, at once
    assert receiver.limit(3.0) == Limit()
    for cycle in range(30, 33):
        give(receiver, EIGHTY, cycle, cycle * CYCLE)
    assert receiver.limit(3.2).value == 80


def test_frames_of_others_are_passed_over() -> None:
    receiver = Receiver()
    assert receiver.receive(0x123, b"12345678", 0.0) is Verdict.FOREIGN
    assert receiver.receive(0x5A1, b"", 0.0) is Verdict.DAMAGED
    assert receiver.receive(0x5A1, bytes(8), 0.0) is Verdict.DAMAGED
    assert receiver.receive(0x5A1, b"\xff" * 8, 0.0) is Verdict.DAMAGED
    assert receiver.counts == {Verdict.FOREIGN: 1, Verdict.DAMAGED: 3}


@dataclass(frozen=True)
class Fate:
    """What becomes of one frame on its way."""

    lost: bool = False
    copies: int = 1
    delay: float = 0.0  # seconds
    flipped: tuple[int, ...] = ()  # bits


TRUTHS = (
    limit(80),
    limit(None, LimitKind.NO_LIMIT),
    limit(30),
    limit(None, LimitKind.UNKNOWN),
    limit(None, LimitKind.GENERAL),
)
DELAYS = st.sampled_from([0.0, 0.0, 0.01, 0.08, 0.25, 0.5, 1.0, 3.0, 11.0, 20.0]) | st.floats(0, 22)
FATES = st.builds(
    Fate,
    st.booleans(),
    st.integers(1, 3),
    DELAYS,
    st.just(()) | st.lists(st.integers(0, 63), min_size=1, max_size=3, unique=True).map(tuple),
)
PERFECT = Fate()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, len(TRUTHS) - 1)), min_size=1, max_size=6),
    st.lists(st.just(PERFECT) | FATES, max_size=40),
    st.lists(st.floats(0.0, 25.0), max_size=30),
)
@example([(10, 1), (12, 0), (12, 0)], [Fate(delay=2.0)] * 34, [0.5 + step / 5 for step in range(20)])
@example([(10, 1), (12, 0), (12, 0)], [Fate(copies=2, delay=step % 3 / 2) for step in range(34)], [])
@example([(12, 1), (12, 2), (12, 0)], [PERFECT] * 12 + [Fate(lost=True)] * 8, [])
def test_whatever_the_bus_does_what_is_said_was_so_a_moment_ago(
    plan: list[tuple[int, int]], fates: list[Fate], moments: list[float]
) -> None:
    """Once it has heard frames in time, a receiver never says of the limit what hasn't been so within a second."""
    truths = [TRUTHS[truth] for cycles, truth in [(QUALIFIED + 2, 0), *plan] for _ in range(cycles)]
    arrivals: list[tuple[float, int, bytes]] = []
    for cycle, truth in enumerate(truths):
        index = cycle - QUALIFIED - 2
        fate = fates[index] if 0 <= index < len(fates) else PERFECT
        for number, data in list(CODEC.encode(Bulletin(OK, truth), cycle, 7))[:2]:
            damaged = bytearray(data)
            for bit in fate.flipped:
                damaged[bit // 8] ^= 1 << bit % 8
            copies = range(0 if fate.lost else fate.copies)
            arrivals += [(cycle * CYCLE + fate.delay * (1 + copy / 7), number, bytes(damaged)) for copy in copies]
    receiver = Receiver()
    asked = sorted([*arrivals, *((moment, 0, b"") for moment in moments)])
    for now, number, data in asked:
        receiver.receive(number, data, now)
        said = receiver.limit(now)
        if said.kind is LimitKind.NOT_AVAILABLE:
            continue
        oldest = now - LATEST - TIMEOUT - 0.05
        recent = [truth for cycle, truth in enumerate(truths) if oldest <= cycle * CYCLE <= now]
        assert (said.kind, said.value) in [(truth.kind, truth.value) for truth in recent]


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=8, max_size=8), st.sampled_from(sorted(CODEC.identifiers.values())))
def test_any_bytes_with_a_right_checksum_are_read_without_an_error(data: bytes, identifier: int) -> None:
    whole = bytes([CODEC.checksum(identifier, data)]) + data[1:]
    receiver = Receiver()
    receiver.receive(identifier, whole, 0.0)
    decoded = CODEC.decode(identifier, whole)
    assert decoded is not None
    assert decoded.counter == data[1]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3), st.integers(1, 63).flatmap(lambda bits: st.integers(1, 2**bits)))
def test_up_to_three_wrong_bits_are_always_seen(message: int, seed: int) -> None:
    number, data = list(CODEC.encode(EIGHTY, seed, seed))[message]
    flipped = {seed % 64, seed * 7 % 64, seed * 13 % 64}
    damaged = bytearray(data)
    for bit in flipped:
        damaged[bit // 8] ^= 1 << bit % 8
    assert Receiver().receive(number, bytes(damaged), 0.0) is Verdict.DAMAGED
