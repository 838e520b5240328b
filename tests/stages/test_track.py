"""The tracker keeps one identity a sign, through noise, missing looks, neighbours and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.settings import TrackSettings
from signpipe.stages.appearance import alike
from signpipe.stages.target import Pace
from signpipe.stages.track import LONGEST_INTERVAL, Track
from signpipe.types import SHAPES, UNKNOWN_SHAPE, Classifications, Detections, FloatArray, SignTrack, TrackState
from tests.stages.scene import CLASSES, PICTURE, Look, Sign, belief, frame, looks

LIMIT_30, LIMIT_80, NO_OVERTAKING, GIVE_WAY = 1, 5, 9, 13


def tracker(**changes: float) -> Track:
    return Track(TrackSettings.model_validate(changes), load_catalogue())


def step(track: Track, look: Look) -> tuple[list[SignTrack], list[int]]:
    return track.update(look.detections, look.classifications, look.time, PICTURE)


def box(x: float, y: float, side: float = 40.0) -> FloatArray:
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32)


def seen(time: float, *boxes: FloatArray, class_id: int = LIMIT_80) -> Look:
    return frame(time, list(boxes), [belief(class_id, 0.95)] * len(boxes))


def nothing(time: float) -> Look:
    return frame(time, [], [])


def identities(
    signs: Sequence[Sign],
    times: npt.NDArray[np.float64],
    speed: float = 20.0,
    seed: int = 0,
    missed: float = 0.0,
    yaw: float = 0.0,
) -> dict[int, set[int]]:
    """Return the track ids that each sign had, by its position."""
    track = tracker()
    ids: dict[int, set[int]] = {}
    for look in looks(signs, times.tolist(), speed, seed, missed, yaw=yaw):
        for sign, id_ in zip(look.shown, step(track, look)[1], strict=True):
            ids.setdefault(signs.index(sign), set()).add(id_)
    return ids


def settle(track: Track, until: float = 0.5, fps: float = 30.0, at: FloatArray | None = None) -> list[SignTrack]:
    """Show one sign that stands still, until it is confirmed."""
    tracks: list[SignTrack] = []
    for time in np.arange(0, until, 1 / fps):
        tracks, _ = step(track, seen(float(time), box(600, 300) if at is None else at))
    return tracks


@pytest.mark.parametrize("fps", [5, 10, 15, 30, 60])
@pytest.mark.parametrize("speed", [8.0, 20.0, 30.0])
def test_a_sign_keeps_its_id_from_afar_to_the_edge_of_the_picture(fps: float, speed: float) -> None:
    for seed in range(3):
        ids = identities([Sign(LIMIT_80, 60)], np.arange(0, 60 / speed, 1 / fps), speed, seed=seed, yaw=10)
        assert ids == {0: {1}}


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_random_drops_dont_split_a_sign(fps: float) -> None:
    for seed in range(8):
        ids = identities([Sign(LIMIT_80, 60)], np.arange(0, 4, 1 / fps), 14.0, seed=seed, missed=0.3)
        assert ids == {0: {1}}


@pytest.mark.parametrize("seed", range(8))
def test_real_intervals_count_not_frame_numbers(seed: int) -> None:
    intervals = np.random.default_rng(seed).uniform(0.01, 0.2, 60)
    assert identities([Sign(LIMIT_80, 60)], np.cumsum(intervals), 18.0, seed=seed) == {0: {1}}


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_signs_on_one_pole_stay_apart(fps: float) -> None:
    pole = [Sign(LIMIT_80, 60, up=1.2), Sign(NO_OVERTAKING, 60, up=0.55), Sign(GIVE_WAY, 60, up=2.0, side=0.9)]
    for seed in range(4):
        ids = identities(pole, np.arange(0, 3, 1 / fps), seed=seed, missed=0.15 if fps > 5 else 0.0, yaw=10)
        assert len(ids) == 3
        assert set.intersection(*ids.values()) == set()
        assert all(len(own) == 1 for own in ids.values())


@pytest.mark.parametrize("fps", [10, 30])
def test_two_signs_of_one_class_stay_apart(fps: float) -> None:
    pair = [Sign(LIMIT_80, 60, right=4.0), Sign(LIMIT_80, 60, right=-4.0), Sign(LIMIT_80, 85, right=4.0)]
    for seed in range(4):
        assert identities(pair, np.arange(0, 4, 1 / fps), seed=seed) == {0: {1}, 1: {2}, 2: {3}}


def test_signs_that_cross_in_the_picture_keep_their_ids() -> None:
    track = tracker()
    ids = set()
    for time in np.arange(0, 2, 1 / 30):
        left, right = box(400 + 100 * time, 300), box(600 - 100 * time, 300, 44)
        found = step(track, frame(float(time), [left, right], [belief(LIMIT_80, 0.95), belief(GIVE_WAY, 0.95)]))[1]
        ids.add(tuple(found))
    # While one hides the other, a box may be taken for a double; ids are never swapped.
    assert {pair for pair in ids if -1 not in pair} == {(1, 2)}
    assert tuple(found) == (1, 2)


def test_a_sign_far_from_every_track_starts_its_own() -> None:
    track = tracker()
    settle(track)
    assert step(track, seen(0.5, box(600, 300), box(900, 300)))[1] == [1, 2]
    assert step(track, seen(0.53, box(1100, 100)))[1] == [3]


@pytest.mark.parametrize("second", [box(602, 301, 42), box(600, 300, 24)])
def test_a_second_box_of_one_sign_has_no_track(second: FloatArray) -> None:
    track = tracker()
    for time in np.arange(0, 0.5, 1 / 30):
        tracks, ids = step(track, seen(float(time), box(600, 300), second))
        assert sorted(ids) == [-1, 1]
        assert len(tracks) == 1


def test_a_flash_is_never_believed_and_soon_forgotten() -> None:
    track = tracker()
    states = [[t.state for t in step(track, seen(0.0, box(600, 300)))[0]]]
    states += [[t.state for t in step(track, nothing(time / 30))[0]] for time in range(1, 15)]
    assert states[0] == [TrackState.TENTATIVE]
    assert {state for some in states for state in some} == {TrackState.TENTATIVE}
    assert states[-1] == []


def test_confirmation_takes_both_time_and_looks() -> None:
    slow, fast = tracker(), tracker()
    by_looks = [step(slow, seen(time, box(600, 300)))[0][0].state for time in (0.0, 0.2, 0.4)]
    by_time = [step(fast, seen(time, box(600, 300)))[0][0].state for time in (0.0, 0.01, 0.02, 0.03, 0.13)]
    assert by_looks == [TrackState.TENTATIVE] * 2 + [TrackState.CONFIRMED]
    assert by_time == [TrackState.TENTATIVE] * 4 + [TrackState.CONFIRMED]


@pytest.mark.parametrize("blind", ["frames without the sign", "gaps"])
def test_a_believed_sign_coasts_and_then_ends(blind: str) -> None:
    track = tracker()
    settle(track)
    states: dict[float, list[TrackState]] = {}
    for time in np.arange(0.5, 2.0, 0.1):
        tracks = track.gap(float(time)) if blind == "gaps" else step(track, nothing(float(time)))[0]
        states[round(float(time), 1)] = [t.state for t in tracks]
        assert all(t.detection is None for t in tracks)
        assert all(t.unseen == pytest.approx(time - 29 / 60, abs=0.03) for t in tracks)
    assert states[1.2] == [TrackState.COASTING]
    assert states[1.5] == []


def test_a_sign_that_comes_back_in_time_is_the_same_one() -> None:
    track = tracker()
    settle(track)
    track.gap(0.9)
    tracks, ids = step(track, seen(1.1, box(602, 298)))
    assert ids == [1]
    assert tracks[0].state is TrackState.CONFIRMED


def test_after_two_seconds_it_is_another_sign() -> None:
    track = tracker()
    settle(track)
    assert step(track, seen(2.5, box(600, 300)))[1] == [2]


def test_after_a_short_gap_another_class_elsewhere_is_another_sign() -> None:
    track = tracker()
    settle(track)
    assert step(track, seen(1.1, box(660, 300), class_id=GIVE_WAY))[1] == [2]


def pictured(time: float, place: FloatArray, class_id: int, novelty: float = 0.05, shape: int = UNKNOWN_SHAPE) -> Look:
    """Return a sign with an embedding of its class's own, and an outline."""
    embedding = np.zeros((1, CLASSES), np.float32)
    embedding[0, class_id] = 1
    row = belief(class_id, 0.98)[None]
    detections = Detections(place[None], np.full(1, 0.9, np.float32), np.array([shape], np.uint8))
    return Look(time, detections, Classifications(row, embedding, np.full(1, novelty, np.float32)), [])


@pytest.mark.parametrize("fps", [1, 3, 10, 30])
def test_a_sign_that_comes_out_from_behind_another_is_another(fps: float) -> None:
    """In its very place: what is sure of one isn't said of the other."""
    track = tracker()
    times = np.arange(0, 6, 1 / fps)
    for time in times:
        class_id = LIMIT_80 if time < 3 else GIVE_WAY
        tracks, ids = step(track, pictured(float(time), box(600, 300, 40), class_id))
        assert ids == [1 if class_id == LIMIT_80 else 2]
        assert all(one.class_id == class_id for one in tracks if one.detection is not None)


@pytest.mark.parametrize(("probability", "number"), [(0.999, 2), (0.9, 1)])
def test_a_sure_look_at_another_class_is_at_another_sign_however_alike_they_are(
    probability: float, number: int
) -> None:
    """Two blue circles with arrows; what is hardly less sure may be a misread look at the same one."""
    track, look = tracker(), np.full((1, 8), 8**-0.5, np.float32)
    for time in (0.0, 0.33, 0.67):
        seen = pictured(time, box(600, 300, 30), LIMIT_80)
        step(track, replace(seen, classifications=replace(seen.classifications, embedding=look)))
    row = belief(GIVE_WAY, probability)[None]
    other = Classifications(row, look, np.full(1, 0.05, np.float32))
    after = pictured(1.0, box(606, 306, 30), GIVE_WAY)
    assert step(track, replace(after, classifications=other))[1] == [number]


def test_a_sign_that_is_hidden_for_a_moment_stays_the_same() -> None:
    """A misread look at something unfamiliar rules nothing out."""
    track = tracker()
    for number in range(30):
        hidden = number in (12, 13, 14)
        look = pictured(number / 10, box(600, 300), GIVE_WAY if hidden else LIMIT_80, novelty=0.7 if hidden else 0.05)
        assert step(track, look)[1] == [1]


def test_the_outline_that_a_detector_tells_is_evidence() -> None:
    sure = {}
    for shape in ("circle", "triangle", None):
        number = UNKNOWN_SHAPE if shape is None else SHAPES.index(shape)
        track = tracker()
        for time in (0.0, 0.3, 0.6):
            tracks, _ = step(track, pictured(time, box(600, 300, 20), LIMIT_80, shape=number))
        sure[shape] = tracks[0].confidence
    assert sure["triangle"] < sure[None] < sure["circle"]


def test_another_outline_speaks_against_one_sign() -> None:
    circle, triangle = SHAPES.index("circle"), SHAPES.index("triangle")
    outlines = np.array([circle, UNKNOWN_SHAPE], np.uint8)
    look = pictured(0.0, box(600, 300), LIMIT_80).classifications
    usual, embedding = np.repeat(look.belief, 2, 0), np.repeat(look.embedding, 2, 0)
    told = [alike(usual, embedding, outlines, look, np.array([shape], np.uint8))[:, 0] for shape in (circle, triangle)]
    unknown = alike(usual, embedding, outlines, look, np.array([UNKNOWN_SHAPE], np.uint8))[:, 0]
    assert told[1][0] < unknown[0] <= told[0][0]
    assert told[0][1] == told[1][1] == unknown[1]


def test_a_pause_of_ten_seconds_ends_what_was_in_view() -> None:
    """At one picture in ten seconds nothing can be known again, and single looks are taken for what they are."""
    track = tracker()
    settle(track)
    assert step(track, seen(10.5, box(600, 300)))[1] == [2]
    for number in range(2, 6):
        tracks, ids = step(track, seen(10.5 * number, box(600, 300)))
        assert ids == [number + 1]
        assert [one.hits for one in tracks if one.detection is not None] == [1]


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_a_sign_that_leaves_the_picture_ends_its_track(fps: float) -> None:
    track = tracker()
    last = 0.0
    for look in looks([Sign(LIMIT_80, 60)], [float(time) for time in np.arange(0, 5, 1 / fps)]):
        tracks, ids = step(track, look)
        last = look.time if ids else last
        if look.time > last + 0.25:
            assert tracks == []
    assert 2 < last < 4


def test_boxes_follow_the_truth_and_stay_in_the_picture() -> None:
    track = tracker()
    sign = Sign(LIMIT_80, 60)
    for look in looks([sign], [float(time) for time in np.arange(0, 3, 1 / 15)], seed=2, missed=0.1):
        tracks, _ = step(track, look)
        for one in tracks:
            assert (one.xyxy >= 0).all()
            assert (one.xyxy[[2, 0]] <= PICTURE[1]).all()
            truth = sign.box(20.0 * look.time)
            if truth is not None and one.state is TrackState.CONFIRMED:
                assert np.abs(one.xyxy - truth).max() < 3 + 0.15 * (truth[2] - truth[0])


def test_what_is_said_of_a_sign_depends_little_on_the_frame_rate() -> None:
    """At every rate, the same confidence comes at much the same size."""
    sizes = {}
    for fps in (5, 10, 15, 30, 60):
        track = tracker()
        for look in looks([Sign(LIMIT_80, 60)], [float(time) for time in np.arange(0, 3, 1 / fps)], seed=1):
            tracks, _ = step(track, look)
            if tracks and tracks[0].confidence >= 0.9:
                sizes[fps] = tracks[0].xyxy[2] - tracks[0].xyxy[0]
                break
    assert set(sizes) == {5, 10, 15, 30, 60}
    assert max(sizes.values()) < 1.5 * min(sizes.values())


@pytest.mark.slow
@pytest.mark.parametrize("fps", [15, 30])
def test_flicker_between_30_and_80_never_survives(fps: float) -> None:
    """With 40 % of the looks wrong, the wrong class isn't accepted, and the right one is at the end."""
    right = 0
    for seed in range(10):
        track = tracker()
        accepted: list[int] = []
        times = [float(time) for time in np.arange(0, 6.5, 1 / fps)]
        for look in looks([Sign(LIMIT_80, 60)], times, 8.0, seed, wrong={LIMIT_80: LIMIT_30}, wrong_rate=0.4):
            tracks, _ = step(track, look)
            accepted += [t.class_id for t in tracks if t.confidence >= 0.95 and t.state is TrackState.CONFIRMED]
        assert accepted.count(LIMIT_30) <= 0.02 * len(accepted)
        right += accepted[-1] == LIMIT_80
    assert right == 10


def test_a_snapshot_judges_by_one_look() -> None:
    track = tracker()
    settle(track)
    rows = [belief(LIMIT_80, 0.97), belief(GIVE_WAY, 0.6), belief(GIVE_WAY, 0.6)]
    look = frame(0.0, [box(600, 300), box(200, 300), box(201, 300)], rows)
    tracks, ids = track.snapshot(look.detections, look.classifications, PICTURE)
    assert ids == [2, 3, -1]
    assert [(t.id, t.state, t.class_id, t.hits) for t in tracks] == [
        (2, TrackState.CONFIRMED, LIMIT_80, 1),
        (3, TrackState.CONFIRMED, GIVE_WAY, 1),
    ]
    np.testing.assert_allclose([t.probability for t in tracks], rows[:2], rtol=1e-3)
    assert tracks[0].confidence == pytest.approx(0.97, abs=1e-3)


def test_a_recording_that_is_wound_back_starts_afresh() -> None:
    track = tracker()
    settle(track, until=2.0)
    tracks, ids = step(track, seen(0.0, box(600, 300)))
    assert ids == [2]
    assert [t.state for t in tracks] == [TrackState.TENTATIVE]


@pytest.mark.parametrize("time", [0.40, 29 / 60])
def test_disordered_or_equal_time_stamps_do_no_harm(time: float) -> None:
    track = tracker()
    before = settle(track)[0]
    after = step(track, seen(time, box(600, 300)))[0][0]
    assert after.id == before.id
    assert np.isfinite(after.xyxy).all()
    assert after.unseen == 0.0


def test_another_picture_size_starts_afresh() -> None:
    track = tracker()
    settle(track)
    look = seen(0.5, box(600, 300))
    assert track.update(look.detections, look.classifications, look.time, (480, 640, 3))[1] == [2]


def test_later_frames_leave_published_tracks_alone() -> None:
    track = tracker()
    first = settle(track)[0]
    kept = (first.xyxy.copy(), first.evidence.copy(), first.probability.copy(), first.hits, first.state)
    for time in np.arange(0.5, 0.8, 0.05):
        step(track, seen(float(time), box(640, 320, 60), class_id=LIMIT_30))
    track.gap(3.0)
    for old, new in zip(kept, (first.xyxy, first.evidence, first.probability, first.hits, first.state), strict=True):
        np.testing.assert_array_equal(old, new)


LONGEST_RECALL = Pace.at(LONGEST_INTERVAL, TrackSettings()).recall
Action = tuple[str, float, list[tuple[float, float, float]]]
actions = st.lists(
    st.tuples(
        st.sampled_from(["update", "update", "update", "gap", "snapshot", "reset"]),
        st.floats(-1.0, 3.0),
        st.lists(st.tuples(st.floats(5, 1275), st.floats(5, 715), st.floats(8, 300)), max_size=5),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(actions)
def test_whatever_happens_ids_are_never_reused_and_numbers_stay_finite(sequence: list[Action]) -> None:
    """A sign may come back from out of sight, but not from before a reset, and not after `recall_timeout`."""
    track = tracker()
    time, seen_at, ended = 0.0, dict[int, float](), set[int]()
    for action, interval, boxes in sequence:
        time += interval
        look = frame(time, [box(*one) for one in boxes], [belief(index, 0.8) for index in range(len(boxes))])
        ids: list[int] = []
        if action == "reset":
            track.reset()
            tracks = track.gap(time)
        elif action == "gap":
            tracks = track.gap(time)
        elif action == "snapshot":
            tracks, ids = track.snapshot(look.detections, look.classifications, PICTURE)
        else:
            tracks, ids = step(track, look)
        now = {t.id for t in tracks}
        if action in ("reset", "snapshot"):
            ended |= seen_at.keys() - now
        assert not now & ended
        assert len(now) == len(tracks)
        assert len(ids) == (len(boxes) if action in ("update", "snapshot") else 0)
        assert set(ids) - {-1} <= now
        assert [i for i in ids if i != -1] == list(dict.fromkeys(i for i in ids if i != -1))
        for one in tracks:
            assert np.isfinite(one.xyxy).all()
            assert one.probability.shape == (CLASSES,)
            assert one.probability.sum() == pytest.approx(1, abs=1e-4)
            assert (one.detection is None) == (one.id not in ids)
        seen_at |= dict.fromkeys(now, time)
        ended |= {id_ for id_, last in seen_at.items() if time - last > 2 * LONGEST_RECALL}


def test_looks_that_cannot_tell_let_what_was_known_fade_and_do_nothing_else() -> None:
    track = tracker()
    settled = settle(track, until=0.5)[0]
    times = 0.5 + np.arange(0, 15) / 30
    for time in times:
        (after,), ids = step(track, frame(float(time), [settled.xyxy], [np.zeros(CLASSES, np.float32)]))
        assert ids == [settled.id]
        assert after.class_id == settled.class_id
    kept = 0.5 ** ((times[-1] - 14 / 30) / TrackSettings().forgetting)
    np.testing.assert_allclose(after.evidence, kept * settled.evidence, rtol=1e-3, atol=1e-5)


def test_a_crop_that_nobody_looked_at_says_nothing() -> None:
    """Neither for a class nor for something unknown, and the evidence goes on where it was."""
    place = np.array([600, 300, 650, 350], np.float32)
    read, twin = tracker(), tracker()
    unread = Classifications(np.zeros((1, CLASSES), np.float32), np.zeros((1, 0), np.float32), np.ones(1, np.float32))
    for number in range(12):
        seen = frame(number / 10, [place], [belief(5, 0.9)])
        tracks, _ = read.update(seen.detections, seen.classifications, seen.time, PICTURE)
        unlucky = number in (0, 3, 4, 8)
        others, ids = twin.update(seen.detections, unread if unlucky else seen.classifications, seen.time, PICTURE)
        assert ids == [1]
        assert others[0].hits == number + 1
        assert others[0].novelty == (1.0 if number == 0 else pytest.approx(tracks[0].novelty))
    assert tracks[0].class_id == others[0].class_id == 5
    assert others[0].confidence == pytest.approx(tracks[0].confidence, abs=0.05)


def test_a_sign_of_which_no_crop_was_looked_at_is_followed_and_unknown() -> None:
    track, place = tracker(), np.array([600, 300, 650, 350], np.float32)
    detections = frame(0, [place], [belief(5, 0.9)]).detections
    unread = Classifications(np.zeros((1, CLASSES), np.float32), np.zeros((1, 0), np.float32), np.ones(1, np.float32))
    for number in range(12):
        tracks, _ = track.update(detections, unread, number / 10, PICTURE)
    assert (tracks[0].id, tracks[0].state, tracks[0].novelty) == (1, TrackState.CONFIRMED, 1.0)
    assert np.ptp(tracks[0].probability) == 0
