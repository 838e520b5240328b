"""Detect: both output layouts become clean boxes of the source picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from signpipe.catalogue.drawings import framed_drawing
from signpipe.runtime.session import Run, Session, open_session
from signpipe.settings import DetectSettings, PreprocessSettings, RuntimeSettings
from signpipe.stages.boxes import overlaps
from signpipe.stages.detect import Detect
from signpipe.stages.preprocess import Preprocess
from signpipe.types import SHAPES, UNKNOWN_SHAPE, Detections, Frame, Prepared
from tests.runtime import graphs
from tests.runtime.graphs import f32

SAMPLES = Path(__file__).parents[2] / "samples"
NAN, INF = float("nan"), float("inf")
Make = Callable[..., Detect]


@pytest.fixture
def detect(tmp_path: Path) -> Make:
    """Return a function that builds the stage on a real session whose network gives `output`."""

    def make(output: npt.ArrayLike, **changes: Any) -> Detect:
        path = graphs.detector(tmp_path / "find.onnx", output)
        session = open_session(str(path), RuntimeSettings(provider="cpu", threads=1), "detector")
        return Detect(DetectSettings(**changes), session)

    return make


def prepared(height: int = 96, width: int = 128, **changes: Any) -> Prepared:
    picture = np.zeros((height, width, 3), np.uint8)
    return Prepared(picture, picture, **changes)


def raw(*boxes: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Return cx, cy, w, h, score rows in the raw layout (1, 5, M)."""
    return f32(boxes).T[None]


def test_finished_boxes_come_out_by_falling_score(detect: Make) -> None:
    stage = detect([[[50, 10, 70, 30, 0.5, 0], [10, 20, 40, 60, 0.9, 0], [0, 0, 9, 9, 0.3, 0]]], score=0.35)
    detections, candidates = stage(prepared())
    np.testing.assert_array_equal(detections.xyxy, [[10, 20, 40, 60], [50, 10, 70, 30]])
    np.testing.assert_array_equal(detections.score, f32([0.9, 0.5]))
    assert detections.xyxy.dtype == detections.score.dtype == np.float32
    assert len(candidates) == 0


def test_raw_boxes_are_thinned_out_to_the_best_of_each_place(detect: Make) -> None:
    stage = detect(raw((20, 20, 20, 20, 0.6), (21, 20, 20, 20, 0.8), (60, 60, 30, 20, 0.7), (60, 62, 30, 20, 0.2)))
    detections, _ = stage(prepared())
    np.testing.assert_allclose(detections.xyxy, [[11, 10, 31, 30], [45, 50, 75, 70]], atol=1e-4)
    np.testing.assert_allclose(detections.score, [0.8, 0.7])
    assert detections.xyxy.dtype == np.float32


def test_boxes_that_overlap_less_than_the_limit_stay_apart(detect: Make) -> None:
    two = raw((20, 20, 20, 20, 0.6), (30, 20, 20, 20, 0.8))  # a third of their union is shared
    assert len(detect(two, iou=0.4)(prepared())[0]) == 2
    assert len(detect(two, iou=0.3)(prepared())[0]) == 1


def test_boxes_are_mapped_back_to_the_source(detect: Make) -> None:
    stage = detect([[[10, 20, 30, 40, 0.9, 0]]])
    detections, _ = stage(prepared(scale=(0.5, 0.5), origin=(0, 16)))
    np.testing.assert_array_equal(detections.xyxy, [[20, 56, 60, 96]])


def test_a_second_box_of_one_sign_is_dropped_and_a_sign_above_another_is_not(detect: Make) -> None:
    rows = [[[10, 10, 30, 30, 0.8, 0], [11, 10, 31, 31, 0.9, 0], [10, 31, 30, 51, 0.7, 0]]]
    detections, _ = detect(rows)(prepared())
    np.testing.assert_array_equal(detections.xyxy, [[11, 10, 31, 31], [10, 31, 30, 51]])


def test_boxes_are_clipped_to_the_picture(detect: Make) -> None:
    detections, _ = detect([[[-5, -5, 20, 20, 0.9, 0], [100, 80, 140, 120, 0.8, 0]]])(prepared())
    np.testing.assert_array_equal(detections.xyxy, [[0, 0, 20, 20], [100, 80, 128, 96]])


@pytest.mark.parametrize(
    "row",
    [
        (NAN, 0, 10, 10, 0.9, 0),
        (0, 0, INF, 10, 0.9, 0),
        (0, 0, 10, 10, NAN, 0),
        (10, 10, 10, 20, 0.9, 0),
        (20, 10, 10, 20, 0.9, 0),
        (130, 10, 150, 20, 0.9, 0),  # in the padding, right of the picture
    ],
)
def test_what_is_no_box_in_the_picture_is_dropped(detect: Make, row: tuple[float, ...]) -> None:
    detections, candidates = detect([[row, (5, 5, 9, 9, 0.6, 0)]], raw=True)(prepared())
    np.testing.assert_array_equal(detections.xyxy, [[5, 5, 9, 9]])
    np.testing.assert_array_equal(candidates.xyxy, [[5, 5, 9, 9]])


@pytest.mark.parametrize("box", [(NAN, 20, 20, 20, 0.9), (20, 20, 0, 20, 0.9), (20, 20, 20, 20, NAN)])
def test_what_is_no_raw_box_is_dropped(detect: Make, box: tuple[float, ...]) -> None:
    detections, _ = detect(raw(box, (60, 60, 20, 20, 0.5)))(prepared())
    np.testing.assert_allclose(detections.score, [0.5])


@pytest.mark.parametrize("output", [np.zeros((1, 300, 6)), np.zeros((1, 5, 50)), np.zeros((1, 0, 6))])
def test_nothing_found_is_nothing(detect: Make, output: npt.NDArray[np.float64]) -> None:
    detections, candidates = detect(output, raw=True)(prepared())
    assert detections.xyxy.shape == candidates.xyxy.shape == (0, 4)


def test_raw_candidates_reach_down_to_the_low_score(detect: Make) -> None:
    rows = [[[10 * i, 0, 10 * i + 8, 8, score, 0] for i, score in enumerate((0.9, 0.35, 0.34, 0.05, 0.04))]]
    detections, candidates = detect(rows, raw=True, score=0.35, low_score=0.05)(prepared())
    np.testing.assert_allclose(detections.score, [0.9, 0.35])
    np.testing.assert_allclose(candidates.score, [0.9, 0.35, 0.34, 0.05])
    assert len(detect(rows, score=0.35)(prepared())[1]) == 0


def test_no_more_than_the_maximum_is_published(detect: Make) -> None:
    rows = [[[10 * i, 0, 10 * i + 8, 8, 0.5 + 0.05 * i, 0] for i in range(8)]]
    detections, candidates = detect(rows, raw=True, maximum=3)(prepared())
    np.testing.assert_allclose(detections.score, [0.85, 0.8, 0.75])
    assert len(candidates) == 8


def test_the_best_of_several_classes_is_the_score(tmp_path: Path) -> None:
    output = f32([[20.0, 60.0], [20.0, 60.0], [20.0, 20.0], [20.0, 20.0], [0.1, 0.7], [0.6, 0.2]])[None]
    path = graphs.detector(tmp_path / "find.onnx", output)
    shape = {"name": "detections", "dtype": "float32", "shape": list(output.shape)}
    graphs.write_manifest(tmp_path, graphs.detector_table(path, classes=["round", "other"], output=[shape]))
    session = open_session(str(path), RuntimeSettings(provider="cpu"), "detector")
    detections, _ = Detect(DetectSettings(), session)(prepared())
    np.testing.assert_allclose(detections.score, [0.7, 0.6])
    assert (detections.shape == UNKNOWN_SHAPE).all()  # its classes are no outlines


@pytest.mark.parametrize("layout", ["finished", "raw"])
def test_a_detector_that_tells_outlines_gives_each_sign_its_own(tmp_path: Path, layout: str) -> None:
    classes = ["plate", "circle", "board"]
    if layout == "finished":
        output = f32([[[10, 10, 30, 30, 0.7, 0], [50, 50, 70, 70, 0.6, 1], [80, 8, 96, 24, 0.5, 2]]])
    else:
        scores = [[0.7, 0.1, 0.0], [0.2, 0.6, 0.1], [0.1, 0.2, 0.5]]
        output = np.concatenate([f32([[20, 60, 88], [20, 60, 16], [20, 20, 16], [20, 20, 16]]), f32(scores)])[None]
    path = graphs.detector(tmp_path / "find.onnx", output)
    shape = {"name": "detections", "dtype": "float32", "shape": list(output.shape)}
    graphs.write_manifest(tmp_path, graphs.detector_table(path, classes=classes, output=[shape]))
    session = open_session(str(path), RuntimeSettings(provider="cpu"), "detector")
    detections, _ = Detect(DetectSettings(), session)(prepared())
    assert detections.shape.tolist() == [SHAPES.index("plate"), SHAPES.index("circle"), UNKNOWN_SHAPE]


def test_a_class_that_is_no_number_is_an_unknown_outline(detect: Make) -> None:
    detections, _ = detect([[[10, 10, 30, 30, 0.7, NAN], [50, 50, 70, 70, 0.6, INF], [80, 8, 96, 24, 0.5, -1]]])(
        prepared()
    )
    assert (detections.shape == UNKNOWN_SHAPE).all()


def test_the_shipped_detector_runs_at_any_multiple_of_its_stride() -> None:
    session = open_session(DetectSettings().model, RuntimeSettings(provider="cpu", threads=1), "detector")
    stride = session.entry.input.stride
    assert stride is not None
    grey = np.full((stride * 9, stride * 13, 3), 114, np.uint8)
    detections, candidates = Detect(DetectSettings(raw=True), session)(Prepared(grey, grey))
    assert len(detections) == 0
    assert (candidates.score < 0.35).all()


Scenes = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def find() -> Callable[[Scenes], Detections]:
    """Return a function from a picture to what the shipped detector finds in it."""
    session = open_session(DetectSettings().model, RuntimeSettings(provider="cpu", threads=2), "detector")
    preprocess = Preprocess(PreprocessSettings(), session.entry.input.stride or 32, None, session.entry.smallest_side)
    detect = Detect(DetectSettings(), session)
    return lambda image: detect(preprocess(Frame(image, 0, 0.0, 0.0, "test")))[0]


def with_signs(width: int, height: int, *signs: tuple[str, int, int, int]) -> Scenes:
    """Return a picture of a road with drawings of signs, as (name, side, x, y) of their top left corners."""
    ok, road = cv2.VideoCapture(str(SAMPLES / "drive.mp4")).read()
    assert ok
    scene = cv2.resize(road, (width, height), interpolation=cv2.INTER_LINEAR)
    for name, side, x, y in signs:
        drawn = framed_drawing(name, side, 0.0)
        place, alpha = scene[y : y + side, x : x + side], drawn[..., 3:] / 255.0
        place[:] = place * (1 - alpha) + drawn[..., :3] * alpha * 0.85
        place[:] = cv2.GaussianBlur(place, (0, 0), max(side / 200, 0.6))
    return np.asarray(scene, np.uint8)


def found_once(detections: Detections, side: int, x: int, y: int) -> bool:
    """Return True if exactly one box overlaps a sign or lies on it, and that fits it."""
    sign = f32([[x, y, x + side, y + side]])
    iou, contained = overlaps(detections.xyxy, sign)
    return bool((contained > 0.5).sum() == 1 and iou.max() > 0.7)


@pytest.mark.slow
@pytest.mark.parametrize("side", [24, 100, 300, 450, 600])
def test_a_sign_of_any_plausible_size_is_found_once_in_a_full_hd_picture(
    find: Callable[[Scenes], Detections], side: int
) -> None:
    assert found_once(find(with_signs(1920, 1080, ("speed_limit_80", side, 1000, 200))), side, 1000, 200)


@pytest.mark.slow
def test_signs_of_all_sizes_are_found_once_in_a_picture_of_twelve_megapixels(
    find: Callable[[Scenes], Detections],
) -> None:
    signs = [
        ("give_way", 1200, 100, 200),
        ("speed_limit_80", 907, 1400, 300),
        ("stop", 605, 2400, 300),
        ("keep_right", 300, 3100, 300),
        ("road_works", 100, 3500, 400),
    ]
    detections = find(with_signs(4000, 3000, *signs))
    for _, side, x, y in signs:
        assert found_once(detections, side, x, y), (side, detections.xyxy.tolist())


class Replay:
    """Stands for a session whose network finds something else in each input."""

    def __init__(self, session: Session, *rows: tuple[float, ...]) -> None:
        self.entry = session.entry
        self._outputs = [Run([(self.entry.outputs[0].name, f32([[row]]))], 1.0) for row in rows]

    def run(self, _: Scenes) -> Run:
        return self._outputs.pop(0)


@pytest.mark.parametrize("part", [(60, 60, 90, 90), (30, 60, 60, 90), (31, 100, 221, 150)])
def test_a_part_of_a_large_sign_is_no_sign_and_a_surer_sign_before_a_larger_one_is(
    tmp_path: Path, part: tuple[float, float, float, float]
) -> None:
    path = graphs.detector(tmp_path / "find.onnx", np.zeros((1, 0, 6)))
    session = open_session(str(path), RuntimeSettings(provider="cpu", threads=1), "detector")
    small = np.zeros((96, 128, 3), np.uint8)

    def scores(of_part: float, of_whole: float) -> list[float]:
        replay = Replay(session, (*part, of_part, 0), (10, 10, 74, 74, of_whole, 0))
        detect = Detect(DetectSettings(), replay)  # type: ignore[arg-type]  # no session, but all that is asked of one
        detections, _ = detect(prepared(288, 384, reduced=((small, (1 / 3, 1 / 3)),)))
        assert detect.model_ms == 2.0
        return [round(float(score), 3) for score in detections.score]

    # In the picture, the whole lies at (30, 30) to (222, 222).
    assert scores(0.6, 0.9) == [0.9]
    assert scores(0.9, 0.6) == [0.9, 0.6]


def test_a_small_box_of_a_reduced_input_is_left_to_the_input_before(detect: Make) -> None:
    picture = np.zeros((96, 128, 3), np.uint8)
    stage = detect([[[10, 10, 30, 41, 0.9, 0], [50, 50, 82, 82, 0.8, 0]]])
    detections, _ = stage(Prepared(picture, picture, reduced=((picture, (0.5, 0.5)),)))
    # The first, 31 pixels long, counts at full size only; the second lies outside when it is twice as large.
    assert detections.xyxy.tolist() == [[10, 10, 30, 41], [50, 50, 82, 82]]
