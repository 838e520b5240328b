"""`signpipe countries`: lists what ships, shows one as a sheet, and finds everything wrong in a file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from signpipe.catalogue.countries import country_codes, country_path
from signpipe.cli.countries import countries_app
from signpipe.errors import OutputError, SettingsError
from signpipe.few_shot.pack import DrawnPrototypes
from signpipe.lab.countries.check import check_country

HEAD = """[country]
code = "xx"
name = "Nowhere"
local = "Nulle part"
languages = ["fr"]
unit = "km/h"
drives_on = "right"
"""
PARKING = (
    '[[sign]]\nname = "no_parking"\ncode = "B6"\nlocal = "Stationnement interdit"\ndrawings = ["own:no_parking"]\n'
)
SIGN = """[[sign]]
name = "x"
title = "T"
local = "T"
category = "{category}"
shape = "{shape}"
effect = "{effect}"
"""


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    folder = tmp_path / "drawings"
    folder.mkdir()
    (folder / "regulatory--stop--g1.svg").write_text(
        '<svg viewBox="0 0 10 10" xmlns="http://www.w3.org/2000/svg"><rect width="10" height="10" fill="#f00"/></svg>'
    )
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(countries_app, [*map(str, arguments)], env={"COLUMNS": "200"})


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text)
    return path


def test_every_country_is_listed() -> None:
    result = run("list")
    assert result.exit_code == 0
    assert all(f" {code} " in result.output for code in country_codes())


@pytest.mark.parametrize("code", country_codes())
def test_what_ships_has_nothing_wrong(code: str) -> None:
    assert check_country(country_path(code), None) == []


def test_a_table_has_code_title_and_effect(tmp_path: Path) -> None:
    result = run("show", written(tmp_path, HEAD + PARKING))
    assert result.exit_code == 0
    for text in ("B6", "no_parking", "Stationnement interdit", "parking_ban"):
        assert text in result.output


def test_a_page_shows_each_sign_and_says_which_has_no_drawing(tmp_path: Path, drawings: Path) -> None:
    text = HEAD + PARKING + '[[sign]]\nname = "stop"\nlocal = "Arr\u00eat"\ndrawings = ["regulatory--no--g1"]\n'
    out = tmp_path / "sheet.html"
    result = run("show", written(tmp_path, text), "--out", out, "--drawings", drawings)
    assert "2 signs in" in result.output
    assert "1 without a drawing" in result.output
    page = out.read_text(encoding="utf-8")
    assert page.count("<figcaption>") == 2
    assert "B6: Stationnement interdit (No parking); no_parking, parking_ban" in page


def test_a_picture_shows_each_sign(tmp_path: Path, drawings: Path) -> None:
    text = HEAD + '[[sign]]\nname = "stop"\nlocal = "A"\ndrawings = ["regulatory--stop--g1"]\n'
    text += '[[sign]]\nname = "plate_text"\nlocal = "B"\ndrawings = ["own:plate_arrow_up"]\n'
    out = tmp_path / "sheet.png"
    assert run("show", written(tmp_path, text), "--out", out, "--drawings", drawings).exit_code == 0
    picture = cv2.imread(str(out))
    assert picture is not None
    red = picture[48, 48].tolist()
    assert red == [0, 0, 255]


def test_a_sheet_of_another_kind_is_refused(tmp_path: Path) -> None:
    result = run("show", written(tmp_path, HEAD + PARKING), "--out", tmp_path / "sheet.pdf")
    assert isinstance(result.exception, OutputError)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (PARKING + PARKING, 13, "named 'no_parking', as the one of line 8"),
        (PARKING + "width = -1\n", 8, "width = -1"),
        (SIGN.format(category="danger", shape="triangle", effect="end_zone_limit"), 8, "is an end"),
        (SIGN.format(category="end_of", shape="circle", effect="parking_ban"), 8, "ends nothing"),
        (SIGN.format(category="information", shape="circle", effect="plate"), 8, "plates, and they alone"),
        (SIGN.format(category="prohibitory", shape="circle", effect="limit"), 8, "needs its km/h"),
        (PARKING + "width = 9.0\nheight = 0.1\n", 8, "which no sign is"),
        (PARKING.replace("local", "title"), 8, "no title in the country's language"),
        (PARKING.replace("own:no_parking", "own:nothing"), 8, "'own:nothing', which there isn't"),
        (PARKING.replace("own:no_parking", "regulatory--no--g1"), 8, "'regulatory--no--g1', which there isn't"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, drawings: Path, text: str, line: int, says: str) -> None:
    path = written(tmp_path, HEAD + text)
    result = run("check", path, "--drawings", drawings)
    assert result.exit_code == 1
    (told,) = [row for row in result.output.splitlines() if row.startswith(str(path))]
    assert told.startswith(f"{path}, line {line}: ")
    assert says in told


def test_all_problems_are_told_and_a_good_file_has_none(tmp_path: Path, drawings: Path) -> None:
    bad = PARKING.replace("own:no_parking", "own:a") + PARKING.replace("no_parking", "no_stopping") + "width = 0\n"
    assert len(check_country(written(tmp_path, HEAD + bad), drawings)) == 2
    result = run("check", written(tmp_path, HEAD + PARKING), "--drawings", drawings)
    assert result.exit_code == 0
    assert "nothing wrong" in result.output


def test_building_writes_prototypes_and_says_what_cannot_be_named(
    tmp_path: Path, drawings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def made(
        _session: object, names: tuple[str, ...], _folder: Path | None, _progress: object
    ) -> tuple[DrawnPrototypes, tuple[str, ...]]:
        asked.append(names)
        return DrawnPrototypes(("own:no_parking",), np.ones((1, 1), np.float32), "ab" * 32, 50.0, 0.6), ()

    monkeypatch.setattr("signpipe.cli.countries.open_session", lambda *_: None)
    monkeypatch.setattr("signpipe.cli.countries.build_prototypes", made)
    text = HEAD + PARKING + PARKING.replace("no_parking", "no_stopping").replace("own:no_stopping", "own:stop")
    out = tmp_path / "own.npz"
    result = run("build", written(tmp_path, text), "--out", out, "--drawings", drawings)
    assert result.exit_code == 0
    assert asked == [("own:no_parking", "own:stop")]
    assert "xx: 1 of 2 signs can't be named: no_stopping" in result.output
    with np.load(out) as arrays:
        assert arrays["names"].tolist() == ["own:no_parking"]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    assert isinstance(run("check", written(tmp_path, "[[sign")).exception, SettingsError)
    assert isinstance(run("show", "atlantis").exception, SettingsError)
