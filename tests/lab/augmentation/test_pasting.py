"""Signs that are drawn into scenes lie where their boxes say, and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest

from signpipe.catalogue import Shape, load_catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.lab.augmentation.pasting import Drawings, outline_of, paste_drawing, trim
from signpipe.types import SHAPES, FloatArray, Image, ShapeArray

NOWHERE = np.zeros((0, 4), np.float32)
OWN = Drawings()
BOARD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><rect width="200" height="100" fill="#04a"/></svg>'
)
WITH_PLATES = Drawings({"information--exit--g1": BOARD, "complementary--distance--g1": BOARD}, share=1.0)


def paste(
    image: Image, boxes: FloatArray, side: tuple[float, float], seed: int, drawings: Drawings = OWN
) -> tuple[Image, FloatArray, ShapeArray]:
    shapes = np.zeros(len(boxes), np.uint8)
    return paste_drawing(image, boxes, shapes, side, np.random.default_rng(seed), drawings)


@pytest.mark.parametrize("side", [14.0, 40.0, 120.0, 300.0])
def test_a_pasted_sign_is_as_large_as_asked_and_inside_its_box(side: float) -> None:
    scene = np.full((480, 640, 3), 90, np.uint8)
    for seed in range(5):
        image, boxes, _ = paste(scene, NOWHERE, (side, side * 1.001), seed)
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
        image, boxes, _ = paste(night, there, (60.0, 90.0), seed)
        assert len(boxes) == 1 or boxes[1, 1] > 178
        assert np.percentile(image, 99.9) < 160, "a sign shines in the dark"


def test_where_no_place_is_left_nothing_happens() -> None:
    scene, everywhere = np.zeros((100, 100, 3), np.uint8), np.array([[0, 0, 100, 100]], np.float32)
    image, boxes, _ = paste(scene, everywhere, (20.0, 40.0), 0)
    assert image is scene
    assert len(boxes) == 1


def test_a_drawing_has_the_outline_of_its_class() -> None:
    for sign in load_catalogue():
        assert SHAPES[outline_of(trim(render_drawing(sign.name, 96)))] == sign.shape, sign.name


def test_a_board_is_oblong_and_what_hangs_below_it_is_a_plate() -> None:
    scene = np.full((480, 640, 3), 90, np.uint8)
    seen = set()
    for seed in range(20):
        _, boxes, shapes = paste(scene, NOWHERE, (120.0, 140.0), seed, WITH_PLATES)
        outlines = tuple(SHAPES[shape] for shape in shapes)
        seen.add(outlines)
        if len(outlines) == 2:
            assert boxes[1, [1, 3]].mean() > boxes[0, 3], "the plate doesn't hang below the board"
    assert seen == {("rectangle",), ("rectangle", "plate")}


def test_the_detectors_outlines_are_the_catalogues() -> None:
    assert tuple(Shape) == SHAPES
