"""The fallback says a class only if it is sure, else the category, else nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Category
from signpipe.opinion import Opinion, Role
from signpipe.settings import FallbackSettings
from signpipe.stages.fallback import Fallback
from signpipe.types import Certainty, Frame, SignTrack, TrackState
from tests.stages.tracks import CATALOGUE, track

SETTINGS = FallbackSettings(accept=0.9, accept_fused=0.95, support=0.2, release=0.75, category=0.8, novelty=0.6)
FRAME = Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0.0, 0.0, "test")


def judged(fallback: Fallback, *tracks: SignTrack) -> SignTrack:
    return all_judged(fallback, tracks)[0]


def all_judged(fallback: Fallback, tracks: Sequence[SignTrack], frame: Frame | None = None) -> list[SignTrack]:
    return list(map(SignTrack.judged, tracks, fallback(tracks, frame)))


def alone() -> Fallback:
    return Fallback(SETTINGS, CATALOGUE)


def test_a_sure_and_familiar_sign_is_confirmed_with_the_reason() -> None:
    result = judged(alone(), track("speed_limit_80", probability=0.97, hits=14))
    assert result.verdict.certainty is Certainty.CONFIRMED
    assert result.verdict.category is None
    assert result.verdict.witnesses == ("vision",)
    assert result.verdict.reason == "vision: speed_limit_80 at 0.97 over 14 observations"


def test_a_single_observation_is_said_to_be_one() -> None:
    assert judged(alone(), track("stop", hits=1)).verdict.reason.endswith("over one observation")


@pytest.mark.parametrize("state", [TrackState.CONFIRMED, TrackState.COASTING])
def test_between_two_limits_only_the_category_is_said(state: TrackState) -> None:
    result = judged(alone(), track("speed_limit_80", probability=0.6, other="speed_limit_30", state=state))
    assert result.verdict.certainty is Certainty.UNCERTAIN
    assert result.verdict.category == Category.PROHIBITORY.value
    assert "speed_limit_80 at 0.60 or speed_limit_30 at 0.40" in result.verdict.reason
    assert "prohibitory at 1.00" in result.verdict.reason


def test_between_two_categories_nothing_is_said() -> None:
    result = judged(alone(), track("speed_limit_80", probability=0.6, other="stop"))
    assert result.verdict.certainty is Certainty.UNKNOWN
    assert result.verdict.category is None


def test_an_unfamiliar_sign_keeps_its_category_only() -> None:
    result = judged(alone(), track("speed_limit_80", probability=0.99, novelty=0.8))
    assert result.verdict.certainty is Certainty.UNCERTAIN
    assert result.verdict.category == Category.PROHIBITORY.value
    assert "novelty 0.80" in result.verdict.reason


def test_a_tentative_track_is_never_believed() -> None:
    result = judged(alone(), track("speed_limit_80", probability=0.999, state=TrackState.TENTATIVE, age=0.05))
    assert result.verdict.certainty is Certainty.UNKNOWN
    assert result.verdict.category is None
    assert "0.05 s" in result.verdict.reason


def test_a_confirmed_class_is_given_up_below_release_and_must_be_earned_again() -> None:
    fallback = alone()
    verdicts = [
        judged(fallback, track("speed_limit_80", probability=p, other="speed_limit_30")).verdict.certainty
        for p in (0.85, 0.95, 0.85, 0.76, 0.74, 0.85, 0.91)
    ]
    confirmed, uncertain = Certainty.CONFIRMED, Certainty.UNCERTAIN
    assert verdicts == [uncertain, confirmed, confirmed, confirmed, uncertain, uncertain, confirmed]


def test_novelty_around_its_bound_doesnt_flicker() -> None:
    fallback = alone()
    verdicts = [
        judged(fallback, track("stop", novelty=n)).verdict.certainty for n in (0.61, 0.59, 0.61, 0.74, 0.76, 0.61)
    ]
    confirmed, uncertain = Certainty.CONFIRMED, Certainty.UNCERTAIN
    assert verdicts == [uncertain, confirmed, confirmed, confirmed, uncertain, uncertain]


def test_a_category_at_its_bound_doesnt_flicker() -> None:
    fallback = alone()
    categories = [
        judged(fallback, track("speed_limit_80", probability=p, other="stop")).verdict.category
        for p in (0.79, 0.81, 0.7, 0.6)
    ]
    assert categories == [None, "prohibitory", "prohibitory", None]


def test_another_class_doesnt_inherit_the_verdict() -> None:
    fallback = alone()
    judged(fallback, track("speed_limit_80", probability=0.95))
    assert judged(fallback, track("speed_limit_30", probability=0.8)).verdict.certainty is Certainty.UNCERTAIN


def test_what_is_remembered_of_a_track_ends_with_it() -> None:
    fallback = alone()
    judged(fallback, track("speed_limit_80", probability=0.95))
    fallback([])
    assert judged(fallback, track("speed_limit_80", probability=0.8)).verdict.certainty is Certainty.UNCERTAIN


def test_tracks_are_judged_each_by_itself() -> None:
    tracks = [
        track("stop", 1),
        track("speed_limit_80", 2, 0.5, other="no_entry"),
        track("give_way", 3, state=TrackState.TENTATIVE),
    ]
    assert [one.verdict.certainty for one in all_judged(alone(), tracks)] == [
        Certainty.CONFIRMED,
        Certainty.UNCERTAIN,
        Certainty.UNKNOWN,
    ]


ROLES = {"template": Role.LOOKS, "shape": Role.CATEGORY_ONLY, "map": Role.PRIOR, "lidar": Role.MEASURES}


class Says:
    """A witness that always says the same of some signs, and counts how often it was asked."""

    def __init__(
        self,
        name: str,
        odds: float,
        *names: str,
        weight: float = 1.0,
        expensive: bool = False,
        only: int | None = None,
        impossible: bool = False,
        familiar: bool = False,
        unlisted: float | None = None,
    ) -> None:
        self.name, self.role, self.weight, self.expensive = name, ROLES[name], weight, expensive
        self.asked: list[int] = []
        self.lessons: list[bool] = []
        log = np.zeros(len(CATALOGUE), np.float32)
        ids = [CATALOGUE.by_name(one).id for one in names]
        log[ids] = np.log(odds)
        self._only = only
        named = ids[0] if len(ids) == 1 else None
        self._opinion = Opinion(name, log, " or ".join(names), named, impossible, familiar, unlisted)

    def __call__(self, one: SignTrack, _frame: Frame) -> Opinion | None:
        self.asked.append(one.id)
        return self._opinion if self._only in (None, one.id) else None

    def learn(self, agreed: bool) -> None:
        self.lessons.append(agreed)


def heard(one: SignTrack, *witnesses: Says, times: int = 1) -> SignTrack:
    fallback = Fallback(SETTINGS, CATALOGUE, witnesses)
    return [all_judged(fallback, [one], FRAME)[0] for _ in range(times)][-1]


def test_a_drawing_that_agrees_confirms_what_vision_alone_left_open() -> None:
    unsure = track("speed_limit_80", probability=0.7, other="speed_limit_30")
    result = heard(unsure, Says("template", 20, "speed_limit_80", expensive=True))
    assert result.verdict.certainty is Certainty.CONFIRMED
    assert result.verdict.witnesses == ("vision", "template")
    assert result.confidence == pytest.approx(0.979, abs=0.001)
    assert [opinion.witness for opinion in result.verdict.opinions] == ["vision", "template"]
    assert result.verdict.reason == (
        "vision: speed_limit_80 at 0.70 or speed_limit_30 at 0.30 over 12 observations; template: speed_limit_80"
    )


def test_a_drawing_that_disagrees_holds_back_what_vision_was_just_sure_of() -> None:
    sure = track("speed_limit_80", probability=0.95, other="speed_limit_30")
    result = heard(sure, Says("template", 20, "speed_limit_30", expensive=True))
    assert result.verdict.certainty is Certainty.UNCERTAIN
    assert result.verdict.category == Category.PROHIBITORY.value


def test_with_the_help_of_others_more_is_asked_for_than_of_vision_alone() -> None:
    helped = track("speed_limit_80", probability=0.8, other="speed_limit_30")
    result = heard(helped, Says("template", 4, "speed_limit_80", expensive=True))
    assert not result.is_sure
    assert result.confidence == pytest.approx(0.941, abs=0.001)
    assert heard(track("speed_limit_80", probability=0.941, other="speed_limit_30")).is_sure


def test_a_drawing_that_clearly_agrees_with_vision_takes_no_more_than_vision_alone() -> None:
    """Over `accept`, under `accept_fused`: two who agree, and none contradicts."""
    near = track("speed_limit_80", probability=0.76, other="speed_limit_30")
    agreed = heard(near, Says("template", 5, "speed_limit_80", expensive=True))
    assert agreed.is_sure
    assert SETTINGS.accept < agreed.confidence < SETTINGS.accept_fused
    against = Says("map", 3, "stop")
    doubted = heard(near, Says("template", 5, "speed_limit_80", expensive=True), against)
    assert doubted.confidence == pytest.approx(agreed.confidence, abs=0.005)
    assert not doubted.is_sure


def test_agreeing_with_what_vision_hardly_holds_takes_more() -> None:
    far = track("speed_limit_80", probability=0.7, other="speed_limit_30")
    result = heard(far, Says("template", 6, "speed_limit_80", expensive=True))
    assert SETTINGS.accept < result.confidence < SETTINGS.accept_fused
    assert not result.is_sure


def test_what_vision_is_sure_of_stays_so_unless_a_sensor_speaks_for_another() -> None:
    sure = track("speed_limit_80", probability=0.905, other="speed_limit_30")
    for odds, published in ((1.5, True), (3, False)):
        result = heard(sure, Says("template", odds, "speed_limit_30", expensive=True))
        assert result.confidence < SETTINGS.accept
        assert result.is_sure is published
    outside = Says("template", 1, unlisted=float(np.log(1.2)), expensive=True)
    assert not heard(sure, outside).is_sure, "what is written on it is on no sign of the catalogue"


def test_a_hidden_sign_takes_less_where_a_map_speaks_for_it() -> None:
    hidden = replace(track("speed_limit_80", probability=0.7, other="speed_limit_30"), visible=0.6)
    mapped, drawn = Says("map", 30, "speed_limit_80"), Says("template", 30, "speed_limit_80", expensive=True)
    assert heard(hidden, mapped).is_sure
    result = heard(hidden, drawn)
    assert SETTINGS.accept_fused < result.confidence < SETTINGS.accept_hidden
    assert not result.is_sure


@pytest.mark.parametrize(
    ("visible", "novelty", "mapped", "published"),
    [
        (0.6, 0.7, "speed_limit_80", True),
        (0.9, 0.7, "speed_limit_80", False),  # nothing hides what makes it look unfamiliar
        (0.6, 0.9, "speed_limit_80", False),
        (0.6, 0.7, "speed_limit_30", False),
    ],
)
def test_what_hides_a_sign_makes_it_look_unfamiliar_too(
    visible: float, novelty: float, mapped: str, published: bool
) -> None:
    strange = replace(track("speed_limit_80", probability=0.97, novelty=novelty), visible=visible)
    assert heard(strange, Says("map", 30, mapped)).is_sure is published
    assert not heard(strange).is_sure, "without a map"


def test_a_drawing_doesnt_make_a_hidden_sign_familiar() -> None:
    drawn = Says("template", 30, "speed_limit_80", expensive=True)
    for novelty, published in ((0.55, True), (0.63, False)):
        hidden = replace(track("speed_limit_80", probability=0.98, novelty=novelty), visible=0.6)
        assert heard(hidden, drawn).is_sure is published
    alone = replace(track("speed_limit_80", probability=0.999, novelty=0.63), visible=0.6)
    assert heard(alone).is_sure
    assert heard(alone, drawn).is_sure


def test_looks_at_a_hidden_sign_may_err_as_one_where_a_map_says_so() -> None:
    """Each look alone leaves open what they are sure of together: what hides the sign is the same in all of them."""
    mean = np.zeros(len(CATALOGUE), np.float32)
    mean[[CATALOGUE.by_name(name).id for name in ("speed_limit_30", "speed_limit_80")]] = 0.2, 0.8
    looks = track("speed_limit_30", probability=0.88, other="speed_limit_80")
    for visible, published in ((0.7, True), (0.95, False)):
        shown = replace(looks, mean=mean, visible=visible)
        result = heard(shown, Says("map", 400, "speed_limit_80"))
        assert result.is_sure is published
        if published:
            assert CATALOGUE[result.class_id].name == "speed_limit_80"


def test_a_map_speaks_against_signs_outside_the_catalogue_too() -> None:
    limits = [name for name in CATALOGUE.names if CATALOGUE.by_name(name).category is Category.PROHIBITORY]
    other_figures = Says("template", 1 / 5, *limits, unlisted=0.0, expensive=True)
    sure = track("speed_limit_80", probability=0.98)
    assert not heard(sure, other_figures).is_sure
    assert heard(sure, other_figures, Says("map", 100, "speed_limit_80")).is_sure


def test_outline_and_colour_tell_the_category_only() -> None:
    limits = [name for name in CATALOGUE.names if CATALOGUE.by_name(name).category is Category.PROHIBITORY]
    shape = Says("shape", 200, *limits, expensive=True)
    torn = heard(track("speed_limit_80", probability=0.5, other="stop"), shape)
    assert torn.verdict.certainty is Certainty.UNCERTAIN
    assert torn.verdict.category == Category.PROHIBITORY.value
    assert torn.confidence == pytest.approx(0.5)
    assert heard(track("speed_limit_80", probability=0.5, other="stop")).verdict.category is None


def test_a_map_decides_for_nothing_that_isnt_seen_at_all() -> None:
    seen = track("speed_limit_80", probability=0.85, other="speed_limit_60")
    assert CATALOGUE[seen.class_id].name == "speed_limit_80"
    assert not heard(seen, Says("map", 1e6, "speed_limit_60")).is_sure


def test_a_weight_of_zero_silences_a_source() -> None:
    fallback = Fallback(SETTINGS, CATALOGUE, [Says("template", 1e6, "stop", weight=0.0, expensive=True)])
    one = track("speed_limit_80", probability=0.95, other="stop")
    (one,) = all_judged(fallback, [one], FRAME)
    assert one.verdict.witnesses == ("vision",)
    assert one.confidence == pytest.approx(0.95)


def test_a_map_picks_within_the_category_that_is_seen_and_corroborates() -> None:
    result = heard(track("speed_limit_80", probability=0.6, other="speed_limit_60"), Says("map", 40, "speed_limit_60"))
    assert result.verdict.certainty is Certainty.CORROBORATED
    assert result.verdict.witnesses == ("vision", "map")
    assert CATALOGUE[result.class_id].name == "speed_limit_60"
    assert result.verdict.conflict is None


def test_what_is_held_because_a_map_told_it_still_names_the_map_and_teaches_it_nothing() -> None:
    mapped = Says("map", 40, "speed_limit_80")
    fallback = Fallback(SETTINGS, CATALOGUE, [mapped])
    said = [
        all_judged(fallback, [track("speed_limit_80", probability=share, other="speed_limit_60")], FRAME)[0].verdict
        for share in (0.6, 0.8, 0.95)
    ]
    assert [verdict.witnesses for verdict in said] == [("vision", "map"), ("vision", "map"), ("vision",)]
    assert [verdict.certainty for verdict in said] == [Certainty.CORROBORATED] * 2 + [Certainty.CONFIRMED]
    assert mapped.lessons == [True]


def test_a_map_alone_is_no_verdict() -> None:
    nothing_seen = track("stop", probability=1 / len(CATALOGUE))
    assert heard(nothing_seen, Says("map", 1e6, "stop")).verdict.certainty is Certainty.UNKNOWN


def test_a_map_says_nothing_of_an_unfamiliar_sign() -> None:
    novel = track("speed_limit_80", probability=0.9, novelty=0.9)
    assert not heard(novel, Says("map", 40, "speed_limit_80")).is_sure


@pytest.mark.parametrize("mapped", ["speed_limit_120", "speed_limit_30"])
def test_what_vision_has_made_sure_of_stands_against_any_map(mapped: str) -> None:
    result = heard(track("speed_limit_80", probability=0.9999), Says("map", 40, mapped))
    assert result.verdict.certainty is Certainty.CONFIRMED
    assert result.verdict.witnesses == ("vision",)
    assert CATALOGUE[result.class_id].name == "speed_limit_80"
    assert result.verdict.conflict == f"the map says speed limit {mapped.rsplit('_')[-1]} km/h, overruled"


def test_of_vision_and_a_map_the_more_cautious_stands() -> None:
    """A lower limit is believed at once, a higher one only once it is surer than the map is."""
    lower = heard(track("speed_limit_60", probability=0.92, other="speed_limit_80"), Says("map", 40, "speed_limit_80"))
    assert (lower.verdict.certainty, CATALOGUE[lower.class_id].name) == (Certainty.CONFIRMED, "speed_limit_60")
    higher = heard(track("speed_limit_80", probability=0.92, other="speed_limit_60"), Says("map", 40, "speed_limit_60"))
    assert higher.verdict.certainty is Certainty.UNCERTAIN
    assert higher.verdict.conflict == "speed limit 80 km/h is held back: the map says speed limit 60 km/h"


def test_what_cant_be_compared_waits_until_it_is_surer_than_the_map() -> None:
    unsure = heard(track("keep_right", probability=0.92, other="roundabout"), Says("map", 40, "roundabout"))
    assert unsure.verdict.certainty is Certainty.UNCERTAIN
    assert heard(track("keep_right", probability=0.9995, other="roundabout"), Says("map", 40, "roundabout")).is_sure


def test_a_map_never_replaces_what_vision_is_sure_of() -> None:
    result = heard(
        track("speed_limit_60", probability=0.92, other="speed_limit_80"), Says("map", 1e9, "speed_limit_80")
    )
    assert CATALOGUE[result.class_id].name == "speed_limit_60"


def test_a_map_is_told_once_a_sign_whether_it_was_right() -> None:
    right, wrong, unheard = (Says("map", 40, name) for name in ("stop", "give_way", "stop"))
    heard(track("stop", probability=0.999), right, times=3)
    heard(track("stop", probability=0.999), wrong, times=3)
    heard(track("stop", probability=0.5, other="give_way"), unheard, times=3)
    assert (right.lessons, wrong.lessons, unheard.lessons) == ([True], [False], [])


def test_what_is_no_real_sign_is_never_published() -> None:
    result = heard(track("stop", probability=0.9999), Says("lidar", 1, impossible=True), times=2)
    assert result.verdict.certainty is Certainty.UNKNOWN
    assert result.verdict.category is None
    assert result.verdict.witnesses == ("lidar",)


def test_it_takes_more_than_one_sweep_to_rule_a_sign_out_unless_there_is_but_one() -> None:
    assert heard(track("stop", probability=0.9999), Says("lidar", 1, impossible=True)).is_sure
    assert not heard(track("stop", probability=0.9999, hits=1), Says("lidar", 1, impossible=True)).is_sure


def test_a_drawing_that_fits_makes_an_unfamiliar_sign_familiar() -> None:
    novel = track("stop", probability=0.95, novelty=0.9)
    assert not heard(novel, Says("map", 2, "stop", familiar=True)).is_sure
    assert heard(novel, Says("template", 2, "stop", expensive=True, familiar=True)).is_sure


def test_the_drawings_are_asked_about_few_signs_a_frame_and_all_get_their_turn() -> None:
    witness = Says("template", 1, "stop", expensive=True)
    fallback = Fallback(SETTINGS, CATALOGUE, [witness])
    tracks = [track("stop", id_, 0.6, other="give_way", side=30 + id_) for id_ in range(1, 6)]
    rounds = []
    for _ in range(4):
        witness.asked.clear()
        fallback(tracks, FRAME)
        rounds.append(list(witness.asked))
    assert rounds == [[5, 4], [3, 2], [1], []]


def test_the_drawings_are_asked_again_once_a_sign_has_grown() -> None:
    witness = Says("template", 1, "stop", expensive=True)
    fallback = Fallback(SETTINGS, CATALOGUE, [witness])
    for side in (40, 44, 49, 51, 60, 64):
        fallback([track("stop", 1, 0.6, other="give_way", side=side)], FRAME)
    assert len(witness.asked) == 3


def test_the_drawings_arent_asked_about_what_is_sure_tentative_or_out_of_sight() -> None:
    witness = Says("template", 1, "stop", expensive=True)
    fallback = Fallback(SETTINGS, CATALOGUE, [witness])
    tracks = [
        track("stop", 1, 0.999),
        track("stop", 2, 0.5, other="give_way", state=TrackState.TENTATIVE),
        track("stop", 3, 0.5, other="give_way", state=TrackState.COASTING),
    ]
    fallback(tracks, FRAME)
    fallback([track("stop", 4, 0.5, other="give_way")], None)
    assert witness.asked == []


def test_what_was_heard_of_a_sign_still_counts_while_it_coasts() -> None:
    fallback = Fallback(SETTINGS, CATALOGUE, [Says("map", 40, "stop")])
    fallback([track("stop", 1, 0.7, other="give_way")], FRAME)
    later = track("stop", 1, 0.7, other="give_way", state=TrackState.COASTING)
    (later,) = all_judged(fallback, [later])
    assert later.verdict.certainty is Certainty.CORROBORATED


names = st.sampled_from(CATALOGUE.names)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(names, names, st.floats(0, 1), st.floats(0, 1), st.integers(1, 3)), min_size=1, max_size=20))
def test_a_guess_is_never_published(looks: list[tuple[str, str, float, float, int]]) -> None:
    """Whatever came before: confirmed means at least `release`, and a category means that no class was confirmed."""
    fallback = alone()
    for first, second, probability, novelty, id_ in looks:
        one = judged(fallback, track(first, id_, probability, novelty=novelty, other=second))
        if one.verdict.certainty is Certainty.CONFIRMED:
            assert one.confidence >= SETTINGS.release
            assert one.novelty <= SETTINGS.novelty + SETTINGS.accept - SETTINGS.release
        assert (one.verdict.category is not None) == (one.verdict.certainty is Certainty.UNCERTAIN)
        assert one.verdict.reason
