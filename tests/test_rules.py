"""The limits that apply without a sign, as each country's rules say."""

from __future__ import annotations

import pytest

from signpipe.catalogue.countries import country_codes, load_country
from signpipe.catalogue.rules import RoadKind, Rules, read_rules
from signpipe.errors import SettingsError


def rules_of(code: str) -> Rules:
    country = load_country(code)
    return read_rules(country.rules, country.unit, country.languages, str(country.path))


@pytest.mark.parametrize("code", country_codes())
def test_every_countrys_rules_can_be_read_and_name_their_law(code: str) -> None:
    rules = rules_of(code)
    assert all(limit.source for limit in rules.limits.values())
    if code not in ("us", "ca"):  # left to states and provinces
        assert {RoadKind.TOWN, RoadKind.OUTSIDE} <= set(rules.limits)


@pytest.mark.parametrize(
    ("code", "kind", "limit"),
    [("de", "town", 50), ("es", "town", 30), ("fr", "motorway", 130), ("de", "outside", 100), ("be", "motorway", 120),
     ("si", "expressway", 110), ("pl", "motorway", 140), ("de", "motorway", None), ("gb", "town", 30 * 1.609344)],
)  # fmt: skip
def test_known_limits(code: str, kind: str, limit: float | None) -> None:
    assert rules_of(code).limits[RoadKind(kind)].limit == pytest.approx(limit)


def test_exceptions_have_conditions() -> None:
    wet = [one for one in rules_of("fr").limits[RoadKind.MOTORWAY].exemptions if one.limit == 110]
    assert list(map(str, wet[0].conditions)) == ["when wet"]


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"town": {"limit": 50}}, "source"),
        ({"town": {"limit": "fast", "source": "x"}}, "town"),
        ({"village": {}}, "village"),
        ({"timezone": "Europe/Atlantis"}, "Atlantis"),
        ({"town": {"limit": 50, "source": "x", "exceptions": [{"limit": 30, "vehicles": ["horse"]}]}}, "horse"),
        ({"town": {"limit": 50, "source": "x", "exceptions": [{"limit": 30, "time": "late"}]}}, "plate"),
    ],
)
def test_a_bad_entry_is_named(table: dict[str, object], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        read_rules(table, "km/h")
