"""Driving scenes: how roads run, what is read from files, what is in force, and what can be seen."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenariogeneration import xodr

from signpipe.catalogue.rules import RoadKind
from signpipe.errors import SettingsError
from signpipe.lab.simulation.world.alignment import Piece, align
from signpipe.lab.simulation.world.limits import limits_of
from signpipe.lab.simulation.world.routes import CONDITIONS, KINDS, route
from signpipe.lab.simulation.world.scene import Condition
from signpipe.lab.simulation.world.scene_file import parse_scene, read_scene
from signpipe.lab.simulation.world.sight import Watcher, camera_at

EXAMPLE = Path(__file__).parents[3] / "examples" / "scenes" / "village.toml"


@pytest.mark.parametrize("radius", [50.0, -200.0])
def test_an_arc_ends_where_a_circle_does(radius: float) -> None:
    road = align([Piece(100.0), Piece(80.0, 1 / radius, 1 / radius)])
    x, _, z, heading, _ = road.at(180.0)[0]
    assert heading == pytest.approx(80 / radius, abs=1e-6)
    assert x == pytest.approx(radius * (1 - math.cos(80 / radius)), abs=0.01)
    assert z == pytest.approx(100 + radius * math.sin(80 / radius), abs=0.01)


def test_a_spiral_turns_by_half_of_what_its_end_would() -> None:
    road = align([Piece(60.0, 0.0, 1 / 120)])
    assert road.at(60.0)[0, 3] == pytest.approx(60 / 240, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.floats(5, 200), st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), min_size=1, max_size=8))
def test_a_metre_along_a_road_is_a_metre(pieces: list[tuple[float, float, float]]) -> None:
    road = align([Piece(*one) for one in pieces])
    places = road.place(np.arange(0, road.length, 1.0), 0.0, 0.0)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps == pytest.approx(np.ones(len(steps)), abs=2e-3)


def test_the_example_has_what_its_file_says() -> None:
    scene = read_scene(EXAMPLE)
    assert scene.condition() is Condition.NIGHT_RAIN
    told = [(round(one.begin), one.limit) for one in limits_of(scene)]
    assert told == [(0, 100), (110, 70), (330, 50), (430, 30), (575, 100)]
    pole = [sign for sign in scene.signs if sign.at == 110]
    assert [sign.sign.name for sign in pole] == ["bend_right", "speed_limit_70"]
    assert pole[0].up - pole[0].height / 2 > 0
    assert pole[1].up + pole[1].height / 2 < pole[0].up - pole[0].height / 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "road: Field required"),
        ({"road": [{"length": -1}]}, "road.0.length"),
        ({"road": [{"length": 100}], "sing": []}, "there is no 'sing'"),
        ({"road": [{"length": 100}], "sign": [{"name": "stop", "at": 300}]}, "at 300 m of a road of 100 m"),
        ({"road": [{"length": 100}], "sign": [{"name": "stopp", "at": 30}]}, "did you mean stop"),
        ({"road": [{"length": 100}], "town": [{"begin": 5, "end": 5}]}, "its end isn't behind its begin"),
        ({"road": [{"length": 100}], "country": "xx"}, "is in 'xx'"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(content: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_scene(content, "it")


def test_files_that_are_no_scenes(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        read_scene(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("road = [", encoding="utf-8")
    with pytest.raises(SettingsError, match="no valid TOML"):
        read_scene(broken)
    broken = tmp_path / "broken.xodr"
    broken.write_text("<OpenDRIVE><road", encoding="utf-8")
    with pytest.raises(SettingsError, match="no valid XML"):
        read_scene(broken)
    broken.write_text("<osm/>", encoding="utf-8")
    with pytest.raises(SettingsError, match="isn't OpenDRIVE"):
        read_scene(broken)
    broken.write_text("<OpenDRIVE/>", encoding="utf-8")
    with pytest.raises(SettingsError, match="has no road"):
        read_scene(broken)
    broken.write_text(
        '<OpenDRIVE><road id="1" length="9"><planView><geometry length="9"><paramPoly3/></geometry></planView></road>'
        "</OpenDRIVE>",
        encoding="utf-8",
    )
    with pytest.raises(SettingsError, match="geometry 'paramPoly3' in road '1'"):
        read_scene(broken)


def test_a_road_that_another_program_wrote(tmp_path: Path) -> None:
    file = tmp_path / "road.xodr"
    drive = xodr.OpenDrive("test")
    geometry = [xodr.Line(100), xodr.Spiral(0.0, -0.01, 50), xodr.Arc(-0.01, length=100)]
    road = xodr.create_road(geometry, id=1, left_lanes=1, right_lanes=2, lane_width=3.5)
    road.add_elevation(0, 3, 0.02, 0, 0)
    road.add_signal(xodr.Signal(40, -9, country="DE", Type="274", subtype="60", value=60, unit="km/h", zOffset=2.2))
    road.add_signal(xodr.Signal(140, -9, country="DE", Type="282", subtype="-1", zOffset=2.2))
    road.add_signal(xodr.Signal(150, -9, country="DE", Type="310", subtype="-1", zOffset=2.2))
    road.add_signal(xodr.Signal(60, 9, country="DE", Type="206", subtype="-1", orientation=xodr.Orientation.negative))
    road.add_type(xodr.RoadType.rural, 0, "DE", speed=100, speed_unit="km/h")
    drive.add_road(road)
    drive.adjust_roads_and_lanes()
    drive.write_xml(str(file))
    scene = read_scene(file)
    assert scene.alignment.length == pytest.approx(250)
    assert scene.alignment.at(250.0)[0, 3] == pytest.approx(0.25 + 1.0, abs=1e-3)  # to the right
    assert scene.alignment.at(100.0)[0, 1] == pytest.approx(5.0, abs=0.01)
    assert scene.lanes == (-3.5, 7.0)
    assert scene.lane == 1.75
    assert [(one.sign.name, one.at, one.right) for one in scene.signs] == [
        ("speed_limit_60", 40, 9), ("end_all_restrictions", 140, 9), ("town", 150, 9),
    ]  # fmt: skip
    assert [one.limit for one in limits_of(scene)] == [100, 60, 100, 50]


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 10_000))
def test_drawn_roads_have_a_limit_nearly_everywhere_and_room_between_signs(kind: str, seed: int) -> None:
    scene = route(kind, seed, 3000.0)
    limits = limits_of(scene)
    assert limits[0].limit is None
    assert all(one.limit is not None for one in limits[1:])
    assert limits[1].begin < 200
    assert all(0 < sign.at < 3000 for sign in scene.signs)
    left, right = scene.lanes
    assert all(not left < sign.right - sign.width / 2 < right for sign in scene.signs)
    assert {one.kind for one in limits} <= {RoadKind.TOWN, RoadKind.OUTSIDE, RoadKind.MOTORWAY}


def test_each_condition_is_told_by_what_makes_it() -> None:
    for name in CONDITIONS:
        assert route("town", 1, 500.0, name).condition() == name


def scene_with(**more: object) -> Watcher:
    content = {"road": [{"length": 300}], "sign": [{"name": "stop", "at": 100}], **more}
    return Watcher(parse_scene(content, "it"))


def test_a_sign_is_seen_as_large_as_its_distance_says() -> None:
    scene = parse_scene({"road": [{"length": 300}], "sign": [{"name": "speed_limit_60", "at": 100}]}, "it")
    sight = Watcher(scene).look(60.0, camera_at(scene, 60.0))
    assert sight.signs.tolist() == [0]
    assert sight.sides[0] == pytest.approx(1372 * 0.6 / 40, rel=0.02)
    assert sight.distance[0] == pytest.approx(40, abs=0.2)
    assert sight.visible[0] == 1.0
    assert not len(Watcher(scene).look(101.0, camera_at(scene, 101.0)).signs)


@pytest.mark.parametrize(("gap", "hidden"), [(30.0, True), (45.0, False)])
def test_a_lorry_hides_what_is_behind_it(gap: float, hidden: bool) -> None:
    """40 m before a sign, a lorry 30 m ahead in the same line of sight hides it; one beyond it doesn't."""
    lorry = {"kind": "lorry", "begin": 0, "end": 300, "ahead": [gap, gap], "right": 4.6}
    content = {"road": [{"length": 300}], "sign": [{"name": "stop", "at": 100}], "traffic": [lorry]}
    scene = parse_scene(content, "it")
    visible = Watcher(scene).look(60.0, camera_at(scene, 60.0)).visible
    assert bool(visible[0] < 0.3) is hidden


def test_limits_are_those_of_the_signs_that_concern_the_car() -> None:
    signs = [
        {"name": "motorway", "at": 10},
        {"name": "speed_limit_120", "at": 20},
        {"name": "speed_limit_60", "at": 30, "applies": False},
        {"name": "end_speed_limit_80", "at": 40},  # of another limit
        {"name": "end_all_restrictions", "at": 50},
        {"name": "speed_limit_80", "at": 60, "plate": "plate_when_wet"},
        {"name": "end_motorway", "at": 70},
        {"name": "zone_30", "at": 80},
        {"name": "speed_limit_50", "at": 85},
        {"name": "end_zone_30", "at": 90},
    ]
    scene = parse_scene({"road": [{"length": 100}], "limit": "none", "sign": signs}, "it")
    found = [one.limit for one in limits_of(scene)]
    assert found == [math.inf, math.inf, 120, math.inf, 100, 30, 50, 100]
    assert all(a.begin <= b.begin for a, b in itertools.pairwise(limits_of(scene)))
