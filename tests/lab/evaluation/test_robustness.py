"""What the numbers on robustness mean: seeded, resumable, and no higher than what could be known."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SettingsError
from signpipe.lab.augmentation import CORRUPTIONS, HELD_OUT_OCCLUDERS, OCCLUDERS, face_mask
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.baseline import load_baseline, mean_corruption_error
from signpipe.lab.evaluation.ceiling import Ceiling
from signpipe.lab.evaluation.conditions import HIDDEN, SEVERITIES, Condition, Spoiler, conditions
from signpipe.lab.evaluation.crops import CropSample, sample_crops
from signpipe.lab.evaluation.examples import drawing_sample
from signpipe.lab.evaluation.observations import category_members, measure, observe
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.evaluation.robustness import Robustness, run_robustness
from signpipe.settings import FallbackSettings, Settings
from signpipe.types import Classifications
from tests.lab.evaluation.drawn import NAMES, drawn_dataset

CATALOGUE = load_catalogue()
LEAVES = Condition("occlusion", "leaves", 0.3)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn_dataset(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def drawings() -> CropSample:
    return drawing_sample(CATALOGUE, 48, 0.1)


def quiet(*_: int) -> None:
    """Take no note of progress."""


def test_every_effect_is_measured_at_every_step() -> None:
    every = conditions("all")
    assert len(every) == 1 + len(OCCLUDERS) * len(HIDDEN) + len(CORRUPTIONS) * len(SEVERITIES)
    assert len(set(map(str, every))) == len(every)
    assert {c.effect for c in every if c.suite == "occlusion" and c.held_out} == {o.name for o in HELD_OUT_OCCLUDERS}


def test_an_unknown_suite_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="There is no suite 'some'"):
        conditions("some")


def test_a_crop_fares_the_same_however_many_others_there_are(dataset: Dataset) -> None:
    few, many = (sample_crops(dataset, count, 0.1, 48) for count in (4, 12))
    assert few.keys == many.keys[:4]
    for condition in (LEAVES, Condition("occlusion", "sign_patch", 0.5), Condition("corruption", "rain", 4)):
        first, second = (Spoiler(sample, CATALOGUE, 0.1, 1)(condition, 2)[0] for sample in (few, many))
        np.testing.assert_array_equal(first, second)
    other = Spoiler(few, CATALOGUE, 0.1, 2)(LEAVES, 2)[0]
    assert (other != Spoiler(few, CATALOGUE, 0.1, 1)(LEAVES, 2)[0]).any()


def test_a_sample_gives_each_class_its_share(dataset: Dataset) -> None:
    sample = sample_crops(dataset, 12, 0.1, 48)
    assert sorted(np.unique(sample.labels, return_counts=True)[1]) == [2] * len(NAMES)
    assert sample.population == 4 * len(NAMES)
    assert (sample.texture_labels == np.unique(sample.labels)).all()
    assert len(sample.others(0)) == len(NAMES) - 1


def test_what_is_asked_for_is_hidden(drawings: CropSample) -> None:
    _, visible = Spoiler(drawings, CATALOGUE, 0.1, 1).all(LEAVES)
    faces = np.stack([face_mask(sign.shape, 48, 48) for sign in CATALOGUE])
    np.testing.assert_allclose(1 - visible.sum((1, 2)) / faces.sum((1, 2)), 0.3, atol=0.02)


def test_the_ceiling_falls_from_everything_to_nothing(drawings: CropSample) -> None:
    ceiling = Ceiling(CATALOGUE, 48, 0.1)
    spoiler = Spoiler(drawings, CATALOGUE, 0.1, 1)
    known = [
        ceiling.known(drawings.labels, spoiler.all(Condition("occlusion", "cut_off", hidden))[1])
        for hidden in (0.0, 0.2, 0.5, 0.7, 1.0)
    ]
    assert known[0].all()
    assert not known[-1].any()
    assert all((later <= earlier).all() for earlier, later in pairwise(known))


def test_two_limits_are_told_apart_by_their_digits_alone() -> None:
    ceiling = Ceiling(CATALOGUE, 48, 0.1)
    sign = CATALOGUE.by_name("speed_limit_30")
    face = face_mask(sign.shape, 48, 48)
    upper, left = face.copy(), face.copy()
    upper[16:32, 12:24] = 0  # the first digit, which alone tells 30 from 80
    left[:, 26:] = 0
    other = CATALOGUE.by_name("speed_limit_80").id
    hidden, shown = (float(ceiling.differences(sign.id, mask[None])[0, other]) for mask in (upper, left))
    assert hidden < shown / 3


def test_what_is_published_is_right_or_wrong_and_the_rest_uncertain() -> None:
    said = [(14, 0.97), (13, 0.97), (1, 0.5), (14, 0.97), (13, 0.97)]
    probability = np.full((5, 43), 0.0005, np.float32)
    for row, (class_id, share) in zip(probability, said, strict=True):
        row[class_id] = share
    visible = np.ones((5, 6, 6), np.float32)
    visible[4, 1:-1, 1:-1] = 0.5  # hidden, so that 0.97 isn't enough
    novelty = np.array([0.1, 0.1, 0.1, 0.95, 0.1], np.float32)
    told = Classifications(probability, np.zeros((5, 0), np.float32), novelty, visible)
    observations = observe(told, np.ones(5, bool), category_members(CATALOGUE))
    cell = measure(observations, np.array([14, 14, 1, 13, 14]), CATALOGUE, FallbackSettings())
    assert (cell["published_right"], cell["published_wrong"], cell["uncertain"]) == (0.2, 0.2, 0.6)
    assert cell["wrong_over_accept"] == 0.6  # the unfamiliar one and the hidden one too
    assert cell["accuracy"] == 0.4


@pytest.mark.slow
def test_the_same_run_gives_the_same_numbers_and_an_interrupted_one_goes_on(dataset: Dataset, tmp_path: Path) -> None:
    whole = run_robustness(dataset, Settings(), quiet, suite="occlusion", crops=2)
    keep = tmp_path / "result.json.part"

    def stop(done: int, _: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_robustness(dataset, Settings(), stop, suite="occlusion", crops=2, keep=keep)
    with keep.open("a") as file:
        file.write('{"name": "leaves 0.')  # cut off while it was written
    assert len(keep.read_text().splitlines()) == 22
    resumed = run_robustness(dataset, Settings(), quiet, suite="occlusion", crops=2, keep=keep, resume=True)
    assert resumed.summary() == whole.summary()
    assert not keep.exists()
    assert whole.summary()["clean"]["n"] == 2
    assert whole.summary()["n"]["occlusion_held_out_accuracy_at_0.3"] == 4


@pytest.mark.slow
def test_boxes_around_what_can_be_seen_change_hidden_signs_alone(dataset: Dataset) -> None:
    with pytest.raises(SettingsError, match="There are no boxes 'tight'; choose sign or visible"):
        run_robustness(dataset, Settings(), quiet, boxes="tight")
    whole, near = (
        run_robustness(dataset, Settings(), quiet, suite="occlusion", crops=4, boxes=boxes)
        for boxes in ("sign", "visible")
    )
    # How much a box matters behind one occluder changes with each training; behind some of them it always does.
    moved = {
        condition: np.abs(near.answers[condition].confidence - whole.answers[condition].confidence).max()
        for condition in whole.answers
    }
    half = Condition("occlusion", "cut_off", 0.5)
    assert moved[Condition("clean")] < 0.02
    assert max(by for condition, by in moved.items() if condition.level == HIDDEN[-1]) > 0.1
    assert near.cell(half)["ceiling"] == whole.cell(half)["ceiling"]


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    Resume(tmp_path / "x.part", {"model": "a", "seed": 1}, resume=False).put("one", 1)
    with pytest.raises(SettingsError, match="had another model"):
        Resume(tmp_path / "x.part", {"model": "b", "seed": 1}, resume=True)
    (tmp_path / "y.part").write_text("no json\n")
    with pytest.raises(SettingsError, match="isn't what an interrupted run leaves"):
        Resume(tmp_path / "y.part", {}, resume=True)


def test_the_baseline_is_as_good_as_itself() -> None:
    table = load_baseline()
    assert table["error"].keys() == CORRUPTIONS.keys()
    assert len(table["sha256"]) == 64
    same = {
        name: {"levels": {level: {"accuracy": 1 - error} for level, error in levels.items()}}
        for name, levels in table["error"].items()
    }
    perfect = {
        name: {"levels": {level: {"accuracy": 1.0} for level in levels}} for name, levels in table["error"].items()
    }
    worthwhile = [name for name, levels in table["error"].items() if sum(levels.values()) > 0.01]
    only = {name: same[name] for name in worthwhile} | {name: same[name] for name in ("drops", "glare")}
    assert mean_corruption_error(only)["mean_corruption_error"] == pytest.approx(1.0)
    assert mean_corruption_error(perfect)["mean_corruption_error"] == 0.0


def answered(drawings: CropSample) -> Robustness:
    """Return what a classifier makes of hidden signs that reads stop as give way, and all others right."""
    condition = [c for c in conditions("occlusion") if c.level == 0.3]
    probability = np.eye(43, dtype=np.float32)
    probability[14] = np.eye(43, dtype=np.float32)[13]  # stop is always read as give way
    told = Classifications(
        probability, np.zeros((43, 0), np.float32), np.zeros(43, np.float32), np.ones((43, 6, 6), np.float32)
    )
    observations = observe(told, np.ones(43, bool), category_members(CATALOGUE))
    spoiler = Spoiler(drawings, CATALOGUE, 0.1, 1)
    return Robustness(drawings, spoiler, dict.fromkeys(condition, observations), CATALOGUE, FallbackSettings())


def test_the_worst_group_is_named(drawings: CropSample) -> None:
    worst = answered(drawings).worst_groups()
    assert all(group["n"] >= 30 for group in worst)
    assert worst[0] == {"by": "category", "group": "priority", "accuracy": pytest.approx(2 / 3), "signs": 3, "n": 36}


def test_held_out_occluders_are_told_by_what_the_sign_says_and_by_its_size(drawings: CropSample) -> None:
    told = answered(drawings).held_out_by_group()
    (others,) = told["message"].values()  # there are too few limits to tell
    assert others["0.3"]["n"] == 35 * len(HELD_OUT_OCCLUDERS)
    assert others["0.3"]["accuracy"] == pytest.approx(34 / 35)
    (cells,) = told["size"].values()  # all drawings are equally large
    assert list(cells) == ["0.3"]
    assert cells["0.3"]["n"] == 43 * len(HELD_OUT_OCCLUDERS)
