"""On what kind of road one is after a sign."""

import pytest

from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import NO_RULES, RoadKind, read_rules
from signpipe.stages.roads import Road

GERMANY = load_country("de")
RULES = read_rules(GERMANY.rules, GERMANY.unit, GERMANY.languages)


def after(*names: str) -> Road:
    road = Road()
    for name in names:
        road = road.after(GERMANY.catalogue.by_name(name), RULES)
    return road


@pytest.mark.parametrize("limit", ["speed_limit_30", "speed_limit_50"])
def test_a_limit_that_towns_have_leaves_one_in_the_town(limit: str) -> None:
    assert after("town", limit).kind is RoadKind.TOWN


@pytest.mark.parametrize("limit", ["speed_limit_60", "speed_limit_70", "speed_limit_100"])
def test_a_limit_above_that_of_towns_makes_it_doubtful_that_one_is_still_in_the_town(limit: str) -> None:
    assert after("town", limit).kind is None
    assert after("town", limit, "town").kind is RoadKind.TOWN
    assert after("end_town", limit).kind is RoadKind.OUTSIDE
    assert after("motorway", limit).kind is RoadKind.MOTORWAY


@pytest.mark.parametrize("limit", ["speed_limit_120", "end_speed_limit_120"])
def test_two_limits_above_all_but_the_motorways_tell_a_motorway(limit: str) -> None:
    assert after(limit).kind is RoadKind.MOTORWAY
    assert after("end_town", limit).kind is after("town", limit).kind is None  # one may be misread
    assert after("town", limit, limit).kind is RoadKind.MOTORWAY
    assert after("expressway", limit).kind is RoadKind.EXPRESSWAY


def test_a_limit_that_other_roads_have_tells_no_motorway() -> None:
    assert after("speed_limit_100").kind is None
    assert after("end_town", "speed_limit_100").kind is RoadKind.OUTSIDE


def test_where_the_limit_of_towns_isnt_known_nothing_is_doubted() -> None:
    road = Road(RoadKind.TOWN)
    assert road.after(GERMANY.catalogue.by_name("speed_limit_70"), NO_RULES) == road
