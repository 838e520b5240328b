"""The detector boxes all of a sign that leaves have overgrown."""

from pathlib import Path

import numpy as np

from signpipe import open_source
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.evaluation.run import open_detector
from signpipe.lab.simulation.truth import read_truth
from signpipe.settings import load_settings

SAMPLES = Path(__file__).parents[2] / "samples"


def test_an_overgrown_sign_is_boxed_with_what_the_leaves_hide() -> None:
    truth = read_truth(SAMPLES / "drive.truth.jsonl")
    sign = next(one for one in truth.signs if one.overgrown)
    boxes = {frame.index: box for frame in truth.frames for box in frame.signs if box.id == sign.id}
    chosen = [index for index, box in boxes.items() if 12 < box.distance < 30][::5]
    detect, overlaps = open_detector(load_settings()), []
    with open_source(str(SAMPLES / "drive.mp4"), load_settings().capture) as source:
        for frame in source:
            if frame.index > chosen[-1]:
                break
            if frame.index in chosen:
                place = np.array([boxes[frame.index].xyxy], np.float32)
                overlaps.append(float(box_iou(detect(frame.image).xyxy, place).max(initial=0.0)))
    assert len(overlaps) >= 4
    assert min(overlaps) > 0.8
