"""Metres and degrees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.geodesy import bearing, earth_centred, offset, place, turn

LATITUDES = st.floats(-80, 80)
LONGITUDES = st.floats(-180, 180)
METRES = st.floats(-2000, 2000)
DEGREES = st.floats(0, 360)


@given(LATITUDES, LONGITUDES, METRES, METRES)
def test_a_place_some_metres_away_is_so_many_metres_away(
    latitude: float, longitude: float, east: float, north: float
) -> None:
    there = place(latitude, longitude, east, north)
    assert offset(latitude, longitude, *there) == pytest.approx((east, north), abs=1e-6)


@given(LATITUDES, LONGITUDES, METRES, METRES)
def test_the_globe_agrees_with_the_plane(latitude: float, longitude: float, east: float, north: float) -> None:
    there = place(latitude, longitude, east, north)
    straight = np.linalg.norm(earth_centred(*there) - earth_centred(latitude, longitude))
    assert straight == pytest.approx(np.hypot(east, north), rel=3e-3, abs=1e-6)


def test_a_minute_of_latitude_is_a_nautical_mile() -> None:
    assert offset(45.0, 9.0, 45.0 + 1 / 60, 9.0) == pytest.approx((0, 1852), abs=2)


def test_the_antimeridian_is_no_edge() -> None:
    east, north = offset(10.0, 179.9999, 10.0, -179.9999)
    assert (east, north) == pytest.approx((21.9, 0), abs=0.1)


@pytest.mark.parametrize(("east", "north", "degrees"), [(0, 1, 0), (1, 0, 90), (0, -1, 180), (-1, 0, 270), (1, 1, 45)])
def test_bearings_go_clockwise_from_north(east: float, north: float, degrees: float) -> None:
    assert bearing(east, north) == pytest.approx(degrees)


@given(DEGREES, DEGREES)
def test_a_turn_is_the_shorter_way_round(first: float, second: float) -> None:
    assert 0 <= turn(first, second) <= 180
    assert turn(first, second) == pytest.approx(turn(second, first), abs=1e-9)
    assert turn(first, first + 360) == pytest.approx(0, abs=1e-9)


def test_north_is_no_edge() -> None:
    assert turn(355.0, 5.0) == pytest.approx(10)
