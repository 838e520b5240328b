"""Frames check themselves, detections compare and slice, and results say in a line what they are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.errors import ExtraMissingError, OutputError, SourceError
from signpipe.images import as_bgr
from signpipe.types import Detections, Frame
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track

IMAGE = np.zeros((8, 12, 3), np.uint8)


def some(count: int) -> Detections:
    boxes = np.arange(4 * count, dtype=np.float32).reshape(-1, 4)
    return Detections(boxes, np.linspace(0.9, 0.1, count, dtype=np.float32))


def test_a_frame_needs_no_more_than_its_image() -> None:
    frame = Frame(IMAGE)
    assert (frame.index, frame.media_time, frame.pose, frame.independent) == (0, 0.0, None, False)
    assert repr(frame) == "Frame('array', index=0, media_time=0.000, 12x8)"


@pytest.mark.parametrize(
    "image", [np.zeros((8, 12), np.uint8), np.zeros((8, 12, 4), np.uint8), np.zeros((8, 12, 3), np.float32),
              np.zeros((0, 12, 3), np.uint8), [[1, 2, 3]], None],
)  # fmt: skip
def test_a_frame_refuses_what_is_no_picture(image: object) -> None:
    with pytest.raises(SourceError, match="BGR uint8"):
        Frame(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("time", [float("nan"), float("inf")])
def test_a_frame_refuses_a_time_that_is_none(time: float) -> None:
    with pytest.raises(SourceError, match="media time"):
        Frame(IMAGE, media_time=time)


def test_red_is_put_where_it_belongs() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    assert as_bgr(red, rgb=True)[0, 0].tolist() == [0, 0, 200]
    assert as_bgr(np.dstack([red, red[..., :1]]), rgb=True)[0, 0].tolist() == [0, 0, 200]
    assert as_bgr(red) is red


@given(st.integers(0, 20), st.data())
def test_detections_slice_as_lists_do(count: int, data: st.DataObject) -> None:
    detections = some(count)
    cut = slice(*(data.draw(st.none() | st.integers(-25, 25)) for _ in range(2)))
    assert len(detections[cut]) == len(list(range(count))[cut])
    assert detections[cut] == Detections(detections.xyxy[cut], detections.score[cut])
    pairs = list(detections)
    assert len(pairs) == count
    assert all(box.shape == (4,) and isinstance(score, float) for box, score in pairs)
    for index in range(-count, count):
        assert detections[index] == detections[[index]] == detections[np.array([index])]


def test_detections_index_and_compare_sanely() -> None:
    detections = some(3)
    with pytest.raises(IndexError):
        detections[3]
    assert len(detections[-1]) == 1
    assert detections[-1].score[0] == detections.score[2]
    assert detections != some(2)
    assert detections != "detections"
    assert detections[np.array([True, False, True])] == detections[[0, 2]]
    assert repr(detections) == "Detections(3, score 0.10..0.90)"
    assert repr(Detections.empty()) == "Detections(0)"
    with pytest.raises(ValueError, match="don't go with"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(3, np.float32))


def test_detections_become_those_of_supervision() -> None:
    supervision = pytest.importorskip("supervision", reason="supervision isn't installed")
    converted = some(3).to_supervision()
    assert isinstance(converted, supervision.Detections)
    np.testing.assert_array_equal(converted.xyxy, some(3).xyxy)
    np.testing.assert_array_equal(converted.confidence, some(3).score)


def test_without_supervision_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(ExtraMissingError, match=r"signpipe\[supervision\]"):
        some(1).to_supervision()


def test_a_result_is_plotted_saved_and_told(tmp_path: Path) -> None:
    result = frame_result(tracks=[track()], advisories=[advisory()])
    before = result.frame.image.copy()  # type: ignore[union-attr]
    plotted = result.plot()
    assert plotted.shape == before.shape
    assert (plotted != before).any()
    np.testing.assert_array_equal(result.frame.image, before)  # type: ignore[union-attr]
    for name in ("a.png", "a.json"):
        result.save(tmp_path / name)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png")), plotted)
    told = json.loads((tmp_path / "a.json").read_text())
    assert told == json.loads(json.dumps(result.to_dict()))
    assert told["tracks"][0]["id"] == track().id
    with pytest.raises(OutputError, match=r"\.json"):
        result.save(tmp_path / "a.unknown")
    with pytest.raises(OutputError, match="can't be written"):
        result.save(tmp_path / "no" / "a.png")


def test_a_gap_has_nothing_to_plot(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="gap"):
        gap_result().plot()
    gap_result().save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["type"] == "gap"


def test_a_track_names_its_sign_only_if_that_is_sure() -> None:
    sure = track()
    named = sure.judged(sure.verdict, CATALOGUE)
    assert named.is_sure
    assert named.sign is CATALOGUE[named.class_id]
    assert CATALOGUE[named.class_id].name in repr(named)
    unsure = named.judged(type(named.verdict)(), CATALOGUE)
    assert unsure.sign is None
    assert "unknown" in repr(unsure)


def test_what_flows_is_told_in_a_line() -> None:
    result = frame_result(tracks=[track()], advisories=[advisory()])
    for thing in (result, result.frame, result.tracks[0], result.detections, result.advisories[0]):
        assert len(repr(thing)) < 200
        assert "array" not in repr(thing).replace("'array'", "")
