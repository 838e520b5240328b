"""Range, real size, height over the road and surroundings of what is in a box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.lidar import View, read_calibration, read_sweep, sight
from tests.lidar.kitti import CALIBRATION as KITTI_CALIBRATION
from tests.lidar.kitti import KEEP_RIGHT, NO_STOPPING, SWEEP, ZONE_30, needs_kitti
from tests.lidar.scanner import CALIBRATION, FILM, PAINT, SENSOR, Plate, scan, sign

CATALOGUE = load_catalogue()
LIMIT = CATALOGUE.by_name("speed_limit_80")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def street() -> View:
    return View(read_sweep(SWEEP), read_calibration(KITTI_CALIBRATION))


@needs_kitti
@pytest.mark.parametrize(
    ("box", "depth", "width", "above_road"),
    [(KEEP_RIGHT, 10.9, 0.68, 1.1), (ZONE_30, 26.5, 1.0, 2.9), (NO_STOPPING, 33.3, 0.65, 2.9)],
)
def test_signs_of_a_real_street_have_their_range_size_and_height(
    street: View, box: tuple[float, ...], depth: float, width: float, above_road: float
) -> None:
    seen = sight(street, box)
    assert seen is not None
    assert seen.depth == pytest.approx(depth, abs=0.2)
    assert seen.width == pytest.approx(width, abs=0.1)
    assert seen.above_road == pytest.approx(above_road, abs=0.2)
    assert seen.road_seen
    assert min(seen.surface) < 0.2  # they stand free in the air
    assert seen.bright > 0.6 > seen.bright_around


@given(
    ahead=st.floats(5, 40),
    left=st.floats(-0.4, 0.4),
    up=st.floats(0.9, 3.5),
    size=st.sampled_from([0.7, 1.0, 1.25]),
    turn=st.floats(-40, 40),
    wall=st.none() | st.floats(1.0, 15),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_a_sign_on_a_post_is_ranged_whatever_stands_behind_it(
    ahead: float, left: float, up: float, size: float, turn: float, wall: float | None, seed: int
) -> None:
    scene = sign(LIMIT, ahead, left * ahead, up, size, turn)
    box = scene[0].box
    if wall is not None:
        scene.append(Plate(ahead + wall, left * ahead, 3, 30, 8))
    seen = sight(View(scan(scene, rng(seed)), CALIBRATION), box)
    if seen is None:  # too few beams met it
        return
    assert seen.depth == pytest.approx(ahead, abs=0.15)
    assert seen.height == pytest.approx(0.6 * size, rel=0.03)
    assert seen.above_road == pytest.approx(up, abs=0.15)


def test_a_post_before_a_shining_sign_is_not_taken_for_it() -> None:
    scene = [*sign(LIMIT, 20, 0, 2), Plate(12, 0, 1.9, 0.15, 3.8)]
    seen = sight(View(scan(scene, rng()), CALIBRATION), scene[0].box)
    assert seen is not None
    assert seen.depth == pytest.approx(20, abs=0.1)


def test_a_dull_thing_behind_a_post_is_not_ranged() -> None:
    scene = [Plate(20, 0, 2, 0.6, 0.6), Plate(12, 0, 1.9, 0.12, 3.8)]
    assert sight(View(scan(scene, rng()), CALIBRATION), scene[0].box) is None


def test_a_surface_is_followed_at_a_slant() -> None:
    lorry = Plate(18, 2, 2.2, 9, 2.6, turn=40)
    seen = sight(View(scan([lorry], rng(), top=15), CALIBRATION), lorry.part(0, 0, 0.6))
    assert seen is not None
    assert min(seen.surface) > 1.5


def test_a_hill_moves_the_road_with_it() -> None:
    scene = sign(LIMIT, 20, 0, 1.5)
    sweep = scan(scene, rng())
    sweep[:, 2] += 0.05 * sweep[:, 0]  # a slope of 5 % from the car on
    x1, y1, x2, y2 = scene[0].box
    seen = sight(View(sweep, CALIBRATION), (x1, y1 - 50, x2, y2 - 50))
    assert seen is not None
    assert seen.above_road == pytest.approx(1.5, abs=0.25)


def test_echoes_from_under_the_road_are_no_road() -> None:
    scene = sign(LIMIT, 20, 0, 2)
    below = rng().uniform((15, -4, -20, 0), (25, 4, -3, 0), (20, 4)).astype(np.float32)
    seen = sight(View(np.concatenate([scan(scene, rng()), below]), CALIBRATION), scene[0].box)
    assert seen is not None
    assert seen.above_road == pytest.approx(2, abs=0.15)


def test_where_no_road_is_seen_the_sensors_height_stands_for_it() -> None:
    scene = sign(LIMIT, 20, 0, 2)[:1]
    sweep = scan(scene, rng())
    sweep = sweep[sweep[:, 2] > -1]
    seen = sight(View(sweep, CALIBRATION), scene[0].box, sensor_height=SENSOR + 1)
    assert seen is not None
    assert not seen.road_seen
    assert seen.above_road == pytest.approx(3, abs=0.05)


def test_without_points_on_one_thing_there_is_no_range() -> None:
    plate = Plate(20, 0, 2, 0.6, 0.6, reflectance=FILM)
    view = View(scan([plate], rng()), CALIBRATION)
    assert sight(view, (10, 10, 10.5, 40)) is None  # no box
    assert sight(view, (600, 0, 640, 40)) is None  # the sky
    assert sight(View(np.zeros((0, 4), np.float32), CALIBRATION), plate.box) is None
    few = Plate(75, 0, 2.1, 0.6, 0.6, reflectance=PAINT)
    assert sight(View(scan([few], rng()), CALIBRATION), few.box) is None
