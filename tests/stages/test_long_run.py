"""Nothing that a stage holds grows with the length of a run."""

from __future__ import annotations

import numpy as np
import pytest

from signpipe.opinion import Opinion, Role
from signpipe.settings import DecideSettings, FallbackSettings, TrackSettings
from signpipe.stages.decide import Decide
from signpipe.stages.drive_state import MOST_REMARKS, DriveState, Reading
from signpipe.stages.fallback import Fallback
from signpipe.stages.meaning import LIMIT_UNKNOWN, SPEED_LIMIT
from signpipe.stages.track import Track
from signpipe.types import Frame, SignTrack
from tests.stages.scene import PICTURE, belief, frame
from tests.stages.tracks import CATALOGUE
from tests.support.weight import weight

FRAMES = 100_000
FRAME = Frame(np.zeros((8, 8, 3), np.uint8), 0, 0.0, 0.0, "test")


class Contrary:
    """A prior that always expects another limit, and learns."""

    name, role, weight, expensive = "contrary", Role.PRIOR, 1.0, False

    def __init__(self) -> None:
        self.lessons = 0

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        log = np.zeros(len(CATALOGUE), np.float32)
        other = CATALOGUE.by_name("speed_limit_100").id
        log[other] = 3.0
        return Opinion(self.name, log, f"a limit of 100 at sign {track.id} of {frame.source_id}", other)

    def learn(self, agreed: bool, /) -> None:
        self.lessons += agreed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_after_a_hundred_thousand_frames_no_stage_holds_more_than_after_a_tenth_of_them() -> None:
    track, decide = Track(TrackSettings(), CATALOGUE), Decide(DecideSettings(), CATALOGUE)
    fallback = Fallback(FallbackSettings(), CATALOGUE, [Contrary()])
    random, largest, issued = np.random.default_rng(0), {"early": 0, "late": 0}, set()
    for number in range(FRAMES):
        # A sign is seen in four frames of a hundred, each time another one: limits, their ends, stop, give way, ...
        boxes, rows = [], []
        if number % 100 < 4:
            corner = 300 + 12.0 * (number % 100)
            boxes = [np.array([corner, 200, corner + 60, 260], np.float32)]
            rows = [belief(number // 100 % len(CATALOGUE), float(random.uniform(0.97, 0.9999)))]
        seen = frame(number / 15, boxes, rows)
        if number % 1000 == 999:
            tracks = track.gap(seen.time)
        else:
            tracks, _ = track.update(seen.detections, seen.classifications, seen.time, PICTURE)
        tracks = list(map(SignTrack.judged, tracks, fallback(tracks, FRAME)))
        issued |= {one.id for one in tracks}
        advisories, _ = decide.update(tracks, seen.time, PICTURE, speed=20.0)
        if number % 401 == 0:
            held = sum(weight(stage, set()) for stage in (track, fallback, decide))
            part = "early" if number < FRAMES // 10 else "late"
            largest[part] = max(largest[part], held)
    assert len(issued) > FRAMES / 120
    assert advisories
    assert largest["late"] < 1.3 * largest["early"]


def test_of_twenty_thousand_conflicts_the_latest_few_are_mentioned() -> None:
    state = DriveState()
    state.take(Reading(LIMIT_UNKNOWN, 0.0))
    for number in range(20_000):
        state.advance(number / 1000, None)
        state.remark(SPEED_LIMIT, number, f"conflict {number}")
        assert all(len(held.remarks) <= MOST_REMARKS for held in state)
    (advisory,), _ = state.publish()
    expected = [f"conflict {number}" for number in range(20_000 - MOST_REMARKS, 20_000)]
    assert advisory.conflict == "; ".join(expected)
    state.advance(30.0, None)
    assert not any(held.remarks for held in state)
    (advisory,), _ = state.publish()
    assert advisory.conflict is None
