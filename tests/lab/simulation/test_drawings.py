"""Every class of the catalogue has a drawing of its own, in the outline and colours of its kind."""

import itertools

import numpy as np
import pytest

from signpipe.catalogue import Category, Shape, SignClass, load_catalogue
from signpipe.catalogue.drawings import drawing_svg, render_drawing
from signpipe.types import Image

CATALOGUE = load_catalogue()
EVERY_CLASS = pytest.mark.parametrize("sign", list(CATALOGUE), ids=lambda sign: sign.name)


def shares(sign: SignClass) -> dict[str, float]:
    """Return how much of a sign's face is clearly red, blue, yellow, white or black."""
    drawing = render_drawing(sign.name, 128)
    blue, green, red = (drawing[..., k][drawing[..., 3] > 250].astype(int) for k in range(3))
    return {
        "red": float(((red > 150) & (green < 80)).mean()),
        "blue": float(((blue > 120) & (red < 80)).mean()),
        "yellow": float(((red > 200) & (green > 140) & (blue < 80)).mean()),
        "white": float(((red > 230) & (green > 230) & (blue > 230)).mean()),
    }


@EVERY_CLASS
def test_a_drawing_fills_its_box_and_is_clear_outside_the_outline(sign: SignClass) -> None:
    drawing = render_drawing(sign.name, 200)
    alpha = drawing[..., 3]
    rows, columns = np.nonzero(alpha.max(axis=1) > 128)[0], np.nonzero(alpha.max(axis=0) > 128)[0]
    assert drawing.dtype == np.uint8
    assert max(drawing.shape[:2]) == 200
    assert drawing.shape[1] / drawing.shape[0] == pytest.approx(sign.width / sign.height, rel=0.01)
    assert rows[0] <= 1
    assert columns[0] <= 1
    assert rows[-1] >= drawing.shape[0] - 2
    assert columns[-1] >= drawing.shape[1] - 2
    filled = {
        Shape.CIRCLE: 0.785,
        Shape.TRIANGLE: 0.54,
        Shape.TRIANGLE_DOWN: 0.54,
        Shape.OCTAGON: 0.828,
        Shape.DIAMOND: 0.5,
    }
    assert (alpha > 128).mean() == pytest.approx(filled[sign.shape], abs=0.04)


@EVERY_CLASS
def test_a_drawing_has_the_colours_of_its_category(sign: SignClass) -> None:
    share = shares(sign)
    if sign.category in (Category.PROHIBITORY, Category.DANGER):
        assert share["red"] > 0.2
        assert share["blue"] < 0.01
    elif sign.category is Category.MANDATORY:
        assert share["blue"] > 0.5
        assert share["red"] == 0
        assert share["white"] > 0.08
    elif sign.category is Category.END_OF:
        assert share["red"] == share["blue"] == share["yellow"] == 0
        assert share["white"] > 0.4
    elif sign.name == "priority_road":
        assert share["yellow"] > 0.25
    else:
        assert share["red"] > 0.2


def test_no_two_drawings_look_alike() -> None:
    def looks(name: str) -> Image:
        drawing = render_drawing(name, 48)
        picture = np.full((48, 48, 3), 128, np.uint8)
        solid = drawing[..., 3] > 128
        picture[: drawing.shape[0], : drawing.shape[1]][solid] = drawing[..., :3][solid]
        return picture

    pictures = {name: looks(name).astype(int) for name in CATALOGUE.names}
    for one, other in itertools.combinations(pictures, 2):
        differing = (np.abs(pictures[one] - pictures[other]).max(axis=2) > 60).sum()
        assert differing > 30, f"{one} and {other} differ in {differing} pixels only"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("bend_left", "bend_right"),
        ("turn_left", "turn_right"),
        ("keep_left", "keep_right"),
        ("straight_or_left", "straight_or_right"),
    ],
)
def test_left_is_the_mirror_of_right(left: str, right: str) -> None:
    mirrored = render_drawing(left, 120)[:, ::-1].astype(int)
    assert np.abs(mirrored - render_drawing(right, 120)).mean() < 1


def test_a_drawing_is_rendered_alike_each_time_and_cannot_be_spoilt() -> None:
    drawing = render_drawing("stop", 64)
    with pytest.raises(ValueError, match="read-only"):
        drawing[0, 0] = 1


def test_the_source_of_a_drawing_stands_alone() -> None:
    for name in CATALOGUE.names:
        svg = drawing_svg(name)
        assert svg.startswith("<svg")
        assert "href" not in svg
        assert "<text" not in svg  # digits are paths: no font is needed


def test_an_unknown_drawing_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no_such_sign"):
        drawing_svg("no_such_sign")
    with pytest.raises(KeyError, match="no_such_sign"):
        render_drawing("no_such_sign", 48)
