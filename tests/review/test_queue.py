"""The queue on disk: nothing stored is lost, nothing half-written is seen, labels outlive everything."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from signpipe.review import NOT_A_SIGN, ReviewQueue, Status
from tests.review.items import filled, item, put
from tests.support.limits import file_size_limit


def ids(queue: ReviewQueue, status: Status | None = None) -> list[str]:
    return [entry.item.id for entry in queue.items(status)]


def test_a_queue_that_is_not_there_is_empty_and_stays_so(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path / "none")
    assert queue.items() == []
    assert queue.prune(1, 1) == []
    assert not (tmp_path / "none").exists()


def test_what_was_saved_is_read_back_as_it_was_by_anyone(tmp_path: Path) -> None:
    saved = item(embedding=(0.6, 0.8))
    put(ReviewQueue(tmp_path / "deep" / "queue"), saved)
    (entry,) = ReviewQueue(tmp_path / "deep" / "queue").items()
    assert entry.item == saved
    assert (entry.status, entry.again) == (Status.OPEN, 0)


def test_items_come_the_oldest_first_and_by_status(tmp_path: Path) -> None:
    queue, (first, second, third) = filled(tmp_path)
    queue.label(second, "stop", "ada")
    queue.label(third, NOT_A_SIGN, "ada")
    assert ids(queue) == [first, second, third]
    assert ids(queue, Status.OPEN) == [first]
    assert ids(queue, Status.LABELLED) == [second]
    assert ids(queue, Status.REJECTED) == [third]


def test_a_later_label_replaces_an_earlier_one(tmp_path: Path) -> None:
    queue, (first, *_) = filled(tmp_path)
    queue.label(first, "stop", "ada")
    queue.label(first, "give_way", "bob")
    label = queue.items()[0].label
    assert label is not None
    assert (label.label, label.labeller, label.labelled_at.tzinfo is not None) == ("give_way", "bob", True)


def test_a_run_and_a_person_do_not_overwrite_one_another(tmp_path: Path) -> None:
    run, (first, *_) = filled(tmp_path)
    person = ReviewQueue(tmp_path)
    person.label(first, "stop", "ada")
    run.seen_again(first)
    person.label(first, "give_way", "ada")
    run.seen_again(first)
    new = put(run, item())
    assert ids(person)[-1] == new
    entry = person.items()[0]
    assert entry.label is not None
    assert (entry.label.label, entry.again) == ("give_way", 2)


def test_half_written_items_are_not_seen_and_cleaned_once_nobody_writes_them(tmp_path: Path) -> None:
    queue, kept = filled(tmp_path)
    for name in (".new-dead", ".new-busy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "item.json").write_text('{"id": "dea')
    (tmp_path / ".old-gone").mkdir()
    os.utime(tmp_path / ".new-dead", (time.time() - 3600,) * 2)
    assert ids(queue) == kept
    queue.prune(100, 1000)
    assert {path.name for path in tmp_path.glob(".*")} == {".new-busy"}


def test_a_labelled_item_that_a_dying_run_was_about_to_remove_comes_back(tmp_path: Path) -> None:
    queue, (first, *_) = filled(tmp_path)
    queue.label(first, "stop", "ada")
    (tmp_path / first).rename(tmp_path / f".old-{first}")
    queue.prune(100, 1000)
    assert ids(queue, Status.LABELLED) == [first]


def test_damaged_items_are_left_out_with_one_warning_and_never_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, (first, second, third) = filled(tmp_path)
    (tmp_path / first / "item.json").write_bytes(b"\xff\x00{")
    (tmp_path / "holiday pictures").mkdir()
    with caplog.at_level(logging.WARNING):
        fresh = ReviewQueue(tmp_path)
        assert ids(fresh) == ids(fresh) == [second, third]
        fresh.prune(1e-6, 1e-6)
    assert len([r for r in caplog.records if "damaged" in r.message]) == 1
    assert {path.name for path in tmp_path.iterdir()} == {first, "holiday pictures"}


def test_a_damaged_label_is_reported_and_the_item_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    queue, (first, *_) = filled(tmp_path)
    (tmp_path / first / "label.json").write_text("{")
    assert queue.items()[0].status is Status.OPEN
    assert "give it again" in caplog.text
    queue.prune(1e-6, 90)
    assert ids(queue) == [first]


@pytest.mark.parametrize("room", [0, 100, 1_000])
def test_an_item_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    queue, kept = filled(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with file_size_limit(room), pytest.raises(OSError, match=r"[Ff]ile too large"):
        put(queue, item())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert ids(queue) == kept
    put(queue, item())
    assert len(queue) == 4


def test_a_label_that_does_not_fit_leaves_the_earlier_one(tmp_path: Path) -> None:
    queue, (first, *_) = filled(tmp_path)
    queue.label(first, "stop", "ada")
    with file_size_limit(10), pytest.raises(OSError, match=r"[Ff]ile too large"):
        queue.label(first, "give_way", "ada")
    label = queue.items()[0].label
    assert label is not None
    assert label.label == "stop"
    assert sorted(path.name for path in (tmp_path / first).iterdir()) == [
        "context.jpg", "crop.png", "item.json", "label.json"
    ]  # fmt: skip


def test_a_label_for_an_item_that_is_gone_brings_nothing_back(tmp_path: Path) -> None:
    queue, (first, *_) = filled(tmp_path)
    queue.prune(1e-6, 90)
    with pytest.raises(FileNotFoundError):
        queue.label(first, "stop", "ada")
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_unlabelled_go_first_and_labelled_ones_never(tmp_path: Path) -> None:
    queue, (first, second, third, fourth) = filled(tmp_path, 4)
    queue.label(first, "stop", "ada")
    queue.label(third, NOT_A_SIGN, "ada")
    queue.refresh()
    assert queue.prune(queue.megabytes * 0.8, 90) == [second]
    assert queue.prune(1e-6, 90) == [fourth]
    assert ids(ReviewQueue(tmp_path)) == [first, third]
    assert [e.label.label for e in queue.items() if e.label] == ["stop", NOT_A_SIGN]


def test_unlabelled_ones_go_by_age(tmp_path: Path) -> None:
    queue, (first, second, third) = filled(tmp_path)  # three, two and one day old
    queue.label(first, "stop", "ada")
    assert queue.prune(100, 1.5) == [second]
    assert ids(queue) == [first, third]


def test_labelled_ones_go_only_when_a_person_says_so(tmp_path: Path) -> None:
    queue, (first, second, third) = filled(tmp_path)
    queue.label(first, "stop", "ada")
    queue.label(second, NOT_A_SIGN, "ada")
    assert queue.remove_labelled() == [first, second]
    assert ids(queue) == [third]


def test_the_most_alike_is_found_among_those_of_the_same_classifier(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path)
    put(queue, item(embedding=(1.0, 0.0)))
    near = put(queue, item(embedding=(0.6, 0.8)))
    put(queue, item())
    looks = np.array([0.8, 0.6], np.float32)
    assert ReviewQueue(tmp_path).like(looks, None, 0.9) == near
    assert queue.like(looks, None, 0.97) is None
    assert queue.like(looks, "ab" * 32, 0.1) is None
    assert queue.like(np.zeros(2, np.float32), None, 0.1) is None
    assert queue.like(np.zeros(0, np.float32), None, 0.1) is None


def test_an_entry_says_where_its_pictures_are(tmp_path: Path) -> None:
    queue, _ = filled(tmp_path, 1)
    (entry,) = queue.items()
    assert entry.crop.is_file()
    assert entry.context.is_file()
    assert set(asdict(entry)) == {"item", "folder", "label", "again"}
