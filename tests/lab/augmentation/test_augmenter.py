"""Training pictures: seeded, of the right kind, and never from what is held out."""

import subprocess
import sys

import numpy as np
import pytest

from signpipe.catalogue import Shape
from signpipe.lab.augmentation import (
    CORRUPTIONS,
    HELD_OUT_CORRUPTIONS,
    HELD_OUT_OCCLUDERS,
    OCCLUDERS,
    Augmenter,
    Corruption,
    Occluder,
    face_mask,
)
from tests.lab.augmentation.signs import draw_sign


def test_the_same_seed_gives_the_same_pictures() -> None:
    image = draw_sign(Shape.TRIANGLE, 48, 48)
    first, again = Augmenter(3), Augmenter(np.random.default_rng(3))
    seen = set()
    for _ in range(40):
        picture, visible = first(image, Shape.TRIANGLE)
        same, same_visible = again(image, Shape.TRIANGLE)
        assert np.array_equal(picture, same)
        assert visible == same_visible
        seen.add(picture.tobytes())
    assert len(seen) > 30


def test_crops_keep_shape_and_type_and_the_original_is_left_alone() -> None:
    augmenter = Augmenter(0, occlusion=0.5)
    for side in (16, 48, 64, 100):
        for shape in Shape:
            image = draw_sign(shape, side, side)
            before = image.copy()
            for _ in range(6):
                picture, visible = augmenter(image, shape)
                assert picture.shape == image.shape
                assert picture.dtype == np.uint8
                assert 0 <= visible <= 1
                picture[:] = 0
            assert np.array_equal(image, before)


def test_as_many_are_hidden_and_as_far_as_asked() -> None:
    augmenter, image = Augmenter(1, occlusion=0.3, hidden=(0.2, 0.6), corruptions=()), draw_sign(Shape.CIRCLE, 48, 48)
    visible = np.array([augmenter(image, Shape.CIRCLE)[1] for _ in range(400)])
    hidden = 1 - visible[visible < 1]
    assert 0.2 < len(hidden) / 400 < 0.4
    assert 0.18 < hidden.min() < 0.3
    assert 0.5 < hidden.max() < 0.62


def test_without_effects_the_crop_stays_as_it_is() -> None:
    image = draw_sign()
    picture, visible = Augmenter(0, occlusion=0, corruptions=())(image, Shape.CIRCLE)
    assert np.array_equal(picture, image)
    assert picture is not image
    assert visible == 1


def test_a_face_that_moved_in_its_crop_is_taken_as_a_mask() -> None:
    image = draw_sign(Shape.CIRCLE, 64, 64)
    face = np.roll(face_mask(Shape.CIRCLE, 64, 64, margin=0.4), 10, axis=1)
    augmenter = Augmenter(0, occlusion=1, hidden=(0.5, 0.5), corruptions=(), occluders=(OCCLUDERS["dirt_patches"],))
    picture, visible = augmenter(image, face)
    assert visible == pytest.approx(0.5, abs=0.02)
    assert np.array_equal(picture[:, :20], image[:, :20])


@pytest.mark.parametrize("occluder", HELD_OUT_OCCLUDERS, ids=lambda occluder: occluder.name)
def test_a_held_out_occluder_is_refused(occluder: Occluder) -> None:
    with pytest.raises(ValueError, match=f"{occluder.name}: held out"):
        Augmenter(0, occluders=[OCCLUDERS["pole"], occluder])


@pytest.mark.parametrize("corruption", HELD_OUT_CORRUPTIONS, ids=lambda corruption: corruption.name)
def test_a_held_out_corruption_is_refused(corruption: Corruption) -> None:
    with pytest.raises(ValueError, match=f"{corruption.name}: held out"):
        Augmenter(0, corruptions=[CORRUPTIONS["fog"], corruption])


@pytest.mark.parametrize(
    "settings", [{"occlusion": 1.5}, {"hidden": (0.6, 0.3)}, {"hidden": (0.1, 1.2)}, {"strongest": 6.0}]
)
def test_numbers_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        Augmenter(0, **settings)  # type: ignore[arg-type]


def test_importing_needs_no_training_library() -> None:
    code = "import sys, signpipe.lab.augmentation; print({'torch', 'ultralytics', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
