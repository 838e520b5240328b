"""What is asked first is undecided, novel, often seen, and unlike what was said and asked before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signpipe.lab.review.asking import propose, uncertainty
from signpipe.review import ReviewQueue, Status
from signpipe.review.item import Choice
from signpipe.review.queue import Queued
from tests.review.items import item, put


def unit(*values: float) -> tuple[float, ...]:
    return tuple((np.array(values) / np.linalg.norm(values)).tolist())


def open_items(queue: ReviewQueue) -> list[Queued]:
    return queue.items(Status.OPEN)


def test_novel_before_familiar_and_unlike_before_like(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path)
    novel = put(queue, item(novelty=0.9, embedding=unit(1, 0, 0)))
    like = put(queue, item(novelty=0.88, embedding=unit(1, 0.02, 0)))
    other = put(queue, item(novelty=0.6, embedding=unit(0, 1, 0)))
    plain = put(queue, item(novelty=0.0, embedding=unit(0, 0, 1)))
    assert [one.entry.item.id for one in propose(open_items(queue), [], 4)] == [novel, other, plain, like]
    assert len(propose(open_items(queue), [], 2)) == 2


def test_what_was_labelled_makes_its_like_worth_less_and_what_is_often_seen_more(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path)
    labelled = put(queue, item(novelty=0.9, embedding=unit(1, 0, 0)))
    like = put(queue, item(novelty=0.9, embedding=unit(1, 0.01, 0)))
    seldom = put(queue, item(novelty=0.5, embedding=unit(0, 1, 0)))
    often = put(queue, item(novelty=0.5, embedding=unit(0, 0, 1)))
    queue.label(labelled, "stop", "ada")
    for _ in range(5):
        queue.seen_again(often)
    known = [entry for entry in queue.items() if entry.status is not Status.OPEN]
    assert [one.entry.item.id for one in propose(open_items(queue), known, 3)] == [often, seldom, like]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [((1.0,), 0.0), ((0.5, 0.5), 1.0), ((), 1.0), ((0.98, 0.01), 0.1)],
)
def test_uncertainty_is_the_entropy_of_what_vision_thought(
    tmp_path: Path, kept: tuple[float, ...], expected: float
) -> None:
    queue = ReviewQueue(tmp_path)
    top = tuple(Choice(name="stop", probability=probability) for probability in kept)
    put(queue, item().model_copy(update={"top": top}))
    assert uncertainty(open_items(queue)[0]) == pytest.approx(expected, abs=0.05)


def test_items_without_embedding_are_asked_about_too(tmp_path: Path) -> None:
    queue = ReviewQueue(tmp_path)
    for _ in range(3):
        put(queue, item())
    assert len(propose(open_items(queue), [], 5)) == 3
