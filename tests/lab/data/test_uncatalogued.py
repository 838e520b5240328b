"""Drawings of other signs: none that the catalogue has, the same halves everywhere."""

from pathlib import Path

import pytest

from signpipe.catalogue.drawings import render_svg
from signpipe.errors import SourceError
from signpipe.lab.data.uncatalogued import read_uncatalogued_signs

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="20"><circle cx="12" cy="10" r="9"/></svg>'


def drawings(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / f"{name}.svg").write_text(SVG)
    return folder


def test_what_the_catalogue_has_is_left_out_in_all_its_variants(tmp_path: Path) -> None:
    known = (
        "regulatory--maximum-speed-limit-50--g1", "regulatory--maximum-speed-limit-led-120--g2", "regulatory--stop--g7",
        "regulatory--turn-left-ahead--g1", "warning--curve-right--g2", "warning--winding-road-first-left--g1",
        "regulatory--end-of-maximum-speed-limit-80--g2", "warning--roadworks--g10", "complementary--distance--g1",
    )  # fmt: skip
    new = (
        "information--parking--g1", "regulatory--end-of-maximum-speed-limit-60--g1",
        "regulatory--maximum-speed-limit-110--g1", "regulatory--maximum-speed-limit-5--g1",
        "regulatory--no-stopping--g1",
        "warning--camel-crossing--g1",
    )  # fmt: skip
    found = read_uncatalogued_signs(drawings(tmp_path, *known, *new))
    assert [sign.name for sign in found] == sorted(new)


def test_all_drawings_of_a_sign_are_on_one_side(tmp_path: Path) -> None:
    names = [f"warning--sign-{letter}--g{number}" for letter in "abcdefghijklmnopqrstuvwxyz" for number in (1, 2)]
    sides = {sign.name: sign.judge for sign in read_uncatalogued_signs(drawings(tmp_path, *names))}
    assert all(sides[name] == sides[name.replace("g1", "g2")] for name in names if name.endswith("g1"))
    assert set(sides.values()) == {True, False}


def test_drawings_without_a_view_box_can_be_rendered(tmp_path: Path) -> None:
    sign = read_uncatalogued_signs(drawings(tmp_path, "warning--camel-crossing--g1"))[0]
    assert render_svg(sign.svg, 48).shape == (40, 48, 4)


def test_a_folder_without_drawings_is_one_sentence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SourceError, match="has no drawings of signs; get them with"):
            read_uncatalogued_signs(folder)
