"""A simulated drive: repeatable, and its truth agrees with its pixels."""

from dataclasses import replace

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.lab.simulation.camera import Road, View
from signpipe.lab.simulation.drive import Drive
from signpipe.lab.simulation.record import Plan
from signpipe.lab.simulation.scene import lay_out, outline, parse_poles
from signpipe.lab.simulation.truth import TruthBox

SIZE = (640, 360)
SIGNS = "stop,speed_limit_50,road_works+no_overtaking,island:keep_right,left:priority_road"


def a_drive(signs: str = SIGNS, seed: int = 3, seconds: float = 8.0) -> Drive:
    plan = Plan(tuple(parse_poles(signs, load_catalogue())), seconds, 25.0, SIZE, 15.0, seed)
    scene = lay_out(list(plan.poles), plan.seconds * plan.speed, np.random.default_rng(seed))
    return Drive(scene, plan.size, plan.fps, plan.speed, seed)


@pytest.fixture(scope="module")
def drive() -> Drive:
    return a_drive()


@pytest.mark.slow
def test_a_seed_gives_the_same_pictures_and_another_seed_others(drive: Drive) -> None:
    picture, boxes = drive.render(40)
    again, boxes_again = a_drive().render(40)
    other, other_boxes = a_drive(seed=4).render(40)
    assert np.array_equal(picture, again)
    assert boxes == boxes_again
    assert not np.array_equal(picture, other)
    assert boxes != other_boxes


@pytest.mark.slow
def test_a_frame_does_not_depend_on_the_frames_before_it(drive: Drive) -> None:
    first, _ = drive.render(90)
    drive.render(3)
    assert np.array_equal(first, drive.render(90)[0])


@pytest.mark.parametrize("index", [0, 58, 75, 90])
def test_the_boxes_are_where_the_pixels_change(drive: Drive, index: int) -> None:
    view = drive.view(index / drive.fps)
    whole, boxes = drive.compose(view, drive.scene.signs)
    assert boxes
    for box in boxes:
        rest = tuple(sign for sign in drive.scene.signs if sign.id != box.id)
        without, _ = drive.compose(view, rest)
        changed = np.abs(whole.astype(int) - without).max(axis=2) > 12
        rows, columns = np.nonzero(changed.any(axis=1))[0], np.nonzero(changed.any(axis=0))[0]
        seen = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert box.xyxy == pytest.approx(seen, abs=1.5), box


def test_signs_grow_on_the_approach_and_leave_at_the_side(drive: Drive) -> None:
    widths: list[float] = []
    last: TruthBox | None = None
    for index in range(0, 110, 4):
        _, boxes = drive.compose(drive.view(index / drive.fps), drive.scene.signs)
        box = next((b for b in boxes if b.class_name == "stop"), None)
        if box and box.visible > 0.95:
            widths.append(box.xyxy[2] - box.xyxy[0])
        last = box or last
    assert widths == sorted(widths)
    assert widths[-1] > 3 * widths[0]
    assert last is not None
    assert last.visible < 0.95
    assert last.xyxy[2] == SIZE[0]  # cut by the right edge of the picture


def test_sizes_follow_the_catalogue_and_the_pinhole(drive: Drive) -> None:
    _, boxes = drive.compose(drive.view(0.0), drive.scene.signs)
    catalogue = load_catalogue()
    for box in boxes:
        expected = drive.focal * catalogue[box.class_id].height / box.distance
        assert box.xyxy[3] - box.xyxy[1] == pytest.approx(expected, rel=0.06)


def test_stacked_signs_hang_one_above_the_other_without_touching(drive: Drive) -> None:
    upper, lower = (sign for sign in drive.scene.signs if sign.sign.name in ("road_works", "no_overtaking"))
    assert (upper.sign.name, lower.sign.name) == ("road_works", "no_overtaking")
    assert upper.centre[::2] == lower.centre[::2]
    gap = (upper.centre[1] - upper.sign.height / 2) - (lower.centre[1] + lower.sign.height / 2)
    assert 0 < gap < 0.2


@pytest.mark.slow
def test_a_hidden_sign_is_seen_again_before_it_is_passed() -> None:
    drive = a_drive("hidden:children", seconds=6.0)
    visible = [
        box.visible
        for index in range(0, 150, 5)
        for box in drive.compose(drive.view(index / drive.fps), drive.scene.signs)[1]
        if box.distance > 12
    ]
    covered = int(np.argmin(visible))
    assert visible[covered] < 0.75
    assert max(visible[covered:]) > 0.97


def test_the_share_that_is_visible_falls_as_a_sign_is_cut_by_the_edge(drive: Drive) -> None:
    view = drive.view(0.0)
    sign = drive.scene.signs[0]
    ahead = replace(sign, centre=(view.eye[0], 1.5, 20.0))
    aside = replace(sign, centre=(view.eye[0] + 20 * SIZE[0] / 2 / view.focal, 1.5, 20.0))
    view = replace(view, yaw=0.0)
    bare = Drive(replace(drive.scene, uprights=()), SIZE, drive.fps, drive.speed, 3)
    (whole,) = bare.compose(view, (ahead,))[1]
    (half,) = bare.compose(view, (aside,))[1]
    assert whole.visible == pytest.approx(1.0, abs=0.02)
    assert half.visible == pytest.approx(0.5, abs=0.05)


def test_a_sign_right_behind_another_is_not_visible(drive: Drive) -> None:
    view = replace(drive.view(0.0), yaw=0.0)
    near = replace(drive.scene.signs[0], centre=(view.eye[0], view.eye[1], 15.0))
    far = replace(drive.scene.signs[1], centre=(view.eye[0], view.eye[1], 30.0))
    first, second = drive.compose(view, (far, near))[1]
    assert (first.id, second.id) == (near.id, far.id)
    assert first.visible > 0.97
    assert second.visible < 0.05


def test_projection_of_known_points() -> None:
    view = View(640, 360, 500.0, (1.0, 1.5, 10.0), 0.0, 190.0)
    pixels, depth = view.project(np.array([[1.0, 1.5, 60.0], [2.0, 1.0, 20.0]]))
    assert pixels.tolist() == [[320.0, 190.0], [370.0, 215.0]]
    assert depth.tolist() == [50.0, 10.0]
    turned = replace(view, yaw=0.1)
    assert turned.project(np.array([[1.0, 1.5, 60.0]]))[0][0, 0] < 320  # turning right moves things to the left


def test_the_heading_of_a_road_is_the_slope_of_its_centre_line() -> None:
    road = Road(2.5, 400.0, 1.0)
    assert float(road.centre(0.0)) == 0
    slope = float(road.centre(100.001) - road.centre(99.999)) / 0.002
    assert np.tan(road.heading(100.0)) == pytest.approx(slope, abs=1e-6)


def test_the_outline_of_a_circle_is_a_circle() -> None:
    distance = np.linalg.norm(outline("speed_limit_50") - 0.5, axis=1)
    assert distance == pytest.approx(np.full(len(distance), 0.5), abs=0.003)
