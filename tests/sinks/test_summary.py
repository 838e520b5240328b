"""What a run's summary counts, and which meaning of a sign it keeps."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from signpipe.cli.ending import doubts
from signpipe.sinks.summary import SIGNS_KEPT, Summary
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


def test_signs_that_were_seen_too_briefly_are_counted_once_each() -> None:
    def tentative(number: int) -> SignTrack:
        return replace(track(Certainty.UNKNOWN, state=TrackState.TENTATIVE), id=number)

    brief = Summary()
    brief.add(result(0.0, tentative(1), tentative(2)))
    brief.add(result(0.1, tentative(2), tentative(3)))
    assert brief.brief == 3
    brief.add(result(0.2, replace(tentative(2), state=TrackState.CONFIRMED)))  # it was long enough after all
    assert (brief.brief, brief.total) == (2, 1)


def test_the_memory_of_a_long_run_stays_flat() -> None:
    endless = Summary()
    count = SIGNS_KEPT + 50
    for number in range(count):
        endless.add(result(number * 0.1, replace(track(Certainty.CONFIRMED), id=number)))
    assert endless.total == count
    assert list(endless.signs) == list(range(50, count))


@pytest.mark.parametrize(
    ("summary", "independent", "damaged", "says"),
    [
        (Summary(), False, 0, "nothing could be looked at"),
        (Summary(frames=1), False, 0, "--independent"),
        (Summary(frames=9, _brief=2), False, 0, "2 signs were seen too briefly"),
        (Summary(frames=9, _brief=1), True, 0, "more pixels"),
        (Summary(frames=9, rejected=Counter(large=3)), False, 0, "3 boxes were larger"),
        (
            Summary(frames=9, rejected=Counter(small=4, large=3)),
            False,
            0,
            "4 boxes were left out",
        ),
        (Summary(frames=9), False, 7, "7 frames or files could not be read"),
        (Summary(frames=9), True, 0, "--detections raw"),
    ],
)
def test_no_signs_seen_is_never_all_that_is_said(summary: Summary, independent: bool, damaged: int, says: str) -> None:
    assert says in " ".join(doubts(summary, independent, damaged))


def test_a_run_that_saw_signs_surely_has_no_doubts() -> None:
    assert not list(doubts(Summary(frames=9, total=1), independent=False, damaged=0))
