"""Drawn signs with figures: every kind, in a typeface that is there wherever the tests run."""

from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.figures.ctc import encode
from signpipe.figures.parse import parse_figures
from signpipe.lab.augmentation.figured import UNREAD, FiguredSign, FiguredSigns
from signpipe.lab.augmentation.lettering import HELD_OUT, TRAINING, VALIDATION, Typeface, TypefaceSet, open_typefaces
from signpipe.lab.augmentation.paint import HIGH
from signpipe.lab.augmentation.placing import fitted, placed, reframed
from signpipe.types import Image

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SIGNS = FiguredSigns([Typeface(FONTS / "DejaVuSans-Bold.ttf")])


def drawn(count: int) -> list[FiguredSign]:
    return [SIGNS(np.random.default_rng(i)) for i in range(count)]


def test_every_sign_is_a_drawing_with_a_text_that_the_reader_can_write() -> None:
    signs = drawn(300)
    for sign in signs:
        encode(sign.text)
        assert sign.image.dtype == np.uint8
        assert sign.image.shape[0] == HIGH
        assert sign.image.shape[2] == 4
        assert (sign.image[..., 3] > 0).mean() > 0.4
    texts = [sign.text for sign in signs]
    assert sum(text in ("", UNREAD) for text in texts) < 40
    assert all(parse_figures(text) is not None for text in texts if text not in ("", UNREAD))
    assert {"t", "m", "%", "k"} <= set("".join(texts))
    assert 5 < sum(sign.struck for sign in signs) < 60
    assert len(Counter(texts)) > 120


def test_the_same_chance_draws_the_same_sign() -> None:
    for one, other in zip(drawn(20), drawn(20), strict=True):
        assert one.text == other.text
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize("kind", ["limit", "gantry", "ended", "blue", "measure", "board", "plate", "tall_plate"])
def test_the_figures_of_a_sign_can_be_seen(kind: str) -> None:
    for seed in range(8):
        sign: FiguredSign = getattr(SIGNS, kind)(np.random.default_rng(seed))
        high, wide = sign.image.shape[:2]
        middle = sign.image[high // 5 : -high // 5, wide // 5 : -wide // 5, :3].astype(float)
        assert middle.std() > 25, sign.text
        assert sign.struck == (kind == "ended")


def test_lettering_has_no_border_and_its_units_can_be_smaller() -> None:
    typeface = Typeface(FONTS / "DejaVuSans.ttf")
    ink = typeface.set("80")
    assert ink[0].any()
    assert ink[-1].any()
    assert ink[:, 0].any()
    assert ink[:, -1].any()
    assert typeface.set("7t", unit_scale=0.5).shape[1] < typeface.set("7t").shape[1]
    assert typeface.set("1 0").shape[1] > typeface.set("10").shape[1]
    assert typeface.set("8", weight=0.05).mean() > typeface.set("8").mean()
    with pytest.raises(ValueError, match="no character"):
        typeface.set(" ")


def test_a_typeface_that_isnt_installed_is_named_with_its_packages(tmp_path: Path) -> None:
    wanted = TypefaceSet(("NoSuchFace",), ("fonts-none",))
    with pytest.raises(
        SourceError, match=r"\(1 of 1, NoSuchFace among them\); install the Debian packages fonts-none\."
    ):
        open_typefaces(wanted, [tmp_path])
    folder = tmp_path / "fonts"
    folder.mkdir()
    (folder / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(SourceError, match="can't be read as a font"):
        open_typefaces(TypefaceSet(("broken",), ()), [folder])
    found = open_typefaces(TypefaceSet(("cmss10", "DejaVuSans"), ()), [FONTS])
    assert [typeface.name for typeface in found] == ["cmss10", "DejaVuSans"]


def test_no_typeface_is_measured_with_that_was_trained_on() -> None:
    families = [{stem[:5].lower() for stem in wanted.stems} for wanted in (TRAINING, VALIDATION, HELD_OUT)]
    assert len(HELD_OUT.stems) == 8
    assert not families[0] & families[1]
    assert not families[0] & families[2]
    assert not families[1] & families[2]


@pytest.mark.parametrize("side", [14.0, 40.0, 110.0])
def test_a_drawing_is_placed_where_its_box_says(side: float) -> None:
    drawing = SIGNS.limit(np.random.default_rng(1), "80", boards=0.0).image
    behind: Image = np.full((80, 80, 3), 90, np.uint8)
    for seed in range(5):
        shown = placed(drawing, behind, side, np.random.default_rng(seed), around=0.5, slack=0.0)
        rows, columns = np.flatnonzero((shown.face > 0.5).any(1)), np.flatnonzero((shown.face > 0.5).any(0))
        seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        np.testing.assert_allclose(shown.xyxy, seen, atol=0.06 * side + 2)
        assert shown.image.shape[:2] == shown.face.shape
        assert 0.6 * side < (shown.xyxy[2:] - shown.xyxy[:2]).max() < 1.3 * side


def test_a_photograph_is_reframed_about_its_sign() -> None:
    source: Image = np.zeros((80, 80, 3), np.uint8)
    source[16:64, 16:64] = 255  # the sign, with a third of its side around it
    for seed in range(5):
        crop = fitted(reframed(source, 1 / 3, np.random.default_rng(seed)))
        assert crop.shape == (40, 96, 3)
        assert crop[12:28, 30:66].mean() > 250
        assert crop.mean() > 150
