"""Training crops: what augmentation may and may not do."""

import numpy as np
import pytest

from signpipe.catalogue import Shape
from signpipe.lab.augmentation import HELD_OUT_OCCLUDERS
from signpipe.lab.augmentation.framing import (
    SOURCE_MARGIN,
    SOURCE_SIZE,
    box_jitter,
    degrade,
    expose,
    following,
    recolour,
    swap_background,
    warp,
    warped_face,
    wide_side,
    widened,
)
from signpipe.lab.evaluation.crop_sets import CropSet
from signpipe.lab.training.classifier_data import TrainingCrops
from signpipe.lab.training.occlusion import CLUTTER, HIDING, hide

NOISE = np.random.default_rng(0).integers(0, 256, (6, SOURCE_SIZE, SOURCE_SIZE, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 14, 33, 38, 42])


def test_the_mask_follows_the_sign_through_the_warp() -> None:
    """A white face on black, warped, is white where the warped mask says that the face is."""
    for seed in range(10):
        source = np.zeros((SOURCE_SIZE, SOURCE_SIZE, 3), np.uint8)
        identity = np.eye(3, dtype=np.float32)
        source[warped_face(Shape.TRIANGLE, identity, SOURCE_SIZE) > 0.5] = 255
        matrix = box_jitter(np.random.default_rng(seed), 48)
        shown = warp(source, matrix, 48)[..., 0] / 255
        face = warped_face(Shape.TRIANGLE, matrix, 48)
        inside = np.zeros((48, 48), bool)
        inside[2:-2, 2:-2] = True  # the border is replicated, the mask ends there
        assert np.abs(shown - face)[inside].mean() < 0.03
        assert 0.15 < face.mean() < 0.6


def test_a_box_follows_what_can_be_seen() -> None:
    matrix = box_jitter(np.random.default_rng(0), 48)
    wide, side = widened(matrix, 48)
    assert side == wide_side(48) == 72
    face = warped_face(Shape.CIRCLE, wide, side)
    picture = warp(NOISE[0], wide, side)

    stays = following(face, 48, 0.0)
    np.testing.assert_allclose(warp(picture, stays, 48).astype(int), warp(NOISE[0], matrix, 48), atol=2)
    np.testing.assert_array_equal(following(np.zeros_like(face), 48, 1.0), stays)

    right_half = face.copy()
    right_half[:, : side // 2] = 0
    columns, rows = (np.flatnonzero(right_half.sum(axis) > 1) for axis in (0, 1))
    (x, y, _), (left, top, _) = (
        following(right_half, 48, 1.0) @ [point[0], point[1], 1]
        for point in ((columns.mean(), rows.mean()), (columns[0], rows[0]))
    )
    assert x == pytest.approx(23.5, abs=1)  # what is left of the sign is in the middle, as high as the sign was
    assert y == pytest.approx(23.5, abs=1)
    assert top == pytest.approx(4, abs=2.5)
    assert left == pytest.approx(14, abs=2)
    half_way = following(right_half, 48, 0.5) @ [columns.mean(), rows.mean(), 1]
    assert x + 2 < half_way[0] < (stays @ [columns.mean(), rows.mean(), 1])[0] - 2


@pytest.mark.parametrize("shape", list(Shape))
def test_only_the_background_is_swapped(shape: Shape) -> None:
    swapped = swap_background(NOISE[0], shape, NOISE[1])
    middle = SOURCE_SIZE // 2
    np.testing.assert_array_equal(swapped[middle - 5 : middle + 5, middle], NOISE[0][middle - 5 : middle + 5, middle])
    outside = round(SOURCE_SIZE * SOURCE_MARGIN / (1 + 2 * SOURCE_MARGIN)) - 3
    np.testing.assert_array_equal(swapped[:outside], NOISE[1][:outside])


def test_exposure_and_recolouring_leave_something_to_read() -> None:
    image = np.full((48, 48, 3), 40, np.uint8)
    image[16:32, 16:32] = 90
    for change in (expose, recolour):
        spreads = [float(change(image, np.random.default_rng(seed)).std()) for seed in range(50)]
        assert np.median(spreads) > 8
        assert np.mean(np.array(spreads) > 3) > 0.9


def test_degrading_keeps_the_size() -> None:
    for seed in range(30):
        assert degrade(NOISE[0], np.random.default_rng(seed)).shape == NOISE[0].shape


def test_what_hides_a_sign_is_measured() -> None:
    crop = np.full((48, 48, 3), 100, np.uint8)
    face = warped_face(Shape.CIRCLE, box_jitter(np.random.default_rng(0), 48), 48)
    shares = []
    for seed in range(60):
        changed, visible, foreign = hide(crop, face, NOISE, NOISE, np.random.default_rng(seed))
        untouched = (np.abs(changed.astype(int) - 100).max(2) < 12) & (face > 0.9)
        assert (visible <= face + 1e-6).all()
        assert (visible >= 0).all()
        assert 0 <= foreign <= 1
        # Where the face counts as visible, it was left alone (shadows and soft edges aside).
        sure = (visible > 0.95) & (face > 0.9)
        assert not sure.any() or (untouched[sure].mean() > 0.4)
        shares.append(1 - visible.sum() / face.sum())
    assert min(shares) > 0.02
    assert max(shares) < 0.8
    assert np.mean(shares) == pytest.approx(0.4, abs=0.08)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_clutter_hides_what_was_asked_for(share: float) -> None:
    crop = NOISE[0][:48, :48].copy()
    face = warped_face(Shape.OCTAGON, box_jitter(np.random.default_rng(1), 48), 48)
    for seed in range(12):
        _, visible = CLUTTER(crop, face, share, np.random.default_rng(seed), NOISE)
        assert 1 - visible.sum() / face.sum() == pytest.approx(share, abs=0.03)


def test_training_never_meets_what_is_held_out() -> None:
    assert not {o.name for o in HIDING} & {o.name for o in HELD_OUT_OCCLUDERS}


@pytest.mark.slow
def test_a_picture_is_the_same_whoever_asks_and_when() -> None:
    first, again = (TrainingCrops(CropSet(NOISE, LABELS, NOISE), 400, 3, 48, 0.6) for _ in range(2))
    for index in (7, 0, 123):
        for one, other in zip(first[index], again[index], strict=True):
            np.testing.assert_array_equal(one, other)
    other_seed = TrainingCrops(CropSet(NOISE, LABELS, NOISE), 400, 4, 48, 0.6)
    assert (first[7][0] != other_seed[7][0]).any()


@pytest.mark.slow
def test_targets_are_distributions_and_some_say_cannot_tell() -> None:
    crops = TrainingCrops(CropSet(NOISE, LABELS, NOISE), 400, 0, 48, 0.5)
    targets = np.stack([crops[i][1] for i in range(400)])
    assert targets.shape == (400, 44)
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)
    sure, lost = (targets[:, :-1].max(1) > 0.9).mean(), (targets[:, -1] > 0.9).mean()
    assert sure > 0.6
    assert 0.04 < lost < 0.25
    # 33 and 34, 38 and 39 mirror into each other; other classes appear as drawings only
    seen = targets[targets[:, :-1].max(1) > 0.6].argmax(1)
    photographed = {0, 1, 14, 33, 34, 38, 39, 42}
    assert photographed <= set(seen.tolist())
    assert 0.04 < np.mean([class_id not in photographed for class_id in seen]) < 0.2


@pytest.mark.slow
def test_without_occlusion_every_sign_is_wholly_visible_and_sure() -> None:
    crops = TrainingCrops(CropSet(NOISE, LABELS, NOISE), 100, 0, 48, 0.0)
    for _, target, parts in (crops[i] for i in range(100)):
        np.testing.assert_array_equal(parts[0], parts[1])
        assert target.max() > 0.98
