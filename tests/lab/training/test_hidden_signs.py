"""What stands before the signs of a detector's training tiles."""

import numpy as np
import pytest

from signpipe.lab.augmentation import HELD_OUT_OCCLUDERS
from signpipe.lab.training import hidden_signs
from signpipe.lab.training.hidden_signs import SMALLEST, hide_signs
from signpipe.types import SHAPES, FloatArray, Image

RED = (0, 0, 255)
OUTLINES = np.arange(len(SHAPES), dtype=np.uint8)


def street(boxes: FloatArray) -> Image:
    """A grey tile with red signs."""
    tile: Image = np.full((640, 640, 3), 90, np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int).tolist():
        tile[y1:y2, x1:x2] = RED
    return tile


def row_of(side: float, count: int = len(SHAPES)) -> FloatArray:
    """Boxes in a row, of a side, 20 pixels apart."""
    left = 10 + np.arange(count, dtype=np.float32) * (side + 20)
    return np.stack([left, np.full(count, 300), left + side, np.full(count, 300 + side)], 1).astype(np.float32)


def changed(tile: Image, after: Image) -> FloatArray:
    return np.asarray(np.abs(tile.astype(int) - after).max(2) > 30, np.float32)


def shares(tile: Image, after: Image, boxes: FloatArray) -> list[float]:
    difference = changed(tile, after)
    return [float(difference[y1:y2, x1:x2].mean()) for x1, y1, x2, y2 in boxes.astype(int).tolist()]


def test_signs_of_every_outline_are_hidden_in_part_and_never_wholly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden_signs, "CHANCE", 1.0)
    boxes = row_of(60)
    tile = street(boxes)
    found = np.array(
        [
            shares(tile, hide_signs(tile, boxes, OUTLINES, pieces(), np.random.default_rng(seed)), boxes)
            for seed in range(8)
        ]
    )
    assert (found.mean(0) > 0.1).all()
    assert found.max() < 0.95


def test_what_is_hidden_repeats_for_a_seed_and_the_tile_that_was_given_stays() -> None:
    boxes = row_of(60)
    tile = street(boxes)
    before = tile.copy()
    first, again, other = (
        hide_signs(tile, boxes, OUTLINES, pieces(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(tile, before)
    assert not np.array_equal(first, other)


def test_small_signs_stay_whole_while_things_stand_where_no_sign_is() -> None:
    boxes = row_of(SMALLEST - 2)
    tile = street(boxes)
    beside = 0.0
    for seed in range(8):
        after = hide_signs(tile, boxes, OUTLINES, pieces(), np.random.default_rng(seed))
        assert max(shares(tile, after, boxes)) == 0
        beside += float(changed(tile, after).sum())
    assert beside > 0


def test_a_sign_close_to_another_does_not_lose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hides one of two signs that touch reaches a tenth of it into the other at most."""
    monkeypatch.setattr(hidden_signs, "DECOYS", 0)
    monkeypatch.setattr(hidden_signs, "CHANCE", 0.5)
    boxes = np.array([[200, 200, 260, 260], [200, 260, 260, 320]], np.float32)
    tile, alone = street(boxes), 0
    for seed in range(40):
        upper, lower = shares(tile, hide_signs(tile, boxes, OUTLINES[:2], pieces(), np.random.default_rng(seed)), boxes)
        if min(upper, lower) <= 0.12 < max(upper, lower):
            alone += 1
    assert alone >= 10


def test_signs_at_the_edge_and_tiles_without_a_sign_or_surroundings_are_taken() -> None:
    none = np.zeros((0, 4), np.float32)
    edge = np.array([[0, 0, 40, 30], [600, 590, 640, 640]], np.float32)
    for boxes in (none, edge):
        for seed in range(6):
            tile = street(boxes)
            empty = np.zeros((0, 96, 96, 3), np.uint8)
            assert (
                hide_signs(tile, boxes, OUTLINES[: len(boxes)], empty, np.random.default_rng(seed)).shape == tile.shape
            )


def test_occluders_that_are_held_out_never_stand_before_a_training_sign() -> None:
    assert not {o.name for o in hidden_signs._ON_SIGNS} & {o.name for o in HELD_OUT_OCCLUDERS}


def pieces() -> Image:
    """Surroundings to hide behind."""
    return np.random.default_rng(0).integers(0, 255, (3, 96, 96, 3)).astype(np.uint8)
