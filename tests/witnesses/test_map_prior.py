"""The map as a witness: what it expects where a sign is seen."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.errors import SettingsError, SourceError
from signpipe.geodesy import place
from signpipe.lab.simulation.truth import Truth, TruthBox, read_truth
from signpipe.opinion import Opinion
from signpipe.position import open_position
from signpipe.settings import CameraSettings, MapSettings, PositionSettings
from signpipe.types import FloatArray, Frame, Pose, SignTrack, TrackState
from signpipe.witnesses.map_prior import KINDRED, LEAST_ERROR, LIMIT_FAVOUR, MapWitness

SAMPLES = Path(__file__).parents[2] / "samples"
CATALOGUE = load_catalogue()
CLASSES = len(CATALOGUE)
FIFTY, EIGHTY = CATALOGUE.by_name("speed_limit_50").id, CATALOGUE.by_name("speed_limit_80").id
STOP, WORKS = CATALOGUE.by_name("stop").id, CATALOGUE.by_name("road_works").id
WIDTH, HEIGHT, FOCAL = 1280, 720, 1000.0
HOME = (50.0, 9.0)
NORTH = Pose(*HOME, heading=0.0, speed=15.0)
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
# Class, metres ahead and to the right of home, direction of travel for which it holds.
Entry = tuple[int, float, float, float | None]


def sign(entry: Entry) -> dict[str, Any]:
    """Return a mapped sign as a GeoJSON feature."""
    class_id, ahead, right, heading = entry
    latitude, longitude = (float(value) for value in place(*HOME, right, ahead))
    properties = {"class": class_id} if heading is None else {"class": class_id, "heading": heading}
    geometry = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def road(limit: int, right: float = 0.0, turned: bool = False) -> dict[str, Any]:
    """Return a road to the north, or to the east, with a limit."""
    ends = [(right - 100, 40.0), (right + 100, 40.0)] if turned else [(right, -100.0), (right, 200.0)]
    corners = [[float(value) for value in place(*HOME, *end)][::-1] for end in ends]
    geometry = {"type": "LineString", "coordinates": corners}
    return {"type": "Feature", "geometry": geometry, "properties": {"maxspeed": str(limit)}}


def witness(folder: Path, *features: dict[str, Any], error_rate: float = 0.15, sigma: float = 8.0) -> MapWitness:
    path = folder / "map.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    chosen = MapSettings(file=path, error_rate=error_rate, sigma=sigma)
    return MapWitness(chosen, CameraSettings(focal=FOCAL), PositionSettings(), CATALOGUE)


def seen(
    class_id: int = FIFTY, ahead: float = 40.0, right: float = 4.0, probability: FloatArray | None = None
) -> SignTrack:
    """Return a track of a sign at its true size; vision has no idea of its class unless told."""
    depth, kind = max(ahead, 1.0), CATALOGUE[class_id]
    x, y = WIDTH / 2 + FOCAL * right / depth, HEIGHT / 2
    half = FOCAL / depth * kind.width / 2, FOCAL / depth * kind.height / 2
    xyxy = np.array([x - half[0], y - half[1], x + half[0], y + half[1]], np.float32)
    if probability is None:
        probability = np.full(CLASSES, 1 / CLASSES, np.float32)
    return SignTrack(1, xyxy, TrackState.CONFIRMED, 0.9, 1.0, 0.0, 9, np.log(probability), probability, class_id)


def sure_of(*class_ids: int) -> FloatArray:
    """Return what vision thinks that is sure of one of some classes."""
    probability = np.full(CLASSES, 0.01 / CLASSES, np.float32)
    probability[list(class_ids)] += 0.99 / len(class_ids)
    return probability


def frame(pose: Pose | None = NORTH) -> Frame:
    return Frame(PICTURE, 0, 0.0, 0.0, "test", pose=pose)


def fused(opinion: Opinion | None, probability: FloatArray) -> FloatArray:
    """Return what vision and map believe together."""
    if opinion is None:
        return probability
    together = probability * np.exp(opinion.log_likelihood)
    return np.asarray(together / together.sum())


def test_a_mapped_sign_is_expected_where_it_stands(tmp_path: Path) -> None:
    opinion = witness(tmp_path, sign((FIFTY, 40, 4, 3.0)))(seen(), frame())
    assert opinion is not None
    assert opinion.witness == "map"
    assert opinion.class_id == FIFTY
    assert opinion.log_likelihood.dtype == np.float32
    assert opinion.log_likelihood.shape == (CLASSES,)
    assert int(opinion.log_likelihood.argmax()) == FIFTY
    assert re.fullmatch(r"speed limit 50 km/h mapped \d m from here, heading 3 degrees off", opinion.text)
    assert not opinion.impossible


@pytest.mark.parametrize("heading", [0.0, 45.0, 179.0, 300.0])
def test_places_follow_the_heading_of_the_vehicle(tmp_path: Path, heading: float) -> None:
    turned = math.radians(heading)
    ahead, right = 30.0, 12.0
    north, east = (
        ahead * math.cos(turned) - right * math.sin(turned),
        ahead * math.sin(turned) + right * math.cos(turned),
    )
    asked = witness(tmp_path, sign((STOP, north, east, heading)), sigma=3.0)
    opinion = asked(seen(STOP, ahead, right, sure_of(STOP)), frame(replace(NORTH, heading=heading)))
    assert opinion is not None
    assert opinion.text == "stop mapped 0 m from here, heading 0 degrees off"
    mirrored = asked(seen(STOP, ahead, -right, sure_of(STOP)), frame(replace(NORTH, heading=heading)))
    assert mirrored is None or np.ptp(mirrored.log_likelihood) < np.ptp(opinion.log_likelihood)


def test_without_a_pose_a_heading_or_an_entry_near_nothing_is_said(tmp_path: Path) -> None:
    asked = witness(tmp_path, sign((FIFTY, 40, 4, 0.0)))
    assert asked(seen(), frame(None)) is None
    assert asked(seen(), frame(replace(NORTH, heading=None))) is None
    assert asked(seen(), frame(replace(NORTH, latitude=50.01))) is None
    assert witness(tmp_path)(seen(), frame()) is None


@given(st.floats(95, 265), st.floats(-10, 10), st.floats(10, 60))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_entry_for_the_opposite_direction_says_nothing(
    tmp_path: Path, heading: float, aside: float, ahead: float
) -> None:
    asked = witness(tmp_path, sign((FIFTY, ahead, aside, heading)))
    assert asked(seen(ahead=ahead, right=aside), frame()) is None


@pytest.mark.parametrize("ahead", [15.0, 40.0, 80.0])
def test_a_map_that_is_shifted_by_200_metres_says_nothing(tmp_path: Path, ahead: float) -> None:
    for shift in ((200, 0), (0, 200), (-200, 0), (0, -200)):
        asked = witness(tmp_path, sign((EIGHTY, ahead + shift[0], 4 + shift[1], 0.0)))
        assert asked(seen(ahead=ahead), frame()) is None


def test_a_sign_fits_less_the_further_it_is_off_and_the_more_it_is_turned(tmp_path: Path) -> None:
    def loudness(ahead: float, heading: float | None) -> float:
        opinion = witness(tmp_path, sign((FIFTY, ahead, 4, heading)))(seen(probability=sure_of(FIFTY)), frame())
        return 0.0 if opinion is None else float(np.ptp(opinion.log_likelihood))

    by_place = [loudness(40 + off, 0.0) for off in (0, 15, 25, 35, 60)]
    by_heading = [loudness(40, turned) for turned in (0.0, 30.0, 50.0, 80.0, 180.0)]
    assert by_place == sorted(by_place, reverse=True)
    assert by_heading == sorted(by_heading, reverse=True)
    assert by_place[-1] == by_heading[-1] == 0
    assert loudness(40, 0.0) > loudness(40, None) > loudness(40, 45.0)


def test_signs_on_one_pole_are_all_expected_and_vision_says_which_it_is(tmp_path: Path) -> None:
    asked = witness(tmp_path, sign((WORKS, 40, 4, 0.0)), sign((FIFTY, 40, 4, 0.0)))
    for class_id in (WORKS, FIFTY):
        opinion = asked(seen(class_id, probability=sure_of(class_id)), frame())
        assert opinion is not None
        assert opinion.class_id == class_id
        assert set(np.argsort(opinion.log_likelihood)[-2:]) == {WORKS, FIFTY}


def test_a_wrong_entry_is_named_even_where_vision_is_sure(tmp_path: Path) -> None:
    asked = witness(tmp_path, sign((WORKS, 40, 4, 0.0)), sign((EIGHTY, 40, 4, 0.0)))
    opinion = asked(seen(FIFTY, probability=sure_of(FIFTY)), frame())
    assert opinion is not None
    assert opinion.class_id == EIGHTY
    assert fused(opinion, sure_of(FIFTY)).argmax() == FIFTY


@pytest.mark.parametrize("beyond", [22.0, 30.0, 60.0])
@pytest.mark.parametrize("ahead", [20.0, 50.0, 100.0])
def test_a_sign_that_is_not_mapped_is_not_taken_for_its_neighbour(tmp_path: Path, ahead: float, beyond: float) -> None:
    opinion = witness(tmp_path, sign((STOP, ahead + beyond, 4, 0.0)))(seen(FIFTY, ahead, 4, sure_of(FIFTY)), frame())
    assert opinion is None or opinion.class_id is None
    assert fused(opinion, sure_of(FIFTY))[FIFTY] > 0.95


@pytest.mark.parametrize("agreed", [0, 1000])
def test_a_wrong_limit_is_named_however_good_the_map_was(tmp_path: Path, agreed: int) -> None:
    asked = witness(tmp_path, sign((EIGHTY, 40, 4, 0.0)))
    for _ in range(agreed):
        asked.learn(agreed=True)
    opinion = asked(seen(FIFTY, probability=sure_of(FIFTY)), frame())
    assert opinion is not None
    assert opinion.class_id == EIGHTY


ENTRIES = st.lists(
    st.tuples(
        st.integers(0, CLASSES - 1), st.floats(0, 80), st.floats(-20, 20),
        st.one_of(st.none(), st.floats(0, 359)),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(ENTRIES, st.floats(0.01, 0.99), st.floats(5, 80), st.booleans(), st.floats(1, 30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_map_is_never_louder_than_its_record_allows(
    tmp_path: Path, entries: list[Entry], error_rate: float, ahead: float, limited: bool, sigma: float
) -> None:
    features = [*map(sign, entries), *([road(50)] if limited else [])]
    opinion = witness(tmp_path, *features, error_rate=error_rate, sigma=sigma)(seen(ahead=ahead), frame())
    if opinion is None:
        return
    log = opinion.log_likelihood.astype(float)
    assert np.isfinite(log).all()
    error = max(error_rate, LEAST_ERROR)
    least = (1 - KINDRED) / CLASSES  # share of the errors that any class has
    assert np.ptp(log) <= math.log((1 - error) / (error * least) + LIMIT_FAVOUR * CLASSES) + 1e-4
    for category in {sign.category for sign in CATALOGUE}:
        kin = CATALOGUE.ids_of(category)
        odds = (1 - error) / (error * (KINDRED / len(kin) + least)) + LIMIT_FAVOUR * CLASSES
        assert np.ptp(log[kin]) <= math.log(odds) + 1e-4


def test_a_wrong_map_has_errors_among_its_kin_first(tmp_path: Path) -> None:
    opinion = witness(tmp_path, sign((EIGHTY, 40, 4, 0.0)))(seen(), frame())
    assert opinion is not None
    log = opinion.log_likelihood
    assert log[EIGHTY] > log[FIFTY] > log[STOP]


class TestLimits:
    def test_the_limit_of_the_road_is_favoured_mildly_and_nothing_else_is(self, tmp_path: Path) -> None:
        opinion = witness(tmp_path, road(50))(seen(), frame())
        assert opinion is not None
        others = np.delete(opinion.log_likelihood, FIFTY)
        assert np.ptp(others) == pytest.approx(0, abs=1e-6)
        assert 0 < opinion.log_likelihood[FIFTY] - others[0] <= math.log(LIMIT_FAVOUR)
        assert opinion.class_id is None
        assert opinion.text == "this road is mapped with a limit of 50 km/h"

    def test_a_road_that_crosses_or_is_far_says_nothing(self, tmp_path: Path) -> None:
        assert witness(tmp_path, road(50, turned=True))(seen(), frame()) is None
        assert witness(tmp_path, road(50, right=60))(seen(), frame()) is None

    def test_where_two_limits_meet_both_are_favoured(self, tmp_path: Path) -> None:
        opinion = witness(tmp_path, road(50), road(80))(seen(), frame())
        assert opinion is not None
        assert opinion.log_likelihood[FIFTY] == opinion.log_likelihood[EIGHTY] > opinion.log_likelihood[STOP]
        assert opinion.text == "this road is mapped with a limit of 50 and 80 km/h"

    def test_a_mapped_sign_speaks_louder(self, tmp_path: Path) -> None:
        opinion = witness(tmp_path, road(50), sign((EIGHTY, 40, 4, 0.0)))(seen(), frame())
        assert opinion is not None
        assert opinion.class_id == int(opinion.log_likelihood.argmax()) == EIGHTY


class TestLearning:
    def test_the_error_rate_is_a_beta_posterior(self, tmp_path: Path) -> None:
        asked = witness(tmp_path, error_rate=0.2)
        assert asked.error_rate == pytest.approx(0.2)
        for _ in range(5):
            asked.learn(agreed=True)
        assert asked.error_rate == pytest.approx(2 / 15)
        for _ in range(10):
            asked.learn(agreed=False)
        assert asked.error_rate == pytest.approx(12 / 25)
        for _ in range(10_000):
            asked.learn(agreed=True)
        assert asked.error_rate == LEAST_ERROR

    def test_a_stale_map_loses_its_weight(self, tmp_path: Path) -> None:
        asked = witness(tmp_path, sign((EIGHTY, 40, 4, 0.0)))
        loudness = []
        for _ in range(200):
            opinion = asked(seen(), frame())
            assert opinion is not None
            loudness.append(float(opinion.log_likelihood[EIGHTY] - opinion.log_likelihood[FIFTY]))
            asked.learn(agreed=False)
        assert loudness == sorted(loudness, reverse=True)
        assert loudness[0] > 3
        assert loudness[-1] < math.log(2)


def test_a_map_that_is_missing_or_bad_is_refused(tmp_path: Path) -> None:
    def opened(**chosen: Any) -> MapWitness:
        return MapWitness(MapSettings(**chosen), CameraSettings(), PositionSettings(), CATALOGUE)

    with pytest.raises(SettingsError, match=r"There is no map to ask; set map\.file"):
        opened()
    with pytest.raises(SourceError, match="There is no map"):
        opened(file=tmp_path / "missing.geojson")


# The sample: its map is wrong about one sign.
WRONG = 4


@pytest.fixture(scope="module")
def truth() -> Truth:
    return read_truth(SAMPLES / "drive.truth.jsonl")


def asked_along(truth: Truth, path: Path) -> list[tuple[TruthBox, float, Opinion | None]]:
    """Ask a map about the sample's signs in every fifth frame; vision knows no more than the category."""
    asked = MapWitness(MapSettings(file=path), CameraSettings(), PositionSettings(), CATALOGUE)
    positions = open_position(PositionSettings(source=str(SAMPLES / "drive.gpx")))
    answers = []
    for moment in truth.frames[::5]:
        pose = positions.at(moment.media_time, 0.0)
        assert pose is not None
        shown = Frame(PICTURE, moment.index, 0.0, moment.media_time, "sample", pose=pose)
        for box in moment.signs:
            if box.xyxy[3] - box.xyxy[1] >= 16 and box.class_id >= 0:
                probability = sure_of(*CATALOGUE.ids_of(CATALOGUE[box.class_id].category))
                track = replace(seen(box.class_id, probability=probability), xyxy=np.array(box.xyxy, np.float32))
                answers.append((box, box.distance, asked(track, shown)))
    return answers


def test_the_samples_map_tells_every_sign_but_the_one_that_it_has_wrong(truth: Truth) -> None:
    answers = asked_along(truth, SAMPLES / "drive.geojson")
    right = [fused(o, sure_of(*kin(b))).argmax() == b.class_id for b, _, o in answers if b.id != WRONG]
    assert len(right) > 150
    assert np.mean(right) > 0.95
    wrong = [opinion for box, _, opinion in answers if box.id == WRONG]
    assert {o.class_id for o in wrong if o} == {CATALOGUE.by_name("speed_limit_100").id}
    for opinion in wrong:
        assert fused(opinion, sure_of(FIFTY)).argmax() == FIFTY
        assert fused(opinion, sure_of(FIFTY))[FIFTY] > 0.95


def kin(box: TruthBox) -> Sequence[int]:
    return CATALOGUE.ids_of(CATALOGUE[box.class_id].category)


@pytest.mark.parametrize("corruption", ["shifted", "opposite", "empty"])
def test_a_corrupted_map_of_the_sample_is_silent(truth: Truth, tmp_path: Path, corruption: str) -> None:
    tree = json.loads((SAMPLES / "drive.geojson").read_text())
    for feature in tree["features"]:
        if corruption == "shifted":
            feature["geometry"]["coordinates"][0] += 0.0028  # 200 m to the east
        elif corruption == "opposite":
            feature["properties"]["heading"] = (feature["properties"]["heading"] + 180) % 360
    if corruption == "empty":
        tree["features"] = []
    path = tmp_path / "map.geojson"
    path.write_text(json.dumps(tree))
    assert all(opinion is None for _, _, opinion in asked_along(truth, path))


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_a_map_helps_as_far_as_it_is_right_and_harms_next_to_nothing_where_it_is_wrong(
    tmp_path: Path, share: float
) -> None:
    """Signs in a row, a third of them hard to read, with maps that are wrong about a share of them."""
    rng = np.random.default_rng(5)
    asked = {mapped: witness(tmp_path, sign((mapped, 40, 4, 0.0))) for mapped in range(CLASSES)}
    wrong, right, wrong_alone, right_alone = 0, 0, 0, 0
    signs = 600
    for _ in range(signs):
        true = int(rng.integers(CLASSES))
        relatives = [other for other in CATALOGUE.ids_of(CATALOGUE[true].category) if other != true]
        logits = rng.normal(0, 1, CLASSES)
        logits[true] += 12 if rng.random() < 0.65 else 4.5
        logits[rng.choice(relatives)] += 3.5
        probability = np.exp(logits - logits.max()).astype(np.float32)
        probability /= probability.sum()
        mapped = int(rng.choice(relatives)) if rng.random() < share else true
        chosen = asked[mapped]
        opinion = chosen(seen(true, probability=probability), frame())
        together = fused(opinion, probability)
        if probability.max() > 0.95:
            right_alone += int(probability.argmax()) == true
            wrong_alone += int(probability.argmax()) != true
            assert opinion is not None
            if opinion.class_id is not None:
                for one in asked.values():  # one map, in as many files
                    one.learn(opinion.class_id == int(probability.argmax()))
        if together.max() > 0.95:
            right += int(together.argmax()) == true
            wrong += int(together.argmax()) != true
    assert asked[0].error_rate == pytest.approx(max(share, LEAST_ERROR), abs=0.06)
    if share <= 0.15:
        assert right > 1.2 * right_alone
    assert right >= right_alone - 0.01 * signs
    assert wrong <= wrong_alone + 0.01 * signs
