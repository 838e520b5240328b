"""What tags of OpenStreetMap mean."""

import pytest

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.maps.codes import GERMAN, WORDS, SignCodes

CATALOGUE = load_catalogue()
CODES = SignCodes(CATALOGUE)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("DE:274-50", ["speed_limit_50"]),
        ("DE:274[50]", ["speed_limit_50"]),
        ("DE:274-100", ["speed_limit_100"]),
        ("DE:274-58", ["speed_limit_80"]),  # numbers before 2017
        ("DE:274-60", ["speed_limit_60"]),  # both were in use: today's counts
        ("de:206", ["stop"]),
        ("206", ["stop"]),
        ("DE:206,276", ["stop", "no_overtaking"]),
        ("DE:123;DE:274-50", ["road_works", "speed_limit_50"]),
        ("DE:274-30,1040-30", ["speed_limit_30"]),  # the plate says when it holds
        ("DE:1022-10", []),
        ("DE:278-80", ["end_speed_limit_80"]),
        ("DE:282", ["end_all_restrictions"]),
        ("DE:133-20", ["pedestrians"]),  # on the left
        ("DE:101", ["general_danger"]),
        ("DE:101-51", ["snow_or_ice"]),
        ("DE:222-10", ["keep_left"]),
        ("stop", ["stop"]),
        ("Give_Way", ["give_way"]),
        ("maxspeed", ["speed_limit_70"]),
        ("maxspeed,overtaking", ["speed_limit_70", "no_overtaking"]),
        ("DE:101-11", [None]),  # a danger of its own
        ("DE:105-20", [None]),  # the mirrored bend
        ("DE:274.1", [None]),  # a zone
        ("DE:274-45", [None]),
        ("DE:274[]", [None]),
        ("FR:B14[50]", [None]),
        ("US:206", [None]),  # the same number elsewhere
        ("city_limit", [None]),
        ("", []),
        (" ; ,", []),
    ],
)
def test_a_traffic_sign_tag_lists_classes(value: str, names: list[str | None]) -> None:
    classes = CODES.signs(value, {"maxspeed": "70"})
    assert [None if class_id is None else CATALOGUE[class_id].name for class_id in classes] == names


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("50", "speed_limit_50"),
        ("50 km/h", "speed_limit_50"),
        ("100kmh", "speed_limit_100"),
        ("40", None),
        ("30 mph", None),
        ("none", None),
        ("", None),
        ("50;70", None),
    ],
)
def test_a_maxspeed_tag_is_a_limit(value: str, name: str | None) -> None:
    class_id = CODES.limit(value)
    assert (None if class_id is None else CATALOGUE[class_id].name) == name


def test_maxspeed_signs_without_a_number_are_unknown() -> None:
    assert CODES.signs("maxspeed", {}) == [None]


def test_every_class_of_the_catalogue_can_be_mapped() -> None:
    numbered = {CODES.limit(str(sign.value)) for sign in CATALOGUE if sign.effect == "limit"}
    numbered |= {CODES.signs(f"DE:278-{sign.value}", {})[0] for sign in CATALOGUE if sign.effect == "end_limit"}
    named = {CODES.named(name) for name in [*GERMAN.values(), *WORDS.values()] if name}
    assert named | numbered == set(range(len(CATALOGUE)))


def test_another_catalogue_knows_only_its_own_classes() -> None:
    codes = SignCodes(Catalogue([CATALOGUE[0]]))  # a limit of 20
    assert codes.signs("DE:274-20;DE:274-50;DE:206;stop", {}) == [0, None, None, None]
    assert (codes.named(0), codes.named(1), codes.named("-1")) == (0, None, None)
