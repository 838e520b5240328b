"""Training crops: what augmentation may and may not do."""

import numpy as np
import pytest

from signpipe.catalogue import Shape
from signpipe.training.augment import (
    SOURCE_MARGIN,
    SOURCE_SIZE,
    augment,
    degrade,
    occlude,
    outline_mask,
    recolour,
    uncertainty,
)
from signpipe.training.classifier_data import CropSet, TrainingCrops

NOISE = np.random.default_rng(0).integers(0, 256, (6, SOURCE_SIZE, SOURCE_SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", list(Shape))
def test_every_outline_fills_the_box_of_the_sign_and_leaves_the_corners(shape: Shape) -> None:
    mask = outline_mask(shape, 200, grow=0.0)
    rows, columns = np.nonzero(mask > 128)
    side = 200 / (1 + 2 * SOURCE_MARGIN)
    assert columns.max() - columns.min() == pytest.approx(side, abs=2)
    assert rows.max() - rows.min() == pytest.approx(side, rel=0.06)
    assert mask[0, 0] == mask[0, -1] == mask[-1, 0] == mask[-1, -1] == 0


def test_a_crop_repeats_for_a_seed() -> None:
    first, again = (augment(NOISE[0], Shape.CIRCLE, NOISE, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    assert first[0].shape == (48, 48, 3)
    assert first[0].dtype == np.uint8


def test_what_hides_a_sign_is_measured() -> None:
    image = np.full((48, 48, 3), 100, np.uint8)
    for seed in range(20):
        changed, hidden = occlude(image, np.zeros_like(NOISE), np.random.default_rng(seed))
        inner = (changed[4:-4, 4:-4] != 100).any(2).mean()
        assert hidden >= inner - 1e-9  # a cover may have the sign's own colour, never the other way round
        assert 0 <= hidden <= 1


def test_doubt_grows_with_what_is_hidden() -> None:
    doubt = uncertainty([0.0, 0.3, 0.5, 0.75, 1.0])
    assert doubt[0] == doubt[1] == 0
    assert 0 < doubt[2] < 1
    assert doubt[3] == doubt[4] == 1


def test_recolouring_leaves_something_to_read() -> None:
    image = np.full((48, 48, 3), 40, np.uint8)
    image[16:32, 16:32] = 90
    spreads = [float(recolour(image, np.random.default_rng(seed)).std()) for seed in range(50)]
    assert np.median(spreads) > 8
    assert np.mean(np.array(spreads) > 3) > 0.9


def test_degrading_keeps_the_size() -> None:
    for seed in range(30):
        assert degrade(NOISE[0], np.random.default_rng(seed)).shape == NOISE[0].shape


def test_targets_are_distributions_and_some_say_cannot_tell() -> None:
    crops = TrainingCrops(CropSet(NOISE, np.array([0, 1, 14, 33, 38, 42]), NOISE), 400, 0, 48)
    targets = np.stack([crops[i][1] for i in range(400)])
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)
    sure, lost = (targets.max(1) > 0.99).mean(), (targets.max(1) < 0.05).mean()
    assert sure > 0.6
    assert 0.04 < lost < 0.2
    # 33 and 34, 38 and 39 mirror into each other; nothing else appears
    assert set(targets[targets.max(1) > 0.5].argmax(1)) == {0, 1, 14, 33, 34, 38, 39, 42}
