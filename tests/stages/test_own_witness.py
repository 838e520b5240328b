"""A witness that is given from outside is heard as its role says, whatever it is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Category
from signpipe.catalogue.drawings import framed_drawing
from signpipe.errors import SettingsError
from signpipe.log_odds import fuse
from signpipe.opinion import Learner, Opinion, Role, Witness
from signpipe.pipeline import Pipeline
from signpipe.settings import FallbackSettings, load_settings
from signpipe.sinks.jsonl import result_record
from signpipe.stages.fallback import Fallback
from signpipe.types import Certainty, Detections, FloatArray, Frame, SignTrack, TrackState
from tests.stages.tracks import CATALOGUE, track

FRAME = Frame(np.zeros((72, 128, 3), np.uint8), 0, 0.0, 0.0, "test")
LIMIT_60, LIMIT_80 = (CATALOGUE.by_name(f"speed_limit_{limit}").id for limit in (60, 80))


class Neighbour:
    """A witness as a user would write it: it is sure of a class, and remembers what it was shown."""

    name = "neighbour"

    def __init__(self, role: Role, class_ids: Sequence[int], odds: float = 100.0, weight: float = 1.0) -> None:
        self.role, self.weight, self.expensive = role, weight, False
        log = np.zeros(len(CATALOGUE), np.float32)
        log[list(class_ids)] = np.log(odds)
        self._opinion = Opinion(self.name, log, "so they say", class_ids[0] if len(class_ids) == 1 else None)
        self.shown: list[tuple[SignTrack, Frame]] = []

    def __call__(self, one: SignTrack, frame: Frame, /) -> Opinion | None:
        self.shown.append((one, frame))
        return self._opinion


class Scholar(Neighbour):
    """One that learns, too."""

    name = "scholar"
    lessons: tuple[bool, ...] = ()

    def learn(self, agreed: bool, /) -> None:
        self.lessons += (agreed,)


class Says(Neighbour):
    """One that says whatever it is given."""

    def __init__(self, log: FloatArray, role: Role = Role.LOOKS, weight: float = 1.0) -> None:
        super().__init__(role, [0], weight=weight)
        self._opinion = Opinion(self.name, log, "whatever")


def judged(one: SignTrack, *witnesses: Witness) -> SignTrack:
    (verdict,) = Fallback(FallbackSettings(), CATALOGUE, witnesses)([one], FRAME)
    return one.judged(verdict)


def between_limits(share: float = 0.6) -> SignTrack:
    """Return a sign that vision takes for a limit of 80 rather than 60, not surely."""
    return track("speed_limit_80", probability=share, other="speed_limit_60")


@pytest.mark.parametrize(
    ("role", "certainty"),
    [
        (Role.LOOKS, Certainty.CONFIRMED),
        (Role.MEASURES, Certainty.CORROBORATED),
        (Role.PRIOR, Certainty.CORROBORATED),
        (Role.CATEGORY_ONLY, Certainty.UNCERTAIN),
    ],
)
def test_its_role_says_how_far_its_word_reaches(role: Role, certainty: Certainty) -> None:
    result = judged(between_limits(), Neighbour(role, [LIMIT_80]))
    assert result.verdict.certainty is certainty
    assert ("neighbour: so they say" in result.verdict.reason) is True
    helped = role is not Role.CATEGORY_ONLY
    assert result.verdict.witnesses == (("vision", "neighbour") if helped else ("vision",))
    assert result.is_sure is helped


def test_who_has_a_say_in_the_category_only_makes_sure_of_that() -> None:
    torn = track("speed_limit_80", probability=0.5, other="stop")
    limits = CATALOGUE.ids_of(Category.PROHIBITORY)
    assert judged(torn).verdict.category is None
    assert judged(torn, Neighbour(Role.CATEGORY_ONLY, limits)).verdict.category == "prohibitory"


def test_a_prior_that_contradicts_is_named_in_the_conflict() -> None:
    sure = judged(track("speed_limit_80", probability=0.9999), Neighbour(Role.PRIOR, [LIMIT_60]))
    assert sure.verdict.conflict == "the neighbour says speed limit 60 km/h, overruled"
    held_back = judged(between_limits(0.96), Neighbour(Role.PRIOR, [LIMIT_60]))
    assert held_back.verdict.conflict == "speed limit 80 km/h is held back: the neighbour says speed limit 60 km/h"
    for role in (Role.LOOKS, Role.MEASURES, Role.CATEGORY_ONLY):
        assert judged(track("speed_limit_80", probability=0.9999), Neighbour(role, [LIMIT_60])).verdict.conflict is None


def test_its_weight_counts() -> None:
    confident = [
        judged(between_limits(), Neighbour(Role.LOOKS, [LIMIT_80], weight=weight)).confidence for weight in (0, 0.5, 1)
    ]
    assert confident == sorted(confident)
    assert confident[0] == pytest.approx(0.6)
    assert confident[2] > 0.98


@pytest.mark.parametrize("role", list(Role))
def test_one_that_learns_is_told_once_a_sign(role: Role) -> None:
    scholar = Scholar(role, [LIMIT_80])
    assert isinstance(scholar, Learner)
    fallback = Fallback(FallbackSettings(), CATALOGUE, [scholar, Neighbour(Role.LOOKS, [LIMIT_80])])
    for _ in range(3):
        fallback([track("speed_limit_80", probability=0.9999)], FRAME)
    assert scholar.lessons == (True,)


def test_it_is_shown_the_box_and_the_picture_that_the_classifier_was_shown() -> None:
    one, witness = between_limits(), Neighbour(Role.LOOKS, [LIMIT_80])
    one.detected = one.xyxy + 3
    result = judged(one, witness)
    ((shown, frame),) = witness.shown
    np.testing.assert_array_equal(shown.xyxy, one.detected)
    assert frame is FRAME
    np.testing.assert_array_equal(result.xyxy, one.xyxy)


def test_a_track_is_not_changed_by_its_verdict() -> None:
    one = between_limits()
    before = one.probability.copy()
    result = judged(one, Neighbour(Role.PRIOR, [LIMIT_60], odds=1e4))
    assert result.class_id == LIMIT_60
    assert (one.class_id, one.is_sure, one.verdict.reason) == (LIMIT_80, False, "")
    np.testing.assert_array_equal(one.probability, before)


def test_names_that_clash_and_weights_that_are_none_are_one_sentence() -> None:
    twice = [Neighbour(Role.LOOKS, [0]), Neighbour(Role.PRIOR, [0])]
    with pytest.raises(SettingsError, match="Two witnesses are called 'neighbour'"):
        Fallback(FallbackSettings(), CATALOGUE, twice)
    vision = Neighbour(Role.LOOKS, [0])
    vision.name = "vision"
    with pytest.raises(SettingsError, match="called 'vision'"):
        Fallback(FallbackSettings(), CATALOGUE, [vision])
    for weight in (-0.1, 1.5, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="The weight of the witness 'neighbour'"):
            Fallback(FallbackSettings(), CATALOGUE, [Neighbour(Role.LOOKS, [0], weight=weight)])


@pytest.mark.parametrize(
    "log",
    [np.zeros(3), np.full(len(CATALOGUE), np.nan), np.full(len(CATALOGUE), -np.inf), np.full(len(CATALOGUE), np.inf)],
)
def test_an_opinion_that_is_none_is_one_sentence(log: npt.NDArray[np.float64]) -> None:
    with pytest.raises(SettingsError, match=r"The witness 'neighbour' gives log-likelihoods .* it must give 43"):
        judged(between_limits(), Says(log.astype(np.float32)))


logs = st.lists(st.floats(-1e6, 1e6) | st.just(-np.inf), min_size=43, max_size=43).map(
    lambda values: np.array([0.0, *values[1:]], np.float32)
)


@settings(max_examples=100, deadline=None)
@given(logs, st.floats(0, 1), st.sampled_from(list(Role)))
def test_nobody_can_make_a_probability_that_is_none(log: FloatArray, weight: float, role: Role) -> None:
    result = judged(between_limits(), Says(log, role, weight))
    assert np.isfinite(result.probability).all()
    assert result.probability.sum() == pytest.approx(1, abs=1e-4)
    fused = fuse(result.evidence, [(weight, log)])
    assert np.isfinite(fused).all()


def test_out_of_sight_nobody_is_asked() -> None:
    witness = Neighbour(Role.LOOKS, [LIMIT_80])
    fallback = Fallback(FallbackSettings(), CATALOGUE, [witness])
    fallback([track("stop", state=TrackState.COASTING)], FRAME)
    fallback([track("stop")], None)
    assert witness.shown == []


@pytest.mark.parametrize("role", list(Role))
def test_it_works_through_the_whole_pipeline_and_into_the_records(role: Role) -> None:
    """In a dark picture, which is enhanced: it is shown what the classifier was shown, and the record has its name."""
    drawn = framed_drawing("speed_limit_80", 60, 0.0)
    picture = np.full((480, 640, 3), 110, np.uint8)
    place, alpha = picture[100:160, 400:460], drawn[..., 3:] / 255
    place[:] = place * (1 - alpha) + drawn[..., :3] * alpha * 0.8
    dark = Frame((picture * 0.3).astype(np.uint8), 0, 0.0, 0.0, "test", independent=True)
    witness = Neighbour(role, [LIMIT_60], odds=1.5)
    with Pipeline(load_settings(None, {"preprocess.contrast": "on"}), witnesses=[witness]) as pipeline:
        result = pipeline.process(dark)
        ((shown, frame),) = witness.shown
        again = pipeline.classify(frame.image, Detections(shown.xyxy[None], np.ones(1, np.float32)))
    assert (frame.image != dark.image).any()
    np.testing.assert_array_equal(again.probability, result.classifications.probability)
    (record,) = result_record(result, CATALOGUE)["tracks"]
    opinion = {
        "source": "neighbour",
        "class_name": "speed_limit_60",
        "impossible": False,
        "text": "so they say",
        "range": None,
    }
    assert record["opinions"] == [opinion]
    assert (record["conflict"] is not None) is (role is Role.PRIOR)
    assert record["source"] == "vision"
