"""What doesn't come nearer as the car drives is no sign; what does is never taken for none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.opinion import Opinion
from signpipe.settings import CameraSettings
from signpipe.types import Frame, Motion
from signpipe.witnesses.approach import ApproachWitness
from tests.stages.tracks import track

CAMERA = CameraSettings(focal=1200)
IMAGE = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (720, 1280, 3))
STEP = 0.1


def say(sides: Sequence[float], speed: float | None, begin: float = 0.0, left: float = 700.0) -> list[Opinion | None]:
    """Return what is said of a limit whose box has these sides, one a tenth of a second."""
    witness = ApproachWitness(CAMERA, load_catalogue())
    said = []
    for number, side in enumerate(sides):
        one = track("speed_limit_30")
        one.xyxy = np.array([left, 200, left + side, 200 + side], np.float32)
        motion = None if speed is None else Motion(speed)
        said.append(witness(one, Frame(IMAGE, number, 0.0, begin + number * STEP, motion=motion)))
    return said


def approach(size: float, distance: float, speed: float, rng: np.random.Generator) -> list[float]:
    """Return the sides of a sign of a size in metres, from a distance on to five metres."""
    sides = []
    while distance > 5:
        sides.append(1200 * size / distance * float(np.exp(rng.normal(0, 0.03))))
        distance -= speed * STEP
    return sides


def ruled_out(said: list[Opinion | None]) -> int | None:
    """Return at which look it was ruled out."""
    return next((number for number, one in enumerate(said) if one is not None and one.impossible), None)


@pytest.mark.parametrize(("side", "speed", "latest"), [(67, 36, 5), (40, 36, 8), (67, 14, 10), (20, 36, 12)])
def test_a_drop_on_the_glass_is_ruled_out_within_a_second(side: float, speed: float, latest: int) -> None:
    said = say([side] * 15, speed)
    place = ruled_out(said)
    assert place is not None
    assert place <= latest
    opinion = said[place]
    assert opinion is not None
    assert "doesn't come nearer" in opinion.text
    assert not opinion.log_likelihood.any()


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.42, 1.3), st.floats(40, 110), st.floats(3, 45), st.integers(0, 2**31), st.floats(0.5, 1.0),
)  # fmt: skip
def test_a_real_sign_is_never_ruled_out(size: float, distance: float, speed: float, seed: int, shown: float) -> None:
    sides = approach(size, distance, speed, np.random.default_rng(seed))
    sides[len(sides) * 3 // 4 :] = [side * shown for side in sides[len(sides) * 3 // 4 :]]  # a lorry hides a part of it
    assert ruled_out(say(sides, speed)) is None


def test_a_far_sign_whose_box_shrinks_by_a_pixel_is_no_drop() -> None:
    assert ruled_out(say(np.linspace(16, 15, 12).tolist(), 14)) is None


@pytest.mark.parametrize("speed", [None, 0.0, float("nan")])
def test_without_a_speed_or_at_rest_nothing_is_said(speed: float | None) -> None:
    assert say([40] * 30, speed) == [None] * 30


def test_what_is_cut_by_the_edge_of_the_picture_tells_nothing() -> None:
    assert say([60] * 30, 30, left=1230) == [None] * 30


def test_after_a_pause_all_begins_anew() -> None:
    witness = ApproachWitness(CAMERA, load_catalogue())
    one = track("speed_limit_30")
    one.xyxy = np.array([700, 200, 760, 260], np.float32)
    times = [0.0, 0.1, 5.0, 5.1, 9.0, 9.1]
    assert [witness(one, Frame(IMAGE, 0, 0.0, at, motion=Motion(20))) for at in times] == [None] * 6
