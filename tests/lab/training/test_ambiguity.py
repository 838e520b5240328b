"""What may be said of a sign whose parts are hidden."""

import numpy as np
import pytest

from signpipe.catalogue import Category, Effect, Shape, load_catalogue
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE, box_jitter, warped_face
from signpipe.lab.training.ambiguity import SIDE, cannot_tell, straighten, target

CATALOGUE = load_catalogue()
ALL = np.ones((SIDE, SIDE), np.float32)
NOTHING = np.zeros((SIDE, SIDE), np.float32)


@pytest.mark.parametrize("class_id", range(len(CATALOGUE)))
def test_a_sign_in_full_view_is_that_sign(class_id: int) -> None:
    shares = target(class_id, ALL)
    assert shares.argmax() == class_id
    assert shares[class_id] > 0.99
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("class_id", range(len(CATALOGUE)))
def test_of_a_sign_behind_a_wall_nobody_can_tell_the_category(class_id: int) -> None:
    shares = target(class_id, NOTHING)
    assert shares[-1] == shares.max()
    assert shares[-1] > 0.5
    assert shares[:-1].max() < 0.05


def test_a_limit_with_its_digits_hidden_may_be_any_limit() -> None:
    rim = ALL.copy()
    rim[5:-5, 4:-4] = 0
    shares = target(CATALOGUE.by_name("speed_limit_80").id, rim)
    limits = [sign.id for sign in CATALOGUE if sign.effect is Effect.LIMIT]
    other = [i for i in range(len(CATALOGUE)) if CATALOGUE[i].category is not Category.PROHIBITORY]
    assert shares[limits].min() == pytest.approx(shares[limits].max(), rel=0.3)
    assert shares[limits].sum() > 0.5
    assert shares[other].sum() == 0


def test_half_a_limit_leaves_those_that_share_this_half() -> None:
    right = ALL.copy()
    right[:, : SIDE // 2] = 0  # "80" without its first digit
    shares = target(CATALOGUE.by_name("speed_limit_80").id, right)
    thirty, hundred = (CATALOGUE.by_name(f"speed_limit_{value}").id for value in (30, 100))
    assert shares[thirty] > 0.05
    assert shares[thirty] > 3 * shares[hundred]


def test_hiding_more_never_makes_a_sign_surer() -> None:
    before = 1.0
    for hidden in range(0, SIDE + 1, 3):
        view = ALL.copy()
        view[:hidden] = 0
        share = float(target(3, view)[3])
        assert share <= before + 1e-6
        before = share


def test_another_signs_texture_over_most_of_the_face_leads_to_cannot_tell() -> None:
    shares = [target(14, ALL, foreign)[-1] for foreign in (0.0, 0.3, 0.5, 0.7)]
    assert shares[0] == pytest.approx(shares[1])
    assert shares[1] < 0.05
    assert shares[2] == pytest.approx(0.5, abs=0.05)
    assert shares[3] == pytest.approx(1)


def test_no_sign_is_cannot_tell() -> None:
    np.testing.assert_array_equal(cannot_tell(), [0] * len(CATALOGUE) + [1])


def test_straightening_undoes_the_warp() -> None:
    """The left half of the source stays the left half of the box, however the crop was cut."""
    for seed in range(10):
        matrix = box_jitter(np.random.default_rng(seed), 48)
        face = warped_face(Shape.CIRCLE, matrix, 48)
        box = straighten(face, matrix)
        yy, xx = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        inner = np.hypot(xx, yy) < SIDE * 0.36
        corner = np.hypot(xx, yy) > SIDE * 0.6
        assert box[inner].mean() > 0.9  # a tight box may cut the crop's edge
        assert box[corner].mean() < 0.1
    side = SOURCE_SIZE / (1 + 2 * SOURCE_MARGIN)
    scale = np.float32(48 / side)
    shift = np.float32(23.5 - scale * (SOURCE_SIZE - 1) / 2)
    plain = np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]], np.float32)
    left = np.zeros((48, 48), np.float32)
    left[:, :24] = 1
    np.testing.assert_allclose(straighten(left, plain)[:, : SIDE // 2 - 1], 1, atol=1e-4)
    np.testing.assert_allclose(straighten(left, plain)[:, SIDE // 2 + 1 :], 0, atol=1e-4)
