"""What a run keeps for a person: each unsure sign once, at its best observation, whatever happens to the disk."""

from __future__ import annotations

import gc
import json
import logging
import weakref
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.opinion import Opinion
from signpipe.review import ReviewQueue
from signpipe.review.observation import Observation
from signpipe.settings import OutputSettings, ReviewSettings
from signpipe.sinks import RunInfo, open_run_sinks
from signpipe.sinks.review import ReviewSink
from signpipe.types import Certainty, FloatArray, Frame, FrameResult, Image, Pose, SignTrack, TrackState
from tests.sinks.results import CATALOGUE, frame_result, gap_result, track
from tests.support.limits import mounted_disk

RUN = RunInfo("drive.mp4", width=640, height=480, fps=25.0)
unsure = partial(track, probability=0.5, certainty=Certainty.UNCERTAIN, category="prohibitory")


def noise(seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)


def scene() -> Image:
    """Return something with edges of the size that signs have."""
    return np.asarray(cv2.resize(noise()[:30, :40], (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def unit(seed: int) -> FloatArray:
    vector = np.random.default_rng(seed).normal(size=64)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def seen(
    sign: SignTrack, index: int = 0, embedding: FloatArray | None = None, image: Image | None = None
) -> FrameResult:
    """Return a frame in which one sign is seen."""
    sign.detection = 0
    result = frame_result(index, tracks=[sign], image=scene() if image is None else image)
    result.classifications.embedding = (unit(sign.id) if embedding is None else embedding)[None]
    return result


def sink(folder: Path, **settings: float) -> ReviewSink:
    return ReviewSink(ReviewSettings(folder=folder, **settings), 0.6, RUN, CATALOGUE, "ab" * 32)


def run(folder: Path, *results: FrameResult, **settings: float) -> ReviewQueue:
    """Show results to a sink, close it, and return the queue."""
    review = sink(folder, **settings)
    for result in results:
        review.write(result)
    review.close()
    review.close()
    return ReviewQueue(folder)


def test_an_unsure_sign_is_saved_once_when_its_track_ends(tmp_path: Path) -> None:
    review, queue = sink(tmp_path), ReviewQueue(tmp_path)
    for index in range(5):
        review.write(seen(unsure(3, (100, 80, 140 + index * 20, 120 + index * 20)), index))
        assert not queue.items()
    review.write(frame_result(5))
    assert len(queue.items()) == 1
    review.write(frame_result(6))
    review.close()
    (entry,) = queue.items()
    item = entry.item
    assert (item.track_id, item.frame_index, item.media_time, item.source) == (3, 4, 0.16, "drive.mp4")
    assert list(item.xyxy) == [100, 80, 220, 200]  # the last look was the largest
    assert (item.why, item.verdict, item.category) == (("unsure",), "uncertain", "prohibitory")
    assert (item.top[0].name, item.top[0].probability) == ("speed_limit_80", 0.5)
    assert len(item.top) == 5
    np.testing.assert_allclose(item.embedding, unit(3), atol=1e-5)
    assert (entry.status, entry.label, entry.again) == ("open", None, 0)


def test_the_crop_is_the_cameras_own_pixels_and_the_context_shows_where_it_was(tmp_path: Path) -> None:
    (entry,) = run(tmp_path, seen(unsure(xyxy=(100, 80, 150, 120)))).items()
    left, top, right, bottom = entry.item.crop
    crop, context = cv2.imread(str(entry.crop)), cv2.imread(str(entry.context))
    assert crop is not None
    assert context is not None
    np.testing.assert_array_equal(crop, scene()[top:bottom, left:right])
    assert left <= 100 <= 150 <= right
    assert top <= 80 <= 120 <= bottom
    assert entry.item.context == (0, 0, 640, 480)
    assert context.shape == (480, 640, 3)


def test_the_sharper_of_two_observations_of_one_size_is_kept(tmp_path: Path) -> None:
    blurred = np.asarray(cv2.GaussianBlur(scene(), (0, 0), 4), np.uint8)
    looks = [
        seen(unsure(), 0, image=blurred), seen(unsure(), 1), seen(unsure(), 2, image=blurred)
    ]  # fmt: skip
    (entry,) = run(tmp_path, *looks).items()
    assert entry.item.frame_index == 1


def test_a_whole_observation_is_better_than_one_that_the_edge_cuts(tmp_path: Path) -> None:
    looks = [seen(unsure(xyxy=(580, 80, 630, 130)), 0), seen(unsure(xyxy=(585, 80, 640, 135)), 1)]
    (entry,) = run(tmp_path, *looks).items()
    assert entry.item.frame_index == 0


def test_a_sign_that_was_sure_at_any_time_is_not_saved(tmp_path: Path) -> None:
    assert not run(tmp_path, seen(unsure()), seen(track()), seen(unsure())).items()
    assert not tmp_path.joinpath("review").exists()


def test_a_novel_sign_and_a_conflict_are_saved_though_the_class_was_sure(tmp_path: Path) -> None:
    novel, disputed = track(1), track(2)
    novel.novelty = 0.7
    disputed.verdict = replace(disputed.verdict, conflict="the map says 50")
    queue = run(tmp_path, seen(novel), seen(disputed, 1), seen(track(2), 2))
    assert {entry.item.why for entry in queue.items()} == {("novel",), ("conflict",)}


def test_a_novel_observation_that_another_source_knows_is_no_novelty(tmp_path: Path) -> None:
    sign = track()
    sign.novelty = 0.9
    sign.verdict = replace(
        sign.verdict, opinions=(Opinion("template", np.zeros(43, np.float32), "80", class_id=5, familiar=True),)
    )
    assert not run(tmp_path, seen(sign)).items()


def test_flashes_and_tiny_signs_are_not_worth_a_persons_time(tmp_path: Path) -> None:
    flash = unsure(1, state=TrackState.TENTATIVE)
    tiny = unsure(2, (100, 80, 119, 99))
    assert not run(tmp_path, seen(flash), seen(tiny, 1)).items()
    assert len(run(tmp_path, seen(tiny, 1), smallest=10)) == 1


def test_what_was_said_and_where_it_was_is_kept(tmp_path: Path) -> None:
    sign = unsure()
    sign.verdict = replace(
        sign.verdict, opinions=(Opinion("map", np.zeros(43, np.float32), "limit 80 at 12 m", class_id=5),)
    )
    result = seen(sign)
    result.frame.pose = Pose(52.5, 13.4, 90.0)  # type: ignore[union-attr]
    (entry,) = run(tmp_path, result).items()
    assert (entry.item.opinions[0].source, entry.item.opinions[0].class_name) == ("map", "speed_limit_80")
    assert entry.item.pose is not None
    assert (entry.item.pose.latitude, entry.item.pose.speed) == (52.5, None)


def test_the_like_of_a_queued_sign_is_counted_in_place_of_saved(tmp_path: Path) -> None:
    same = unit(0)
    run(tmp_path, seen(unsure(1), 0, same), seen(unsure(2), 1, same))
    queue = run(tmp_path, seen(unsure(1), 0, same))  # another run, days later
    (entry,) = queue.items()
    assert entry.again == 2


def test_without_an_embedding_or_with_another_classifiers_nothing_is_alike(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.float32)
    run(tmp_path, seen(unsure(1), 0, nothing), seen(unsure(2), 1, nothing))
    zero = np.zeros(64, np.float32)  # of a crop that the classifier didn't look at
    run(tmp_path, seen(unsure(1), 0, zero), seen(unsure(2), 1, zero))
    assert len(run(tmp_path, seen(unsure(1), 0, unit(1)))) == 5
    other = ReviewSink(ReviewSettings(folder=tmp_path), 0.6, RUN, CATALOGUE, "cd" * 32)
    other.write(seen(unsure(1), 0, unit(1)))
    other.close()
    assert len(ReviewQueue(tmp_path)) == 6


def test_signs_around_it_are_noted_with_their_class_if_that_is_sure(tmp_path: Path) -> None:
    asked, sure, other = unsure(1), track(2, (200, 80, 240, 120)), unsure(3, (300, 80, 340, 120))
    result = frame_result(tracks=[asked, sure, other], image=scene())
    for row, sign in enumerate(result.tracks):
        sign.detection = row
    result.classifications.embedding = np.stack([unit(1), unit(2), unit(3)])
    first, _ = run(tmp_path, result).items()
    assert {(n.xyxy[0], n.name) for n in first.item.neighbours} <= {
        (100, None), (200, "speed_limit_80"), (300, None)
    }  # fmt: skip
    assert len(first.item.neighbours) == 2


def living_observations() -> int:
    gc.collect()
    return sum(isinstance(one, Observation) for one in gc.get_objects())


@pytest.mark.slow
def test_only_the_best_observation_of_living_tracks_is_in_memory(tmp_path: Path) -> None:
    review = sink(tmp_path)
    before = living_observations()
    frames = []
    for index in range(20):
        result = seen(unsure(index), index, image=scene().copy())
        assert isinstance(result.frame, Frame)
        frames.append(weakref.ref(result.frame.image))
        review.write(result)
    del result
    assert living_observations() - before == 1
    assert not any(frame() is not None for frame in frames)  # what is kept is a copy: the frames themselves can go
    review.write(gap_result())
    review.close()
    assert living_observations() == before


def test_frames_that_are_no_pictures_of_the_sign_change_nothing(tmp_path: Path) -> None:
    coasting = unsure(1, state=TrackState.COASTING)
    gap = replace(gap_result(), tracks=[coasting])
    assert len(run(tmp_path, seen(unsure(1)), gap, frame_result(5, tracks=[coasting]))) == 1
    assert not run(tmp_path / "other", gap).items()


def test_the_limits_hold_while_the_run_goes_on(tmp_path: Path) -> None:
    results = [seen(unsure(n, (100, 80, 260, 240)), n, image=noise(n)) for n in range(1, 9)]
    queue = run(tmp_path, *results, megabytes=1.0)
    assert queue.refresh()
    assert queue.megabytes <= 1.0
    assert {entry.item.track_id for entry in queue.items()} == set(range(9 - len(queue), 9))  # the newest


def test_a_queue_full_of_labels_says_so_once_and_keeps_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    queue = run(tmp_path, seen(unsure(1)))
    queue.label(queue.items()[0].item.id, "speed_limit_80", "ada")
    with caplog.at_level(logging.WARNING):
        run(tmp_path, seen(unsure(2)), seen(unsure(3), 1), megabytes=0.01)
    assert [record.message.count("full of labelled") for record in caplog.records] == [1]
    assert [entry.item.track_id for entry in queue.items()] == [1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a real disk of 1 MB."""
    with mounted_disk(tmp_path / "disk", "size=1m") as disk:
        yield disk


@pytest.mark.system
def test_a_full_disk_is_one_sentence_and_loses_nothing(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, settings = small_disk / "queue", OutputSettings(jsonl=small_disk.parent / "a.jsonl", status=False)
    with open_run_sinks(settings, RUN, CATALOGUE, sink(folder)) as sinks, caplog.at_level(logging.WARNING):
        for number in range(1, 13):
            sinks.write(seen(unsure(number), number, image=noise(number)))
    (warning,) = caplog.records
    assert "No space left on device" in warning.message
    assert str(folder) in warning.message
    assert len((small_disk.parent / "a.jsonl").read_text().splitlines()) == 14  # all the rest of the run
    kept = ReviewQueue(folder).items()
    assert 0 < len(kept) < 12
    assert all(cv2.imread(str(entry.crop)) is not None for entry in kept)
    assert not list(folder.glob(".*"))  # nothing half-written takes up room

    ReviewQueue(folder).prune(0.0001, 90)
    assert len(run(folder, seen(unsure(20)))) == 1  # there is room again


@pytest.mark.parametrize("bad", ["below a file", "in /proc"])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: str
) -> None:
    (tmp_path / "file").touch()
    folder = {"below a file": tmp_path / "file" / "queue", "in /proc": Path("/proc/none/queue")}[bad]
    with caplog.at_level(logging.WARNING):
        run(folder, seen(unsure(1)), seen(unsure(2), 1), seen(unsure(3), 2))
    (warning,) = caplog.records
    assert "the run goes on" in warning.message


def test_an_item_is_plain_json(tmp_path: Path) -> None:
    (entry,) = run(tmp_path, seen(unsure())).items()
    record = json.loads((entry.folder / "item.json").read_text())
    assert record["id"] == entry.folder.name
    assert record["xyxy"] == [100, 80, 140, 120]
