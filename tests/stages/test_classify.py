"""Classify: one calibrated row a detection, in its order, whatever the network gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from signpipe.runtime.session import open_session
from signpipe.settings import ClassifySettings, RuntimeSettings
from signpipe.stages.classify import Classify
from signpipe.types import Detections
from tests.runtime import graphs
from tests.runtime.graphs import f32

CPU = RuntimeSettings(provider="cpu", threads=1)
Make = Callable[..., Classify]


@pytest.fixture
def classify(tmp_path: Path) -> Make:
    """Return a function that builds the stage on a real session of the mean-colour classifier."""

    def make(maximum: int = 64, **changes: Any) -> Classify:
        path = graphs.classifier(tmp_path / "read.onnx", **changes)
        return Classify(ClassifySettings(maximum=maximum), open_session(str(path), CPU, "classifier"))

    return make


@pytest.fixture
def picture() -> npt.NDArray[np.uint8]:
    """Return a picture of three stripes: blue, green, red."""
    image = np.zeros((60, 180, 3), np.uint8)
    for channel in range(3):
        image[:, 60 * channel : 60 * channel + 60, channel] = 255
    return image


def stripes(*order: int, scores: tuple[float, ...] | None = None) -> Detections:
    boxes = [[60 * stripe + 20, 20, 60 * stripe + 40, 40] for stripe in order]
    return Detections(f32(boxes).reshape(-1, 4), f32(scores or [0.9] * len(order)))


def test_each_detection_gets_its_row_in_order(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    result = classify()(picture, stripes(2, 0, 1, 0))
    assert result.probability.argmax(axis=1).tolist() == [2, 0, 1, 0]
    np.testing.assert_allclose(result.probability.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(result.embedding, np.eye(3)[[2, 0, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(result.novelty, 1 / 3, atol=1e-6)
    assert result.probability.dtype == result.embedding.dtype == result.novelty.dtype == np.float32


def test_without_detections_the_network_is_not_run(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    stage = classify()
    result = stage(picture, Detections.empty())
    assert (len(result), result.probability.shape, result.embedding.shape) == (0, (0, 43), (0, 3))
    assert stage.model_ms == 0


def test_over_the_maximum_the_highest_scores_are_looked_at(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    result = classify(maximum=2)(picture, stripes(2, 0, 1, scores=(0.5, 0.9, 0.7)))
    assert result.probability[1:].argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_array_equal(result.probability[0], 0)
    np.testing.assert_allclose(result.belief[0], 1 / 43)
    np.testing.assert_array_equal(result.embedding[0], 0)
    np.testing.assert_allclose(result.known_mass, [0, 1, 1], atol=1e-5)
    np.testing.assert_allclose(result.novelty, [1, 1 / 3, 1 / 3], atol=1e-6)


def test_without_novelty_doubt_takes_its_place(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    result = classify(extras=False)(picture, stripes(1, 2))
    assert result.embedding.shape == (2, 0)
    np.testing.assert_allclose(result.novelty, 1 - result.probability.max(axis=1))


def test_probabilities_never_sum_to_more_than_one(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    plain, scaled = (classify(gain=factor)(picture, stripes(0, 1)).probability for factor in (1.0, 3.0))
    np.testing.assert_allclose(scaled, plain, rtol=1e-5)


def test_what_is_missing_to_one_speaks_for_no_class(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    plain, doubtful = (classify(gain=factor)(picture, stripes(0, 1)) for factor in (1.0, 0.4))
    np.testing.assert_allclose(doubtful.probability, 0.4 * plain.probability, rtol=1e-5)
    np.testing.assert_allclose(doubtful.known_mass, 0.4, rtol=1e-5)
    np.testing.assert_allclose(doubtful.belief, 0.4 * plain.probability + 0.6 / 43, rtol=1e-5)
    np.testing.assert_allclose(plain.belief, plain.probability, atol=1e-6)


@pytest.mark.parametrize("gain", [0.0, float("nan"), -1.0])
def test_probabilities_that_are_none_say_nothing(classify: Make, picture: npt.NDArray[np.uint8], gain: float) -> None:
    result = classify(gain=gain, extras=False)(picture, stripes(0, 1))
    np.testing.assert_array_equal(result.probability, 0)
    np.testing.assert_allclose(result.belief, 1 / 43)
    np.testing.assert_array_equal(result.novelty, 1)


def test_a_sign_at_the_edge_is_classified_too(classify: Make, picture: npt.NDArray[np.uint8]) -> None:
    corner = Detections(f32([[150, 30, 180, 60]]), f32([0.9]))
    assert classify()(picture, corner).probability.argmax() == 2


def test_the_shipped_classifier_gives_all_three_outputs(picture: npt.NDArray[np.uint8]) -> None:
    session = open_session(ClassifySettings().model, CPU, "classifier")
    result = Classify(ClassifySettings(), session)(picture, stripes(0, 1, 2))
    assert result.probability.shape == (3, 43)
    assert (result.known_mass < 1 + 1e-5).all()
    np.testing.assert_allclose(result.belief.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(result.embedding, axis=1), 1, atol=1e-3)
    assert ((result.novelty >= 0) & (result.novelty <= 1)).all()
