"""Sweeps vary one thing, and pictures have the signs that they say."""

from pathlib import Path

import numpy as np
import pytest

from signpipe.errors import SettingsError, SourceError
from signpipe.lab.bench.pictures import CrowdedPictures
from signpipe.lab.bench.sweeps import SWEEPS, list_points, measure_points
from signpipe.settings import Settings
from signpipe.shipped import sample


@pytest.mark.parametrize("over", SWEEPS)
def test_every_sweep_has_different_points(over: str, recording: Path) -> None:
    points = list_points(over, str(recording), Settings())
    values = [point.value for point in points]
    assert len(set(values)) == len(values) > 0


def test_points_differ_in_what_is_varied_and_in_nothing_else(recording: Path) -> None:
    usual = Settings()
    for point in list_points("roi", str(recording), usual):
        assert f"{point.settings.preprocess.roi_top}-{point.settings.preprocess.roi_bottom}" == point.value
        assert point.settings.detect == usual.detect
        assert point.settings.runtime == usual.runtime
    shapes = {point.value: point.pictures(0).shape for point in list_points("size", str(recording), usual)}
    assert shapes["1280x720"] == (720, 1280, 3)


def test_measured_points_have_the_frames_asked_for(recording: Path) -> None:
    points = list_points("precision", str(recording), Settings())
    measured = measure_points(points, 8, lambda _: None)
    assert [point["value"] for point in measured] == [point.value for point in points]
    assert all(point["metrics"]["frames"] == 8 for point in measured)
    assert measured[0]["metrics"]["ratio_to_first"]["max"] == 1  # against itself


def test_models_are_put_beside_the_configured_one_stage_by_stage(recording: Path) -> None:
    points = list_points("classifier", str(sample()), Settings(), ["classifier-world", "classifier"])
    assert [point.value for point in points] == ["classifier", "classifier-world"]
    assert [point.settings.classify.model for point in points] == ["classifier", "classifier-world"]
    assert points[1].settings.detect == Settings().detect
    own, other = (point["metrics"]["stage_ratio_to_first"] for point in measure_points(points, 8, lambda _: None))
    assert own["classify"]["max"] == own["detect"]["max"] == 1
    assert 1 <= other["classify"]["n"] <= 8
    assert other["classify"]["max"] != 1
    detectors = [point.value for point in list_points("detector", str(recording), Settings())]
    assert detectors[0] == "detector-fast"
    assert {"detector-fast-fp32", "detector-world"} < set(detectors)
    with pytest.raises(SettingsError, match="detector or classifier"):
        list_points("size", str(recording), Settings(), ["classifier-world"])


def test_pictures_show_as_many_signs_as_they_say() -> None:
    background = np.full((720, 1280, 3), 90, np.uint8)
    empty = CrowdedPictures(background, 0)(0)
    for signs in (1, 8, 32):
        changed = (CrowdedPictures(background, signs)(0) != empty).any(axis=2)
        spots = changed.reshape(4, 180, 8, 160).any(axis=(1, 3))
        assert spots.sum() == signs
    with pytest.raises(ValueError, match="33"):
        CrowdedPictures(background, 33)


def test_unknown_sweep_missing_source_and_nothing_to_vary(recording: Path) -> None:
    with pytest.raises(SettingsError, match="choose size"):
        list_points("colour", str(recording), Settings())
    with pytest.raises(SourceError, match=r"nothing\.mp4"):
        list_points("roi", "nothing.mp4", Settings())
    own = Settings().model_copy(update={"detect": Settings().detect.model_copy(update={"model": "own.onnx"})})
    with pytest.raises(SettingsError, match=r"own\.onnx"):
        list_points("precision", str(recording), own)
