"""Pictures and positions that are apart in time are put together again, where bends and speed tell it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signpipe.mapping.delay import LEAST, STEPS, find_delay
from signpipe.mapping.driven import place_watched, sizes_of
from signpipe.mapping.trajectory import find_trajectory
from signpipe.settings import CameraSettings
from tests.mapping.streets import CATALOGUE, USUAL, nearest, recorded, street


@pytest.mark.slow
def test_positions_that_are_ahead_are_put_back() -> None:
    along = street(length=500.0)
    errors = replace(USUAL, ahead=1.4)
    road = place_watched(recorded(along, 1, errors), CameraSettings(), sizes_of(CATALOGUE), None, one_clock=False)
    assert road.delay is not None
    assert road.delay[0] == pytest.approx(1.4, abs=0.5)
    assert road.delay[1] < 0.5
    late = place_watched(recorded(along, 1, errors), CameraSettings(), sizes_of(CATALOGUE), None, one_clock=True)
    off = [float(np.median([nearest(along, sign)[1] for sign in one.signs])) for one in (road, late)]
    assert off[0] < off[1] / 2


def test_the_least_misfit_is_found_between_the_steps_and_its_curvature_is_the_spread() -> None:
    recording = recorded(street(), 0)
    path = find_trajectory(recording.frames, "drive")
    begin = path.time[0]
    found = find_delay(recording, recording.signs, path, lambda _, moved: 8 * (moved.time[0] - begin - 0.7) ** 2)
    assert np.allclose(found or (), (0.7, 1.2 / 4))
    sharp = find_delay(recording, recording.signs, path, lambda _, moved: 1e4 * (moved.time[0] - begin) ** 2)
    assert np.allclose(sharp or (), (0.0, LEAST), atol=1e-6)


def test_what_no_look_tells_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    recording = recorded(street(), 0)
    path = find_trajectory(recording.frames, "drive")
    assert find_delay(recording, recording.signs[:2], path, lambda *_: 0.0) is None
    assert find_delay(recording, recording.signs, path, lambda *_: 1.0) is None
    begin = path.time[0]
    assert find_delay(recording, recording.signs, path, lambda _, moved: -(moved.time[0] - begin)) is None
    assert f"moved by {STEPS[-1]:g} s" in caplog.text
