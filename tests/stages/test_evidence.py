"""Class evidence adds up, forgets, never becomes certain, and doesn't flicker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.settings import FallbackSettings, TrackSettings
from signpipe.stages.association import disagree
from signpipe.stages.evidence import LARGEST_LEAD, ClassEvidence, Look, looks_of, outline_table
from signpipe.types import SHAPES, Classifications, FloatArray
from tests.stages.scene import CLASSES, belief

LIMIT_30, LIMIT_80, GIVE_WAY = 1, 5, 13


OUTLINES = outline_table([sign.shape.value for sign in load_catalogue()])


def said(probability: FloatArray, shape: str | None = None) -> Look:
    row = len(SHAPES) if shape is None else SHAPES.index(shape)
    known = Classifications(probability[None], np.zeros((1, 0), np.float32), np.zeros(1, np.float32))
    return looks_of(known, OUTLINES[row][None])[0]


def evidence(**changes: float) -> ClassEvidence:
    return ClassEvidence(CLASSES, TrackSettings.model_validate(changes))


def look(
    fused: ClassEvidence,
    class_id: int = LIMIT_80,
    count: int = 1,
    probability: float = 0.9,
    side: float = 40.0,
    elapsed: float = 0.1,
    visibility: float = 1.0,
    novelty: float = 0.0,
) -> ClassEvidence:
    for _ in range(count):
        fused.add(said(belief(class_id, probability)), novelty, side, visibility, elapsed)
    return fused


def lead(fused: ClassEvidence, first: int = LIMIT_80, second: int = LIMIT_30) -> float:
    return float(fused.log[first] - fused.log[second])


def test_one_perfect_look_is_enough_a_small_or_doubtful_one_isnt() -> None:
    accept = FallbackSettings().accept
    perfect = look(evidence(), probability=0.999, side=100)
    assert perfect.class_id == LIMIT_80
    assert perfect.probability[LIMIT_80] > accept
    assert look(evidence(), probability=0.99, side=25).probability[LIMIT_80] < accept
    assert look(evidence(), probability=0.95, side=100).probability[LIMIT_80] < accept
    assert look(evidence(), count=4, probability=0.95, elapsed=0.3).probability[LIMIT_80] > accept


def test_three_independent_looks_over_nine_tenths_are_sure() -> None:
    """A third of a second apart and growing: what stayed uncertain at 0.85 to 0.91."""
    fused = evidence()
    for side in (24, 33, 51):
        look(fused, probability=0.92, side=side, elapsed=0.33)
    assert fused.probability[LIMIT_80] > FallbackSettings().accept


def test_looks_in_quick_succession_are_averaged_not_added() -> None:
    """Whichever of two classes is read first, six looks within a tenth of a second leave the same doubt."""
    first, second = evidence(), evidence()
    for _ in range(3):
        look(look(first, LIMIT_30, elapsed=0.016), LIMIT_80, elapsed=0.016)
        look(look(second, LIMIT_80, elapsed=0.016), LIMIT_30, elapsed=0.016)
    for fused in (first, second):
        assert fused.probability.max() < 0.7
        assert lead(fused) == pytest.approx(0, abs=0.1)


def test_evidence_comes_by_the_second_not_by_the_frame() -> None:
    slow, fast = evidence(), evidence()
    look(slow, count=6, elapsed=0.2)
    look(fast, count=61, elapsed=1 / 60)
    assert lead(fast) == pytest.approx(lead(slow), rel=0.1)


def test_looks_at_one_instant_count_once() -> None:
    fused = look(evidence())
    before = lead(fused)
    assert lead(look(fused, count=50, elapsed=0.0)) == pytest.approx(before)


@pytest.mark.parametrize(
    "less",
    [{"side": 8.0}, {"visibility": 0.3}, {"novelty": 0.8}, {"probability": 0.5}],
    ids=lambda less: next(iter(less)),
)
def test_poor_looks_count_less(less: dict[str, float]) -> None:
    assert 0 < lead(look(evidence(), count=4, **less)) < 0.8 * lead(look(evidence(), count=4))  # type: ignore[arg-type]


def test_an_unclassified_look_says_nothing() -> None:
    fused = look(evidence(), count=5)
    before = fused.probability
    fused.add(said(np.full(CLASSES, 1 / CLASSES, np.float32)), 0.0, 40.0, 1.0, 0.001)
    np.testing.assert_allclose(fused.probability, before, atol=0.01)
    assert fused.class_id == LIMIT_80


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, CLASSES - 1), st.floats(0.0, 1.0), st.floats(1, 2000), st.floats(0, 5)), min_size=1
    )
)
def test_evidence_stays_bounded(looks: list[tuple[int, float, float, float]]) -> None:
    fused = evidence()
    for class_id, probability, side, elapsed in looks:
        look(fused, class_id, 1, probability, side, elapsed)
    assert fused.log.max() == 0
    assert fused.log.min() >= -LARGEST_LEAD
    assert fused.probability.sum() == pytest.approx(1, abs=1e-4)
    assert 0 <= fused.novelty <= 1


def test_even_a_thousand_looks_can_be_overruled_within_seconds() -> None:
    """A display that changes, or a track that was mixed up, is read anew."""
    fused = look(evidence(), LIMIT_80, 1000, 0.99)
    assert fused.probability[LIMIT_80] < 1
    assert look(fused, LIMIT_30, 30, 0.99).class_id == LIMIT_30


def test_another_outline_raises_a_doubt_and_the_right_one_helps() -> None:
    """In the currency of looks: a detector that takes a limit for an octagon can't overrule three readings."""
    sure: dict[str | None, float] = {}
    for shape in (None, "circle", "octagon"):
        fused = evidence()
        for _ in range(3):
            fused.add(said(belief(LIMIT_80, 0.8), shape), 0.0, 40.0, 1.0, 0.3)
        assert fused.class_id == LIMIT_80
        sure[shape] = float(fused.probability[LIMIT_80])
    assert sure["octagon"] < sure[None] < sure["circle"]


def test_an_outline_decides_between_two_classes_that_read_alike() -> None:
    fused = evidence()
    halves = np.asarray((belief(GIVE_WAY, 0.5) + belief(LIMIT_80, 0.5)) / 2, np.float32)
    for _ in range(3):
        fused.add(said(halves, "triangle_down"), 0.0, 40.0, 1.0, 0.3)
    assert fused.class_id == GIVE_WAY
    assert lead(fused, GIVE_WAY, LIMIT_80) > 1


def test_old_looks_lose_weight() -> None:
    old, recent = look(evidence(), count=3), look(evidence(), count=3)
    look(old, LIMIT_30, elapsed=16.0, side=8.0, visibility=0.1)
    look(recent, LIMIT_30, elapsed=0.2, side=8.0, visibility=0.1)
    assert lead(old) < 0.5 * lead(recent)


def test_the_class_is_held_until_another_leads_by_far_enough() -> None:
    """Without hysteresis, equal evidence for two classes would show one after the other."""
    fused = look(evidence(hold=1.5), count=2)
    classes = []
    for _ in range(20):
        classes += [look(fused, LIMIT_30).class_id, look(fused, LIMIT_80).class_id]
    assert set(classes) == {LIMIT_80}
    changes: list[float] = []
    while fused.class_id == LIMIT_80:
        changes.append(lead(look(fused, LIMIT_30), LIMIT_30, LIMIT_80))
    assert max(changes[:-1]) <= 1.5 < changes[-1]


def test_flicker_shows_as_doubt_not_as_a_class() -> None:
    fused = evidence()
    for _ in range(20):
        look(fused, LIMIT_30)
        look(fused, LIMIT_80)
    assert fused.probability.max() < 0.9


def test_novelty_is_that_of_the_looks() -> None:
    assert look(evidence(), count=10, novelty=0.7).novelty == pytest.approx(0.7)
    mixed = look(look(evidence(), count=5, novelty=0.0, side=20), count=5, novelty=1.0, side=200)
    assert 0.5 < mixed.novelty < 0.9


def test_disagreement_is_none_with_the_same_doubt_and_full_between_two_sure_classes() -> None:
    doubt = (belief(LIMIT_30, 0.5) + belief(LIMIT_80, 0.5)) / 2
    rows: FloatArray = np.stack([belief(LIMIT_30, 0.98), belief(LIMIT_80, 0.98), doubt])
    matrix = disagree(rows, rows)
    np.testing.assert_allclose(np.diag(matrix), 0, atol=1e-6)
    assert matrix[0, 1] > 0.95
    assert 0.2 < matrix[0, 2] < 0.6
