"""Approaches thinned to other rates, and whole simulated scenes beside other trackers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.lab.evaluation.approach import Approach
from signpipe.lab.evaluation.approaching import GREY, squared
from signpipe.lab.evaluation.drives import evaluate_drives, open_scorer
from signpipe.lab.evaluation.rates import at_rates, frames_at
from signpipe.lab.simulation.boxes import KINDS, PICTURE, course, drive
from signpipe.opinion import Opinion, Role
from signpipe.settings import Settings
from signpipe.types import Classifications, Frame, SignTrack
from tests.lab.evaluation.drawn import drawn_dataset

CATALOGUE = load_catalogue()


def approach(class_id: int, probability: float = 0.98) -> Approach:
    """Return an approach of 30 frames that are all read rightly, with features of the class's own."""
    rows = np.full((30, 43), (1 - probability) / 42, np.float32)
    rows[:, class_id] = probability
    look = np.random.default_rng(class_id).normal(size=32).astype(np.float32)
    sizes = np.repeat(np.geomspace(12, 130, 30, dtype=np.float32)[:, None], 2, 1)
    seen = Classifications(rows, np.tile(look / np.linalg.norm(look), (30, 1)), np.full(30, 0.05, np.float32))
    return Approach(f"made/{class_id}", class_id, sizes, seen)


@pytest.mark.parametrize(("rate", "looks"), [(1.0, 3), (3.0, 9), (10.0, 30), (30.0, 88)])
def test_a_track_is_thinned_from_its_end(rate: float, looks: int) -> None:
    times, frames = zip(*frames_at(30, rate, 10.0), strict=True)
    assert len(times) == looks
    assert frames[-1] == 29
    assert times[-1] == pytest.approx(2.9)
    np.testing.assert_allclose(np.diff(times), 1 / rate)
    assert min(frames) >= 0
    assert (np.diff(frames) >= 0).all()


def test_a_sign_is_confirmed_at_every_rate_and_stays_one_track() -> None:
    for rate, found in at_rates([approach(5), approach(14)], Settings(), CATALOGUE, (1, 3, 10, 30), 10.0).items():
        assert found["confirmed_right"] == 1, rate
        assert found["fragments"] == 1, rate
        assert found["ever_wrong_published"] == 0, rate


def test_a_doubtful_look_that_is_seen_thrice_isnt_surer() -> None:
    flickering = approach(5, 0.6)
    found = at_rates([flickering], Settings(), CATALOGUE, (10, 30), 10.0)
    assert found["10"]["confirmed_right"] == found["30"]["confirmed_right"]


class Nods:
    """A witness that agrees with vision about what isn't grey where the sign should be, and is asked about all."""

    name, role, weight, expensive = "nods", Role.LOOKS, 1.0, False

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        left, top, right, bottom = track.xyxy.round().astype(int)
        if (frame.image[top:bottom, left:right] == GREY).mean() > 0.2 or (frame.image[:top] != GREY).mean() > 0.1:
            return None
        log = np.zeros(43, np.float32)
        log[track.class_id] = 9.0
        return Opinion(self.name, log, "a sign")


@pytest.mark.slow
def test_witnesses_are_shown_the_pictures_and_vision_is_told_apart(tmp_path: Path) -> None:
    pictures = [one for one in drawn_dataset(tmp_path) if one.class_ids == (14,)]
    doubtful = approach(14, 0.6)
    few = slice(0, len(pictures))
    seen = doubtful.observations
    looks = Classifications(seen.probability[few], seen.embedding[few], seen.novelty[few])
    shown = Approach(
        "drawn/14", 14, np.array([squared(one)[1] for one in pictures], np.float32), looks, tuple(pictures)
    )
    found = at_rates([shown], Settings(), CATALOGUE, (10.0,), 10.0, lambda: [Nods()])["10"]
    assert found["confirmed_right"] == 1
    assert found["vision_alone"]["confirmed_right"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_truth_lies_in_the_picture_and_detections_show_it(kind: str) -> None:
    road = course(kind, 1, [1, 5, 14], seconds=8.0)
    frames, again = (drive(road, 3.0, seed=4) for _ in range(2))
    seen = 0
    for frame, same in zip(frames, again, strict=True):
        np.testing.assert_array_equal(frame.detections.xyxy, same.detections.xyxy)
        assert len(set(frame.signs.tolist())) == len(frame.signs)
        assert (frame.boxes >= 0).all()
        assert (frame.boxes <= np.array(PICTURE[::-1] * 2)).all()
        assert set(frame.shown.tolist()) - {-1} <= set(frame.signs.tolist())
        assert (frame.ahead > 0).all()
        seen += len(frame.signs)
    assert seen > 5


@pytest.mark.slow
def test_signpipe_keeps_identities_that_others_lose() -> None:
    pytest.importorskip("trackeval")
    pytest.importorskip("trackers")
    real = [approach(class_id) for class_id in (1, 5, 9, 13, 14, 25)]
    found = evaluate_drives(real, Settings(), CATALOGUE, (1.0,), 1, open_scorer(), lambda *_: None)["1"]
    own = found.pop("signpipe")
    assert own["hota"] > max(other["hota"] for other in found.values()) + 0.2
    assert own["fragments"] < 1.15
    assert own["confirmed_right"] > 0.9
    assert 0 < own["metres_before_p10_p50"][0] < own["metres_before_p10_p50"][1]
    assert own["metres_after_20_px_p50_p90"][0] < own["metres_before_p10_p50"][1]
