"""What counts as a disagreement, moment by moment."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.can.bulletin import Limit
from signpipe.can.words import LimitKind, Unit, Validity
from signpipe.catalogue import load_catalogue
from signpipe.maps import MapSign
from signpipe.settings import ShadowSettings
from signpipe.shadow.judge import Disagreement, Judge, Kind
from signpipe.shadow.moment import Driver, Moment, Passed, told_limit
from signpipe.types import SignTrack
from tests.sinks.results import track

CATALOGUE = load_catalogue()


def drive(
    seconds: float,
    judge: Judge | None = None,
    start: float = 0.0,
    *,
    speed: float,
    told: float | None = None,
    mapped: float | None = None,
    stop: float | None = None,
    braking: float = 0.0,
    tracks: list[SignTrack] | None = None,
) -> list[Disagreement]:
    """Drive on with what is known; speed and limits are in km/h."""
    judge = judge or Judge(ShadowSettings(), CATALOGUE)
    found = []
    for step in range(int(seconds * 10)):
        time = start + step / 10
        moment = Moment(time, time * speed / 3.6, speed / 3.6, braking, told, stop, mapped)
        found += judge.update(moment, tracks or [])
    return found


def test_who_keeps_the_limit_or_is_a_little_over_it_agrees() -> None:
    assert drive(60, speed=80, told=80.0, mapped=80.0) == []
    assert drive(60, speed=84, told=80.0) == []
    assert drive(60, speed=140, told=math.inf) == []
    assert drive(60, speed=140) == []  # nothing is told


def test_who_is_faster_than_a_car_would_be_is_reported_once() -> None:
    found = drive(60, speed=100, told=70.0, mapped=100.0)
    assert [one.kind for one in found] == [Kind.BRAKED]
    assert found[0].reason == "limit 70 would have been told, the driver kept 100 km/h, the map says 100"
    assert 3 < found[0].at < 9  # a comfortable car would be at 95 by then


def test_a_driver_who_is_braking_is_let_be() -> None:
    assert drive(60, speed=100, told=70.0, braking=1.0) == []


def test_more_than_the_map_allows_is_reported_once_it_has_lasted() -> None:
    found = drive(60, speed=50, told=80.0, mapped=50.0)
    assert [one.kind for one in found] == [Kind.ALLOWED]
    assert "limit 80 would have been told, the map says 50, the driver drove 50 km/h" in found[0].reason
    assert drive(5, speed=50, told=80.0, mapped=50.0) == []  # 70 m: it may still be that of the next sign
    assert [one.kind for one in drive(60, speed=50, told=math.inf, mapped=50.0)] == [Kind.ALLOWED]


def test_a_driver_who_comes_down_where_no_map_knows_why_is_reported() -> None:
    for mapped, expected in ((None, [Kind.ALLOWED]), (100.0, [])):
        judge = Judge(ShadowSettings(), CATALOGUE)
        assert drive(20, judge, speed=98, told=100.0, mapped=mapped) == []
        assert drive(1, judge, 20.0, speed=80, told=100.0, mapped=mapped, braking=2.0) == []
        found = drive(30, judge, 21.0, speed=52, told=100.0, mapped=mapped)
        assert [one.kind for one in found] == expected


def test_a_stop_sign_that_is_driven_past_is_reported() -> None:
    judge = Judge(ShadowSettings(), CATALOGUE)
    assert drive(3, judge, speed=40, stop=0.0) == []
    found = drive(5, judge, 3.0, speed=40, stop=3.1)
    assert [one.kind for one in found] == [Kind.BRAKED]
    assert "stop sign" in found[0].reason
    judge = Judge(ShadowSettings(), CATALOGUE)
    drive(2, judge, speed=5, stop=0.0)
    assert drive(5, judge, 2.0, speed=40, stop=3.1) == []


def passing(name: str, tracks: list[SignTrack]) -> list[Disagreement]:
    judge = Judge(ShadowSettings(), CATALOGUE)
    drive(3, judge, speed=50, tracks=tracks)
    entry = MapSign(50.0, 9.0, CATALOGUE.by_name(name).id, 0.0, "node 7")
    return judge.update(Moment(3.0, 40.0, 14.0, 0.0, passed=(Passed(entry, 0.0),)), [])


@pytest.mark.parametrize(
    ("tracks", "why"),
    [
        ([], "vision saw nothing there"),
        ([track(name="speed_limit_50")], "vision was sure of Speed limit 50 km/h instead"),
    ],
)
def test_a_mapped_sign_that_vision_was_not_sure_of_is_missed(tracks: list[SignTrack], why: str) -> None:
    (found,) = passing("speed_limit_80", tracks)
    assert found.kind is Kind.MISSED
    assert found.reason == f"the map has 'Speed limit 80 km/h' (node 7), {why}"


def test_a_mapped_sign_that_was_seen_is_not_missed() -> None:
    assert passing("speed_limit_80", [track(name="speed_limit_80")]) == []


def test_only_what_may_be_relied_on_counts_as_told() -> None:
    limit = Limit(LimitKind.LIMIT, 50.0, Unit.MILES, validity=Validity.ACTIVE)
    assert told_limit(limit) == pytest.approx(80.47, abs=0.01)
    assert told_limit(replace(limit, validity=Validity.STALE)) is None
    assert told_limit(replace(limit, kind=LimitKind.NO_LIMIT, value=None)) == math.inf
    for kind in (LimitKind.GENERAL, LimitKind.UNKNOWN, LimitKind.NOT_AVAILABLE):
        assert told_limit(replace(limit, kind=kind)) is None


@given(st.floats(0.5, 4.0), st.floats(0.05, 0.5))
def test_braking_is_measured_at_any_rate(deceleration: float, interval: float) -> None:
    driver, told = Driver(), None
    for step in range(int(3 / interval)):
        told = driver.update(step * interval, 30 - deceleration * step * interval)
    assert told == pytest.approx(deceleration, rel=1e-3)
    assert driver.update(100.0, None) is None
