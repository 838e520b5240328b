"""What a run's summary counts, and which meaning of a sign it keeps."""

from dataclasses import replace

import numpy as np
import pytest

from signpipe.sinks.summary import Summary
from signpipe.types import (
    Certainty,
    Classifications,
    Detections,
    Frame,
    FrameResult,
    Gap,
    SignTrack,
    TrackState,
    Verdict,
)


def track(
    certainty: Certainty,
    class_id: int = 5,
    probability: float = 0.95,
    side: float = 30,
    state: TrackState = TrackState.CONFIRMED,
    detection: int | None = 0,
) -> SignTrack:
    probabilities = np.full(43, (1 - probability) / 42, np.float32)
    probabilities[class_id] = probability
    box = np.array([10, 10, 10 + side, 10 + side], np.float32)
    category = None if certainty is Certainty.UNKNOWN else "prohibitory"
    return SignTrack(
        1, box, state, 0.9, 1.0, 0.0, 9, np.log(probabilities), probabilities, class_id,
        verdict=Verdict(certainty, category=category), detection=detection,
    )  # fmt: skip


def result(time: float, *tracks: SignTrack, dropped: int = 0) -> FrameResult:
    frame = Frame(np.zeros((72, 128, 3), np.uint8), int(time * 25), time, time, "test")
    timings = {"total": 50.0, "models": 40.0}
    return FrameResult(
        frame, Detections.empty(), Classifications.empty(43), [], list(tracks), [], timings_ms=timings, dropped=dropped
    )


def test_a_sign_is_one_row_with_its_best_verdict() -> None:
    summary = Summary()
    summary.add(result(0.0, track(Certainty.UNKNOWN, 1, 0.4, side=15)))
    summary.add(result(1.0, track(Certainty.UNCERTAIN, 1, 0.6, side=20)))
    summary.add(result(2.0, track(Certainty.CONFIRMED, 5, 0.95, side=40)))
    summary.add(result(3.0, track(Certainty.UNCERTAIN, 1, 0.6, side=60)))
    (seen,) = summary.signs.values()
    assert (seen.certainty, seen.class_id) == (Certainty.CONFIRMED, 5)
    assert seen.confidence == pytest.approx(0.95)
    assert (seen.first, seen.last, seen.largest) == (0.0, 3.0, 60.0)


def test_an_uncertain_sign_shows_no_class() -> None:
    summary = Summary()
    summary.add(result(0.0, track(Certainty.UNCERTAIN, 1, 0.6)))
    (seen,) = summary.signs.values()
    assert (seen.class_id, seen.category, seen.confidence) == (None, "prohibitory", 0.0)


def test_the_last_conflict_about_a_sign_is_kept() -> None:
    summary = Summary()
    for index, conflict in enumerate((None, "the map says speed limit 100 km/h, overruled", None)):
        seen = track(Certainty.CONFIRMED)
        seen.verdict = replace(seen.verdict, conflict=conflict)
        summary.add(result(index / 25, seen))
    assert [sign.conflict for sign in summary.signs.values()] == ["the map says speed limit 100 km/h, overruled"]


def test_a_coasting_box_is_no_sight_and_a_tentative_track_no_sign() -> None:
    summary = Summary()
    summary.add(result(0.0, track(Certainty.CONFIRMED, side=30)))
    summary.add(result(1.0, track(Certainty.CONFIRMED, side=90, state=TrackState.COASTING, detection=None)))
    (seen,) = summary.signs.values()
    assert (seen.last, seen.largest) == (0.0, 30.0)
    brief = Summary()
    brief.add(result(0.0, track(Certainty.UNKNOWN, state=TrackState.TENTATIVE)))
    assert not brief.signs


def test_counts_and_latency() -> None:
    summary = Summary()
    assert (summary.fps, summary.seconds) == (0.0, 0.0)
    assert np.isnan(summary.latency_ms(50))
    assert np.isnan(summary.overhead)
    for index in range(3):
        summary.add(result(index / 25, dropped=index))
    gap = Gap(1.0, 1.0, "test", "no frame for 1.0 s", 1.0)
    summary.add(FrameResult(gap, Detections.empty(), Classifications.empty(43), [], [], [], dropped=7))
    assert (summary.frames, summary.gaps, summary.dropped) == (3, 1, 7)
    assert summary.latency_ms(50) == 50.0
    assert summary.overhead == pytest.approx(0.2)
    assert summary.fps > 0
