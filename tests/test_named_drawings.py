"""Drawings by name: one's own, fetched ones, and the changes that a country paints."""

from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue.drawings import render_drawing
from signpipe.catalogue.drawings.named import changed, render_named
from signpipe.types import Image

RED, YELLOW, WHITE, BLUE, BLACK = (20, 20, 200), (0, 210, 250), (255, 255, 255), (160, 90, 0), (10, 10, 10)
DRAWN = """<svg width="40" height="20" xmlns="http://www.w3.org/2000/svg">
<rect x="10" y="5" width="10" height="10" fill="#ff0000"/>
<rect x="20" y="5" width="10" height="10" fill="#ffd200"/></svg>"""


def patch(*colours: tuple[int, int, int]) -> Image:
    return np.array([[(*colour, 255) for colour in colours]], np.uint8)


def test_own_drawings_are_those_of_the_catalogue() -> None:
    assert np.array_equal(render_named("own:stop", 64), render_drawing("stop", 64))


def test_a_fetched_drawing_fills_its_picture(tmp_path: Path) -> None:
    (tmp_path / "warning--x--g1.svg").write_text(DRAWN)
    picture = render_named("warning--x--g1", 100, tmp_path)
    assert picture.shape == (50, 100, 4)
    assert picture[25, 20, 2] > 240
    assert picture[25, 20, 1] < 20
    assert (picture[..., 3] > 200).mean() > 0.95
    white = render_named("warning--x--g1:white", 100, tmp_path)
    assert white[25, 80, :3].min() > 240
    assert np.abs(white[25, 20].astype(int) - picture[25, 20]).max() < 12


@pytest.mark.parametrize("name", ["own:nothing", "warning--nothing--g1", "own:stop:purple"])
def test_there_is_no_such_drawing(tmp_path: Path, name: str) -> None:
    for folder in (None, tmp_path):
        with pytest.raises(KeyError):
            render_named(name, 32, folder)


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ("white", (RED, YELLOW, BLACK), (RED, WHITE, BLACK)),
        ("yellow", (WHITE, BLACK), ((0, 205, 250), BLACK)),
        ("green", (BLUE, WHITE, RED), ((90, 160, 0), WHITE, RED)),
        ("mirror", (RED, YELLOW, WHITE), (WHITE, YELLOW, RED)),
    ],
)
def test_a_change_paints_what_it_names_and_leaves_the_rest(
    change: str, before: tuple[tuple[int, int, int], ...], after: tuple[tuple[int, int, int], ...]
) -> None:
    picture = changed(patch(*before), change)
    assert np.abs(picture.astype(int) - patch(*after)).max() <= 12
