"""What every corruption promises: nothing at 0, more with severity, the same with the same seed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Shape
from signpipe.lab.augmentation import CORRUPTIONS, HELD_OUT_CORRUPTIONS, TRAINING_CORRUPTIONS, Corruption, face_mask
from signpipe.types import Image
from tests.lab.augmentation.signs import draw_sign

ALL = [pytest.param(corruption, id=name) for name, corruption in CORRUPTIONS.items()]
SCENES = [pytest.param(corruption, id=name) for name, corruption in CORRUPTIONS.items() if corruption.scenes]


def difference(first: Image, second: Image) -> float:
    return float(np.abs(first.astype(float) - second).mean())


def scene() -> Image:
    rng = np.random.default_rng(5)
    coarse = rng.integers(20, 230, (36, 64, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("corruption", ALL)
def test_severity_zero_is_the_same_picture(corruption: Corruption) -> None:
    image = draw_sign()
    result = corruption(image, 0, np.random.default_rng(1))
    assert np.array_equal(result, image)
    assert result is not image


@pytest.mark.parametrize("corruption", ALL)
def test_a_seed_decides_everything(corruption: Corruption) -> None:
    image = draw_sign()
    before = image.copy()
    first, again = (corruption(image, 3.3, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(image, before), "the picture itself must not change"
    others = [corruption(image, 3.3, np.random.default_rng(seed)) for seed in range(8, 14)]
    assert any(not np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("corruption", ALL)
def test_more_severity_changes_more(corruption: Corruption) -> None:
    images = [draw_sign(shape, seed=seed) for seed, shape in enumerate(Shape)]
    changes = [
        np.mean(
            [
                difference(image, corruption(image, severity, np.random.default_rng(seed)))
                for image in images
                for seed in range(8)
            ]
        )
        for severity in (0, 1, 2, 3, 4, 5)
    ]
    assert (np.diff(changes) > 0).all(), changes
    assert changes[1] > 0.3
    assert changes[5] > 2 * changes[1]


@pytest.mark.parametrize("corruption", SCENES)
def test_scenes_degrade_too(corruption: Corruption) -> None:
    image = scene()
    changes = []
    for severity in (1, 3, 5):
        results = [corruption(image, severity, np.random.default_rng(seed)) for seed in range(2)]
        assert all(result.shape == image.shape and result.dtype == np.uint8 for result in results)
        changes.append(np.mean([difference(image, result) for result in results]))
    assert changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("corruption", ALL)
@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(1, 160),
    width=st.integers(1, 160),
    severity=st.floats(0, 5),
    seed=st.integers(0, 2**32 - 1),
    level=st.sampled_from([None, 0, 255]),
)
def test_any_picture_keeps_its_shape_and_type(
    corruption: Corruption, height: int, width: int, severity: float, seed: int, level: int | None
) -> None:
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), level or 0, np.uint8)
    if level is None:
        image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    result = corruption(image, severity, rng)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous


def test_a_view_of_a_larger_picture_is_accepted() -> None:
    image = draw_sign(height=96, width=96)[10:74, 12:76]
    for corruption in CORRUPTIONS.values():
        inside = corruption(image, 2, np.random.default_rng(0))
        assert np.array_equal(inside, corruption(image.copy(), 2, np.random.default_rng(0))), corruption.name


def test_damage_of_the_surface_leaves_the_surroundings_alone() -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    surface = [c for c in CORRUPTIONS.values() if c.surface]
    assert {c.name for c in surface} >= {"fading", "rust", "dusty"}
    for corruption in surface:
        result = corruption(image, 5, np.random.default_rng(3), face)
        assert np.array_equal(result[face == 0], image[face == 0]), corruption.name
        assert difference(result[face == 1], image[face == 1]) > 1, corruption.name


def test_light_goes_where_its_name_says() -> None:
    image = draw_sign()
    mean = {name: CORRUPTIONS[name](image, 4, np.random.default_rng(0)).mean() for name in CORRUPTIONS}
    for darker in ("night", "underexposure", "shadow"):
        assert mean[darker] < 0.9 * image.mean()
    for brighter in ("overexposure", "glare", "headlight_reflection", "fog"):
        assert mean[brighter] > 1.05 * image.mean()


def test_only_geometric_corruptions_move_the_sign() -> None:
    white = np.zeros((64, 64, 3), np.uint8)
    white[20:44, 20:44] = 255
    bars = slice(None), slice(10, 54)
    for corruption in CORRUPTIONS.values():
        if corruption.geometric:
            assert difference(corruption(white, 3, np.random.default_rng(2))[bars], white[bars]) > 2, corruption.name
    for name in ("noise", "jpeg", "defocus_blur", "low_resolution"):
        changed = CORRUPTIONS[name](white, 3, np.random.default_rng(2)).mean(2)
        rows, columns = np.nonzero(changed > 127)
        assert abs(rows.mean() - 31.5) < 0.7, name
        assert abs(columns.mean() - 31.5) < 0.7, name


@pytest.mark.parametrize("severity", [-0.1, 5.1, float("nan")])
def test_a_severity_out_of_range_is_refused(severity: float) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.5"):
        CORRUPTIONS["fog"](draw_sign(), severity, np.random.default_rng(0))


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(image: Image) -> None:
    with pytest.raises(ValueError, match="needs a BGR uint8 picture"):
        CORRUPTIONS["fog"](image, 1, np.random.default_rng(0))


def test_training_never_meets_the_held_out_family() -> None:
    held_out, trained = {c.name for c in HELD_OUT_CORRUPTIONS}, {c.name for c in TRAINING_CORRUPTIONS}
    assert held_out == {"drops", "glare", "low_sun"}
    assert not held_out & trained
    assert held_out | trained == set(CORRUPTIONS)
    assert {c.family for c in CORRUPTIONS.values()} == {"weather", "light", "camera", "damage"}
