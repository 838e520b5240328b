"""What every occluder promises: the share that was asked for, always the same, never less with more."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import Shape
from signpipe.lab.augmentation import HELD_OUT_OCCLUDERS, OCCLUDERS, TRAINING_OCCLUDERS, Occluder, face_mask
from signpipe.lab.augmentation.occluder import sharpness
from tests.lab.augmentation.signs import draw_sign

ALL = [pytest.param(occluder, id=name) for name, occluder in OCCLUDERS.items()]
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@pytest.mark.parametrize("occluder", ALL)
@pytest.mark.parametrize("side", [32, 48, 64, 128])
def test_the_requested_share_is_hidden(occluder: Occluder, side: int) -> None:
    for number, shape in enumerate(Shape):
        image, face = draw_sign(shape, side, side), face_mask(shape, side, side)
        for fraction in FRACTIONS:
            result, visible = occluder(image, face, fraction, np.random.default_rng((number, side)))
            hidden = 1 - visible.sum() / face.sum()
            assert hidden == pytest.approx(fraction, abs=0.02), (shape, fraction)
            assert result.shape == image.shape
            assert result.dtype == np.uint8
            assert visible.shape == face.shape
            assert (visible <= face).all()
            assert visible.min() >= 0


@pytest.mark.parametrize("occluder", ALL)
@settings(max_examples=25, deadline=None)
@given(
    side=st.integers(24, 140),
    fraction=st.floats(0, 1),
    shape=st.sampled_from(list(Shape)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_share_of_any_sign(occluder: Occluder, side: int, fraction: float, shape: Shape, seed: int) -> None:
    face = face_mask(shape, side, side)
    _, visible = occluder(draw_sign(shape, side, side), face, fraction, np.random.default_rng(seed))
    assert 1 - visible.sum() / face.sum() == pytest.approx(fraction, abs=0.02)


@pytest.mark.parametrize("occluder", ALL)
def test_what_is_said_to_be_visible_is_unchanged_and_what_is_hidden_is_not(occluder: Occluder) -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    kept, lost = [], []
    for seed in range(6):
        result, visible = occluder(image, face, 0.4, np.random.default_rng(seed))
        change = np.abs(result.astype(float) - image).max(2)
        # Blurred edges and shadows reach over a little, most of all between branches.
        kept.append(np.median(change[visible > 0.99]))
        lost.append(np.mean(change[(face > 0.99) & (visible < 0.01)]))
    assert np.mean(kept) < 16
    assert np.mean(lost) > 25


@pytest.mark.parametrize("occluder", ALL)
def test_no_share_is_the_same_picture(occluder: Occluder) -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    result, visible = occluder(image, face, 0, np.random.default_rng(0))
    assert np.array_equal(result, image)
    assert result is not image
    assert np.array_equal(visible, face)
    assert visible.flags.writeable


@pytest.mark.parametrize("occluder", ALL)
def test_a_seed_decides_everything(occluder: Occluder) -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    before = image.copy()
    first, mask = occluder(image, face, 0.35, np.random.default_rng(4))
    again, same = occluder(image, face, 0.35, np.random.default_rng(4))
    assert np.array_equal(first, again)
    assert np.array_equal(mask, same)
    assert np.array_equal(image, before), "the picture itself must not change"
    others = [occluder(image, face, 0.35, np.random.default_rng(seed))[1] for seed in range(5, 15)]
    assert any(not np.array_equal(mask, other) for other in others)


@pytest.mark.parametrize("occluder", ALL)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), less=st.floats(0.01, 1), more=st.floats(0.01, 1))
def test_a_larger_share_hides_what_the_smaller_hid_and_more(
    occluder: Occluder, seed: int, less: float, more: float
) -> None:
    less, more = sorted((less, more))
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    much = occluder(image, face, less, np.random.default_rng(seed))[1]
    little = occluder(image, face, more, np.random.default_rng(seed))[1]
    assert (little <= much).all()


@pytest.mark.parametrize("occluder", ALL)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9), (48, 64), (400, 400)])
def test_tiny_large_and_oblong_crops(occluder: Occluder, height: int, width: int) -> None:
    face = face_mask(Shape.OCTAGON, height, width)
    result, visible = occluder(draw_sign(Shape.OCTAGON, height, width), face, 0.5, np.random.default_rng(1))
    assert result.shape == (height, width, 3)
    assert 1 - visible.sum() / face.sum() == pytest.approx(0.5, abs=0.1 if height < 16 else 0.02)


@pytest.mark.parametrize("occluder", [pytest.param(o, id=o.name) for o in OCCLUDERS.values() if o.on_face])
def test_what_sticks_to_the_sign_ends_with_it(occluder: Occluder) -> None:
    image, face = draw_sign(Shape.TRIANGLE), face_mask(Shape.TRIANGLE, 64, 64)
    result, _ = occluder(image, face, 0.7, np.random.default_rng(2))
    far = np.asarray(face) == 0
    far[1:] &= face[:-1] == 0
    far[:-1] &= face[1:] == 0
    assert np.abs(result.astype(int) - image)[far].mean() < 2


@pytest.mark.parametrize("name", ["pole", "leaves", "branches", "snow_patches", "dirt_patches", "stickers", "graffiti"])
def test_an_occluder_is_lit_like_its_scene(name: str) -> None:
    day, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    dusk = (day * 0.2).astype(np.uint8)
    hidden = face - OCCLUDERS[name](day, face, 0.5, np.random.default_rng(3))[1] > 0.99
    bright, dark = (OCCLUDERS[name](p, face, 0.5, np.random.default_rng(3))[0][hidden].mean() for p in (day, dusk))
    assert dark < 0.4 * bright


def test_a_sharp_occluder_is_never_pasted_on_a_blurred_picture() -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), np.uint8)
    assert sharpness(blurred) > 2 * sharpness(image)
    sharp, soft = (OCCLUDERS["pole"](p, face, 0.3, np.random.default_rng(3))[0].astype(int) for p in (image, blurred))
    assert np.abs(np.diff(soft, axis=1)).max() < 0.7 * np.abs(np.diff(sharp, axis=1)).max()


def test_a_sign_patch_shows_the_texture_it_is_given() -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    textures = np.full((2, 80, 80, 3), (10, 250, 90), np.uint8)
    result, visible = OCCLUDERS["sign_patch"](image, face, 0.5, np.random.default_rng(0), textures)
    hidden = (face > 0.99) & (visible < 0.01)
    assert np.abs(result[hidden].astype(int) - (10, 250, 90)).max() <= 1


def test_cut_off_repeats_the_border_as_the_crop_protocol_does() -> None:
    image, face = draw_sign(), face_mask(Shape.CIRCLE, 64, 64)
    for seed in range(8):
        result = OCCLUDERS["cut_off"](image, face, 0.4, np.random.default_rng(seed))[0].astype(int)
        edges = (result[:10], result[-10:], result[:, :10].swapaxes(0, 1), result[:, -10:].swapaxes(0, 1))
        assert any(np.ptp(edge, axis=0).max() == 0 for edge in edges)


def test_bad_requests_are_refused() -> None:
    image, face, rng = draw_sign(), face_mask(Shape.CIRCLE, 64, 64), np.random.default_rng(0)
    pole = OCCLUDERS["pole"]
    for fraction in (-0.01, 1.01, float("nan")):
        with pytest.raises(ValueError, match=r"outside 0\.\.1"):
            pole(image, face, fraction, rng)
    with pytest.raises(ValueError, match="doesn't fit"):
        pole(image, face[1:], 0.5, rng)
    with pytest.raises(ValueError, match="BGR uint8"):
        pole(image[..., 0], face, 0.5, rng)
    with pytest.raises(ValueError, match="empty"):
        pole(image, np.zeros_like(face), 0.5, rng)


def test_training_never_meets_the_held_out_family() -> None:
    held_out, trained = {o.name for o in HELD_OUT_OCCLUDERS}, {o.name for o in TRAINING_OCCLUDERS}
    assert held_out == {"leaves", "branches"}
    assert not held_out & trained
    assert held_out | trained == set(OCCLUDERS)
    assert not {o.family for o in HELD_OUT_OCCLUDERS} & {o.family for o in TRAINING_OCCLUDERS}


@pytest.mark.parametrize("shape", list(Shape))
def test_a_face_fills_its_box_and_no_more(shape: Shape) -> None:
    face = face_mask(shape, 120, 120, margin=0.1)
    rows, columns = np.flatnonzero(face.any(1)), np.flatnonzero(face.any(0))
    # the margin of 10 pixels; for triangles the lower height of the plate, and a plate itself is half as high as wide
    assert 8 <= rows[0] <= (36 if shape is Shape.PLATE else 18)
    assert (84 if shape is Shape.PLATE else 101) <= rows[-1] <= 111
    assert 8 <= columns[0] <= 14
    assert 105 <= columns[-1] <= 111
    assert not face.flags.writeable
