"""`detector-amodal` boxes all of a sign that leaves have overgrown."""

from pathlib import Path

import numpy as np
import pytest

from signpipe import open_source
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.evaluation.run import open_detector
from signpipe.lab.simulation.truth import read_truth
from signpipe.settings import load_settings

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def overlaps() -> dict[str, list[float]]:
    """How far the boxes of each detector cover the overgrown limit of the sample and no more, as IoU."""
    truth = read_truth(SAMPLES / "drive.truth.jsonl")
    sign = next(one for one in truth.signs if one.overgrown)
    boxes = {frame.index: box for frame in truth.frames for box in frame.signs if box.id == sign.id}
    chosen = [index for index, box in boxes.items() if 12 < box.distance < 30][::5]
    detectors = {
        name: open_detector(load_settings(None, {"detect.model": f"detector-{name}"})) for name in ("fast", "amodal")
    }
    found: dict[str, list[float]] = {name: [] for name in detectors}
    with open_source(str(SAMPLES / "drive.mp4"), load_settings().capture) as source:
        for frame in source:
            if frame.index > chosen[-1]:
                break
            if frame.index in chosen:
                place = np.array([boxes[frame.index].xyxy], np.float32)
                for name, detect in detectors.items():
                    found[name].append(float(box_iou(detect(frame.image).xyxy, place).max(initial=0.0)))
    return found


def test_an_overgrown_sign_is_boxed_with_what_the_leaves_hide(overlaps: dict[str, list[float]]) -> None:
    assert len(overlaps["amodal"]) >= 4
    assert min(overlaps["amodal"]) > 0.8


def test_that_is_more_than_the_usual_detector_does(overlaps: dict[str, list[float]]) -> None:
    assert np.median(overlaps["amodal"]) > np.median(overlaps["fast"])
