"""Signs move as a road implies: outwards, as large as one over their distance, from the first look on."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from signpipe.settings import CameraSettings
from signpipe.stages.motion import Motions
from signpipe.stages.road import Road
from signpipe.stages.sight import Sight
from signpipe.types import FloatArray
from tests.stages.scene import PICTURE, Sign

SPEED = 20.0
CAMERA = CameraSettings(focal=1000.0)


def truth(sign: Sign, time: float) -> FloatArray:
    box = sign.box(SPEED * time)
    assert box is not None
    return box


def road(now: float = 0.0, speed: float | None = None) -> Road:
    made = Road(PICTURE, CAMERA)
    made.advance(now, speed)
    return made


def sight(box: npt.NDArray[np.floating]) -> Sight:
    return Sight.of(box[None], PICTURE)


def born(box: FloatArray, where: Road) -> Motions:
    return Motions.born(sight(box), 0.0, where)


def see(motions: Motions, box: FloatArray, time: float, where: Road) -> Motions:
    where.advance(time, None)
    return motions.at(time, where).meet(sight(box).completed(motions.aspect)).taken(time)


def followed(sign: Sign, times: npt.NDArray[np.float64], where: Road) -> Motions:
    motions = born(truth(sign, 0.0), where)
    for time in times.tolist():
        motions = see(motions, truth(sign, time), time, where)
    return motions


@pytest.mark.parametrize("dt", [1 / 30, 1 / 10, 1 / 3, 1 / 2])
def test_an_approached_sign_is_foreseen(dt: float) -> None:
    """Once it knows the speed, a prediction is off by a small part of the box, though it grows ever faster."""
    sign, where = Sign(5, 50), road()
    motions = born(truth(sign, 0.0), where)
    for time in np.arange(dt, 1.95, dt).tolist():
        expected = motions.at(time, where).xyxy[0]
        if time > max(0.95, 2.5 * dt):
            most = 0.3 if dt < 0.4 else 0.5  # in half a second the car moves eight metres
            assert np.abs(expected - truth(sign, time)).max() < most * (truth(sign, time)[2] - truth(sign, time)[0])
        motions = see(motions, truth(sign, time), time, where)
    vx, vy = motions.at(motions.seen[0], where).velocity[:, 0]
    assert vx > 100
    assert vy < 0


@pytest.mark.parametrize("dt", [1 / 60, 1 / 10, 1 / 3, 1.0, 2.0])
def test_the_second_look_is_where_the_road_says(dt: float) -> None:
    """From one look alone, and with the speed known the better: at every interval, within three deviations."""
    sign = Sign(5, 70)
    for speed in (None, SPEED):
        where = road(speed=speed)
        motions = born(truth(sign, 0.0), where)
        where.advance(dt, speed)
        meeting = motions.at(dt, where).meet(sight(truth(sign, dt)))
        assert meeting.size_distance[0] < 9
        assert (meeting.off**2 / meeting.spread < 9).all()


def test_a_known_speed_foresees_the_size() -> None:
    sign = Sign(5, 60, side=0.7)
    where = road(speed=SPEED)
    expected = born(truth(sign, 0.0), where).at(1.0, where).xyxy[0]
    assert expected[2] - expected[0] == pytest.approx(truth(sign, 1.0)[2] - truth(sign, 1.0)[0], rel=0.1)


def test_uncertainty_grows_with_the_interval() -> None:
    where = road()
    motions = born(np.array([600, 300, 640, 340], np.float32), where)
    same = sight(np.array([600, 300, 640, 340]))
    spreads = [motions.at(dt, where).meet(same).spread for dt in (0.0, 0.1, 0.3, 1.0)]
    assert all((later > earlier).all() for earlier, later in itertools.pairwise(spreads))


def test_a_sign_that_the_edge_cuts_doesnt_seem_to_shrink() -> None:
    where = road()
    motions = born(np.array([1100, 300, 1200, 400], np.float32), where)
    for time in range(1, 20):
        box = np.minimum(np.array([1100, 300, 1200, 400]) + time * np.array([8, 0, 8, 0]), 1280).astype(np.float32)
        motions = see(motions, box, time / 30, where)
    assert motions.side[0] == pytest.approx(100, rel=0.1)
    whole = motions.at(motions.seen[0], where).xyxy[0]
    assert whole[2] > PICTURE[1] + 40
    assert where.clip(whole)[2] == PICTURE[1]


def test_a_sign_that_should_be_passed_is_gone() -> None:
    where = road()
    motions = followed(Sign(5, 50), np.arange(0.1, 2.1, 0.1), where)
    assert not motions.at(2.0, where).gone[0]
    assert motions.at(3.0, where).gone[0]


@pytest.mark.parametrize("dt", [0.02, 0.3, 5.0, 500.0])
def test_predictions_stay_finite_and_bounded(dt: float) -> None:
    where = road()
    motions = see(born(np.array([630, 350, 650, 370], np.float32), where), np.array([600, 320, 680, 400]), 0.1, where)
    expected = motions.at(0.1 + dt, where)
    assert np.isfinite(expected.xyxy).all()
    assert 0.25 <= expected.growth[0] <= 4
    meeting = expected.meet(sight(np.array([600, 320, 680, 400])))
    assert (meeting.spread > 0).all()
    assert np.isfinite(meeting.taken(dt).table).all()


def test_the_vanishing_point_is_learned_from_what_grows() -> None:
    """With a camera that looks 80 pixels too high, as mounted by hand."""
    where = road()
    down = np.array([0, 80, 0, 80], np.float32)
    for right in (4.0, -4.0, 2.5):
        sign = Sign(5, 70, right=right)
        first = sight(truth(sign, 0.0) + down)
        for time in (1.0, 2.0, 2.6):
            later = sight(truth(sign, time) + down)
            state = [np.array([[*one.centre[:, 0], one.side[0], when]]) for one, when in ((first, 0.0), (later, time))]
            where.learn_vanishing(state[0], state[1])
    assert where.vanishing[0][1] == pytest.approx(PICTURE[0] / 2 + 80, abs=25)


def test_a_sign_that_was_just_seen_is_where_it_was_seen() -> None:
    where, box = road(), np.array([10.0, 20.0, 50.0, 90.0])
    np.testing.assert_allclose(born(box.astype(np.float32), where).at(0.0, where).xyxy, box[None])


def test_signs_that_meet_every_box_are_told_the_same_as_each_pair_alone() -> None:
    """Boxes that the picture's edge cuts, and others."""
    where = road()
    signs = Sight.of(np.array([[600, 300, 640, 340], [1180, 200, 1260, 290]]), PICTURE)
    boxes = Sight.of(np.array([[605, 298, 650, 344], [1215, 180, 1280, 290], [20, 300, 60, 330]]), PICTURE)
    motions = Motions.born(signs, 0.0, where)
    where.advance(0.3, None)
    every = motions.at(0.3, where).each()
    together = every.meet(boxes.completed(every.aspect))
    for row, column in itertools.product(range(2), range(3)):
        one, other = np.array([row]), np.array([column])
        alone = motions[one].at(0.3, where).meet(boxes[other].completed(motions.aspect[one]))
        np.testing.assert_allclose(together.off[:, row, column], alone.off[:, 0])
        np.testing.assert_allclose(together.spread[:, row, column], alone.spread[:, 0])
        np.testing.assert_allclose(together.size_log[row, column], alone.size_log[0])
