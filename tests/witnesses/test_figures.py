"""The figures on a sign as a witness: what is read speaks for the signs that carry it, and against all others."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.catalogue import Catalogue, Effect, SignClass
from signpipe.catalogue.countries import load_country
from signpipe.figures.looks import MOST, Looks
from signpipe.figures.reader import Reading
from signpipe.opinion import Opinion
from signpipe.settings import FallbackSettings, FiguresSettings
from signpipe.stages.fallback import Fallback
from signpipe.types import Certainty, Frame, SignTrack, Verdict
from signpipe.witnesses.figures import ERROR, REMEMBERED, FiguresWitness
from tests.figures.readings import Reads, reading
from tests.witnesses.looking import CATALOGUE, picture, seen

SCENE = picture("speed_limit_80", 60)


def extended(*signs: tuple[str, Effect, float | None, str]) -> Catalogue:
    """Return the base catalogue with further signs: name, effect, value and figures."""
    like = CATALOGUE.by_name("speed_limit_80")
    more = [
        replace(like, id=len(CATALOGUE) + i, name=name, title=name, effect=effect, value=value, figures=figures)
        for i, (name, effect, value, figures) in enumerate(signs)
    ]
    return Catalogue([*CATALOGUE, *more])


WITH_110 = extended(
    ("speed_limit_110", Effect.LIMIT, 110, "110"),
    ("weight_limit", Effect.WEIGHT_LIMIT, None, ""),
    ("height_limit", Effect.HEIGHT_LIMIT, None, ""),
)


def ask(
    *readings: Reading,
    names: tuple[str, ...] = ("speed_limit_60", "speed_limit_80"),
    catalogue: Catalogue = CATALOGUE,
    visible: float = 1.0,
) -> Opinion:
    witness = FiguresWitness(FiguresSettings(), catalogue, Reads(*readings))
    opinion = None
    for index in range(len(readings)):
        track, frame = seen(SCENE, 60, *names, catalogue=catalogue)
        opinion = witness(replace(track, visible=visible), replace(frame, index=index, media_time=float(index)))
    assert opinion is not None
    return opinion


def votes(opinion: Opinion, *names: str, catalogue: Catalogue = CATALOGUE) -> list[float]:
    return [float(opinion.log_likelihood[catalogue.by_name(name).id]) for name in names]


def judged(track: SignTrack, frame: Frame, one: Reading, catalogue: Catalogue = CATALOGUE) -> Verdict:
    witness = FiguresWitness(FiguresSettings(), catalogue, Reads(one))
    return Fallback(FallbackSettings(), catalogue, [witness])([track], frame)[0]


def sure(name: str, probability: float = 0.999, catalogue: Catalogue = CATALOGUE) -> tuple[SignTrack, Frame]:
    """Return a sign of which vision is sure."""
    track, frame = seen(SCENE, 60, name, catalogue=catalogue)
    shares = np.full(len(catalogue), (1 - probability) / (len(catalogue) - 1), np.float32)
    shares[catalogue.by_name(name).id] = probability
    return replace(track, probability=shares, evidence=np.log(shares)), frame


def test_what_is_read_speaks_for_its_class_and_against_the_others() -> None:
    opinion = ask(reading({"60": 0.98, "80": 0.02}))
    sixty, eighty, stop = votes(opinion, "speed_limit_60", "speed_limit_80", "stop")
    assert sixty - eighty > 2
    assert sixty - stop > np.log(0.9 / ERROR) - 0.5
    assert opinion.figures is not None
    assert (opinion.figures.text, opinion.figures.unit) == ("60", "")
    assert opinion.figures.probability > 0.9


def test_no_figures_speak_against_all_limits() -> None:
    opinion = ask(reading({"": 1.0}))
    sixty, stop = votes(opinion, "speed_limit_60", "stop")
    assert stop - sixty > 4
    assert opinion.figures is not None
    assert opinion.figures.text == ""


def test_figures_that_cant_be_told_say_nothing() -> None:
    votes = ask(reading({"?": 1.0}, struck=0.5)).log_likelihood
    assert np.ptp(votes) < np.log(2) + 0.05  # a half each for begin and end


def test_what_is_left_of_hidden_figures_speaks_alike_for_all_that_have_it() -> None:
    shown, hidden = (ask(reading({"0": 0.97}), visible=share) for share in (1.0, 0.65))
    sixty, eighty, stop = votes(hidden, "speed_limit_60", "speed_limit_80", "stop")
    assert sixty == pytest.approx(eighty, abs=0.05)
    assert eighty - stop > 3
    assert hidden.unlisted is None, "vision isn't contradicted"
    assert votes(shown, "speed_limit_80")[0] < -3
    assert shown.unlisted is not None
    assert shown.unlisted - votes(shown, "speed_limit_80")[0] > 3


def test_hidden_figures_arent_missed() -> None:
    for visible, missed in ((1.0, True), (0.75, False), (0.5, False)):
        eighty, stop = votes(ask(reading({"": 1.0}), visible=visible), "speed_limit_80", "stop")
        assert (stop - eighty > 1) is missed


def test_a_figure_that_is_half_hidden_may_be_another() -> None:
    shown, hidden = (ask(reading({"90": 0.97}), visible=share) for share in (0.95, 0.75))
    assert shown.unlisted is not None
    assert hidden.unlisted is not None
    for opinion, contradicted in ((shown, True), (hidden, False)):
        assert opinion.unlisted is not None
        assert (opinion.unlisted - votes(opinion, "speed_limit_80")[0] > 3) is contradicted
    eighty, hundred = votes(hidden, "speed_limit_80", "speed_limit_120")
    assert eighty - hundred > 1


def test_what_isnt_read_surely_counts_once_for_a_hidden_limit() -> None:
    unclear = reading({"1": 0.15, "2": 0.15, "3": 0.15, "4": 0.15, "6": 0.15, "7": 0.15})
    assert ask(unclear, visible=0.65).log_likelihood.max() <= 0.01


def test_the_end_of_a_limit_that_no_class_has_isnt_published_as_another() -> None:
    track, frame = sure("end_speed_limit_80")
    assert judged(track, frame, reading({"80": 0.99}, struck=0.98)).class_id is not None
    assert judged(track, frame, reading({"90": 0.97, "80": 0.03}, struck=0.98)).class_id is None


@given(st.floats(0.9, 1.0))
def test_where_nearly_all_of_a_sign_is_seen_its_figures_are_taken_as_read(visible: float) -> None:
    one = reading({"80": 0.6, "90": 0.2, "": 0.1})
    np.testing.assert_allclose(ask(one, visible=visible).log_likelihood, ask(one).log_likelihood, atol=1e-5)


@pytest.mark.parametrize("text", ["", "?"])
def test_where_no_figures_were_read_a_familiar_sign_stays_as_sure_as_it_was(text: str) -> None:
    track, frame = sure("no_overtaking", 0.96)
    verdict = judged(replace(track, novelty=0.5), frame, reading({text: 1.0}))
    assert verdict.is_sure
    assert verdict.probability is not None
    assert float(verdict.probability[CATALOGUE.by_name("no_overtaking").id]) >= 0.96


def test_the_end_of_a_limit_is_told_by_what_strikes_it_through() -> None:
    for struck in (0.02, 0.98):
        begin, end = votes(ask(reading({"80": 1.0}, struck)), "speed_limit_80", "end_speed_limit_80")
        assert (end > begin + 3) == (struck > 0.5)
        assert (begin > end + 3) == (struck < 0.5)


def test_sixty_in_another_typeface_is_confirmed_with_its_help() -> None:
    track, frame = seen(SCENE, 60, "speed_limit_60", "speed_limit_80")
    assert not Fallback(FallbackSettings(), CATALOGUE)([track], frame)[0].is_sure
    verdict = judged(track, frame, reading({"60": 1.0}))
    assert verdict.certainty is Certainty.CONFIRMED
    assert verdict.class_id == CATALOGUE.by_name("speed_limit_60").id
    assert verdict.witnesses == ("vision", "figures")


@pytest.mark.parametrize("probability", [0.97, 0.999])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("speed_limit_100", "110"), ("speed_limit_20", "2.5t"), ("speed_limit_30", "3.0m"), ("speed_limit_60", "90"),
        ("speed_limit_50", "5"), ("speed_limit_20", "20t"),
    ],
)  # fmt: skip
def test_what_the_catalogue_doesnt_have_isnt_published_as_the_nearest_class(
    name: str, text: str, probability: float
) -> None:
    track, frame = sure(name, probability)
    assert Fallback(FallbackSettings(), CATALOGUE)([track], frame)[0].is_sure
    verdict = judged(track, frame, reading({text: 1.0}))
    assert not verdict.is_sure
    assert verdict.category == "prohibitory"


@pytest.mark.parametrize("probability", [0.97, 0.9999])
def test_where_vision_is_sure_and_something_else_is_read_nothing_is_published(probability: float) -> None:
    track, frame = sure("speed_limit_50", probability)
    verdict = judged(track, frame, reading({"30": 1.0}))
    assert not verdict.is_sure
    assert verdict.category == "prohibitory"
    assert verdict.probability is not None
    assert float(verdict.probability.sum()) <= 1.001


def unfamiliar(track: SignTrack) -> SignTrack:
    return replace(track, novelty=0.9)


def test_a_limit_in_an_unfamiliar_typeface_is_confirmed_once_its_figures_are_surely_read() -> None:
    track, frame = sure("speed_limit_60")
    verdict = judged(unfamiliar(track), frame, reading({"60": 0.97}))
    assert (verdict.certainty, verdict.class_id) == (Certainty.CONFIRMED, track.class_id)


def doubting(*names: str, doubt: float = 0.4) -> tuple[SignTrack, Frame]:
    """Return a sign that vision can hardly tell, for its typeface: what it doesn't tell is spread over all classes.

    Unfamiliar looks count for little, so that the evidence is nearly flat.
    """
    track, frame = seen(SCENE, 60, *names)
    mean = (1 - doubt) * track.probability + np.float32(doubt / len(CATALOGUE))
    evidence = np.float32(0.05) * np.log(mean)
    shares = np.exp(evidence) / np.exp(evidence).sum()
    return replace(track, mean=mean, evidence=evidence, probability=shares, novelty=0.95), frame


def test_a_typeface_that_makes_vision_doubt_every_sign_is_confirmed_if_what_it_tells_is_a_limit() -> None:
    track, frame = doubting("speed_limit_60")
    verdict = judged(track, frame, reading({"60": 0.995}))
    assert (verdict.certainty, verdict.class_id) == (Certainty.CONFIRMED, track.class_id)


def test_a_look_at_such_a_sign_tells_no_more_than_the_tracks_let_one_tell() -> None:
    track, frame = doubting("speed_limit_60")
    reader = FiguresWitness(FiguresSettings(), CATALOGUE, Reads(reading({"60": 0.995})))
    trusting, wary = (
        Fallback(FallbackSettings(), CATALOGUE, [reader], worthless=worthless)([track], frame)[0].probability
        for worthless in (0.01, 0.49)
    )
    assert trusting is not None
    assert wary is not None
    assert trusting[track.class_id] > wary[track.class_id]


@pytest.mark.parametrize(
    ("names", "doubt"),
    [
        (("speed_limit_60", "priority_road"), 0.4),  # half of what it tells is something else
        (("keep_right",), 0.4),
        (("speed_limit_60",), 0.9),  # it tells next to nothing
    ],
)
def test_figures_alone_make_no_limit(names: tuple[str, ...], doubt: float) -> None:
    track, frame = doubting(*names, doubt=doubt)
    assert judged(track, frame, reading({"60": 0.995})).class_id is None


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("speed_limit_60", reading({"60": 0.8, "80": 0.2})),  # not surely read
        ("speed_limit_60", reading({"60": 0.97}, struck=0.6)),  # perhaps the end of a limit
        ("speed_limit_60", reading({"90": 0.97})),  # no limit of the catalogue
        ("keep_right", reading({"60": 0.97})),  # no limit by what vision says, such as a least speed
        ("no_entry", reading({"": 0.97})),
    ],
)
def test_what_looks_unfamiliar_for_another_reason_than_its_typeface_stays_so(name: str, read: Reading) -> None:
    track, frame = sure(name)
    assert judged(unfamiliar(track), frame, read).class_id is None


def test_what_was_read_stands_on_the_track() -> None:
    track, frame = sure("speed_limit_20")
    one = track.judged(judged(track, frame, reading({"2.5t": 1.0})), CATALOGUE)
    assert one.sign is None
    assert one.figures is not None
    assert (one.figures.text, one.figures.unit, one.figures.looks) == ("2.5t", "t", 1)


def test_a_limit_that_a_country_has_is_named_though_vision_is_for_another() -> None:
    track, frame = seen(SCENE, 60, "speed_limit_100", "speed_limit_110", catalogue=WITH_110)
    verdict = judged(track, frame, reading({"110": 1.0}), WITH_110)
    assert verdict.is_sure
    assert verdict.class_id == WITH_110.by_name("speed_limit_110").id


def test_what_varies_is_told_by_its_unit() -> None:
    opinion = ask(reading({"7.5t": 1.0}), names=("weight_limit", "speed_limit_20"), catalogue=WITH_110)
    weight, height, limit = votes(opinion, "weight_limit", "height_limit", "speed_limit_70", catalogue=WITH_110)
    assert weight > height + 4
    assert weight > limit + 4


def test_a_sign_that_carries_no_figures_isnt_read() -> None:
    reader = Reads(reading({"80": 1.0}))
    witness = FiguresWitness(FiguresSettings(), CATALOGUE, reader)
    track, frame = sure("stop")
    assert witness(track, frame) is None
    assert reader.asked == 0
    assert witness(replace(track, novelty=0.9), frame) is not None  # unfamiliar: it may be anything
    small, frame = seen(SCENE, 10, "speed_limit_80")
    assert witness(replace(small, id=2), frame) is None


def test_a_sign_is_read_again_only_when_it_can_be_seen_better_or_later() -> None:
    reader = Reads(reading({"80": 1.0}))
    witness = FiguresWitness(FiguresSettings(growth=1.2, interval=0.5), CATALOGUE, reader)
    track, frame = seen(SCENE, 60, "speed_limit_80", "speed_limit_60")
    asked = []
    for index, media_time in enumerate((0.0, 0.1, 0.2, 0.6, 0.65)):
        witness(track, replace(frame, index=index, media_time=media_time))
        asked.append(reader.asked)
    assert asked == [1, 1, 1, 2, 2]
    large, frame = seen(SCENE, 90, "speed_limit_80", "speed_limit_60")
    witness(large, replace(frame, index=9, media_time=0.66))
    assert reader.asked == 3


def test_a_frame_with_many_signs_reads_a_few_and_says_what_it_took() -> None:
    reader = Reads(reading({"80": 1.0}))
    witness = FiguresWitness(FiguresSettings(per_frame=2), CATALOGUE, reader)
    track, frame = seen(SCENE, 60, "speed_limit_80", "speed_limit_60")
    heard = [witness(replace(track, id=i), frame) is not None for i in range(4)]
    assert heard == [True, True, False, False]
    assert witness.model_ms == pytest.approx(1.0)
    assert [witness(replace(track, id=i), replace(frame, index=1)) is not None for i in range(4)] == [True] * 4


def test_frames_without_numbers_are_told_apart_by_their_times() -> None:
    witness = FiguresWitness(FiguresSettings(per_frame=1), CATALOGUE, Reads(reading({"80": 1.0})))
    track, frame = seen(SCENE, 60, "speed_limit_80", "speed_limit_60")
    times = [witness(replace(track, id=i), replace(frame, media_time=0.1 * i)) for i in range(4)]
    assert all(opinion is not None for opinion in times)


def test_frames_are_told_apart_whatever_their_numbers_and_times() -> None:
    witness = FiguresWitness(FiguresSettings(per_frame=1), CATALOGUE, Reads(reading({"80": 1.0})))
    track, frame = seen(SCENE, 60, "speed_limit_80", "speed_limit_60")
    opinions = [witness(replace(track, id=id_), replace(frame)) for id_ in range(4)]
    assert all(opinion is not None for opinion in opinions)


def test_a_limit_that_vision_wasnt_trained_on_is_told_by_its_figures() -> None:
    track, frame = sure("speed_limit_120", catalogue=WITH_110)

    def told(probability: float, learned: int | None, looks: int = 4, side: float = 60) -> str | None:
        one = reading({"110": probability, "120": 1 - probability}, side=side)
        witness = FiguresWitness(FiguresSettings(smallest=8), WITH_110, Reads(one))
        fallback = Fallback(FallbackSettings(), WITH_110, [witness], learned)
        box = np.array([100, 100, 100 + side, 100 + side], np.float32)
        for index in range(looks):
            at = replace(frame, index=index, media_time=float(index))
            (verdict,) = fallback([replace(track, xyxy=box, detected=box)], at)
        return WITH_110[verdict.class_id].name if verdict.class_id is not None else None

    base = len(CATALOGUE)
    assert told(0.999, base) == "speed_limit_110"
    assert told(0.999, None) is None  # vision is sure, the figures are: neither is published
    assert told(0.001, base) == "speed_limit_120"
    assert told(0.6, base, side=20) is None  # from afar, unsure figures are waited for
    assert told(0.4, base, side=40) == told(0.4, None, side=20) == "speed_limit_120"


def test_tracks_of_long_ago_are_forgotten() -> None:
    reader = Reads(reading({"80": 1.0}))
    witness = FiguresWitness(FiguresSettings(), CATALOGUE, reader)
    track, frame = seen(SCENE, 60, "speed_limit_80", "speed_limit_60")
    for index in range(REMEMBERED + 1):
        witness(replace(track, id=index), replace(frame, index=index))
    assert len(witness._memory) == REMEMBERED


def test_equal_looks_dont_count_as_if_they_were_independent() -> None:
    once, often = Looks(), Looks()
    one = reading({"60": 0.7, "80": 0.3})
    once.add(one)
    for _ in range(20):
        often.add(one)
    assert often.count == 20
    assert len(often.readings) == MOST
    odds = [float(np.log(p[0] / p[1])) for p in (looks.probability(["60", "80"]) for looks in (once, often))]
    assert odds[0] < odds[1] < 2.5 * odds[0]


def test_a_large_look_counts_more_than_a_small_one() -> None:
    looks = Looks()
    looks.add(reading({"30": 0.9, "80": 0.1}, side=12.0))
    looks.add(reading({"30": 0.1, "80": 0.9}, side=60.0))
    probability = looks.probability(["30", "80"])
    assert probability[1] > probability[0]


@given(
    shares=st.lists(st.floats(0.01, 1), min_size=2, max_size=2),
    struck=st.floats(0, 1),
    looks=st.integers(1, 5),
    side=st.floats(8, 200),
)
def test_it_is_bounded_and_its_probability_is_one(shares: list[float], struck: float, looks: int, side: float) -> None:
    one = reading({"60": shares[0], "80": shares[1]}, struck, side)
    opinion = ask(*[one] * looks)
    assert opinion.log_likelihood.dtype == np.float32
    assert (opinion.log_likelihood <= 1e-3).all()
    assert (opinion.log_likelihood >= np.log(ERROR) - 1e-3).all()
    assert opinion.unlisted is not None
    assert np.log(ERROR) - 1e-9 <= opinion.unlisted <= 0
    together = Looks()
    together.add(one)
    assert together.probability(["60", "80"]).sum() == pytest.approx(1)


def test_signs_of_the_catalogue_know_their_figures() -> None:
    signs: list[SignClass] = [sign for sign in CATALOGUE if sign.figures is not None]
    assert {sign.figures for sign in signs} == {"20", "30", "50", "60", "70", "80", "100", "120"}


def test_on_a_board_what_strikes_it_through_is_left_to_vision() -> None:
    germany = load_country("de").catalogue
    names = ("zone_30", "end_zone_30")
    for struck in (0.02, 0.98):
        opinion = ask(reading({"30": 0.98}, struck=struck), names=names, catalogue=germany)
        zone, end, limit = votes(opinion, *names, "speed_limit_30", catalogue=germany)
        assert zone == pytest.approx(end)
        assert (limit < zone - 2) == (struck > 0.5)
