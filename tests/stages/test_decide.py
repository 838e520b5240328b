"""The drive state is dated, cautious, and never silent about the speed limit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.settings import DecideSettings, FallbackSettings, TrackSettings
from signpipe.stages.decide import Decide
from signpipe.stages.fallback import Fallback
from signpipe.stages.meaning import Dictionary
from signpipe.stages.track import Track
from signpipe.types import Advisory, AdvisoryStatus, Certainty, SignTrack, Verdict
from tests.stages.scene import PICTURE, Sign, looks
from tests.stages.tracks import CATALOGUE, coasting, sure, track, uncertain

ACTIVE, STALE, ENDED = AdvisoryStatus.ACTIVE, AdvisoryStatus.STALE, AdvisoryStatus.ENDED
QUICK = DecideSettings(
    limit_expiry=20, limit_expiry_metres=500, ban_expiry=20, ahead_expiry=4, ahead_expiry_metres=100,
    priority_expiry=10, uncertain_expiry=2, uncertain_size=40, conflict_window=2, stale_kept=30,
)  # fmt: skip


@dataclass
class Drive:
    """A decider, its clock, and all that it said."""

    decide: Decide = field(default_factory=lambda: Decide(QUICK, CATALOGUE))
    time: float = 0.0
    held: dict[str, Advisory] = field(default_factory=dict)
    events: list[Advisory] = field(default_factory=list)

    def see(self, *tracks: SignTrack, after: float = 0.1, speed: float | None = None) -> list[Advisory]:
        """Give it one frame; return the events."""
        self.time += after
        advisories, events = self.decide.update(list(tracks), self.time, PICTURE, speed)
        self.held = {advisory.topic: advisory for advisory in advisories}
        assert len(self.held) == len(advisories)
        assert advisories[0].topic == "speed_limit"
        self.events += events
        return events

    def wait(self, seconds: float, speed: float | None = None) -> list[Advisory]:
        """Give it a frame each half second without any sign; return the events."""
        return [event for _ in range(round(seconds / 0.5)) for event in self.see(after=0.5, speed=speed)]

    @property
    def limit(self) -> Advisory:
        return self.held["speed_limit"]


def gist(events: list[Advisory]) -> list[tuple[str, str, float | str | None]]:
    return [(event.topic, event.status.value, event.value) for event in events]


def test_before_any_sign_the_limit_is_said_to_be_unknown() -> None:
    drive = Drive()
    assert gist(drive.see()) == [("speed_limit", "active", None)]
    assert drive.limit.message == "limit unknown"
    assert drive.limit.expires_in is None
    assert drive.see() == []


def test_a_limit_holds_from_the_moment_it_is_confirmed() -> None:
    drive = Drive()
    drive.see()
    assert gist(drive.see(sure("speed_limit_80", probability=0.93))) == [("speed_limit", "active", 80)]
    limit = drive.limit
    assert (limit.message, limit.value, limit.witnesses, limit.track_id) == ("limit 80", 80, ("vision",), 1)
    assert limit.class_id == CATALOGUE.by_name("speed_limit_80").id
    assert limit.confidence == pytest.approx(0.93)
    assert [limit.since, limit.renewed, limit.age] == pytest.approx([0.2, 0.2, 0])
    assert limit.conflict is None


@pytest.mark.parametrize("certainty", [Certainty.UNCERTAIN, Certainty.UNKNOWN])
def test_a_class_that_isnt_sure_decides_nothing(certainty: Certainty) -> None:
    drive = Drive()
    guess = track("speed_limit_80", probability=0.89)
    guess.verdict = Verdict(certainty)
    drive.see(guess)
    assert set(drive.held) == {"speed_limit"}
    assert drive.limit.value is None


def test_a_corroborated_class_counts_and_names_its_source() -> None:
    drive = Drive()
    one = sure("speed_limit_80")
    one.verdict = Verdict(Certainty.CORROBORATED, witnesses=("map",))
    drive.see(one)
    assert (drive.limit.value, drive.limit.witnesses) == (80, ("map",))


def test_an_advisory_is_renewed_while_its_sign_is_seen_and_not_while_it_coasts() -> None:
    drive = Drive()
    for _ in range(10):
        drive.see(sure("speed_limit_80"))
    renewed = drive.time
    drive.see(coasting("speed_limit_80"), after=0.3)
    assert drive.limit.since == pytest.approx(0.1)
    assert drive.limit.renewed == pytest.approx(renewed)
    assert drive.limit.age == pytest.approx(0.3)
    assert drive.limit.expires_in == pytest.approx(QUICK.limit_expiry - 0.3)


def test_a_limit_that_isnt_renewed_goes_stale_says_so_and_ends_as_unknown() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    drive.events.clear()
    drive.wait(20)
    assert drive.limit.status is ACTIVE
    assert drive.wait(1)[0].message == "limit 80 (last known, stale)"
    assert drive.limit.status is STALE
    assert drive.limit.value == 80
    assert drive.limit.expires_in is not None
    assert drive.limit.expires_in < 0
    drive.wait(28)
    assert drive.limit.status is STALE
    drive.wait(2)
    assert [drive.limit.value, drive.limit.message] == [None, "limit unknown"]
    assert gist(drive.events) == [
        ("speed_limit", "stale", 80),
        ("speed_limit", "ended", 80),
        ("speed_limit", "active", None),
    ]


def test_one_long_gap_ages_like_many_frames() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    assert gist(drive.see(after=25)) == [("speed_limit", "stale", 80)]
    assert gist(drive.see(after=40)) == [("speed_limit", "ended", 80), ("speed_limit", "active", None)]


def test_where_speed_is_known_distance_counts_too() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), speed=50.0)
    drive.wait(5, speed=50.0)
    assert drive.limit.expires_in_metres == pytest.approx(250)
    assert drive.limit.status is ACTIVE
    drive.wait(5.5, speed=50.0)
    assert drive.limit.status is STALE
    drive.see()
    assert drive.limit.expires_in_metres is None


def test_a_standing_car_doesnt_use_up_its_metres() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), speed=0.0)
    drive.wait(10, speed=0.0)
    assert drive.limit.expires_in_metres == QUICK.limit_expiry_metres


def test_a_stale_limit_that_is_seen_again_is_active_again() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    drive.wait(22)
    assert gist(drive.see(sure("speed_limit_80", 2))) == [("speed_limit", "active", 80)]
    assert drive.limit.age == 0


def test_a_lower_limit_holds_at_once() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    drive.wait(5)
    assert gist(drive.see(sure("speed_limit_60", 2))) == [("speed_limit", "active", 60)]


def test_a_higher_limit_holds_once_its_sign_is_passed() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    drive.wait(5)
    for _ in range(20):
        drive.see(sure("speed_limit_100", 2))
        assert drive.limit.value == 80
        assert drive.limit.conflict == "limit 100 is seen ahead, and doesn't count before it is passed"
    drive.see(coasting("speed_limit_100", 2))
    assert drive.limit.value == 80
    assert gist(drive.see()) == [("speed_limit", "active", 100)]
    assert (drive.limit.track_id, drive.limit.conflict) == (2, None)


@pytest.mark.parametrize(
    ("velocity", "seconds"), [((30.0, -10.0), 2.1), ((300.0, -100.0), 0.3), ((2.0, 0.0), 5.0), ((-30.0, 10.0), 5.0)]
)
def test_a_sign_that_is_lost_early_counts_as_passed_when_its_motion_says(
    velocity: tuple[float, float], seconds: float
) -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    drive.wait(5)
    end = sure("end_all_restrictions", 2)
    # 60 px to the right of the picture's centre and 20 px above it.
    centre = np.array([PICTURE[1] / 2 + 60, PICTURE[0] / 2 - 20], np.float32)
    end.xyxy, end.velocity = np.concatenate([centre - 12, centre + 12]), velocity
    drive.see(end)
    seen = drive.time
    while drive.limit.value is not None and drive.time < seen + 8:
        drive.see(after=0.05)
    assert drive.time - seen == pytest.approx(seconds, abs=0.2)


def test_a_higher_limit_holds_at_once_where_none_is_valid() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_60"))
    drive.wait(22)
    assert drive.limit.status is STALE
    drive.see(sure("speed_limit_100", 2))
    assert (drive.limit.value, drive.limit.status) == (100, ACTIVE)


@pytest.mark.parametrize("first_to_leave", ["80", "120"])
def test_of_two_limits_side_by_side_the_lower_stands(first_to_leave: str) -> None:
    drive = Drive()
    for _ in range(10):
        drive.see(sure("speed_limit_120", 1), sure("speed_limit_80", 2))
        assert drive.limit.value == 80
    assert drive.limit.conflict is not None
    assert "limit 120" in drive.limit.conflict
    left = sure("speed_limit_120", 1) if first_to_leave == "80" else sure("speed_limit_80", 2)
    for _ in range(8):
        drive.see(left)
    drive.see()
    assert drive.limit.value == 80
    assert drive.limit.conflict is not None
    assert drive.limit.conflict.startswith("limit 120 was overruled")
    drive.wait(10)
    assert drive.limit.value == 80
    assert drive.limit.conflict is None


def test_a_farther_higher_limit_follows_a_nearer_lower_one() -> None:
    drive = Drive()
    for _ in range(10):
        drive.see(sure("speed_limit_80", 1), sure("speed_limit_100", 2))
    for _ in range(40):
        drive.see(sure("speed_limit_100", 2))
        assert drive.limit.value == 80
    drive.see()
    assert drive.limit.value == 100


def test_a_farther_lower_limit_isnt_lifted_by_passing_a_nearer_higher_one() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_100", 1))
    for _ in range(30):
        drive.see(sure("speed_limit_100", 1), sure("speed_limit_80", 2))
    for _ in range(30):
        drive.see(sure("speed_limit_80", 2))
        assert drive.limit.value == 80
    drive.wait(5)
    assert drive.limit.value == 80


def test_the_end_of_a_limit_leaves_it_unknown_and_never_reads_as_no_limit() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"))
    drive.wait(5)
    drive.see(sure("end_speed_limit_80", 2))
    assert drive.limit.value == 80
    events = drive.see()
    assert gist(events) == [("speed_limit", "ended", 80), ("speed_limit", "active", None)]
    assert events[0].message == "limit 80: ended by end of limit 80"
    assert drive.limit.message == "limit 80 ended; the general limit applies, which signpipe doesn't know"
    drive.wait(25)
    assert drive.limit.message == "limit unknown"


def test_the_end_of_another_limit_changes_nothing_but_is_mentioned() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_60"))
    drive.wait(5)
    drive.see(sure("end_speed_limit_80", 2))
    drive.see()
    assert drive.limit.value == 60
    assert drive.limit.conflict == "end of limit 80 was seen, but the limit in force is another"


def test_an_end_that_is_seen_together_with_a_limit_doesnt_lift_it() -> None:
    drive = Drive()
    for _ in range(5):
        drive.see(sure("end_all_restrictions", 1), sure("speed_limit_60", 2))
    drive.wait(3)
    assert drive.limit.value == 60


def test_an_end_without_anything_to_end_still_says_that_the_limit_is_unknown() -> None:
    drive = Drive()
    drive.see(sure("end_speed_limit_80"))
    assert drive.limit.value is None
    assert drive.limit.message.startswith("limit 80 ended")
    assert set(drive.held) == {"speed_limit"}


def test_end_of_all_restrictions_ends_limit_and_bans() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), sure("no_overtaking", 2), sure("no_overtaking_goods", 3))
    drive.wait(5)
    drive.events.clear()
    drive.see(sure("end_all_restrictions", 4))
    assert drive.limit.value == 80
    drive.see()
    assert set(drive.held) == {"speed_limit"}
    assert drive.limit.message.startswith("all limits ended")
    ended = {event.topic for event in drive.events if event.status is ENDED}
    assert ended == {"speed_limit", "overtaking", "overtaking:goods"}


def test_overtaking_bans_for_all_and_for_goods_vehicles_are_apart() -> None:
    drive = Drive()
    drive.see(sure("no_overtaking", 1), sure("no_overtaking_goods", 2))
    drive.wait(5)
    assert drive.held["overtaking"].message == "no overtaking"
    assert drive.held["overtaking:goods"].message == "no overtaking by goods vehicles"
    drive.see(sure("end_no_overtaking", 3))
    assert "overtaking" in drive.held
    events = drive.see()
    assert gist(events) == [("overtaking", "ended", "no_overtaking")]
    assert events[0].message == "no overtaking: ended by end of no overtaking"
    assert "overtaking:goods" in drive.held


def test_a_ban_that_isnt_renewed_goes_stale_before_it_ends() -> None:
    drive = Drive()
    drive.see(sure("no_overtaking"))
    drive.events.clear()
    drive.wait(60)
    assert gist(drive.events) == [
        ("overtaking", "stale", "no_overtaking"),
        ("overtaking", "ended", "no_overtaking"),
    ]


@pytest.mark.parametrize(
    ("name", "topic", "message", "value"),
    [
        ("stop", "stop", "stop ahead", "stop"),
        ("give_way", "give_way", "give way ahead", "give_way"),
        ("priority_road", "priority", "priority road", "priority_road"),
        (
            "priority_next_intersection",
            "priority:next",
            "priority at the next intersection",
            "priority_next_intersection",
        ),
        ("road_works", "danger:road_works", "road works ahead", "road_works"),
        ("keep_right", "direction:keep_right", "keep right", "keep_right"),
        ("no_entry", "access:no_entry", "no entry", "no_entry"),
    ],
)
def test_what_lies_ahead_is_announced_goes_stale_and_ends_each_once(
    name: str, topic: str, message: str, value: str
) -> None:
    drive = Drive()
    drive.see()
    drive.events.clear()
    for _ in range(5):
        drive.see(sure(name))
    assert (drive.held[topic].message, drive.held[topic].value) == (message, value)
    drive.wait(60)
    assert gist(drive.events) == [(topic, "active", value), (topic, "stale", value), (topic, "ended", value)]


def test_every_class_of_the_catalogue_has_a_meaning() -> None:
    for name in CATALOGUE.names:
        drive = Drive()
        drive.see(sure(name))
        drive.see()
        assert all(advisory.message for advisory in drive.held.values())


def test_what_lies_ahead_ends_by_distance_where_speed_is_known() -> None:
    drive = Drive()
    drive.see(sure("stop"), speed=30.0)
    assert drive.held["stop"].expires_in_metres == QUICK.ahead_expiry_metres
    drive.wait(3.5, speed=30.0)
    assert drive.held["stop"].status is STALE


def test_dangers_are_announced_side_by_side() -> None:
    drive = Drive()
    drive.see(sure("road_works", 1), sure("bend_left", 2))
    assert {"danger:road_works", "danger:bend_left"} <= set(drive.held)


@pytest.mark.parametrize(("cautious", "topic"), [("stop", "stop"), ("give_way", "give_way")])
@pytest.mark.parametrize("order", [1, -1])
def test_of_signs_on_right_of_way_the_more_cautious_stands(cautious: str, topic: str, order: int) -> None:
    drive = Drive()
    signs = [sure(cautious, 1), sure("priority_road", 2)][::order]
    drive.see(signs[0])
    drive.see(*signs)
    assert set(drive.held) == {"speed_limit", topic}
    assert (drive.held[topic].conflict or "").startswith("priority road was overruled")


def test_stop_overrules_give_way() -> None:
    drive = Drive()
    drive.see(sure("give_way", 1))
    events = drive.see(sure("give_way", 1), sure("stop", 2))
    assert {"give_way", "stop"} & set(drive.held) == {"stop"}
    assert ("give_way", "ended", "give_way") in gist(events)


def test_a_stop_beyond_a_give_way_leaves_it_alone() -> None:
    drive = Drive()
    near, far = sure("give_way", 1), sure("stop", 2)
    near.xyxy[2:] += 60
    drive.see(near)
    drive.see(near, far)
    assert {"give_way", "stop"} <= set(drive.held)
    assert drive.held["stop"].conflict is None


def test_give_way_ends_a_priority_road_and_a_later_priority_road_the_give_way() -> None:
    drive = Drive()
    drive.see(sure("priority_road", 1))
    drive.wait(5)
    drive.see(sure("give_way", 2))
    assert "priority" not in drive.held
    drive.wait(3)
    drive.see(sure("priority_road", 3))
    assert {"give_way", "priority"} & set(drive.held) == {"priority"}


def test_an_uncertain_sign_is_announced_as_its_category_and_flags_the_limit() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_100", 1))
    drive.wait(5)
    drive.see(uncertain("speed_limit_80", 2))
    unknown = drive.held["unknown:prohibitory"]
    assert (unknown.message, unknown.value, unknown.class_id) == ("unknown prohibitory sign", "prohibitory", None)
    assert unknown.confidence == pytest.approx(1.0)
    assert drive.limit.value == 100
    assert drive.limit.conflict == "an unknown prohibitory sign was seen since"
    assert drive.limit.status is STALE  # it is a limit, whichever


def test_an_unread_limit_after_the_end_of_all_limits_makes_it_doubtful_that_there_is_none() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_100", 1))
    drive.wait(5)
    drive.see(sure("end_all_restrictions", 2))
    drive.wait(5)
    assert (drive.limit.value, drive.limit.status, drive.limit.conflict) == (None, ACTIVE, None)
    drive.see(uncertain("speed_limit_80", 3))
    assert drive.limit.conflict == "an unknown prohibitory sign was seen since"
    assert drive.limit.status is STALE
    assert "last known" in drive.limit.message


def test_an_unread_limit_says_nothing_new_where_no_limit_is_known() -> None:
    drive = Drive()
    drive.see(uncertain("speed_limit_80", 1))
    assert (drive.limit.message, drive.limit.status, drive.limit.conflict) == ("limit unknown", ACTIVE, None)


def test_a_sign_that_may_be_no_limit_leaves_the_limit_in_force() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_100", 1))
    drive.wait(5)
    unread = uncertain("no_vehicles", 2)
    drive.see(unread)
    assert drive.limit.conflict == "an unknown prohibitory sign was seen since"
    assert drive.limit.status is ACTIVE


def test_a_limit_whose_sign_is_no_longer_sure_goes_stale_until_it_is_sure_again() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_50", 1))
    drive.wait(5)
    drive.see(sure("speed_limit_30", 2))
    drive.see(uncertain("speed_limit_30", 2))
    assert (drive.limit.value, drive.limit.status) == (30, STALE)
    assert "no longer sure" in str(drive.limit.conflict)
    drive.see(sure("speed_limit_30", 2))
    assert (drive.limit.value, drive.limit.status) == (30, ACTIVE)
    drive.see(coasting("speed_limit_30", 2))
    assert drive.limit.status is ACTIVE


def test_what_turns_out_to_be_no_real_sign_gives_way_to_what_held_before() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80", 1))
    drive.wait(5)
    drive.see(sure("speed_limit_30", 2))
    assert drive.limit.value == 30
    drop = track("speed_limit_30", 2)
    drop.verdict = Verdict(witnesses=("approach",), ruled_out=True)
    drive.see(drop)
    assert (drive.limit.value, drive.limit.status) == (80, ACTIVE)
    assert gist(drive.events)[-1] == ("speed_limit", "active", 80)


def test_a_small_sign_is_given_the_time_to_be_read() -> None:
    drive = Drive()
    for side in (15, 25, 35):
        drive.see(uncertain("speed_limit_80", side=side))
        assert set(drive.held) == {"speed_limit"}
    drive.see(uncertain("speed_limit_80", side=45))
    assert set(drive.held) == {"speed_limit", "unknown:prohibitory"}


def test_a_small_sign_that_is_lost_unread_is_announced() -> None:
    drive = Drive()
    drive.see(uncertain("speed_limit_80", side=25, unseen=0.3))
    assert set(drive.held) == {"speed_limit"}
    drive.see(uncertain("speed_limit_80", side=25, unseen=0.6))
    assert drive.held["unknown:prohibitory"].age == pytest.approx(0.6)


def test_an_uncertain_sign_of_an_unrelated_picture_is_announced_by_its_one_look() -> None:
    drive = Drive()
    drive.see(uncertain("speed_limit_80", hits=1, side=15))
    assert "unknown:prohibitory" in drive.held


def test_an_uncertain_sign_that_is_read_after_all_is_withdrawn() -> None:
    drive = Drive()
    drive.see(uncertain("speed_limit_80", 1))
    events = drive.see(sure("speed_limit_80", 1))
    assert set(drive.held) == {"speed_limit"}
    assert gist(events) == [("unknown:prohibitory", "ended", "prohibitory"), ("speed_limit", "active", 80)]
    assert events[0].message == "unknown prohibitory sign: it was read as limit 80"
    assert drive.limit.conflict is None


def test_a_misread_limit_is_corrected_by_its_own_track() -> None:
    """A correction isn't a second sign: it neither waits until the sign is passed nor conflicts with itself."""
    drive = Drive()
    drive.see(sure("speed_limit_30", 1))
    drive.see(sure("speed_limit_80", 1))
    assert (drive.limit.value, drive.limit.conflict) == (80, None)


def test_after_a_correction_what_held_before_the_misreading_holds_again() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80", 1))
    drive.wait(5)
    drive.see(sure("speed_limit_30", 2))
    assert drive.limit.value == 30
    drive.see(sure("road_works", 2))
    assert (drive.limit.value, drive.limit.track_id) == (80, 1)
    assert drive.limit.age == pytest.approx(5.2)
    assert "danger:road_works" in drive.held


def test_a_misread_repetition_doesnt_cost_the_limit_that_it_renewed() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80", 1))
    drive.wait(5)
    drive.see(sure("speed_limit_80", 2))
    drive.see(sure("speed_limit_100", 2))
    assert (drive.limit.value, drive.limit.track_id) == (80, 1)
    drive.see()
    assert (drive.limit.value, drive.limit.track_id) == (100, 2)


def test_a_misread_end_lifts_nothing_once_it_is_corrected() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80", 1))
    drive.wait(5)
    drive.see(sure("end_speed_limit_80", 2))
    drive.see(sure("speed_limit_80", 2))
    drive.see()
    assert (drive.limit.value, drive.limit.track_id) == (80, 2)


def test_an_end_whose_verdict_is_given_up_lifts_nothing() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80", 1))
    drive.wait(5)
    drive.see(sure("end_all_restrictions", 2))
    drive.see(track("end_all_restrictions", 2, probability=0.5))
    drive.see()
    assert drive.limit.value == 80


def test_a_recording_that_is_wound_back_ends_everything_with_events() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), sure("stop", 2), after=100)
    events = drive.see(after=-90)
    assert gist(events) == [("speed_limit", "ended", 80), ("stop", "ended", "stop"), ("speed_limit", "active", None)]
    assert all("wound back" in event.message for event in events if event.status is ENDED)
    drive.see(sure("speed_limit_50", 3))
    assert (drive.limit.value, drive.limit.age) == (50, 0)


def test_a_slightly_disordered_time_stamp_ends_nothing() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), after=10)
    drive.see(after=-0.1)
    assert drive.limit.value == 80
    assert drive.limit.age >= 0


def test_after_a_reset_nothing_is_known_and_nothing_is_reported() -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), sure("stop", 2))
    drive.decide.reset()
    assert drive.see() == []
    assert set(drive.held) == {"speed_limit"}
    assert drive.limit.value is None
    assert drive.limit.since == pytest.approx(drive.time)


def test_a_drive_from_detections_to_advisories() -> None:
    """Tracker, fallback and drive state together, on what a noisy detector makes of a road."""
    road = [("speed_limit_80", 60), ("no_overtaking", 60), ("road_works", 110), ("speed_limit_100", 180),
            ("end_all_restrictions", 300)]  # fmt: skip
    scene = [
        Sign(CATALOGUE.by_name(name).id, ahead, up=0.4 if name == "no_overtaking" else 1.1) for name, ahead in road
    ]
    tracker, fallback, drive = Track(TrackSettings(), CATALOGUE), Fallback(FallbackSettings(), CATALOGUE), Drive()
    values: list[float | str | None] = []
    for look in looks(scene, [frame / 15 for frame in range(15 * 17)], 20.0, seed=3, missed=0.1, yaw=8):
        tracks, _ = tracker.update(look.detections, look.classifications, look.time, PICTURE)
        tracks = list(map(SignTrack.judged, tracks, fallback(tracks)))
        drive.see(*tracks, after=look.time - drive.time, speed=20.0)
        values += [drive.limit.value] if drive.limit.value not in values[-1:] else []
        # A sign beside the road leaves the picture a few metres before the car is level with it.
        passed = {name for name, ahead in road if 20.0 * look.time > ahead - 10}
        assert drive.limit.value in (None, 80) or "speed_limit_100" in passed
    assert values == [None, 80, 100, None]
    issued = [event.topic for event in drive.events if event.status is ACTIVE and event.topic != "speed_limit"]
    # The last event mentions that the end of the ban is seen ahead.
    assert issued == ["overtaking", "danger:road_works", "overtaking"]


def test_gaps_have_no_picture_and_no_speed() -> None:
    decide = Decide(QUICK, CATALOGUE)
    decide.update([sure("speed_limit_80")], 0.0, PICTURE, 30.0)
    advisories, events = decide.update([coasting("speed_limit_80")], 0.5, None)
    assert advisories[0].value == 80
    assert advisories[0].age == pytest.approx(0.5)
    assert events == []


@pytest.mark.parametrize("speed", [float("nan"), float("inf"), None])
def test_a_speed_that_is_no_number_is_unknown(speed: float | None) -> None:
    drive = Drive()
    drive.see(sure("speed_limit_80"), speed=speed)
    drive.wait(2, speed=speed)
    assert drive.limit.status is ACTIVE
    assert drive.limit.expires_in_metres is None


signs = st.tuples(st.sampled_from(CATALOGUE.names), st.integers(1, 6), st.sampled_from([sure, coasting, uncertain]))
frames = st.lists(
    st.tuples(
        st.lists(signs, max_size=4, unique_by=lambda sign: sign[1]),
        st.one_of(st.floats(0, 2), st.floats(0, 60), st.floats(-5, 0)),
        st.one_of(st.none(), st.floats(0, 60)),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(frames)
def test_whatever_is_seen_silence_never_reads_as_no_limit(
    sequence: list[tuple[list[tuple[str, int, object]], float, float | None]],
) -> None:
    """There is always one advisory on the limit; a limit leaves it with an event, and events retell the whole state."""
    drive = Drive()
    retold: dict[str, tuple[AdvisoryStatus, float | str | None, str]] = {}
    latest = 0.0
    for shown, after, speed in sequence:
        before = drive.held
        events = drive.see(*[make(name, id_) for name, id_, make in shown], after=after, speed=speed)  # type: ignore[operator]
        latest = max(latest, drive.time)  # time may leap back
        limit = drive.limit
        assert limit.message
        assert (limit.value is None) == (limit.message == "limit unknown" or "general limit" in limit.message)
        for event in events:
            if event.status is ENDED:
                assert event.topic in retold
                del retold[event.topic]
            else:
                retold[event.topic] = (event.status, event.value, event.message)
        assert retold == {topic: (a.status, a.value, a.message) for topic, a in drive.held.items()}
        keys = [(event.topic, event.status, event.value, event.message) for event in events]
        assert len(keys) == len(set(keys))
        if before and before["speed_limit"].value is not None and limit.value is None:
            assert ("speed_limit", "ended", before["speed_limit"].value) in gist(events)
        for advisory in drive.held.values():
            assert advisory.age >= 0
            assert advisory.since <= latest
            assert 0 <= advisory.confidence <= 1 + 1e-6


limits = st.sampled_from([20, 30, 50, 60, 70, 80, 100, 120])


@settings(max_examples=100, deadline=None)
@given(st.lists(limits, min_size=1, max_size=6))
def test_of_limits_seen_together_the_lowest_holds(values: list[int]) -> None:
    drive = Drive()
    tracks = [sure(f"speed_limit_{value}", number + 1) for number, value in enumerate(values)]
    for count in range(1, len(tracks) + 1):
        drive.see(*tracks[:count])
    drive.see()
    drive.see()
    assert drive.limit.value == min(values)


@settings(max_examples=100, deadline=None)
@given(st.lists(limits, min_size=1, max_size=6))
def test_of_limits_seen_one_after_the_other_the_last_holds(values: list[int]) -> None:
    drive = Drive()
    for number, value in enumerate(values):
        drive.see(sure(f"speed_limit_{value}", number + 1), after=5)
        drive.see(after=1)
        assert drive.limit.value == value


@pytest.mark.parametrize(("value", "said"), [(50, "50"), (50.0, "50"), (37.5, "37.5")])
def test_a_limit_is_said_as_people_say_it(value: float, said: str) -> None:
    limit, end = (replace(CATALOGUE.by_name(name), value=value) for name in ("speed_limit_80", "end_speed_limit_80"))
    dictionary = Dictionary(QUICK)
    assert (dictionary.of_sign(limit).message, dictionary.of_sign(limit).value) == (f"limit {said}", value)
    assert dictionary.of_sign(end).message.startswith(f"limit {said} ended; ")
    assert dictionary.of_sign(end).value is None
