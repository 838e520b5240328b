"""From what is to be said to the bytes of the frames, and back; signpipe.dbc says where each bit is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from signpipe.can import DBC
from signpipe.can.bulletin import Bulletin, Limit, NextLimit, Signs, Status
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
from signpipe.errors import ExtraMissingError

PROTOCOL = 1
CYCLE = 0.1  # seconds from one frame of a message to the next
COUNTERS = 256
SESSIONS = 64
STATUS, LIMIT, AHEAD, SIGNS = "SP_Status", "SP_Limit", "SP_Ahead", "SP_Signs"
LENGTH = 8  # bytes of a frame, on CAN FD too

Values = dict[str, int]
Word = TypeVar("Word", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class Scale:
    """How a number stands in a signal.

    Attributes:
        step: What one bit is worth.
        none: Raw value for "not available".
        more: Raw value for whatever is larger than the largest number; None refuses that as not available.
    """

    step: float
    none: int
    more: int | None = None

    def raw(self, value: float | None) -> int:
        """Return the raw value; what is no number, negative or can't be said isn't available."""
        if value is None or not math.isfinite(value) or value < 0:
            return self.none
        raw = round(value / self.step)
        if raw < (self.none if self.more is None else self.more):
            return raw
        return self.none if self.more is None else self.more

    def value(self, raw: int) -> float | None:
        """Return the number, infinite for "more", or None where it isn't available."""
        if raw == self.none:
            return None
        return math.inf if raw == self.more else raw * self.step


_PICTURE_AGE = Scale(0.1, 255, 254)
_RATE = Scale(1, 127, 126)
_LATENCY = Scale(4, 255, 254)
_SPEED = Scale(1, 511)
_SHARE = Scale(0.01, 127)
_SECONDS = Scale(1, 511, 510)
_METRES = Scale(1, 1023, 1022)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame that is whole.

    Attributes:
        message: Its name in signpipe.dbc.
        counter: Cycles of 100 ms on the sender's clock, modulo 256.
        session: Tells one start of the sender from the next, 0..63.
        content: What it says; one of `Status`, `Limit`, `NextLimit` and `Signs`.
        remaining: Of the message on what lies ahead: seconds for which the limit in force is still good.
        cautious: Of the message on the other signs: the lowest limit that may hold.
    """

    message: str
    counter: int
    session: int
    content: Status | Limit | NextLimit | Signs
    remaining: float | None = None
    cautious: float | None = None


class DamagedFrameError(ValueError):
    """A frame is damaged: its length or its checksum is wrong."""


class Codec:
    """Encodes and decodes the messages of signpipe.dbc.

    Raises:
        ExtraMissingError: The extra "can" isn't installed.
    """

    def __init__(self) -> None:
        try:
            import cantools
            from crccheck.crc import Crc8SaeJ1850
        except ImportError:
            raise ExtraMissingError("CAN", "can") from None
        database: Any = cantools.database.load_file(DBC)
        self._crc = Crc8SaeJ1850.calc
        self._messages = {message.name: message for message in database.messages}
        self._names = {message.frame_id: message.name for message in database.messages}

    @property
    def identifiers(self) -> dict[str, int]:
        """Identifiers of the messages by their names."""
        return {name: identifier for identifier, name in self._names.items()}

    def checksum(self, identifier: int, data: bytes) -> int:
        """Return the CRC-8 (SAE J1850) that a frame must have in its first byte, from its identifier and the rest."""
        return int(self._crc(identifier.to_bytes(2, "little") + data[1:]))

    def encode(self, bulletin: Bulletin, counter: int, session: int) -> Iterator[tuple[int, bytes]]:
        """Yield the frames of one cycle as identifier and 8 bytes.

        Args:
            bulletin: What is to be said.
            counter: Number of the cycle.
            session: Of this start.
        """
        for name, values in _raw(bulletin).items():
            message = self._messages[name]
            prefix = name.removeprefix("SP_")
            head = {f"{prefix}Crc": 0, f"{prefix}Counter": counter % COUNTERS, f"{prefix}Session": session % SESSIONS}
            data = bytearray(message.encode(head | values, scaling=False, padding=False, strict=True))
            data[0] = self.checksum(message.frame_id, bytes(data))
            yield message.frame_id, bytes(data)

    def decode(self, identifier: int, data: bytes) -> Decoded | None:
        """Return what a frame says, or None if it isn't signpipe's.

        Raises:
            DamagedFrameError: Its length or its checksum is wrong.
        """
        name = self._names.get(identifier)
        if name is None:
            return None
        if len(data) != LENGTH or data[0] != self.checksum(identifier, bytes(data)):
            raise DamagedFrameError(f"{name} {bytes(data).hex()}")
        raw: Values = self._messages[name].decode(bytes(data), decode_choices=False, scaling=False)
        prefix = name.removeprefix("SP_")
        remaining = _SECONDS.value(raw["LimitRemaining"]) if name == AHEAD else None
        cautious = _SPEED.value(raw["LimitCautious"]) if name == SIGNS else None
        return Decoded(
            name, raw[f"{prefix}Counter"], raw[f"{prefix}Session"], _CONTENTS[name](raw), remaining, cautious
        )


def _raw(bulletin: Bulletin) -> dict[str, Values]:
    """Return the raw values of all messages."""
    status, limit, ahead, signs = bulletin.status, bulletin.limit, bulletin.ahead, bulletin.signs
    return {
        STATUS: {
            "State": status.state,
            "Reason": status.reason,
            "PictureAge": _PICTURE_AGE.raw(status.picture_age),
            "PictureRate": _RATE.raw(status.picture_rate),
            "Latency": _LATENCY.raw(status.latency),
            "Protocol": PROTOCOL,
        },
        LIMIT: {
            "LimitKind": limit.kind,
            "LimitUnit": limit.unit,
            "LimitValue": _SPEED.raw(limit.value),
            "LimitSource": limit.source,
            "LimitConfidence": _SHARE.raw(limit.confidence),
            "LimitAge": _SECONDS.raw(limit.age),
            "LimitValidity": limit.validity,
            "LimitCondition": limit.condition,
        },
        AHEAD: {
            "NextKind": ahead.kind,
            "NextUnit": ahead.unit,
            "NextValue": _SPEED.raw(ahead.value),
            "NextDistance": _METRES.raw(ahead.distance),
            "NextConfidence": _SHARE.raw(ahead.confidence),
            "LimitRemaining": _SECONDS.raw(limit.remaining),
        },
        SIGNS: {
            "Overtaking": signs.overtaking,
            "Stop": signs.stop,
            "GiveWay": signs.give_way,
            "PriorityRoad": signs.priority_road,
            "Entry": signs.entry,
            "DangerState": signs.danger_state,
            "Danger": signs.danger,
            "Unread": signs.unread,
            "LimitCautious": _SPEED.raw(limit.cautious),
        },
    }


def _word(kind: type[Word], raw: int) -> Word:
    """Return the word that a number stands for; one that is none isn't available."""
    try:
        return kind(raw)
    except ValueError:
        return kind(0)


def _status(raw: Values) -> Status:
    if raw["Protocol"] != PROTOCOL:
        return Status()
    return Status(
        _word(State, raw["State"]),
        _word(Reason, raw["Reason"]),
        _PICTURE_AGE.value(raw["PictureAge"]),
        _RATE.value(raw["PictureRate"]),
        _LATENCY.value(raw["Latency"]),
    )


def _limit(raw: Values) -> Limit:
    return Limit(
        _word(LimitKind, raw["LimitKind"]),
        _SPEED.value(raw["LimitValue"]),
        _word(Unit, raw["LimitUnit"]),
        _word(LimitSource, raw["LimitSource"]),
        _SHARE.value(raw["LimitConfidence"]),
        _SECONDS.value(raw["LimitAge"]),
        _word(Validity, raw["LimitValidity"]),
        _word(Condition, raw["LimitCondition"]),
    )


def _ahead(raw: Values) -> NextLimit:
    return NextLimit(
        _word(LimitKind, raw["NextKind"]),
        _SPEED.value(raw["NextValue"]),
        _word(Unit, raw["NextUnit"]),
        _METRES.value(raw["NextDistance"]),
        _SHARE.value(raw["NextConfidence"]),
    )


def _signs(raw: Values) -> Signs:
    return Signs(
        _word(Overtaking, raw["Overtaking"]),
        _word(Sight, raw["Stop"]),
        _word(Sight, raw["GiveWay"]),
        _word(Sight, raw["PriorityRoad"]),
        _word(Entry, raw["Entry"]),
        _word(Sight, raw["DangerState"]),
        _word(Danger, raw["Danger"]),
        _word(Unread, raw["Unread"]),
    )


_CONTENTS: dict[str, Callable[[Values], Status | Limit | NextLimit | Signs]] = {
    STATUS: _status,
    LIMIT: _limit,
    AHEAD: _ahead,
    SIGNS: _signs,
}
