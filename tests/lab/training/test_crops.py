"""The crop protocol that training and run time share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.crops import crop_signs

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_a_square_of_the_crop_size_comes_out_pixel_by_pixel() -> None:
    crop = crop_signs(PICTURE, [[10, 5, 30, 25]], margin=0.0, size=20)
    np.testing.assert_array_equal(crop[0], PICTURE[5:25, 10:30])


def test_the_margin_and_the_longer_side_set_the_square() -> None:
    # 20 wide and 10 high, margin 0.1: a square of 24 around (30, 20)
    crop = crop_signs(PICTURE, [[20, 15, 40, 25]], margin=0.1, size=24)
    np.testing.assert_array_equal(crop[0], PICTURE[8:32, 18:42])


def test_outside_the_picture_the_border_is_replicated() -> None:
    crop = crop_signs(PICTURE, [[-10, -10, 10, 10]], margin=0.0, size=20)[0]
    np.testing.assert_array_equal(crop[10:, 10:], PICTURE[:10, :10])
    assert (crop[:10, :10] == PICTURE[0, 0]).all()


def test_no_box_gives_no_crop() -> None:
    assert crop_signs(PICTURE, np.zeros((0, 4), np.float32)).shape == (0, 48, 48, 3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(*[st.floats(-150, 150, width=32)] * 4), max_size=3), st.floats(0, 1))
def test_any_finite_box_gives_a_crop(boxes: list[tuple[float, ...]], margin: float) -> None:
    crops = crop_signs(PICTURE, np.array(boxes, np.float32).reshape(-1, 4), margin, 16)
    assert crops.shape == (len(boxes), 16, 16, 3)


def test_a_box_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        crop_signs(PICTURE, [[0, 0, np.nan, 4]])
