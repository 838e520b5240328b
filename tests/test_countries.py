"""Countries: what ships loads whole, and a bad file says in one sentence what is wrong where."""

import math
from pathlib import Path

import pytest

from signpipe.catalogue import Effect, load_catalogue
from signpipe.catalogue.countries import country_codes, load_country
from signpipe.errors import SettingsError
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
