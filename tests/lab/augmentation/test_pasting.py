"""Signs that are drawn into scenes lie where their boxes say, and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest

from signpipe.lab.augmentation.pasting import paste_drawing

NOWHERE = np.zeros((0, 4), np.float32)


@pytest.mark.parametrize("side", [14.0, 40.0, 120.0, 300.0])
def test_a_pasted_sign_is_as_large_as_asked_and_inside_its_box(side: float) -> None:
    scene = np.full((480, 640, 3), 90, np.uint8)
    for seed in range(5):
        image, boxes = paste_drawing(scene, NOWHERE, (side, side * 1.001), np.random.default_rng(seed))
        x1, y1, x2, y2 = boxes[0]
        assert max(x2 - x1, y2 - y1) == pytest.approx(side, abs=2)
        rows, columns = np.nonzero((image != scene).any(axis=2))
        assert rows.min() >= y1 - 0.15 * side - 2
        assert rows.max() <= y2 + 0.15 * side + 2
        assert columns.min() >= x1 - 0.15 * side - 2
        assert columns.max() <= x2 + 0.15 * side + 2
    assert (scene == 90).all(), "the scene itself was changed"


def test_it_covers_no_sign_that_is_there_and_the_dark_stays_dark() -> None:
    night = np.random.default_rng(0).integers(0, 25, (400, 400, 3), np.uint8)
    there = np.array([[0, 0, 400, 180]], np.float32)
    for seed in range(10):
        image, boxes = paste_drawing(night, there, (60.0, 90.0), np.random.default_rng(seed))
        assert len(boxes) == 1 or boxes[1, 1] > 178
        assert np.percentile(image, 99.9) < 160, "a sign shines in the dark"


def test_where_no_place_is_left_nothing_happens() -> None:
    scene, everywhere = np.zeros((100, 100, 3), np.uint8), np.array([[0, 0, 100, 100]], np.float32)
    image, boxes = paste_drawing(scene, everywhere, (20.0, 40.0), np.random.default_rng(0))
    assert image is scene
    assert len(boxes) == 1
