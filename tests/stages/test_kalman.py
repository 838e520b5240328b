"""The box filter foresees how an approached sign moves and grows."""

from __future__ import annotations

import numpy as np
import pytest

from signpipe.stages.kalman import BoxFilter, measure
from signpipe.types import FloatArray
from tests.stages.scene import PICTURE, Sign

SPEED = 20.0


def truth(sign: Sign, time: float) -> FloatArray:
    box = sign.box(SPEED * time)
    assert box is not None
    return box


@pytest.mark.parametrize("dt", [1 / 30, 1 / 10, 1 / 5])
def test_an_approached_sign_is_foreseen(dt: float) -> None:
    """Once it knows the rates, a prediction is off by a small part of the box, though it grows ever faster."""
    sign = Sign(5, 50)
    box = BoxFilter(truth(sign, 0.0), PICTURE)
    for time in np.arange(dt, 1.95, dt):
        box.predict(dt)
        expected = truth(sign, float(time))
        if time > 0.8:
            assert np.abs(box.xyxy - expected).max() < 0.25 * (expected[2] - expected[0])
        box.update(expected)
    assert box.velocity[0] > 100
    assert box.velocity[1] < 0


def test_uncertainty_grows_with_time_not_with_steps() -> None:
    one, many = (BoxFilter(np.array([600, 300, 640, 340], np.float32), PICTURE) for _ in range(2))
    one.predict(0.4)
    for _ in range(40):
        many.predict(0.01)
    np.testing.assert_allclose(one.spread, many.spread, rtol=1e-6)
    before = one.spread
    one.predict(0.0)
    np.testing.assert_array_equal(one.spread, before)


def test_a_sign_that_the_edge_cuts_doesnt_seem_to_shrink() -> None:
    box = BoxFilter(np.array([1100, 300, 1200, 400], np.float32), PICTURE)
    for time in range(1, 20):
        box.predict(1 / 30)
        box.update(
            np.minimum(np.array([1100, 300, 1200, 400]) + time * np.array([8, 0, 8, 0]), 1280).astype(np.float32)
        )
    assert box.side == pytest.approx(100, rel=0.1)
    assert box.visible[2] == PICTURE[1]
    assert box.xyxy[2] > PICTURE[1] + 40


def test_coasting_ends_outside_the_picture() -> None:
    sign = Sign(5, 50)
    box = BoxFilter(truth(sign, 0.0), PICTURE)
    for time in np.arange(0.1, 2.1, 0.1):
        box.predict(0.1)
        box.update(truth(sign, float(time)))
    assert not box.has_left
    for _ in range(8):
        box.predict(0.1)
    assert box.has_left


def test_long_coasting_stays_finite() -> None:
    box = BoxFilter(np.array([630, 350, 650, 370], np.float32), PICTURE)
    box.predict(0.1)
    box.update(np.array([600, 320, 680, 400], np.float32))
    for _ in range(100):
        box.predict(0.5)
    assert np.isfinite(box.xyxy).all()
    assert box.has_left


@pytest.mark.parametrize("quantity", ["x", "y", "side", "aspect"])
def test_an_error_in_one_of_the_four_quantities_moves_no_other(quantity: str) -> None:
    """What `spread` and the inverse of a diagonal rest on: nothing correlates them."""
    sign = Sign(5, 50)
    right, wrong = (BoxFilter(truth(sign, 0.0), PICTURE) for _ in range(2))
    for time in np.arange(0.1, 2.1, 0.1):
        for box in (right, wrong):
            box.predict(0.1)
        if time < 2.0 - 1e-6:
            for box in (right, wrong):
                box.update(truth(sign, float(time)))
    measured = right.xyxy.astype(np.float32)  # as foreseen
    right.update(measured)
    middle, half = (measured[:2] + measured[2:]) / 2, (measured[2:] - measured[:2]) / 2
    middle = middle + np.array({"x": (6, 0), "y": (0, 6)}.get(quantity, (0, 0)), np.float32)
    half = half * np.array({"side": (1.1, 1.1), "aspect": (1.1, 1 / 1.1)}.get(quantity, (1, 1)), np.float32)
    wrong.update(np.concatenate([middle - half, middle + half]).astype(np.float32))
    moved = np.abs(measure(wrong.xyxy) - measure(right.xyxy)) > 1e-4
    assert moved.tolist() == [quantity == name for name in ("x", "y", "side", "aspect")]


@pytest.mark.parametrize("dt", [0.02, 0.1, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("growing", [True, False])
def test_no_step_more_than_halves_the_distance(dt: float, growing: bool) -> None:
    """However fast a sign seemed to grow, a prediction doubles it at most; the rate that did so is the state's own."""
    box = BoxFilter(np.array([630, 350, 650, 370], np.float32), PICTURE)
    for step in range(1, 6):
        box.predict(0.03)
        side = 20 * (2.0**step if growing else 0.6**step)
        box.update(np.array([640 - side / 2, 360 - side / 2, 640 + side / 2, 360 + side / 2], np.float32))
    for _ in range(4):
        before = box.side
        box.predict(dt)
        assert 1 / 1.5 - 1e-9 <= box.side / before <= 2 + 1e-9
        assert (box.spread > 0).all()
        assert np.isfinite(box.spread).all()


def test_where_nothing_is_clamped_the_growth_is_that_of_the_distance() -> None:
    """A sign seen at 1 / (T - t) with T a second ahead is foreseen a third of a second on, as large as it will be."""
    box = BoxFilter(np.array([620, 340, 660, 380], np.float32), PICTURE)
    for time in np.arange(0.02, 0.4, 0.02):
        side = 40 / (1 - time)
        box.predict(0.02)
        box.update(np.array([640 - side / 2, 360 - side / 2, 640 + side / 2, 360 + side / 2], np.float32))
    box.predict(0.2)
    assert box.side == pytest.approx(40 / (1 - 0.38 - 0.2), rel=0.05)
