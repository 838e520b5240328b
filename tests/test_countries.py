"""Countries: what ships loads whole, and a bad file says in one sentence what is wrong where."""

import math
from pathlib import Path

import pytest

from signpipe.catalogue import SPEEDS, Effect, Shape, load_catalogue
from signpipe.catalogue.countries import country_codes, load_country
from signpipe.catalogue.drawings import drawing_svg
from signpipe.errors import SettingsError
from signpipe.lab.data.formats.btsd_names import BTSD_NAMES, belgian_name
from signpipe.settings import DecideSettings
from signpipe.stages.meaning import Dictionary

HEAD = """
[country]
code = "xx"
name = "Nowhere"
local = "Nulle part"
languages = ["fr"]
unit = "mph"
drives_on = "left"
"""
PARKING = """
[[sign]]
name = "no_parking"
code = "C18"
"""


@pytest.mark.parametrize("code", country_codes())
def test_a_country_is_the_base_classes_and_then_its_own(code: str) -> None:
    country, base = load_country(code), load_catalogue()
    assert country.code == code
    assert country.catalogue.names[:43] == base.names
    assert [sign.id for sign in country.catalogue] == list(range(len(country.catalogue)))
    assert len(set(country.catalogue.names)) == len(country.catalogue)
    assert all(sign.present for sign in country.catalogue.classes[43:])


@pytest.mark.parametrize("code", country_codes())
def test_every_sign_has_something_to_say(code: str) -> None:
    dictionary = Dictionary(DecideSettings())
    for sign in load_country(code).signs:
        meaning = dictionary.of_sign(sign)
        assert meaning.topic
        assert meaning.message


def test_base_classes_that_a_country_lacks_are_not_present(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + PARKING + '[[sign]]\nname = "speed_limit_30"\n')
    country = load_country(path)
    assert [sign.name for sign in country.signs] == ["speed_limit_30", "no_parking"]
    limit = country.catalogue.by_name("speed_limit_30")
    assert limit.unit == "mph"
    assert limit.limit == pytest.approx(48.28032)
    assert limit.figures == "30"
    assert country.catalogue.by_name("no_parking").effect is Effect.PARKING_BAN
    assert country.catalogue.by_name("end_speed_limit_80").limit == math.inf


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PARKING, r"has a bad entry in \[country\]: 'code' is missing"),
        (HEAD, r"has no \[\[sign\]\] table"),
        (HEAD.replace('"mph"', '"knots"') + PARKING, r"\[country\]: unit = 'knots'"),
        (HEAD + "[sise]\ncircle = [1, 1]\n" + PARKING, "has 'sise'"),
        (HEAD + "[size]\ncircle = [1, -1]\n" + PARKING, r"\[size\]"),
        (HEAD + PARKING + PARKING, "line 14: the sign is named 'no_parking', as one before it"),
        (HEAD + PARKING + "id = 5\n", "line 10: the sign has 'id'"),
        (HEAD + PARKING + "limit = 5\n", "line 10: the sign has a bad entry, there is no 'limit'"),
        (HEAD + PARKING + 'drawings = ["no-parking"]\n', "line 10: the sign has a bad entry, drawings"),
        (HEAD + PARKING.replace("no_parking", "no_elephants"), "line 10: the sign has a bad entry, 'title' is missing"),
    ],
)
def test_a_bad_country_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        load_country(path)
    assert "\n" not in str(caught.value)


def test_there_is_no_such_country() -> None:
    with pytest.raises(SettingsError, match=r"There is no country 'atlantis'; give one of .*be, .*de"):
        load_country("atlantis")


SMALLEST: dict[str, int] = {"de": 120, "us": 80, "ca": 60, "au": 60}


@pytest.mark.parametrize("code", country_codes())
def test_a_country_that_ships_is_whole(code: str) -> None:
    country = load_country(code)
    assert len(country.signs) >= SMALLEST.get(code, 80)
    assert sum(bool(sign.drawings) for sign in country.signs) > 0.75 * len(country.signs)
    english = country.languages[0] == "en"
    for sign in country.signs:
        assert sign.local or english, sign.name
        assert "km/h" not in sign.title or country.unit == "km/h", sign.name
        assert (sign.shape is Shape.PLATE) == (sign.effect in (Effect.PLATE, Effect.ADVISORY_LIMIT)), sign.name
        if sign.effect in SPEEDS:
            assert sign.figures == f"{sign.value:g}"
            assert sign.figures in sign.name
    limits = {sign.value for sign in country.signs if sign.effect is Effect.LIMIT}
    assert {30, 40, 50, 60} <= limits
    assert {"stop", "give_way", "no_entry"} <= {sign.name for sign in country.signs}


def test_drawings_of_ones_own_are_there() -> None:
    names = {name for code in country_codes() for sign in load_country(code).signs for name in sign.drawings}
    own = {name.split(":")[1] for name in names if name.startswith("own:")}
    assert len(own) > 60
    for name in own:
        drawing_svg(name)


def test_belgiums_catalogue_has_what_belgian_pictures_show() -> None:
    names = {sign.name for sign in load_country("be").signs}
    assert set(BTSD_NAMES.values()) <= names
    assert belgian_name("C43", 935) == "speed_limit_70"
    assert belgian_name("C43", 1450) == "speed_limit_50"
    assert belgian_name("label", 1) is None


def test_germany_keeps_what_the_base_classes_are() -> None:
    """Whoever names no country gets what there was before there were any."""
    fields = ("id", "name", "title", "vienna", "category", "shape", "width", "height", "effect", "value", "vehicles")
    for base, sign in zip(load_catalogue(), load_country("de").catalogue, strict=False):
        assert [getattr(sign, field) for field in fields] == [getattr(base, field) for field in fields]
        assert sign.present


def test_a_country_can_do_without_a_sign_of_its_own() -> None:
    country = load_country("be")
    less = country.without(["no_parking", "stop", "nothing"])
    assert "stop" in less.catalogue.names
    assert set(country.catalogue.names) - set(less.catalogue.names) == {"no_parking"}
    assert [sign.id for sign in less.catalogue] == list(range(len(country.catalogue) - 1))
