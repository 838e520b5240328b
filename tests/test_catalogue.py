"""The sign catalogue that ships, and what a bad one says."""

from pathlib import Path

import pytest

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
        (ENTRY.format(id=0, category="nonsense"), "bad entry, number 0"),
        ('[[sign]]\nname = "x"\n', "bad entry, number 0"),
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
