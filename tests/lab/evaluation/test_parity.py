"""Comparing a variant with its reference, on models whose answers are known."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.evaluation.parity import Check, Parity, class_checks, compare_classifiers, compare_detectors
from signpipe.settings import DetectSettings, Settings
from tests.runtime import graphs

FIRST, SECOND = [10, 20, 40, 60], [60, 10, 90, 40]
NOTHING = [0, 0, 0, 0, 0, 0]


def quiet(_done: int, _total: int) -> None:
    pass


def detector(folder: Path, name: str, *rows: list[float]) -> str:
    """Write a detector that finds these boxes (x1, y1, x2, y2, score) in every picture."""
    output = [[[*row, 0] for row in rows] + [NOTHING] * (3 - len(rows))]
    return str(graphs.detector(folder / f"{name}.onnx", output, size=(96, 96)))


@pytest.fixture
def pictures(tmp_path: Path) -> Dataset:
    """Return three pictures, of one colour each, with two boxed signs."""
    images = []
    for channel in range(3):
        image = np.zeros((96, 96, 3), np.uint8)
        image[..., channel] = 200
        path = tmp_path / f"{channel}.png"
        cv2.imwrite(str(path), image)
        boxes = np.array([FIRST, SECOND], np.float32)
        images.append(LabelledImage(path, boxes, np.array([0, 1]), ("one", "two"), np.zeros(2, np.bool_), "val"))
    return Dataset("test", tmp_path, tuple(images))


def checks(parity: Parity) -> dict[str, Check]:
    return {check.name: check for check in parity.checks}


def test_a_detector_agrees_with_itself(tmp_path: Path, pictures: Dataset) -> None:
    model = detector(tmp_path, "one", [*FIRST, 0.9], [*SECOND, 0.5])
    result = compare_detectors(model, model, pictures, Settings(), quiet)
    found = checks(result)
    assert result.passed
    assert (found["matched"].value, found["mean IoU"].value, found["over the threshold in both"].value) == (1, 1, 1)
    assert found["largest score difference"].value == found["AP50 lost"].value == 0
    assert found["matched"].n == found["AP50 lost"].n == 6


def test_a_sign_that_only_the_reference_sees_fails(tmp_path: Path, pictures: Dataset) -> None:
    reference = detector(tmp_path, "reference", [*FIRST, 0.9], [*SECOND, 0.8])
    variant = detector(tmp_path, "variant", [*FIRST, 0.9])
    found = checks(compare_detectors(variant, reference, pictures, Settings(), quiet))
    assert found["matched"].value == pytest.approx(0.5)
    assert found["AP50 lost"].value == pytest.approx(1 - 51 / 101)
    assert not found["matched"].passed
    assert not found["AP50 lost"].passed


def test_a_box_that_only_the_variant_sees_fails(tmp_path: Path, pictures: Dataset) -> None:
    reference = detector(tmp_path, "reference", [*FIRST, 0.9])
    variant = detector(tmp_path, "variant", [*FIRST, 0.9], [*SECOND, 0.8])
    found = checks(compare_detectors(variant, reference, pictures, Settings(), quiet))
    assert found["matched"].value == pytest.approx(0.5)
    assert found["AP50 lost"].value < 0


def test_a_score_that_falls_under_the_threshold_is_no_lost_sign_but_a_changed_decision(
    tmp_path: Path, pictures: Dataset
) -> None:
    reference = detector(tmp_path, "reference", [*FIRST, 0.9], [*SECOND, 0.4])
    variant = detector(tmp_path, "variant", [*FIRST, 0.9], [*SECOND, 0.3])
    settings = Settings(detect=DetectSettings(score=0.35))
    found = checks(compare_detectors(variant, reference, pictures, settings, quiet))
    assert found["matched"].value == 1
    assert found["over the threshold in both"].value == pytest.approx(0.5)
    assert found["largest score difference"].value == pytest.approx(0.1)
    assert found["mean score difference"].value == pytest.approx(0.05)


def test_boxes_that_are_off_fail_though_they_are_of_the_same_sign(tmp_path: Path, pictures: Dataset) -> None:
    reference = detector(tmp_path, "reference", [*FIRST, 0.9])
    variant = detector(tmp_path, "variant", [10, 20, 40, 52, 0.9])
    found = checks(compare_detectors(variant, reference, pictures, Settings(), quiet))
    assert found["mean IoU"].value == pytest.approx(0.8)
    assert [name for name, check in found.items() if not check.passed] == ["mean IoU"]


def test_candidates_under_the_threshold_of_both_do_not_count(tmp_path: Path, pictures: Dataset) -> None:
    reference = detector(tmp_path, "reference", [*FIRST, 0.9], [*SECOND, 0.2])
    variant = detector(tmp_path, "variant", [*FIRST, 0.9])
    found = checks(compare_detectors(variant, reference, pictures, Settings(), quiet))
    assert (found["matched"].value, found["matched"].n) == (1, 3)


def test_average_precision_is_left_out_where_not_every_sign_is_boxed(tmp_path: Path, pictures: Dataset) -> None:
    model = detector(tmp_path, "one", [*FIRST, 0.9])
    partly = Dataset("test", tmp_path, pictures.images, complete=False)
    assert "AP50 lost" not in checks(compare_detectors(model, model, partly, Settings(), quiet))


def test_pictures_without_anything_to_find_compare_nothing(tmp_path: Path, pictures: Dataset) -> None:
    model = detector(tmp_path, "one")
    with pytest.raises(SourceError, match="Neither"):
        compare_detectors(model, model, pictures, Settings(), quiet)


def test_a_classifier_agrees_with_itself(tmp_path: Path, pictures: Dataset) -> None:
    model = str(graphs.classifier(tmp_path / "one.onnx"))
    result = compare_classifiers(model, model, pictures, Settings(), quiet)
    assert result.passed
    found = checks(result)
    assert (found["equal classes"].value, found["equal classes"].n) == (1, 6)
    assert found["largest probability difference"].value == 0


def test_other_classes_fail(tmp_path: Path, pictures: Dataset) -> None:
    reference = str(graphs.classifier(tmp_path / "one.onnx"))
    variant = str(graphs.classifier(tmp_path / "two.onnx", gain=-1.0))  # the least probable comes first
    found = checks(compare_classifiers(variant, reference, pictures, Settings(), quiet))
    assert found["equal classes"].value < 0.5
    assert not found["equal classes"].passed


@pytest.mark.parametrize(("surest", "equal"), [(0.49, 1.0), (0.51, 0.5)])
def test_a_guess_may_turn_over_and_what_one_makes_out_may_not(surest: float, equal: float) -> None:
    variant = np.array([[0.4, 0.3, 0.2], [0.9, 0.0, 0.0]], np.float32)
    reference = np.array([[0.3, surest, 0.1], [0.9, 0.0, 0.0]], np.float32)
    found = {
        check.name: check
        for check in class_checks(variant, reference, np.zeros(2, np.float32), np.zeros(2, np.float32))
    }
    assert found["equal classes"].value == equal


def test_other_probabilities_fail_though_the_classes_are_equal(tmp_path: Path, pictures: Dataset) -> None:
    reference = str(graphs.classifier(tmp_path / "one.onnx"))
    variant = str(graphs.classifier(tmp_path / "two.onnx", gain=0.9))
    found = checks(compare_classifiers(variant, reference, pictures, Settings(), quiet))
    assert found["equal classes"].value == 1
    assert found["mean probability difference"].value == pytest.approx(0.1, abs=0.01)
    assert not found["mean probability difference"].passed


@pytest.mark.parametrize(
    ("check", "passed"),
    [
        (Check("a", 0.9, 10, least=0.9), True),
        (Check("a", 0.89, 10, least=0.9), False),
        (Check("a", 0.1, 10, most=0.1), True),
        (Check("a", 0.11, 10, most=0.1), False),
        (Check("a", float("nan"), 10, most=0.1), False),
        (Check("a", 1.0, 0, least=0.9), False),  # a number of no cases shows nothing
        (Check("a", 7.0, 10), True),
    ],
)
def test_limits(check: Check, passed: bool) -> None:
    assert check.passed is passed
