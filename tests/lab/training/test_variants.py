"""Drawings in other typefaces and colours are still the sign that they stand for, framed as photographs are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the extra train, which brings the typefaces, is not installed")

from signpipe.catalogue import load_catalogue
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.lab.augmentation.variants import SIZE, DrawnSigns, draw_variants

BEHIND = np.full((SOURCE_SIZE, SOURCE_SIZE, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def drawn() -> DrawnSigns:
    return DrawnSigns(0)


def test_limits_are_lettered_differently_and_stay_inside_the_rim() -> None:
    pictures = draw_variants("speed_limit_60", np.random.default_rng(0))
    assert {picture.shape for picture in pictures} == {(SIZE, SIZE, 4)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    for picture in pictures:
        ink = (picture[..., :3].max(2) < 60) & (picture[..., 3] > 250)
        assert ink.any(), "a limit without a number"
        y, x = np.nonzero(ink)
        assert np.hypot(x - SIZE / 2, y - SIZE / 2).max() < SIZE * 238 / 600


def test_no_limit_is_taken_for_another_by_its_source() -> None:
    one, other = (draw_variants(f"speed_limit_{n}", np.random.default_rng(0)) for n in (30, 80))
    assert all((a != b).any() for a, b in zip(one, other, strict=True))


@pytest.mark.slow
def test_a_drawn_source_frames_the_sign_as_a_photograph_is_framed(drawn: DrawnSigns) -> None:
    side = SOURCE_SIZE / (1 + 2 * SOURCE_MARGIN)
    for class_id in range(len(load_catalogue())):
        source = drawn(class_id, BEHIND, np.random.default_rng(class_id))
        assert source.shape == BEHIND.shape
        rows, columns = np.nonzero((source != BEHIND).any(2))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(side, abs=2.5)
        assert (rows.min() + rows.max()) / 2 == pytest.approx((SOURCE_SIZE - 1) / 2, abs=1.5)
    assert (BEHIND == 120).all(), "the scene itself was changed"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_drawings(drawn: DrawnSigns) -> None:
    again = DrawnSigns(0)
    for class_id in (3, 13):
        one, two = (signs(class_id, BEHIND, np.random.default_rng(1)) for signs in (drawn, again))
        assert (one == two).all()


@pytest.mark.slow
def test_limits_are_lettered_in_the_typefaces_that_are_given(drawn: DrawnSigns) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    signs = DrawnSigns(0, [Typeface(folder / f"{name}.ttf") for name in ("DejaVuSerif", "cmtt10")])
    names = load_catalogue().names
    assert [name for i, name in enumerate(names) if signs.letters(i)] == [
        name for name in names if name.startswith("speed_limit_")
    ]
    limit = names.index("speed_limit_60")
    shown = {signs.lettered(limit, BEHIND, np.random.default_rng(i)).tobytes() for i in range(20)}
    assert len(shown) == 20
    assert not any(drawn.letters(i) for i in range(len(names)))
