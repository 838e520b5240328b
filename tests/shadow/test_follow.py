"""What the map says along the way."""

from __future__ import annotations

from signpipe.catalogue import load_catalogue
from signpipe.geodesy import place
from signpipe.maps import MapKind, MapSign, SignMap
from signpipe.shadow.follow import MapFollower
from signpipe.types import Pose

CATALOGUE = load_catalogue()


def entry(
    name: str, ahead: float, aside: float = 4.0, heading: float | None = 0.0, kind: MapKind = MapKind.SIGN
) -> MapSign:
    latitude, longitude = place(50.0, 9.0, aside, ahead)
    return MapSign(float(latitude), float(longitude), CATALOGUE.by_name(name).id, heading, f"{name} {ahead}", kind)


def follow(entries: list[MapSign], metres: int = 300) -> tuple[list[str], list[float | None]]:
    """Drive north; return the signs that are passed, and the limit at each metre."""
    follower = MapFollower(SignMap(entries), CATALOGUE, 15.0)
    passed: list[str] = []
    limits: list[float | None] = []
    for metre in range(metres):
        latitude, longitude = place(50.0, 9.0, 0.0, float(metre))
        found = follower.update(Pose(float(latitude), float(longitude), 0.0), metre / 10)
        passed += [CATALOGUE[one.entry.class_id].name for one in found]
        limits.append(follower.limit)
    return passed, limits


def test_signs_of_this_road_and_direction_are_passed_once() -> None:
    passed, limits = follow([
        entry("speed_limit_80", 100), entry("stop", 150, heading=None), entry("speed_limit_50", 120, heading=180.0),
        entry("speed_limit_30", 130, aside=40.0), entry("end_all_restrictions", 200), entry("stop", 400),
    ])  # fmt: skip
    assert passed == ["speed_limit_80", "stop", "end_all_restrictions"]
    assert (limits[50], limits[150], limits[250]) == (None, 80, None)


def test_the_limit_of_the_road_counts_before_that_of_a_sign() -> None:
    points = [entry("speed_limit_50", metre, 1.0, kind=MapKind.LIMIT) for metre in range(100, 300, 10)]
    _, limits = follow([entry("speed_limit_80", 50), *points])
    assert (limits[80], limits[150], limits[299]) == (80, 50, 50)


def test_two_signs_on_one_pole_are_two() -> None:
    pole = [entry("speed_limit_80", 100), entry("no_overtaking", 100)]
    pole = [MapSign(one.latitude, one.longitude, one.class_id, one.heading, "node 1") for one in pole]
    assert len(follow(pole)[0]) == 2


def test_without_a_heading_nothing_is_passed() -> None:
    follower = MapFollower(SignMap([entry("stop", 5)]), CATALOGUE, 15.0)
    assert follower.update(Pose(50.0, 9.0), 0.0) == ()
