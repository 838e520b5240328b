"""The messages, read by cantools as a car's tools would read them."""

from __future__ import annotations

import math
import re
from typing import Any

import cantools
import pytest
from crccheck.crc import Crc8SaeJ1850

from signpipe.can import DBC, words
from signpipe.can.bulletin import Bulletin, Limit, NextLimit, Signs, Status
from signpipe.can.codec import CYCLE, Codec

DATABASE = cantools.database.load_file(DBC, strict=True)
CODEC = Codec()
FULL = Bulletin(
    Status(words.State.DEGRADED, words.Reason.FEW_PICTURES, 0.2, 4, 120),
    Limit(
        words.LimitKind.LIMIT, 30, words.Unit.MILES, words.LimitSource.VISION_AND_MAP, 0.93, 12, words.Validity.STALE,
        words.Condition.WET, 77, 20,
    ),
    NextLimit(words.LimitKind.LIMIT, 60, words.Unit.MILES, 85, 0.8),
    Signs(
        words.Overtaking.BANNED_FOR_GOODS, words.Sight.AHEAD, words.Sight.STALE, words.Sight.NONE_SEEN,
        words.Entry.NO_ENTRY, words.Sight.AHEAD, words.Danger.CHILDREN, words.Unread.PROHIBITORY,
    ),
)  # fmt: skip


def test_cantools_reads_what_was_said() -> None:
    read: dict[str, Any] = {}
    for number, data in CODEC.encode(FULL, 300, 65):
        read |= DATABASE.decode_message(number, data)
    assert {name: str(value) for name, value in read.items() if not re.search("Crc|Counter|Session", name)} == {
        "State": "Degraded", "Reason": "FewPictures", "PictureAge": "0.2", "PictureRate": "4", "Latency": "120",
        "Protocol": "1", "LimitKind": "Limit", "LimitUnit": "mph", "LimitValue": "30", "LimitSource": "VisionAndMap",
        "LimitConfidence": "93", "LimitAge": "12", "LimitValidity": "Stale", "LimitCondition": "Wet",
        "NextKind": "Limit", "NextUnit": "mph", "NextValue": "60", "NextDistance": "85", "NextConfidence": "80",
        "LimitRemaining": "77", "Overtaking": "BannedForGoods", "Stop": "Ahead", "GiveWay": "Stale",
        "PriorityRoad": "NoneSeen", "Entry": "NoEntry", "DangerState": "Ahead", "Danger": "Children",
        "Unread": "Prohibitory", "LimitCautious": "20",
    }  # fmt: skip
    assert {value for name, value in read.items() if name.endswith("Counter")} == {300 % 256}
    assert {value for name, value in read.items() if name.endswith("Session")} == {65 % 64}


def test_what_is_not_known_reads_as_not_available() -> None:
    for number, data in CODEC.encode(Bulletin(), 0, 0):
        message = DATABASE.get_message_by_frame_id(number)
        for name, value in message.decode(data).items():
            if not re.search("Crc|Counter|Session|Protocol", name):
                assert str(value) == "NotAvailable", name


def test_the_checksum_is_that_of_sae_j1850_over_identifier_and_content() -> None:
    assert Crc8SaeJ1850.calc(b"123456789") == 0x4B  # the check value of CRC catalogues
    for number, data in CODEC.encode(FULL, 5, 6):
        assert data[0] == Crc8SaeJ1850.calc(bytes([number & 0xFF, number >> 8]) + data[1:])


def test_it_is_read_back_as_it_was_said() -> None:
    contents = [CODEC.decode(number, data) for number, data in CODEC.encode(FULL, 5, 6)]
    assert [decoded.content for decoded in contents if decoded] == [
        FULL.status,
        Limit(*(getattr(FULL.limit, name) for name in Limit.__slots__[:-2])),
        FULL.ahead,
        FULL.signs,
    ]
    assert [decoded.remaining for decoded in contents if decoded] == [None, None, 77, None]
    assert [decoded.cautious for decoded in contents if decoded] == [None, None, None, 20]


@pytest.mark.parametrize(
    ("value", "read"), [(math.inf, None), (math.nan, None), (-1.0, None), (600.0, math.inf), (None, None), (0.2, 0.0)]
)
def test_numbers_that_do_not_fit_are_not_available_or_longer(value: float | None, read: float | None) -> None:
    frames = dict(CODEC.encode(Bulletin(limit=Limit(age=value)), 0, 0))
    decoded = CODEC.decode(1441, frames[1441])
    assert decoded is not None
    assert isinstance(decoded.content, Limit)
    assert decoded.content.age == read


def test_words_and_file_agree() -> None:
    def plain(word: str) -> str:
        return re.sub("[^a-z]", "", word.lower())

    signals = {
        "State": words.State, "Reason": words.Reason, "LimitKind": words.LimitKind, "LimitSource": words.LimitSource,
        "LimitValidity": words.Validity, "LimitCondition": words.Condition, "Overtaking": words.Overtaking,
        "Entry": words.Entry, "Danger": words.Danger, "Unread": words.Unread, "Stop": words.Sight,
        "GiveWay": words.Sight, "DangerState": words.Sight,
    }  # fmt: skip
    there = {signal.name: signal for message in DATABASE.messages for signal in message.signals}
    for name, kind in signals.items():
        choices = there[name].choices
        assert choices is not None
        assert {number: plain(str(word)) for number, word in choices.items()} == {
            int(word): plain(word.name) for word in kind
        }, name


def test_the_bus_load_is_what_the_documents_say() -> None:
    worst = 8 * 8 + 47 + (8 * 8 + 34 - 1) // 4  # bits of a frame of 8 bytes with 11-bit identifier, all stuff bits
    assert [message.length for message in DATABASE.messages] == [8] * 4
    assert {message.cycle_time for message in DATABASE.messages} == {CYCLE * 1000}
    assert round(len(DATABASE.messages) / CYCLE * worst / 500_000 * 100, 2) == 1.08  # % of 500 kbit/s
