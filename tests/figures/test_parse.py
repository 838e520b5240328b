"""What figures mean, and what they do not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.figures.ctc import ALPHABET
from signpipe.figures.parse import Quantity, TimeSpan, parse_figures, speed_of


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("80", Quantity(80, "")),
        ("7.5t", Quantity(7.5, "t")),
        ("3.0m", Quantity(3.0, "m")),
        ("200m", Quantity(200, "m")),
        ("1.5km", Quantity(1.5, "km")),
        ("30mph", Quantity(30, "mph")),
        ("50km/h", Quantity(50, "km/h")),
        ("10%", Quantity(10, "%")),
        ("12'6\"", Quantity(12.5, "ft")),
        ("14'", Quantity(14, "ft")),
        ("22-6h", TimeSpan(1320, 360)),
        ("7-19", TimeSpan(420, 1140)),
        ("7.30-18.00", TimeSpan(450, 1080)),
        ("22:00-6:00", TimeSpan(1320, 360)),
        ("7h30-9h", TimeSpan(450, 540)),
        ("8am-6pm", TimeSpan(480, 1080)),
        ("12am-12pm", TimeSpan(0, 720)),
        ("0-24h", TimeSpan(0, 0)),
    ],
)
def test_it_means(text: str, meant: Quantity | TimeSpan) -> None:
    assert parse_figures(text) == meant


@pytest.mark.parametrize(
    "text", ["", "?", "t", "7.5.1t", "-6h", "25-6h", "7:75-9:00", "13pm-2pm", "12'13\"", "80-", "m200", "5tt"]
)
def test_it_means_nothing(text: str) -> None:
    assert parse_figures(text) is None


@pytest.mark.parametrize("text", ["2.5t", "3.0m", "3.5", "200m", "10%", "22-6h", "?", "", "0", "05", "2", "250", "30m"])
def test_what_isnt_a_speed_is_never_taken_for_one(text: str) -> None:
    assert speed_of(text) is None


@pytest.mark.parametrize("value", [5, 15, 20, 40, 90, 110, 120, 130])
def test_speeds_are_told(value: int) -> None:
    assert speed_of(str(value)) == speed_of(f"{value}mph") == speed_of(f"{value}km/h") == value


@given(st.text(ALPHABET, max_size=8))
def test_whatever_is_read_is_parsed_without_a_fault(text: str) -> None:
    meant = parse_figures(text)
    if isinstance(meant, TimeSpan):
        assert 0 <= meant.start < 1440
        assert 0 <= meant.end < 1440
    speed = speed_of(text)
    assert speed is None or re.fullmatch(rf"{speed:g}(km/?h|mph)?", text)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_a_span_and_the_reversed_one_share_the_day(start: int, end: int, minute: int) -> None:
    if start != end:
        assert TimeSpan(start, end).includes(minute) != TimeSpan(end, start).includes(minute)


def test_units_are_converted() -> None:
    assert Quantity(2, "km").metres == 2000
    assert Quantity(100, "yd").metres == pytest.approx(91.44)
    assert Quantity(2800, "kg").tonnes == 2.8
    assert Quantity(3.5, "t").tonnes == 3.5
    assert Quantity(3.5, "t").metres is None
    assert Quantity(80, "").tonnes is None
