"""Limits with plates, zones and kinds of road: several at once, never lifted by what isn't known to be met."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue.countries import load_country
from signpipe.catalogue.plates import plate_conditions
from signpipe.catalogue.rules import read_rules
from signpipe.settings import DecideSettings, VehicleSettings
from signpipe.stages.decide import Decide
from signpipe.types import Advisory, Certainty, FiguresRead, Plate, SignTrack, Surroundings, TrackState, Verdict

COUNTRY = load_country("de")
SPEED = 20.0
NIGHT, DAY = datetime(2026, 11, 27, 23), datetime(2026, 11, 27, 12)


def sign(name: str, id_: int, *plates: str | tuple[str, str], code: str = "de", at: float = 600) -> SignTrack:
    """Return a sign that is sure, with plates by their class, and the text on them."""
    catalogue = load_country(code).catalogue
    class_id = catalogue.by_name(name).id
    probability = np.zeros(len(catalogue), np.float32)
    probability[class_id] = 1.0
    box = np.array([at, 300, at + 40, 340], np.float32)
    hung = []
    for plate in plates:
        kind, text = plate if isinstance(plate, tuple) else (plate, None)
        hung.append(Plate(id_ + 100, box, plate_conditions(kind, text, ["de"]), 1.0, kind, text))
    return SignTrack(
        id_, box, TrackState.CONFIRMED, 0.9, 1.0, 0.0, 8, probability, probability, class_id, detection=0,
        verdict=Verdict(Certainty.CONFIRMED), plates=tuple(hung),
    )  # fmt: skip


@dataclass
class Drive:
    """A decider and its clock."""

    vehicle: VehicleSettings = field(default_factory=VehicleSettings)
    code: str = "de"
    time: float = 0.0
    speed: float | None = SPEED

    def __post_init__(self) -> None:
        country = load_country(self.code)
        rules = read_rules(country.rules, country.unit, country.languages)
        self.decide = Decide(DecideSettings(), country.catalogue, rules, self.vehicle)
        self.see()

    def see(self, *tracks: SignTrack, around: Surroundings | None = None) -> Advisory:
        """Give it a frame; return what it says of the limit."""
        self.time += 0.1
        self.held, self.events = self.decide.update(
            list(tracks), self.time, (720, 1280), self.speed, *([around] if around else [])
        )
        return self.held[0]

    def drive_on(self, seconds: float) -> Advisory:
        """Let time pass without a sign."""
        for _ in range(round(seconds / 0.1)):
            limit = self.see()
        return limit

    def pass_(self, *tracks: SignTrack) -> Advisory:
        """Drive past signs that stand together, and on for three seconds."""
        for _ in range(3):
            self.see(*tracks)
        return self.drive_on(3)


@pytest.mark.parametrize(
    ("wet", "message", "value", "cautious"),
    [
        (True, "limit 60 when wet (else 80)", 60, 60),
        (False, "limit 80", 80, 80),
        (None, "limit 80, 60 when wet", 80, 60),
    ],
)
def test_a_limit_when_wet_is_held_beside_the_one_without(
    wet: bool | None, message: str, value: float, cautious: float
) -> None:
    drive = Drive(VehicleSettings(wet=wet))
    limit = drive.pass_(sign("speed_limit_80", 1), sign("speed_limit_60", 2, "plate_when_wet"))
    assert (limit.message, limit.value, limit.cautious) == (message, value, cautious)
    assert limit.origin == "posted"
    others = [(one.value, one.conditions, one.applies, one.track_id) for one in limit.alternatives]
    assert others == ([] if wet else [(60, ("when wet",), wet, 2)])


def test_what_is_told_with_a_frame_counts_before_the_settings() -> None:
    drive = Drive(VehicleSettings(wet=False))
    drive.pass_(sign("speed_limit_80", 1), sign("speed_limit_60", 2, "plate_when_wet"))
    assert drive.see(around=Surroundings(wet=True)).value == 60
    assert drive.see().value == 80


@pytest.mark.parametrize(("clock", "value"), [(NIGHT, 30), (DAY, 50), (None, 50)])
def test_a_limit_by_time(clock: datetime | None, value: float) -> None:
    drive = Drive(VehicleSettings(clock=clock))
    drive.pass_(sign("speed_limit_50", 1), sign("speed_limit_30", 2, ("plate_time", "22-6h")))
    assert drive.see().value == value


def test_a_limit_that_ends_while_it_is_held() -> None:
    drive = Drive(VehicleSettings(clock=datetime(2026, 11, 27, 21, 59, 55)))
    drive.pass_(sign("speed_limit_50", 1), sign("speed_limit_30", 2, ("plate_time", "22-6h")))
    assert drive.see().value == 50
    assert drive.drive_on(3).message == "limit 30 from 22:00 to 6:00 (else 50)"


@pytest.mark.parametrize(("kind", "value"), [("goods", 60), ("car", 80), (None, 80)])
def test_a_limit_for_a_class_of_vehicles(kind: str | None, value: float) -> None:
    drive = Drive(VehicleSettings(kind=kind))
    drive.pass_(sign("speed_limit_80", 1), sign("speed_limit_60", 2, "plate_trucks"))
    assert drive.see().value == value


def test_a_limit_on_an_exit_is_told_and_not_taken() -> None:
    drive = Drive()
    limit = drive.pass_(sign("speed_limit_120", 1), sign("speed_limit_60", 2, "plate_arrow_right"))
    assert (limit.message, limit.value, limit.cautious) == ("limit 120, 60 to the right", 120, 60)


def test_an_announced_limit_begins_after_its_distance() -> None:
    drive = Drive()
    drive.pass_(sign("speed_limit_100", 1))
    assert drive.pass_(sign("speed_limit_60", 2, ("plate_distance", "200m"))).message == "limit 100, 60 in 200 m"
    assert drive.drive_on(5).value == 100
    assert drive.drive_on(4).message == "limit 60"


def test_an_announced_limit_is_told_where_speed_isnt_known() -> None:
    drive = Drive(speed=None)
    drive.pass_(sign("speed_limit_100", 1))
    drive.pass_(sign("speed_limit_60", 2, ("plate_distance", "200m")))
    limit = drive.drive_on(60)
    assert (limit.value, limit.cautious) == (100, 60)


def test_a_limit_for_a_length_ends_by_itself_with_what_holds_without_it() -> None:
    drive = Drive()
    drive.pass_(sign("end_town", 1))
    assert drive.pass_(sign("speed_limit_60", 2, ("plate_length", "400m"))).message == "limit 60 for 400 m"
    assert drive.drive_on(10).value == 60
    assert drive.drive_on(10).message.startswith("limit 100 outside towns")


@pytest.mark.parametrize(("kind", "text"), [("plate_text", None), ("plate_time", None), ("plate_nobody_knows", "22")])
def test_an_unread_plate_makes_a_lower_limit_conditional_and_a_higher_one_lift_nothing(
    kind: str, text: str | None
) -> None:
    drive = Drive()
    drive.pass_(sign("speed_limit_100", 1))
    limit = drive.pass_(sign("speed_limit_70", 2, (kind, text or "")))
    assert (limit.message, limit.value) == ("limit 70 with a condition that could not be read (else 100)", 70)
    drive = Drive()
    drive.pass_(sign("speed_limit_70", 1))
    limit = drive.pass_(sign("speed_limit_100", 2, (kind, text or "")))
    assert (limit.message, limit.value) == ("limit 70, 100 with a condition that could not be read", 70)


def test_a_plate_that_is_seen_late_makes_a_limit_conditional_after_all() -> None:
    drive = Drive(VehicleSettings(wet=False))
    drive.pass_(sign("speed_limit_100", 1))
    assert drive.see(sign("speed_limit_60", 2)).value == 60
    assert drive.see(sign("speed_limit_60", 2, "plate_text")).value == 60
    assert drive.see(sign("speed_limit_60", 2, "plate_when_wet")).value == 100


def test_an_end_with_an_unread_plate_ends_nothing() -> None:
    drive = Drive()
    drive.pass_(sign("end_town", 1))
    drive.pass_(sign("no_overtaking", 2))
    drive.pass_(sign("end_no_overtaking", 3, "plate_text"))
    assert "overtaking" in {one.topic for one in drive.held}


def test_a_later_sign_takes_the_place_of_limits_with_conditions() -> None:
    drive = Drive(VehicleSettings(wet=True))
    drive.pass_(sign("speed_limit_120", 1), sign("speed_limit_80", 2, "plate_when_wet"))
    assert drive.see().value == 80
    assert drive.pass_(sign("speed_limit_100", 3)).message == "limit 100"


def test_lanes_with_different_limits_are_told_with_the_lowest() -> None:
    drive = Drive()
    row = [sign(name, number, at=400 + 150 * number) for number, name in
           enumerate(["speed_limit_100", "speed_limit_80", "speed_limit_100"], 1)]  # fmt: skip
    limit = drive.see(*row)
    assert limit.value == 80
    assert limit.message == "limit 80, 100 on lane 1 of 3, 100 on lane 3 of 3"
    same = [sign("speed_limit_60", number, at=400 + 150 * number) for number in (4, 5)]
    assert drive.pass_(*same).message == "limit 60"


@pytest.mark.parametrize(
    ("code", "inside", "outside"), [("de", 50, 100), ("es", 30, 90), ("fr", 50, 80), ("si", 50, 90), ("ch", 50, 80)]
)
def test_a_town_brings_its_limit_and_its_end_the_one_outside(code: str, inside: float, outside: float) -> None:
    drive = Drive(VehicleSettings(kind="car"), code)
    limit = drive.pass_(sign("town", 1, code=code))
    assert (limit.value, limit.origin) == (inside, "implicit")
    assert {one.topic: one.value for one in drive.held}["road"] == "town"
    drive.pass_(sign("speed_limit_20", 2, code=code))
    assert drive.pass_(sign("end_town", 3, code=code)).value == outside


def test_a_zone_holds_until_its_end_whatever_is_posted_inside() -> None:
    drive = Drive()
    drive.pass_(sign("town", 1))
    limit = drive.pass_(sign("zone_30", 2))
    assert (limit.message, limit.value, limit.origin) == ("limit 30 (zone)", 30, "zone")
    assert drive.pass_(sign("speed_limit_20", 3)).origin == "posted"
    assert drive.pass_(sign("end_all_restrictions", 4)).origin == "zone"
    limit = drive.pass_(sign("end_zone_30", 5))
    assert (limit.message, limit.origin) == ("limit 50 in towns", "implicit")


def test_a_motorway_without_a_limit_says_so() -> None:
    drive = Drive(VehicleSettings(kind="car", trailer=False))
    drive.pass_(sign("end_town", 1))
    limit = drive.pass_(sign("motorway", 2))
    assert (limit.message, limit.value) == ("no general limit on motorways (130 advised)", None)
    assert limit.origin == "implicit"
    assert drive.pass_(sign("end_motorway", 3)).message == "limit 100 outside towns"
    lorry = Drive(VehicleSettings(kind="goods", weight=12))
    assert lorry.pass_(sign("motorway", 2)).value == 80


def test_where_no_sign_told_the_kind_of_road_the_end_of_a_limit_names_both() -> None:
    drive = Drive()
    drive.pass_(sign("speed_limit_80", 1))
    limit = drive.pass_(sign("end_all_restrictions", 2))
    assert limit.value is None
    assert limit.cautious == 50
    assert limit.message == "all limits ended; the general limit applies, 50 in towns, 100 outside towns"


def test_a_town_that_was_misread_is_taken_back_with_its_limit() -> None:
    drive = Drive()
    drive.pass_(sign("end_town", 1))
    assert drive.see(sign("town", 2)).value == 50
    assert drive.see(sign("parking", 2)).value == 100


def test_miles_are_told_in_miles() -> None:
    drive = Drive(code="gb")
    limit = drive.pass_(sign("speed_limit_30", 1, code="gb"))
    assert (limit.message, limit.unit) == ("limit 30 mph", "mph")
    assert limit.value == pytest.approx(48.28, abs=0.01)


def test_a_weight_limit_has_the_figures_that_were_read_on_it() -> None:
    drive = Drive()
    one = replace(sign("weight_limit", 1), figures=FiguresRead("7.5t", "t", 0.98))
    drive.see(one)
    weight = next(held for held in drive.held if held.topic == "weight_limit")
    assert (weight.value, weight.unit, weight.message) == (7.5, "t", "weight limit 7.5 t")


def test_a_plate_under_another_sign_is_told_with_it() -> None:
    drive = Drive()
    drive.see(sign("no_parking", 1, ("plate_time", "8-18h")))
    parking = next(held for held in drive.held if held.topic == "parking")
    assert parking.message == "no parking from 8:00 to 18:00"
    assert parking.conditions == ("from 8:00 to 18:00",)
    drive = Drive(VehicleSettings(clock=NIGHT))
    drive.see(sign("no_parking", 1, ("plate_time", "8-18h")))
    assert "parking" not in {held.topic for held in drive.held}


def test_every_sign_of_every_country_has_a_meaning() -> None:
    for code in ("de", "be", "gb", "us"):
        country = load_country(code)
        drive = Drive(code=code)
        for number, one in enumerate(country.signs):
            drive.see(sign(one.name, number + 1, code=code))
            assert all(held.message for held in drive.held)
            assert drive.held[0].topic == "speed_limit"


LIMITS = ["speed_limit_30", "speed_limit_50", "speed_limit_70", "speed_limit_100", "zone_30"]
SIGNS = [
    *LIMITS,
    "end_all_restrictions",
    "end_zone_30",
    "town",
    "end_town",
    "motorway",
    "end_motorway",
    "end_no_overtaking",
]
UNSURE = ["plate_text", "plate_time", "plate_when_wet", "plate_trucks", "plate_arrow_right", "plate_except_bicycles"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([30, 50, 70, 100]), st.lists(st.tuples(st.sampled_from(SIGNS), st.sampled_from(UNSURE)), max_size=4)
)
def test_no_limit_rises_by_a_condition_that_isnt_known_to_be_met(value: int, later: list[tuple[str, str]]) -> None:
    drive = Drive()
    before = drive.pass_(sign(f"speed_limit_{value}", 1)).value
    for number, (name, plate) in enumerate(later, 2):
        limit = drive.pass_(sign(name, number, plate))
        assert isinstance(before, int | float)
        assert isinstance(limit.value, int | float)
        assert limit.value <= before
        assert limit.cautious is not None
        assert limit.cautious <= limit.value
        before = limit.value


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(SIGNS), st.sampled_from([None, *UNSURE, "plate_working_days"])), max_size=6),
    st.booleans(),
)
def test_something_is_always_said_of_the_limit(shown: list[tuple[str, str | None]], wet: bool) -> None:
    drive = Drive(VehicleSettings(wet=wet))
    for number, (name, plate) in enumerate(shown, 1):
        limit = drive.pass_(sign(name, number, *([plate] if plate else [])))
        assert limit.topic == "speed_limit"
        assert limit.message
        if limit.value is None:
            assert "general limit" in limit.message or "unknown" in limit.message
