"""A disc on a zone's board is the board's; a disc in front of anything else stays what it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.stages.boards import Boards, board_around
from signpipe.types import SHAPES, Classifications, Detections, FloatArray, Image

DISC = SHAPES.index("circle")
GREEN = (60, 110, 70)


def scene(
    diameter: int, board: bool, around: tuple[int, int, int] = GREEN, white: int = 210
) -> tuple[Image, FloatArray, FloatArray]:
    """Return a picture of a disc, on a board or not, the disc's box and the board's."""
    picture = np.full((400, 500, 3), around, np.uint8)
    x, y = 250, 180
    edges = np.array([x - 0.78 * diameter, y - 0.62 * diameter, x + 0.78 * diameter, y + 0.95 * diameter])
    if board:
        left, top, right, bottom = edges.round().astype(int).tolist()
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), (white, white, white), -1)
        at, thickness = (x - round(0.45 * diameter), y + round(0.8 * diameter)), max(diameter // 40, 1)
        cv2.putText(picture, "ZONE", at, cv2.FONT_HERSHEY_SIMPLEX, diameter / 90, (20, 20, 20), thickness, cv2.LINE_AA)
    cv2.circle(picture, (x, y), diameter // 2, (40, 40, 200), -1, cv2.LINE_AA)
    cv2.circle(picture, (x, y), round(diameter * 0.38), (230, 230, 230), -1, cv2.LINE_AA)
    disc = np.array([x - diameter / 2, y - diameter / 2, x + diameter / 2, y + diameter / 2], np.float32)
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0), np.uint8), disc, edges.astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(diameter=st.integers(24, 120), white=st.integers(120, 250))
def test_the_board_is_found_at_any_size_and_brightness(diameter: int, white: int) -> None:
    picture, disc, edges = scene(diameter, True, white=white)
    board = board_around(picture, disc)
    assert board is not None
    np.testing.assert_allclose(board, edges, atol=max(0.08 * diameter, 2.5))


@settings(max_examples=20, deadline=None)
@given(diameter=st.integers(20, 120), grey=st.integers(0, 255))
def test_a_disc_before_the_sky_or_a_wall_has_no_board(diameter: int, grey: int) -> None:
    picture, disc, _ = scene(diameter, False, (grey, grey, grey))
    assert board_around(picture, disc) is None


def test_neither_a_coloured_board_nor_an_uneven_one_is_a_zones() -> None:
    picture, disc, _ = scene(60, True)
    yellow = picture.copy()
    yellow[(picture > 190).all(2)] = (20, 200, 230)
    assert board_around(yellow, disc) is None
    shifted = np.roll(picture, 0, 1)
    shifted[:, 283:] = GREEN  # the board ends right beside the disc, on one side only
    assert board_around(shifted, disc) is None


@pytest.mark.parametrize("offset", [-245, 245])
def test_a_disc_at_the_pictures_edge_has_no_board(offset: int) -> None:
    picture, disc, _ = scene(60, True)
    picture = np.roll(picture, offset, 1)
    assert board_around(picture, disc + np.array([offset, 0, offset, 0], np.float32)) is None


def test_a_disc_of_a_few_pixels_isnt_looked_at() -> None:
    picture, disc, _ = scene(12, True)
    assert board_around(picture, disc) is None


@pytest.mark.parametrize(
    ("name", "novelty", "taken"), [("zone_30", 0.1, True), ("zone_30", 0.9, False), ("parking", 0.1, False)]
)
def test_the_board_is_taken_where_it_is_a_zones_sign(name: str, novelty: float, taken: bool) -> None:
    catalogue = load_country("de").catalogue
    picture, disc, edges = scene(60, True)
    detections = Detections(
        np.stack([disc, disc]), np.array([0.9, 0.8], np.float32), np.array([DISC, SHAPES.index("octagon")], np.uint8)
    )
    asked: list[Detections] = []

    def classify(_: Image, boards: Detections) -> Classifications:
        asked.append(boards)
        return shown(catalogue.names.index(name), novelty, 1)

    def shown(class_id: int, novelty: float, count: int) -> Classifications:
        probability = np.zeros((count, len(catalogue)), np.float32)
        probability[:, class_id] = 0.9
        return Classifications(probability, np.ones((count, 4), np.float32), np.full(count, novelty, np.float32))

    before = shown(catalogue.names.index("speed_limit_30"), 0.0, 2)
    after, classified = Boards(catalogue)(picture, detections, before, classify)
    assert [len(boards) for boards in asked] == [1], "only the disc is looked at"
    if not taken:
        assert after == detections
        assert (classified.probability == before.probability).all()
        return
    np.testing.assert_allclose(after.xyxy[0], edges, atol=5)
    assert SHAPES[after.shape[0]] == "rectangle"
    assert catalogue[int(classified.probability[0].argmax())].name == "zone_30"
    assert (after.xyxy[1] == disc).all()
    assert classified.probability[1].argmax() == before.probability[1].argmax()
    assert (detections.xyxy[0] == disc).all(), "what was given stays as it is"


def test_without_zones_in_the_catalogue_nothing_is_looked_for() -> None:
    picture, disc, _ = scene(60, True)
    detections = Detections(disc[None], np.ones(1, np.float32), np.array([DISC], np.uint8))
    nothing = Classifications.empty(43)

    def never(_picture: Image, _boards: Detections) -> Classifications:
        raise AssertionError("asked")

    after, classified = Boards(load_catalogue())(picture, detections, nothing, never)
    assert after is detections
    assert classified is nothing
