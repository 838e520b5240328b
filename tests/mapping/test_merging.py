"""Sightings of several drives become one entry a sign, with what has become of it; errors of drives average out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.geodesy import offset, place
from signpipe.mapping.belief import agreement, fuse
from signpipe.mapping.entry import Entry, Side, State
from signpipe.mapping.merging import merge
from signpipe.mapping.placed import PlacedSign, Waypoint

HOME = (50.0, 9.0)
DAY = 86400.0
SIGNS = {1: ("stop", 4.0, 60.0), 2: ("give_way", 4.5, 140.0), 3: ("no_entry", 4.0, 230.0), 4: ("stop", 4.2, 310.0)}


def sign(
    day: int, track: int, name: str, east: float, north: float, error: Sequence[float] = (0.0, 0.0), **fields: object
) -> PlacedSign:
    """Return a sign that a drive to the north along east = 0 saw, and placed with the drive's error."""
    latitude, longitude = place(*HOME, east + error[0], north + error[1])
    one = PlacedSign(
        f"day{day}", track, float(latitude), float(longitude), 2.4, 4.1, 4.1, 0.0, 0.3, 2.0, 300.0, 180.0, 8.0, 0.0,
        east, 1.0, {name: 0.98}, None, True, 0.1, north / 10 - 4, north / 10, day * DAY + north / 10, 12, 60.0, 0.8,
    )  # fmt: skip
    return replace(one, **fields)  # type: ignore[arg-type]


def way(day: int, error: Sequence[float] = (0.0, 0.0), length: float = 400.0) -> list[Waypoint]:
    """Return the way of such a drive."""
    points = []
    for north in np.arange(0.0, length, 4.0):
        latitude, longitude = place(*HOME, error[0], float(north) + error[1])
        points.append(
            Waypoint(f"day{day}", north / 10, day * DAY + north / 10, float(latitude), float(longitude), 0.0, 25.0)
        )
    return points


def drives(
    days: int, signs: dict[int, tuple[str, float, float]] | None = None
) -> tuple[list[PlacedSign], list[Waypoint]]:
    """Return drives past the same signs, each with an error of its own."""
    rng = np.random.default_rng(5)
    seen: list[PlacedSign] = []
    ways: list[Waypoint] = []
    for day in range(days):
        error = rng.normal(0, 2, 2).tolist()
        seen += [sign(day, track, *what, error=error) for track, what in (signs or SIGNS).items()]
        ways += way(day, error)
    return seen, ways


def only(entries: list[Entry], name: str) -> Entry:
    """Return the one entry of a class."""
    (entry,) = [one for one in entries if one.class_name == name]
    return entry


def test_signs_of_five_drives_are_one_entry_each_and_err_less() -> None:
    entries = merge(*drives(5))
    assert sorted(one.class_name for one in entries) == sorted(name for name, _, _ in SIGNS.values())
    assert {one.seen for one in entries} == {one.passed for one in entries} == {5}
    assert {one.state for one in entries} == {State.PRESENT}
    assert all(one.error < merge(*drives(1))[0].error / 1.8 for one in entries)
    assert all(one.probability > 0.999 and one.sure for one in entries)
    assert {one.side for one in entries} == {Side.RIGHT}


def test_a_sign_that_one_drive_missed_is_still_as_near_to_the_truth() -> None:
    seen, ways = drives(5)
    entries = merge([one for one in seen if one.track != 2 or one.drive == "day0"], ways)
    alone, others = only(entries, "give_way"), only(entries, "no_entry")
    assert alone.seen == 1
    assert alone.error < 1.6 * others.error


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_what_is_given_does_not_matter(seed: int) -> None:
    seen, ways = drives(3)
    expected = merge(seen, ways)
    mixed = random.Random(seed)
    mixed.shuffle(seen)
    mixed.shuffle(ways)
    assert merge(seen, ways) == expected


def test_two_equal_signs_across_the_road_stay_two() -> None:
    pair = {1: ("stop", 4.5, 100.0), 2: ("stop", -4.5, 100.0)}
    assert sorted(one.side for one in merge(*drives(4, pair))) == [Side.LEFT, Side.RIGHT]
    seen, ways = drives(4, pair)
    alternating = [one for one in seen if (one.track == 1) == (one.drive in ("day0", "day2"))]
    assert len(merge(alternating, ways)) == 2


def test_signs_one_over_the_other_stay_two() -> None:
    seen, ways = drives(3, {1: ("stop", 4.0, 100.0)})
    seen += [replace(one, track=2, height=3.1, belief={"give_way": 0.97}) for one in seen]
    assert sorted(one.class_name for one in merge(seen, ways)) == ["give_way", "stop"]


def test_signs_for_the_other_direction_are_others() -> None:
    seen, ways = drives(2, {1: ("stop", 4.0, 100.0)})
    seen += [replace(one, track=2, facing=0.0, last=one.last + 300, first=one.first + 300) for one in seen]
    assert sorted(round(one.facing) for one in merge(seen, ways)) == [0, 180]


def test_a_track_that_was_torn_in_two_is_one_sighting() -> None:
    seen, ways = drives(1)
    again = replace(seen[0], track=9, first=seen[0].last + 0.2, last=seen[0].last + 2)
    entry = only([one for one in merge([*seen, again], ways) if one.latitude < 50.001], "stop")
    assert (entry.seen, entry.members) == (1, [("day0", 1), ("day0", 9)])


def test_a_sign_that_is_missed_often_enough_is_gone_and_once_is_hidden() -> None:
    seen, ways = drives(6)
    gone = merge([one for one in seen if one.track != 3 or one.drive in ("day0", "day1", "day2")], ways)
    assert (only(gone, "no_entry").state, only(gone, "no_entry").missed) == (State.GONE, 3)
    hidden = merge([one for one in seen if one.track != 3 or one.drive != "day5"], ways)
    assert only(hidden, "no_entry").state is State.HIDDEN
    assert {one.state for one in hidden if one.class_name != "no_entry"} == {State.PRESENT}


@pytest.mark.parametrize("half_view", [3.0, 80.0])  # it isn't in the picture, or too small to be found there
def test_where_nobody_looked_nothing_is_gone(half_view: float) -> None:
    seen, ways = drives(6)
    kept = [one for one in seen if one.track != 3 or one.drive in ("day0", "day1", "day2")]
    turned_away = [replace(point, half_view=half_view) if point.drive > "day2" else point for point in ways]
    assert only(merge(kept, turned_away), "no_entry").state is State.PRESENT


def test_a_sign_that_was_not_there_before_is_new() -> None:
    seen, ways = drives(5)
    entries = merge([one for one in seen if one.track != 3 or one.drive >= "day3"], ways)
    assert only(entries, "no_entry").state is State.NEW


def test_another_sign_in_the_same_place_is_a_change_and_one_misreading_is_none() -> None:
    seen, ways = drives(5)
    for one in seen:
        if one.track == 3 and one.drive >= "day2":
            one.belief = {"no_vehicles": 0.98}
    entry = only(merge(seen, ways), "no_vehicles")
    assert (entry.state, entry.before, entry.seen) == (State.CHANGED, "no_entry", 5)
    seen, ways = drives(5)
    next(one for one in seen if (one.track, one.drive) == (3, "day2")).belief = {"no_vehicles": 0.98}
    entries = merge(seen, ways)
    assert len(entries) == len(SIGNS)
    assert (only(entries, "no_entry").state, only(entries, "no_entry").seen) == (State.PRESENT, 5)


@pytest.mark.parametrize(("unsure", "state"), [({"day0"}, State.CHANGED), ({"day0", "day1"}, State.PRESENT)])
def test_a_drive_that_was_not_sure_bears_a_change_out_but_not_alone(unsure: set[str], state: State) -> None:
    seen, ways = drives(5)
    for one in seen:
        if one.track == 3 and one.drive >= "day2":
            one.belief = {"no_vehicles": 0.98}
        elif one.track == 3 and one.drive in unsure:
            one.belief, one.sure = {"no_entry": 0.5}, False
    assert only(merge(seen, ways), "no_vehicles").state is state


def test_a_sign_that_near_looks_can_no_longer_read_is_damaged() -> None:
    seen, ways = drives(5)
    for one in seen:
        if one.track == 3 and one.drive >= "day3":
            one.belief, one.sure, one.novelty = {"no_entry": 0.5}, False, 0.7
    entry = only(merge(seen, ways), "no_entry")
    assert entry.state is State.DAMAGED
    assert not entry.sure


def test_nothing_becomes_nothing() -> None:
    assert merge([], []) == []


def test_places_are_those_of_the_drives_on_average() -> None:
    seen, ways = drives(5)
    entry = only(merge(seen, ways), "no_entry")
    places = np.array([offset(*HOME, one.latitude, one.longitude) for one in seen if one.track == 3])
    assert offset(*HOME, entry.latitude, entry.longitude) == pytest.approx(places.mean(axis=0), abs=0.3)


def test_beliefs_add_up_and_none_outvotes_two() -> None:
    assert fuse([{"stop": 0.9}, {"stop": 0.9}])["stop"] > 0.99
    told = fuse([{"stop": 0.999999}, {"give_way": 0.95}, {"give_way": 0.95}])
    assert told["give_way"] > told["stop"]
    assert agreement({"stop": 0.98}, {"stop": 0.98}) > 3
    assert agreement({"stop": 0.98}, {"give_way": 0.98}) < -2
    assert abs(agreement({}, {"stop": 0.98})) < 0.1
