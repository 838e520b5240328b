"""Showing each training picture more than once."""

import pytest
import torch

from signpipe.lab.training.echo import POOL, Batch, Echo

SIZE = 4


def batches(count: int) -> list[Batch]:
    """Batches of numbered pictures, each beside its target, ten times the number."""
    return [[torch.arange(SIZE) + SIZE * i, 10 * (torch.arange(SIZE) + SIZE * i)] for i in range(count)]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_every_picture_is_shown_and_as_often_as_asked_on_average(times: int) -> None:
    count = 6 * POOL
    shown = list(Echo(times, 0)(batches(count)))
    assert len(shown) == count * times
    seen = torch.bincount(torch.cat([pictures for pictures, _ in shown]), minlength=count * SIZE)
    assert seen.min() >= 1
    assert seen.float().mean() == times


def test_a_picture_keeps_its_target_and_is_not_twice_in_a_batch() -> None:
    for pictures, targets in Echo(3, 1)(batches(3 * POOL)):
        assert (targets == 10 * pictures).all()
        assert len(pictures.unique()) == SIZE


def test_echoes_are_far_apart_and_mixed_anew() -> None:
    shown = [batch[0] for batch in Echo(2, 2)(batches(3 * POOL))]
    late = shown[-2 * POOL + 1 :: 2]  # the echoes of the last batches
    neighbours = [len((batch // SIZE).unique()) for batch in late]
    assert sum(neighbours) / len(neighbours) > SIZE - 1


def test_the_same_seed_shows_the_same_again() -> None:
    first, second = (list(Echo(2, 5)(batches(9))) for _ in range(2))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, second, strict=True))


def test_the_batches_that_come_are_left_as_they_are() -> None:
    given = batches(2 * POOL)
    list(Echo(2, 0)(given))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(given, batches(2 * POOL), strict=True))
