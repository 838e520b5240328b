"""LiDAR's opinion: real signs are never ruled out; pictures on trucks and billboards, lamps and far look-alikes are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Shape, SignClass, load_catalogue
from signpipe.lidar import read_calibration, read_sweep
from signpipe.opinion import Opinion, Role
from signpipe.settings import LidarSettings
from signpipe.witnesses.lidar import LidarWitness
from tests.lidar.kitti import CALIBRATION as KITTI_CALIBRATION
from tests.lidar.kitti import CYCLIST, KEEP_RIGHT, NO_STOPPING, SWEEP, TAIL_LAMP, ZONE_30, needs_kitti
from tests.lidar.scanner import CALIBRATION, FILM, PAINT, Plate, scan, shown, sign

CATALOGUE = load_catalogue()
ONE_A_SHAPE = list({sign.shape: sign for sign in CATALOGUE}.values())
Box = tuple[float, float, float, float]


def opinion(scene: list[Plate], box: Box, seed: int = 0, top: float = 2.0, film: bool = True) -> Opinion | None:
    sweep = scan(scene, np.random.default_rng(seed), top=top)
    if not film:
        sweep[:, 3] = 0
    return LidarWitness(LidarSettings(), CATALOGUE, CALIBRATION)(*shown(sweep, box))


@given(
    real=st.sampled_from([*ONE_A_SHAPE, CATALOGUE.by_name("keep_right")]),
    ahead=st.floats(5, 40),
    left=st.floats(-0.4, 0.4),
    up=st.floats(0.8, 5),
    size=st.sampled_from([0.7, 1.0, 1.25, 1.4]),
    turn=st.floats(-45, 45),
    wall=st.none() | st.floats(0.9, 15),
    top=st.sampled_from([2.0, 15.0]),
    film=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_a_real_sign_is_never_ruled_out(
    real: SignClass,
    ahead: float,
    left: float,
    up: float,
    size: float,
    turn: float,
    wall: float | None,
    top: float,
    film: bool,
    seed: int,
) -> None:
    scene = sign(real, ahead, left * ahead, up, size, turn)
    box = np.array(scene[0].box) + np.random.default_rng(seed).normal(0, 0.7, 4)
    if wall is not None:
        scene.append(Plate(ahead + wall, left * ahead, 3, 30, 8))
    said = opinion(scene, (box[0], box[1], box[2], box[3]), seed, top, film)
    if said is not None:
        assert not said.impossible, said.text
        assert said.log_likelihood.dtype == np.float32
        assert said.log_likelihood.shape == (len(CATALOGUE),)
        assert np.isfinite(said.log_likelihood).all()


@pytest.mark.parametrize("film", [True, False])
@pytest.mark.parametrize("hidden", [0.2, 0.35, 0.5])
@pytest.mark.parametrize("ahead", [8, 16, 28])
def test_a_real_sign_behind_a_trunk_is_not_ruled_out(ahead: float, hidden: float, film: bool) -> None:
    scene = sign(CATALOGUE.by_name("speed_limit_50"), ahead, 0, 1.9)
    scene.append(Plate(ahead / 2, 0.05, 3, 0.6 * hidden / 2, 6))
    said = opinion(scene, scene[0].box, top=15, film=film)
    assert said is None or not said.impossible, said
    assert said is not None or not film or ahead > 20


@pytest.mark.parametrize("top", [2.0, 15.0])
@pytest.mark.parametrize("ahead", [12, 20, 28, 36])
@pytest.mark.parametrize("place", [(0.0, 0.0), (0.5, -0.3), (-0.6, 0.2)])
def test_a_sign_printed_on_the_back_of_a_truck_is_ruled_out(
    top: float, ahead: float, place: tuple[float, float]
) -> None:
    back = Plate(ahead, 0, 1.7, 2.5, 2.7)
    said = opinion([back], back.part(*place, 0.6), top=top)
    if said is not None:
        assert said.impossible, said.text
        assert "part of a surface" in said.text
    assert said is not None or ahead > 30


@pytest.mark.parametrize("turn", [0, 30, 45])
def test_a_sign_printed_on_a_trucks_side_is_ruled_out(turn: float) -> None:
    side = Plate(20, 2, 2.2, 9, 2.6, turn)
    said = opinion([side], side.part(0.5, -0.2, 0.8))
    assert said is not None
    assert said.impossible


@pytest.mark.parametrize("ahead", [15, 25, 35])
def test_a_sign_on_a_billboard_is_ruled_out(ahead: float) -> None:
    board = Plate(ahead, 5, 2.6, 3.6, 2.6)
    said = opinion([board], board.part(0.2, -0.2, 1.0), top=15)
    assert said is not None
    assert said.impossible


@pytest.mark.parametrize("ahead", [5, 7, 9])
def test_a_tail_lamp_is_ruled_out(ahead: float) -> None:
    lamp = Plate(ahead - 0.02, 0.6, 0.9, 0.2, 0.2, reflectance=FILM)
    said = opinion([Plate(ahead, 0, 0.85, 1.7, 0.7), lamp], lamp.box)
    assert said is not None
    assert said.impossible


def test_something_far_and_large_that_looks_like_a_sign_is_ruled_out() -> None:
    logo = Plate(60, 2, 3.5, 3, 3, reflectance=PAINT, shape=Shape.CIRCLE)
    said = opinion([logo], logo.box)
    assert said is not None
    assert said.impossible
    assert "too large" in said.text


def test_a_sign_of_film_on_a_wall_is_let_pass() -> None:
    scene = [Plate(15, 0, 2, 0.6, 0.6, reflectance=FILM, shape=Shape.CIRCLE), Plate(15.05, 0, 3, 20, 6)]
    said = opinion(scene, scene[0].box, top=15)
    assert said is not None
    assert not said.impossible


def test_a_zone_sign_and_signs_below_each_other_are_let_pass_without_film_too() -> None:
    zone = Plate(20, 0, 2.2, 0.84, 0.84)
    said = opinion([zone], zone.part(0, 0.1, 0.54), top=15)
    assert said is not None
    assert not said.impossible
    stack = [Plate(20, 0, up, 0.6, 0.6, shape=Shape.CIRCLE) for up in (1.7, 2.35, 3.0)] + [Plate(20, 0, 1.1, 0.6, 0.33)]
    said = opinion(stack, stack[1].box, top=15)
    assert said is not None
    assert not said.impossible


@pytest.mark.parametrize(("name", "other"), [("speed_limit_80", "stop"), ("stop", "speed_limit_80")])
def test_the_size_speaks_for_the_classes_that_have_it(name: str, other: str) -> None:
    scene = sign(CATALOGUE.by_name(name), 15, 0, 2.0)
    said = opinion(scene, scene[0].box)
    assert said is not None
    likelihood = said.log_likelihood
    assert likelihood[CATALOGUE.by_name(name).id] > likelihood[CATALOGUE.by_name(other).id] + 0.5
    width = CATALOGUE.by_name(name).width
    assert said.text.startswith(f"{width:.1f}"[:3])
    assert said.text.endswith("m wide at 15.0 m, 2.0 m over the road")


def test_low_mounting_speaks_for_keep_right_and_left() -> None:
    keep, limit = CATALOGUE.by_name("keep_right"), CATALOGUE.by_name("speed_limit_50")
    apart = {}
    for up in (0.9, 2.5):
        scene = sign(keep, 20, 0, up)
        said = opinion(scene, scene[0].box)
        assert said is not None
        apart[up] = said.log_likelihood[keep.id] - said.log_likelihood[limit.id]
    assert apart[0.9] > 0.5
    assert apart[2.5] < 0


def test_without_a_sweep_or_points_on_the_sign_it_has_no_opinion() -> None:
    witness = LidarWitness(LidarSettings(), CATALOGUE, CALIBRATION)
    assert (witness.name, witness.role, witness.expensive) == ("lidar", Role.MEASURES, False)
    assert witness(*shown(None, (600, 300, 640, 340))) is None
    assert witness(*shown(np.zeros((0, 4), np.float32), (600, 300, 640, 340))) is None
    assert witness(*shown(scan([], np.random.default_rng(0)), (600, 100, 640, 140))) is None


def test_each_frame_is_judged_by_its_own_sweep() -> None:
    witness = LidarWitness(LidarSettings(), CATALOGUE, CALIBRATION)
    near, far = (sign(CATALOGUE.by_name("stop"), ahead, 0, 2) for ahead in (12, 24))
    for scene, at in ((near, "12.0 m"), (far, "24.0 m"), (near, "12.0 m")):
        said = witness(*shown(scan(scene, np.random.default_rng(0)), scene[0].box))
        assert said is not None
        assert f"at {at}" in said.text


@needs_kitti
@pytest.mark.parametrize(
    ("box", "real"), [(KEEP_RIGHT, True), (ZONE_30, True), (NO_STOPPING, True), (TAIL_LAMP, False), (CYCLIST, None)]
)
def test_in_a_real_street_signs_pass_and_a_tail_lamp_does_not(box: Box, real: bool | None) -> None:
    witness = LidarWitness(LidarSettings(), CATALOGUE, read_calibration(KITTI_CALIBRATION))
    said = witness(*shown(read_sweep(SWEEP), box))
    if real is None:
        assert said is None or np.isfinite(said.log_likelihood).all()
        return
    assert said is not None
    assert said.impossible is not real


@needs_kitti
def test_the_real_keep_right_sign_is_told_from_a_speed_limit_by_its_height() -> None:
    witness = LidarWitness(LidarSettings(), CATALOGUE, read_calibration(KITTI_CALIBRATION))
    said = witness(*shown(read_sweep(SWEEP), KEEP_RIGHT))
    assert said is not None
    assert int(said.log_likelihood.argmax()) in {CATALOGUE.by_name(n).id for n in ("keep_right", "keep_left")}
