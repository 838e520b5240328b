"""What is written on plates, in the languages of the countries; what isn't understood stays unread."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.catalogue.plates import parse_plate, plate_conditions
from signpipe.types import ConditionKind, TimeSpan

READ = [
    ("bei Nässe", "de", ["when wet"]),
    ("22-6 h", "de", ["from 22:00 to 6:00"]),
    ("Mo - Fr 6-18 h", "de", ["Mo-Fr from 6:00 to 18:00"]),
    ("werktags 7-19 h", "de", ["Mo-Sa from 7:00 to 19:00"]),
    ("7-9 h, 16-18 h", "de", ["from 7:00 to 9:00 and from 16:00 to 18:00"]),
    ("Lkw über 3,5 t", "de", ["for goods vehicles", "over 3.5 t"]),
    ("Radverkehr frei", "de", ["except for bicycles"]),
    ("auf 800 m", "de", ["for 800 m"]),
    ("Ausfahrt", "de", ["on the exit"]),
    ("↑ 2 km ↑", "de", ["for 2 km"]),
    ("↗", "de", ["on the exit"]),
    ("3,5 t", "de", ["over 3.5 t"]),
    ("sauf cyclistes", "fr", ["except for bicycles"]),
    ("en cas de pluie", "fr", ["when wet"]),
    ("Rappel", "fr", ["(Rappel)"]),
    ("uitgezonderd fietsers", "nl", ["except for bicycles"]),
    ("razen za kolesarje", "sl", ["except for bicycles"]),
    ("ob dežju", "sl", ["when wet"]),
    ("eccetto autobus", "it", ["except for buses"]),
    ("dalle 8 alle 20", "it", ["from 8:00 to 20:00"]),
    ("con lluvia", "es", ["when wet"]),
    ("nie dotyczy rowerów", "pl", ["except for bicycles"]),
    ("Mon - Sat 8 am - 6.30 pm", "en", ["Mo-Sa from 8:00 to 18:30"]),
    ("for 2 miles", "en", ["for 3.22 km"]),
    ("END", "en", ["ending here"]),
]


@pytest.mark.parametrize(("text", "language", "said"), READ)
def test_what_a_plate_says(text: str, language: str, said: list[str]) -> None:
    assert list(map(str, parse_plate(text, [language]))) == said
    assert not any(one.kind is ConditionKind.UNREAD for one in parse_plate(text))


@pytest.mark.parametrize(
    "text", ["", "?", "Geänderte Vorfahrt", "bei Nässe Xyz", "50", "Lkw über 3,5 t frei", "25-30 h", "frei"]
)
def test_what_isnt_understood_stays_unread(text: str) -> None:
    assert ConditionKind.UNREAD in {one.kind for one in parse_plate(text, ["de"])}


@given(st.text(alphabet=st.sampled_from("0123456789-.,: abehilmnrstuwzä↑→t?"), max_size=20))
def test_a_plate_always_says_something(text: str) -> None:
    assert parse_plate(text)
    assert all(map(str, parse_plate(text)))


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("plate_when_wet", None, "when wet"),
        ("plate_distance", "200m", "in 200 m"),
        ("plate_length", "2km", "for 2 km"),
        ("plate_except_bicycles", None, "except for bicycles"),
        ("plate_time", "22-6h", "from 22:00 to 6:00"),
        ("plate_weekends", None, "on Sa, Su"),
        ("plate_arrow_right", None, "to the right"),
        ("plate_time", None, "with a condition that could not be read"),
        ("plate_that_nobody_knows", "200m", "with a condition that could not be read"),
        (None, "200m", "with a condition that could not be read"),  # ahead or for a length: the arrows tell
        (None, "22-6h", "from 22:00 to 6:00"),
    ],
)
def test_what_a_class_of_plates_says(kind: str | None, text: str | None, said: str) -> None:
    assert " ".join(map(str, plate_conditions(kind, text))) == said


def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    span = TimeSpan(22 * 60, 6 * 60, frozenset({4}))  # Friday
    friday = datetime(2026, 11, 27)
    assert span.includes(friday.replace(hour=23))
    assert span.includes(friday.replace(day=28, hour=5))
    assert not span.includes(friday.replace(hour=5))
    assert not span.includes(friday.replace(day=28, hour=6))
