"""Outline and colour as a witness: the looks of signs, in plain view and half hidden, and never more than that."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Catalogue, Shape
from signpipe.errors import SourceError
from signpipe.lab.augmentation import HELD_OUT_OCCLUDERS, face_mask
from signpipe.lab.data import find_data, open_dataset
from signpipe.lab.evaluation.crops import CropSample, sample_crops
from signpipe.settings import ShapeSettings
from signpipe.types import FloatArray, Image
from signpipe.witnesses.shape import ShapeWitness, outline_of
from tests.witnesses.looking import CATALOGUE, picture, seen

WITNESS = ShapeWitness(ShapeSettings(), CATALOGUE)


def ask(scene: Image, side: int) -> FloatArray:
    opinion = WITNESS(*seen(scene, side))
    assert opinion is not None
    return opinion.log_likelihood


@pytest.fixture(scope="module")
def photographs() -> CropSample:
    try:
        return sample_crops(open_dataset(find_data(), "gtsrb", "val"), 250, 0.1, 48)
    except SourceError as error:
        pytest.skip(f"needs the photographs of GTSRB in SIGNPIPE_DATA or ../shared/data: {error}")


@pytest.mark.parametrize(
    "name", ["speed_limit_50", "no_overtaking", "keep_right", "roundabout", "general_danger", "give_way", "stop",
             "priority_road", "priority_next_intersection"],
)  # fmt: skip
@pytest.mark.parametrize("side", [24, 60])
def test_it_knows_the_looks_of_drawings(name: str, side: int) -> None:
    sign = CATALOGUE[int(ask(picture(name, side), side).argmax())]
    assert outline_of(sign) == outline_of(CATALOGUE.by_name(name))


def test_it_never_chooses_between_classes_of_one_look() -> None:
    votes = ask(picture("speed_limit_50", 40), 40)
    for sign in CATALOGUE:
        alike = [other.id for other in CATALOGUE if outline_of(other) == outline_of(sign)]
        assert np.ptp(votes[alike]) == 0


@pytest.mark.slow
def test_it_reads_photographs_and_means_what_it_says(photographs: CropSample) -> None:
    sure, right = looks(photographs.images, photographs.labels)
    assert right.mean() > 0.93
    assert abs(sure.mean() - right.mean()) < 0.06


@pytest.mark.slow
def test_it_reads_photographs_behind_leaves_it_never_saw(photographs: CropSample) -> None:
    hidden = []
    for index, (crop, label) in enumerate(zip(photographs.images, photographs.labels, strict=True)):
        face = face_mask(CATALOGUE[int(label)].shape, *crop.shape[:2])
        occluder = HELD_OUT_OCCLUDERS[index % len(HELD_OUT_OCCLUDERS)]
        hidden.append(occluder(crop, face, 0.5, np.random.default_rng(index), photographs.others(index))[0])
    sure, right = looks(np.stack(hidden), photographs.labels)
    assert right.mean() > 0.7
    assert abs(sure.mean() - right.mean()) < 0.1


def looks(crops: Image, labels: np.typing.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return the probability of the likeliest look, and whether it is the true one, for each crop."""
    names = sorted({outline_of(sign) for sign in CATALOGUE})
    logs = np.stack([WITNESS.log_likelihood(crop) for crop in crops])
    truth = np.array([names.index(outline_of(CATALOGUE[int(label)])) for label in labels])
    return np.exp(logs.max(1)).astype(np.float32), (logs.argmax(1) == truth).astype(np.float32)


@given(seed=st.integers(0, 1000), side=st.integers(20, 150), flat=st.booleans())
@settings(max_examples=20, deadline=None)
def test_its_likelihood_is_a_number_whatever_it_is_shown(seed: int, side: int, flat: bool) -> None:
    scene = np.full((200, 200, 3), seed % 256, np.uint8)
    if not flat:
        scene[:] = np.random.default_rng(seed).integers(0, 256, scene.shape)
    votes = ask(scene, side)
    assert votes.dtype == np.float32
    assert votes.shape == (len(CATALOGUE),)
    assert np.isfinite(votes).all()


def test_it_isnt_asked_about_what_is_too_small() -> None:
    assert ShapeWitness(ShapeSettings(smallest=50.0), CATALOGUE)(*seen(picture("stop", 40), 40, "stop")) is None


def test_of_an_outline_it_never_saw_it_says_nothing() -> None:
    square = replace(CATALOGUE.by_name("stop"), id=len(CATALOGUE), name="parking", shape=Shape.RECTANGLE)
    catalogue = Catalogue([*CATALOGUE, square])
    opinion = ShapeWitness(ShapeSettings(), catalogue)(*seen(picture("stop", 40), 40, "stop", catalogue=catalogue))
    assert opinion is not None
    others = opinion.log_likelihood[: len(CATALOGUE)]
    assert opinion.log_likelihood[square.id] == pytest.approx(float(others.mean()), abs=1e-3)
    assert opinion.class_id is None
