"""The reader's crops."""

import numpy as np
import pytest

from signpipe.figures.crops import HEIGHT, WIDTH, crop_figures
from signpipe.types import Image

SCENE: Image = np.zeros((100, 200, 3), np.uint8)
SCENE[40:60, 50:150] = 255


def test_a_box_fills_its_crop_whatever_its_shape() -> None:
    crops = crop_figures(SCENE, [[50, 40, 150, 60], [90, 40, 110, 60]])
    assert crops.shape == (2, HEIGHT, WIDTH, 3)
    assert crops.dtype == np.uint8
    assert (crops[0, 4:-4, 4:-4] == 255).all()
    assert (crops[0, 0] < 255).any()  # the margin
    assert crop_figures(SCENE, np.empty((0, 4))).shape == (0, HEIGHT, WIDTH, 3)


def test_what_lies_outside_the_picture_is_its_border_repeated() -> None:
    crop = crop_figures(np.full((50, 50, 3), 77, np.uint8), [[-20, -30, 10, 20]])[0]
    assert (crop == 77).all()
    assert (crop_figures(np.full((50, 50, 3), 77, np.uint8), [[400, 400, 420, 420]])[0] == 77).all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="empty picture"):
        crop_figures(np.empty((0, 0, 3), np.uint8), [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="not finite"):
        crop_figures(SCENE, [[0, 0, np.nan, 1]])
