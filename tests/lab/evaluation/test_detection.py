"""Average precision and its relatives, against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.lab.evaluation.detection import average_precision, box_iou, evaluate_detections
from signpipe.types import Detections, FloatArray

SIGN = np.array([[10, 10, 30, 30]], np.float32)
ELSEWHERE = np.array([[100, 100, 120, 120]], np.float32)


def found(boxes: FloatArray, *scores: float) -> Detections:
    return Detections(boxes, np.array(scores, np.float32))


def test_every_sign_found_and_nothing_else_is_perfect() -> None:
    result = evaluate_detections([(found(SIGN, 0.9), SIGN)])
    assert (result.ap50, result.ap50_95) == (1.0, 1.0)
    assert (result.recall(0.5), result.precision(0.5), result.false_alarms(0.5)) == (1.0, 1.0, 0.0)


def test_average_precision_of_a_worked_example() -> None:
    # hit, miss, hit of 2 signs: precision 1 up to recall 0.5 (51 of 101 points), then 2/3 (50 points)
    assert average_precision(np.array([True, False, True]), 2) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_sign_never_found_costs_recall() -> None:
    result = evaluate_detections([(found(SIGN, 0.9), np.concatenate([SIGN, ELSEWHERE]))])
    assert result.recall(0.1) == 0.5
    assert result.ap50 == pytest.approx(51 / 101)


def test_the_second_box_on_one_sign_is_a_false_alarm() -> None:
    result = evaluate_detections([(found(np.repeat(SIGN, 2, 0), 0.9, 0.8), SIGN)])
    assert result.false_alarms(0.5) == 1.0
    assert result.false_alarms(0.85) == 0.0


def test_a_higher_score_finds_fewer_signs_and_raises_fewer_false_alarms() -> None:
    result = evaluate_detections([(found(np.concatenate([SIGN, ELSEWHERE]), 0.62, 0.33), SIGN)]).by_score()
    assert len(result) == 19
    assert result["0.30"] == {"recall": 1.0, "false_alarms_per_scene": 1.0}
    assert result["0.35"] == {"recall": 1.0, "false_alarms_per_scene": 0.0}
    assert result["0.65"] == {"recall": 0.0, "false_alarms_per_scene": 0.0}


def test_a_loose_box_counts_at_half_overlap_only() -> None:
    # 16 of 20 columns: overlap 0.8, so it passes 0.5 .. 0.8, 7 of the 10 overlaps
    loose = np.array([[10, 10, 26, 30]], np.float32)
    result = evaluate_detections([(found(loose, 0.9), SIGN)])
    assert result.ap50 == 1.0
    assert result.ap50_95 == pytest.approx(0.7)


def test_recall_by_size_looks_at_the_longer_side() -> None:
    truth = np.array([[0, 0, 10, 20], [50, 50, 150, 120]], np.float32)
    result = evaluate_detections([(found(truth[1:], 0.9), truth)])
    assert result.recall(0.5, (16, 24)) == 0.0
    assert result.recall(0.5, (64, 128)) == 1.0
    assert np.isnan(result.recall(0.5, (200, 300)))


def test_the_score_for_a_rate_of_false_alarms_just_excludes_the_next_one() -> None:
    nothing = np.zeros((0, 4), np.float32)
    scenes = [(found(ELSEWHERE, s), nothing) for s in (0.9, 0.7, 0.5, 0.3)]
    result = evaluate_detections(scenes)
    score = result.score_at(0.5)
    assert 0.5 < score <= 0.7
    assert result.false_alarms(score) == 0.5


def test_scenes_without_signs_or_detections_count() -> None:
    nothing = np.zeros((0, 4), np.float32)
    result = evaluate_detections([(Detections.empty(), nothing), (found(SIGN, 0.9), SIGN)])
    assert result.scenes == 2
    assert result.summary(0.5)["ap50"] == 1.0
    assert np.isnan(evaluate_detections([]).ap50)


boxes = st.tuples(st.floats(0, 100), st.floats(0, 100), st.floats(1, 50), st.floats(1, 50)).map(
    lambda b: np.array([[b[0], b[1], b[0] + b[2], b[1] + b[3]]], np.float32)
)


@settings(deadline=None, max_examples=50)
@given(boxes, boxes)
def test_overlap_is_symmetric_and_between_0_and_1(first: FloatArray, second: FloatArray) -> None:
    there, back = float(box_iou(first, second)[0, 0]), float(box_iou(second, first)[0, 0])
    assert there == pytest.approx(back, abs=1e-5)
    assert 0 <= there <= 1 + 1e-5
    assert float(box_iou(first, first)[0, 0]) == pytest.approx(1, abs=1e-4)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), max_size=30), st.integers(0, 10))
def test_average_precision_stays_between_0_and_1(hits: list[bool], missed: int) -> None:
    truths = sum(hits) + missed
    if truths:
        assert 0 <= average_precision(np.array(hits, bool), truths) <= 1
