"""A pool of training pictures that are made once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signpipe.errors import OutputError, SourceError
from signpipe.lab.training import pool
from signpipe.lab.training.pool import Pool

COUNT = 40
IDENTITY = {"seed": 3, "drawings": None, "leave_out": ()}


class Numbered:
    """Makes pictures that show their number, each beside what is known of it, and ends where it is told to."""

    def __init__(self, end: int = COUNT) -> None:
        self._end = end

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], ...]:
        if index >= self._end:
            raise RuntimeError("interrupted")
        picture = np.full((4, 4, 3), index, np.uint8)
        return (
            picture,
            np.array([index / 7, 1], np.float32),
            np.zeros((2, 1, 1), np.float32),
            np.asarray(index, np.int64),
        )


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CHUNK", 8)


def numbers(made: Pool, start: int, end: int) -> list[int]:
    return [int(made[i][0][0, 0, 0]) for i in range(start, end)]


def test_each_pass_shows_each_picture_once_and_in_another_order(tmp_path: Path) -> None:
    made = Pool(tmp_path, Numbered(), COUNT, IDENTITY, seed=5, workers=0)
    first, second = numbers(made, 0, COUNT), numbers(made, COUNT, 2 * COUNT)
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second
    assert numbers(made, 0, COUNT) == first  # whenever it is asked for


def test_a_picture_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    made = Pool(tmp_path, Numbered(), COUNT, IDENTITY, seed=5, workers=0)
    for index in range(COUNT):
        picture, target, parts, look = made[index]
        assert (picture == look).all()
        assert target == pytest.approx([int(look) / 7, 1], rel=1e-3)
        assert [one.dtype for one in (picture, target, parts, look)] == [np.uint8, np.float32, np.float32, np.int64]


def test_what_was_made_before_an_interruption_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="interrupted"):
        Pool(tmp_path, Numbered(end=20), COUNT, IDENTITY, seed=5, workers=0)

    class Rest(Numbered):
        def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], ...]:
            assert index == 0 or index >= 16  # the first one tells shapes
            return super().__getitem__(index)

    made = Pool(tmp_path, Rest(), COUNT, IDENTITY, seed=5, workers=0)
    assert sorted(numbers(made, 0, COUNT)) == list(range(COUNT))
    again = Pool(tmp_path, Numbered(end=1), COUNT, IDENTITY, seed=5, workers=0)
    assert numbers(again, 0, COUNT) == numbers(made, 0, COUNT)


def test_a_pool_of_other_pictures_is_refused_and_kept(tmp_path: Path) -> None:
    Pool(tmp_path, Numbered(), COUNT, IDENTITY, seed=5, workers=0)
    for count, identity in ((COUNT, IDENTITY | {"seed": 4}), (COUNT + 1, IDENTITY)):
        with pytest.raises(SourceError, match="other training pictures"):
            Pool(tmp_path, Numbered(), count, identity, seed=5, workers=0)
    assert len(numbers(Pool(tmp_path, Numbered(end=1), COUNT, IDENTITY, seed=5, workers=0), 0, COUNT)) == COUNT


def test_processes_make_the_same_pool(tmp_path: Path) -> None:
    alone = Pool(tmp_path / "alone", Numbered(), COUNT, IDENTITY, seed=5, workers=0)
    both = Pool(tmp_path / "both", Numbered(), COUNT, IDENTITY, seed=5, workers=2)
    assert numbers(alone, 0, COUNT) == numbers(both, 0, COUNT)


def test_a_pool_that_the_disk_has_no_room_for_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="GB left; make room"):
        Pool(tmp_path, Numbered(), 10**15, IDENTITY, seed=5, workers=0)
    assert not list(tmp_path.iterdir())
