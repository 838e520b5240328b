"""The sign catalogue that ships, and what a bad one says."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from signpipe.catalogue import Category, Effect, Shape, extend_catalogue, load_catalogue
from signpipe.errors import SettingsError

ENTRY = """
[[sign]]
id = {id}
name = "speed_limit_40"
title = "Speed limit 40 km/h"
vienna = "C,14"
category = "{category}"
shape = "circle"
width = 0.6
height = 0.6
effect = "limit"
value = 40
"""


def test_classes_stand_in_the_benchmark_order() -> None:
    catalogue = load_catalogue()
    assert len(catalogue) == 43
    assert [sign.id for sign in catalogue] == list(range(43))
    # Anchors of the official order (GTSRB, class ids of the data set's description).
    anchors = {0: "speed_limit_20", 8: "speed_limit_120", 12: "priority_road", 14: "stop", 25: "road_works"}
    anchors |= {13: "give_way", 17: "no_entry", 38: "keep_right", 42: "end_no_overtaking_goods"}
    for class_id, name in anchors.items():
        assert catalogue[class_id].name == name
        assert catalogue.by_name(name).id == class_id
    assert len(set(catalogue.names)) == 43


def test_categories_split_the_classes() -> None:
    catalogue = load_catalogue()
    ids = [class_id for category in Category for class_id in catalogue.ids_of(category)]
    assert sorted(ids) == list(range(43))


def test_meaning_fits_the_looks() -> None:
    for sign in load_catalogue():
        assert 0.4 <= sign.width <= 1.3
        assert 0.4 <= sign.height <= 1.3
        if sign.effect in (Effect.LIMIT, Effect.END_LIMIT):
            assert str(sign.value) in sign.name
        if sign.category is Category.DANGER:
            assert sign.shape is Shape.TRIANGLE
        if sign.category in (Category.MANDATORY, Category.END_OF, Category.PROHIBITORY):
            assert sign.shape is Shape.CIRCLE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "can't be read"),
        ("[[sign", "can't be read"),
        (ENTRY.format(id=1, category="prohibitory"), "number them from 0"),
        (ENTRY.format(id=0, category="nonsense"), r"catalogue.toml, line 2: the sign has a bad entry, category"),
        ('[[sign]]\nname = "x"\n', r"catalogue.toml, line 1: the sign has a bad entry, 'id' is missing"),
    ],
)
def test_bad_catalogue_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says):
        load_catalogue(path)


def test_own_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(ENTRY.format(id=0, category="prohibitory"))
    assert load_catalogue(path).by_name("speed_limit_40").value == 40


def test_further_classes_go_on_where_the_catalogue_ends(tmp_path: Path) -> None:
    path, catalogue = tmp_path / "catalogue.toml", load_catalogue()
    path.write_text(ENTRY.format(id=43, category="prohibitory"))
    extended = extend_catalogue(catalogue, path)
    assert extended.classes[:43] == catalogue.classes
    assert extended.by_name("speed_limit_40").id == 43
    path.write_text(ENTRY.format(id=0, category="prohibitory"))
    with pytest.raises(SettingsError, match="number them from 43"):
        extend_catalogue(catalogue, path)
    path.write_text(ENTRY.format(id=43, category="prohibitory").replace("speed_limit_40", "stop"))
    with pytest.raises(SettingsError, match="names the class 'stop'"):
        extend_catalogue(catalogue, path)


GOOD: dict[str, object] = {
    "id": 0, "name": "'x'", "title": "'X'", "vienna": "'C,14'", "category": "'prohibitory'", "shape": "'circle'",
    "width": 0.6, "height": 0.6, "effect": "'limit'", "value": 40,
}  # fmt: skip
NO_LIMITS = (None, "'80'", "''", "'fast'", "true", "nan", "inf", "-inf", 0, -30, 0.0, 1000, "[80]")
NO_SIGNS = ("sign = 5\n", "sign = [5]\n", "[sign]\nid = 0\n", "[[sgin]]\nid = 0\n", "country = 'x'\n")


def entry(**changes: object) -> str:
    values = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return "[[sign]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


@pytest.mark.parametrize("effect", ["limit", "end_limit"])
@pytest.mark.parametrize("value", NO_LIMITS)
def test_nothing_but_a_number_is_a_limit(tmp_path: Path, effect: str, value: object) -> None:
    path = tmp_path / "own.toml"
    path.write_text(entry(effect=f"'{effect}'", value=value))
    with pytest.raises(SettingsError, match=r"own.toml, line 1: the sign has a bad entry, ") as caught:
        load_catalogue(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [5, 80, 37.5, 300])
def test_a_number_is_a_limit(tmp_path: Path, value: float) -> None:
    path = tmp_path / "own.toml"
    path.write_text(entry(value=value))
    assert load_catalogue(path)[0].limit == value


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("vehicles", ["'bus'", "''", 3]),
        ("width", [0, -1, "nan", "inf", "'0.6'", "true", 100]),
        ("height", [0, -1, "nan", "inf", "'0.6'", "true", 100]),
        ("name", ["''", "' '", "'a/b'", "'../x'", "'a b'", 5]),
        ("title", ["''", 5]),
        ("vienna", [5, None]),
        ("id", ["'0'", 0.0, -1, "true", None]),
        ("category", ["'round'", 5, None]),
        ("shape", ["'round'", 5, None]),
        ("effect", ["'nothing'", 5, None]),
        ("colour", ["'red'"]),
    ],
)
def test_every_value_is_checked(tmp_path: Path, key: str, values: list[object]) -> None:
    path = tmp_path / "own.toml"
    for value in values:
        path.write_text("# first\n\n" + entry(**{key: value}))
        load_catalogue.cache_clear()
        with pytest.raises(SettingsError, match=rf"own.toml, line 3: the sign has a bad entry, .*{key}") as caught:
            load_catalogue(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [80, "nan", "inf", "true", "''"])
def test_what_is_no_limit_takes_a_word(tmp_path: Path, value: object) -> None:
    path = tmp_path / "own.toml"
    path.write_text(entry(effect="'danger'", value=value))
    with pytest.raises(SettingsError, match="line 1: the sign has a bad entry"):
        load_catalogue(path)


def test_the_line_is_that_of_the_sign(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(entry() + "\n" + entry(id=1, name="'y'", width=0))
    with pytest.raises(SettingsError, match="line 13: the sign has a bad entry, width = 0"):
        load_catalogue(path)
    path.write_text(entry() + entry(id=2, name="'y'"))
    load_catalogue.cache_clear()
    with pytest.raises(SettingsError, match="line 12: the sign has id 2, not 1; number them from 0"):
        load_catalogue(path)
    path.write_text(entry() + entry(id=1))
    load_catalogue.cache_clear()
    with pytest.raises(SettingsError, match="line 12: the sign is named 'x', as one before it"):
        load_catalogue(path)
    path.write_text("sign = [{id = 0}]\n")
    load_catalogue.cache_clear()
    with pytest.raises(SettingsError, match=r"own.toml, sign 1: the sign has a bad entry, 'name' is missing"):
        load_catalogue(path)


@pytest.mark.parametrize(
    "text", ["sign = 5\n", "sign = [5]\n", "[sign]\nid = 0\n", "[[sgin]]\nid = 0\n", "country = 'x'\n"]
)
def test_what_is_no_list_of_signs_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"own.toml can't be read: it has .*; give a TOML file of \[\[sign\]\]"):
        load_catalogue(path)


def test_no_class_can_be_made_that_sets_no_limit_for_want_of_a_number() -> None:
    limit = load_catalogue().by_name("speed_limit_80")
    for value in (None, "80", float("nan"), float("inf"), -1, 0):
        with pytest.raises(ValidationError):
            replace(limit, value=value)
    assert limit.limit == 80
    assert load_catalogue().by_name("stop").limit is None
    assert load_catalogue().by_name("end_speed_limit_80").limit == math.inf
