"""Tiles for the detector: boxes must stay on their signs, at every scale."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.lab.data import LabelledImage
from signpipe.lab.data.labelled import SIGN
from signpipe.lab.training.detector_data import NOTHING, Source, Tiles, cut, known_mistakes, load_sources
from signpipe.types import SHAPES, Image

RED = (0, 0, 255)


def scene() -> Source:
    """A grey street with red signs of 20, 40 and 90 pixels."""
    image: Image = np.full((400, 700, 3), 90, np.uint8)
    boxes = np.array([[100, 100, 120, 120], [300, 150, 340, 190], [500, 200, 590, 290]], np.float32)
    for box in boxes.astype(int).tolist():
        image[box[1] : box[3], box[0] : box[2]] = RED
    return Source(image, boxes, np.array([0, 1, 5], np.uint8), True, True)


def red_box(image: Image) -> tuple[float, ...]:
    rows, columns = np.nonzero((image[..., 2] > 170) & (image[..., 0] < 60))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7, 3.0])
def test_a_box_stays_on_its_sign_when_a_piece_is_scaled(scale: float) -> None:
    image, boxes, _ = cut(scene(), np.array([320.0, 170.0]), np.array([scale, scale]), 128)
    whole = [box for box in boxes if (box > 0).all() and (box < 128).all()]
    assert len(whole) == 1
    np.testing.assert_allclose(red_box(image), whole[0], atol=1.5)


def test_a_piece_keeps_inside_the_scene_where_it_can() -> None:
    image, boxes, _ = cut(scene(), np.array([0.0, 0.0]), np.ones(2), 128)
    np.testing.assert_allclose(boxes, [[100, 100, 120, 120]])
    assert (image[0, 0] == 90).all()


def test_a_piece_larger_than_the_scene_is_filled_up() -> None:
    image, boxes, _ = cut(scene(), np.array([350.0, 200.0]), np.full(2, 0.25), 256)
    assert image.shape == (256, 256, 3)
    assert len(boxes) == 2  # the smallest is under 7 pixels now: no longer asked for


def test_a_sliver_at_the_edge_is_not_asked_for() -> None:
    # the piece spans columns 332..460: a fifth of the sign at 300..340
    _, boxes, _ = cut(scene(), np.array([396.0, 170.0]), np.ones(2), 128)
    assert len(boxes) == 0


def test_what_is_known_to_be_no_sign_is_found_again_by_the_name_of_its_scene() -> None:
    name, x, y = NOTHING.read_text(encoding="utf-8").splitlines()[0].split(";")
    other, named = scene(), replace(scene(), name=name)
    found = known_mistakes([other, named])
    assert (1, float(x), float(y)) in found
    assert {index for index, _, _ in found} == {1}


def test_tiles_repeat_for_a_seed_and_differ_for_another() -> None:
    first, again, other = (Tiles([scene()], 10, seed, 256)[3] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_tiles_show_signs_at_all_sizes_and_keep_boxes_inside() -> None:
    tiles = Tiles([scene()], 200, 0, 640)
    sides = []
    for index in range(25):
        image, boxes, shapes = tiles[index]
        assert len(shapes) == len(boxes)
        assert image.shape == (640, 640, 3)
        assert (boxes >= 0).all()
        assert (boxes <= 640).all()
        sides += (boxes[:, 2:] - boxes[:, :2]).max(1).tolist()
    assert min(sides) < 20
    assert max(sides) > 200


def _labelled(path: Path, source: Source) -> LabelledImage:
    count = len(source.boxes)
    return LabelledImage(
        path, source.boxes, np.full(count, SIGN), ("A14", "sign", "plate"), np.array([0, 0, 1], bool), split="train"
    )


def test_sources_are_read_with_their_boxes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), scene().image)
    (source,) = load_sources([_labelled(path, scene())], complete=False)
    np.testing.assert_array_equal(source.image, scene().image)
    np.testing.assert_array_equal(source.boxes, scene().boxes[:2])
    assert [SHAPES[shape] for shape in source.shapes] == ["triangle", "rectangle"], "the outline isn't the label's"
    assert not source.complete
