"""The drawings as a witness: they decide where enough is visible, and say nothing where it isn't."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Catalogue
from signpipe.opinion import Opinion
from signpipe.settings import TemplateSettings
from signpipe.types import Image
from signpipe.witnesses.template import CANDIDATES, CHANCE, TemplateWitness
from tests.witnesses.looking import CATALOGUE, picture, seen

LIMITS = ("speed_limit_30", "speed_limit_50", "speed_limit_70", "speed_limit_80")
ARROWS = ("keep_right", "keep_left", "turn_right", "turn_left", "straight_on", "roundabout")
BANS = ("no_overtaking", "no_overtaking_goods", "no_goods_vehicles", "no_vehicles")
DANGERS = ("bend_left", "bend_right", "road_narrows_right", "general_danger", "traffic_lights", "pedestrians")
MOST = float(np.log((1 - CHANCE + CHANCE / CANDIDATES) / (CHANCE / CANDIDATES)))  # between two classes


def ask(scene: Image, side: int, *names: str) -> Opinion:
    opinion = TemplateWitness(TemplateSettings(), CATALOGUE)(*seen(scene, side, *names))
    assert opinion is not None
    return opinion


def best(opinion: Opinion) -> str:
    return CATALOGUE[int(opinion.log_likelihood.argmax())].name


@pytest.mark.parametrize("group", [LIMITS, ARROWS, BANS, DANGERS], ids=lambda group: group[0])
@pytest.mark.parametrize("side", [24, 40, 90])
def test_it_tells_the_classes_of_a_category_apart(group: tuple[str, ...], side: int) -> None:
    assert [best(ask(picture(name, side), side, *group)) for name in group] == list(group)


@pytest.mark.parametrize("name", ["keep_right", "keep_left", "no_overtaking", "no_goods_vehicles", "bend_left"])
def test_a_third_that_is_hidden_speaks_for_nobody(name: str) -> None:
    scene = picture(name, 60)
    scene[:90] = np.random.default_rng(0).integers(0, 90, scene[:90].shape, np.uint8)  # leaves over the upper third
    group = next(group for group in (ARROWS, BANS, DANGERS) if name in group)
    assert best(ask(scene, 60, *group)) == name


def test_what_decides_being_hidden_it_doesnt_decide() -> None:
    scene = picture("speed_limit_30", 60)
    scene[80:120, 75:100] = 128  # over the first digit
    votes = ask(scene, 60, "speed_limit_30", "speed_limit_80").log_likelihood
    open_ = ask(picture("speed_limit_30", 60), 60, "speed_limit_30", "speed_limit_80").log_likelihood
    thirty, eighty = CATALOGUE.by_name("speed_limit_30").id, CATALOGUE.by_name("speed_limit_80").id
    assert votes[thirty] - votes[eighty] < (open_[thirty] - open_[eighty]) / 2


@given(seed=st.integers(0, 1000), side=st.integers(20, 150), flat=st.booleans())
@settings(max_examples=20, deadline=None)
def test_it_is_bounded_whatever_it_is_shown(seed: int, side: int, flat: bool) -> None:
    scene = np.full((200, 200, 3), seed % 256, np.uint8)
    if not flat:
        scene[:] = np.random.default_rng(seed).integers(0, 256, scene.shape)
    votes = ask(scene, side, *LIMITS).log_likelihood
    assert votes.dtype == np.float32
    assert votes.shape == (len(CATALOGUE),)
    assert np.isfinite(votes).all()
    assert votes.max() - votes.min() <= MOST + 1e-3


def test_it_says_nothing_of_classes_that_vision_rules_out() -> None:
    votes = ask(picture("stop", 40), 40, *LIMITS).log_likelihood
    ranked = np.sort(votes)
    assert np.isclose(votes, np.median(votes), atol=1e-6).sum() == len(CATALOGUE) - CANDIDATES
    assert ranked[0] < np.median(votes) < ranked[-1]


def test_it_isnt_asked_about_what_is_too_small() -> None:
    scene = picture("stop", 19)
    assert TemplateWitness(TemplateSettings(), CATALOGUE)(*seen(scene, 19, "stop")) is None
    assert TemplateWitness(TemplateSettings(smallest=10.0), CATALOGUE)(*seen(scene, 19, "stop")) is not None


def test_a_box_that_reaches_out_of_the_picture_is_no_fault() -> None:
    track, frame = seen(picture("stop", 40), 40, "stop", "no_entry")
    for shift in (-90.0, 90.0, 500.0):
        assert TemplateWitness(TemplateSettings(), CATALOGUE)(replace(track, xyxy=track.xyxy + shift), frame)


def test_a_class_without_a_drawing_is_neither_raised_nor_lowered() -> None:
    added = replace(CATALOGUE.by_name("no_entry"), id=len(CATALOGUE), name="no_drawing")
    catalogue = Catalogue([*CATALOGUE, added])
    witness = TemplateWitness(TemplateSettings(), catalogue)
    opinion = witness(*seen(picture("no_entry", 40), 40, "no_drawing", "no_entry", "stop", catalogue=catalogue))
    assert opinion is not None
    assert opinion.log_likelihood[added.id] == pytest.approx(np.median(opinion.log_likelihood))
    assert opinion.class_id is None
    assert not opinion.familiar
