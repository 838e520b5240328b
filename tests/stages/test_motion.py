"""Signs move as a road implies: outwards, as large as one over their distance, from the first look on."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from signpipe.settings import CameraSettings
from signpipe.stages.motion import Motions, boxes, measure
from signpipe.stages.road import Road
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


def born(box: FloatArray, where: Road) -> Motions:
    return Motions.born(box[None], 0.0, where)


def see(motions: Motions, box: FloatArray, time: float, where: Road) -> Motions:
    where.advance(time, None)
    return motions.at(time, where).meet(box[None]).taken(time)


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
    vx, vy = motions.at(motions.seen[0], where).velocity[0]
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
        meeting = motions.at(dt, where).meet(truth(sign, dt)[None])
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
    spreads = [motions.at(dt, where).meet(np.array([[600, 300, 640, 340]])).spread[0] for dt in (0.0, 0.1, 0.3, 1.0)]
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
    assert not where.leaves(motions.at(2.0, where).xyxy)[0]
    later = motions.at(3.0, where)
    assert later.passed[0] or where.leaves(later.xyxy)[0]


@pytest.mark.parametrize("dt", [0.02, 0.3, 5.0, 500.0])
def test_predictions_stay_finite_and_bounded(dt: float) -> None:
    where = road()
    motions = see(born(np.array([630, 350, 650, 370], np.float32), where), np.array([600, 320, 680, 400]), 0.1, where)
    expected = motions.at(0.1 + dt, where)
    assert np.isfinite(expected.xyxy).all()
    assert 0.25 <= expected.growth[0] <= 4
    meeting = expected.meet(np.array([[600, 320, 680, 400]], np.float32))
    assert (meeting.spread > 0).all()
    assert np.isfinite(meeting.taken(dt).centre).all()


def test_the_vanishing_point_is_learned_from_what_grows() -> None:
    """With a camera that looks 80 pixels too high, as mounted by hand."""
    where = road()
    down = np.array([0, 80, 0, 80], np.float32)
    for right in (4.0, -4.0, 2.5):
        sign = Sign(5, 70, right=right)
        first = measure(truth(sign, 0.0) + down)
        for time in (1.0, 2.0, 2.6):
            later = measure(truth(sign, time) + down)
            state = [np.array([[*one[:2], np.exp(one[2]), when]]) for one, when in ((first, 0.0), (later, time))]
            where.learn_vanishing(state[0], state[1])
    assert where.vanishing[0][1] == pytest.approx(PICTURE[0] / 2 + 80, abs=25)


def test_boxes_and_measures_are_inverse() -> None:
    box = np.array([[10.0, 20.0, 50.0, 90.0]])
    np.testing.assert_allclose(boxes(measure(box)), box)
