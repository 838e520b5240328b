"""The ladder says a class only if it is sure, else the category, else nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Category
from signpipe.settings import FallbackSettings
from signpipe.stages.fallback import Fallback, Finding, VisionRung
from signpipe.types import SignTrack, TrackState, Verdict
from tests.stages.tracks import CATALOGUE, track

SETTINGS = FallbackSettings(accept=0.9, release=0.75, category=0.8, novelty=0.6)


def judged(fallback: Fallback, *tracks: SignTrack) -> SignTrack:
    fallback(list(tracks))
    return tracks[0]


def ladder() -> Fallback:
    return Fallback(SETTINGS, CATALOGUE)


def test_a_sure_and_familiar_sign_is_confirmed_with_the_reason() -> None:
    result = judged(ladder(), track("speed_limit_80", probability=0.97, hits=14))
    assert result.verdict is Verdict.CONFIRMED
    assert result.category is None
    assert result.source == "vision"
    assert result.verdict_reason == "vision: speed_limit_80 at 0.97 over 14 looks"


def test_a_single_look_is_said_to_be_one() -> None:
    assert judged(ladder(), track("stop", hits=1)).verdict_reason.endswith("over one look")


@pytest.mark.parametrize("state", [TrackState.CONFIRMED, TrackState.COASTING])
def test_between_two_limits_only_the_category_is_said(state: TrackState) -> None:
    result = judged(ladder(), track("speed_limit_80", probability=0.6, other="speed_limit_30", state=state))
    assert result.verdict is Verdict.UNCERTAIN
    assert result.category == Category.PROHIBITORY.value
    assert "speed_limit_80 at 0.60 or speed_limit_30 at 0.40" in result.verdict_reason
    assert "prohibitory at 1.00" in result.verdict_reason


def test_between_two_categories_nothing_is_said() -> None:
    result = judged(ladder(), track("speed_limit_80", probability=0.6, other="stop"))
    assert result.verdict is Verdict.UNKNOWN
    assert result.category is None


def test_an_unfamiliar_sign_keeps_its_category_only() -> None:
    result = judged(ladder(), track("speed_limit_80", probability=0.99, novelty=0.8))
    assert result.verdict is Verdict.UNCERTAIN
    assert result.category == Category.PROHIBITORY.value
    assert "novelty 0.80" in result.verdict_reason


def test_a_tentative_track_is_never_believed() -> None:
    result = judged(ladder(), track("speed_limit_80", probability=0.999, state=TrackState.TENTATIVE, age=0.05))
    assert result.verdict is Verdict.UNKNOWN
    assert result.category is None
    assert "0.05 s" in result.verdict_reason


def test_a_confirmed_class_is_given_up_below_release_and_must_be_earned_again() -> None:
    fallback = ladder()
    verdicts = [
        judged(fallback, track("speed_limit_80", probability=p, other="speed_limit_30")).verdict
        for p in (0.85, 0.95, 0.85, 0.76, 0.74, 0.85, 0.91)
    ]
    confirmed, uncertain = Verdict.CONFIRMED, Verdict.UNCERTAIN
    assert verdicts == [uncertain, confirmed, confirmed, confirmed, uncertain, uncertain, confirmed]


def test_novelty_around_its_bound_doesnt_flicker() -> None:
    fallback = ladder()
    verdicts = [judged(fallback, track("stop", novelty=n)).verdict for n in (0.61, 0.59, 0.61, 0.74, 0.76, 0.61)]
    confirmed, uncertain = Verdict.CONFIRMED, Verdict.UNCERTAIN
    assert verdicts == [uncertain, confirmed, confirmed, confirmed, uncertain, uncertain]


def test_a_category_at_its_bound_doesnt_flicker() -> None:
    fallback = ladder()
    categories = [
        judged(fallback, track("speed_limit_80", probability=p, other="stop")).category for p in (0.79, 0.81, 0.7, 0.6)
    ]
    assert categories == [None, "prohibitory", "prohibitory", None]


def test_another_class_doesnt_inherit_the_verdict() -> None:
    fallback = ladder()
    judged(fallback, track("speed_limit_80", probability=0.95))
    assert judged(fallback, track("speed_limit_30", probability=0.8)).verdict is Verdict.UNCERTAIN


def test_what_is_remembered_of_a_track_ends_with_it() -> None:
    fallback = ladder()
    judged(fallback, track("speed_limit_80", probability=0.95))
    fallback([])
    assert judged(fallback, track("speed_limit_80", probability=0.8)).verdict is Verdict.UNCERTAIN


def test_tracks_are_judged_each_by_itself() -> None:
    tracks = [
        track("stop", 1),
        track("speed_limit_80", 2, 0.5, other="no_entry"),
        track("give_way", 3, state=TrackState.TENTATIVE),
    ]
    ladder()(tracks)
    assert [one.verdict for one in tracks] == [Verdict.CONFIRMED, Verdict.UNCERTAIN, Verdict.UNKNOWN]


def test_a_further_rung_is_asked_only_where_vision_isnt_sure() -> None:
    asked: list[int] = []

    def template(one: SignTrack, held: int | None) -> Finding | None:
        asked.append(one.id)
        assert held is None or held == one.class_id
        return Finding(Verdict.CONFIRMED, one.class_id, "vision+template", "vision+template: the drawing agrees")

    fallback = Fallback(SETTINGS, CATALOGUE, [VisionRung(SETTINGS, CATALOGUE), template])
    tracks = [track("stop", 1), track("speed_limit_80", 2, 0.6, other="speed_limit_30")]
    fallback(tracks)
    assert asked == [2]
    assert [one.source for one in tracks] == ["vision", "vision+template"]
    assert tracks[1].verdict is Verdict.CONFIRMED
    assert tracks[1].verdict_reason == "vision+template: the drawing agrees"


names = st.sampled_from(CATALOGUE.names)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(names, names, st.floats(0, 1), st.floats(0, 1), st.integers(1, 3)), min_size=1, max_size=20))
def test_a_guess_is_never_published(looks: list[tuple[str, str, float, float, int]]) -> None:
    """Whatever came before: confirmed means at least `release`, and a category means that no class was confirmed."""
    fallback = ladder()
    for first, second, probability, novelty, id_ in looks:
        one = judged(fallback, track(first, id_, probability, novelty=novelty, other=second))
        if one.verdict is Verdict.CONFIRMED:
            assert one.confidence >= SETTINGS.release
            assert one.novelty <= SETTINGS.novelty + SETTINGS.accept - SETTINGS.release
        assert (one.category is not None) == (one.verdict is Verdict.UNCERTAIN)
        assert one.verdict_reason
