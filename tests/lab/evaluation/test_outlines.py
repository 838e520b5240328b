"""Outlines are counted by what is true, whether it was found, and what it was taken for."""

import numpy as np

from signpipe.lab.evaluation.outlines import Outlines
from signpipe.types import SHAPES, UNKNOWN_SHAPE, Detections

CIRCLE, PLATE = SHAPES.index("circle"), SHAPES.index("plate")
BOXES = np.array([[0, 0, 20, 20], [40, 0, 60, 20], [80, 0, 100, 20], [120, 0, 140, 20]], np.float32)


def test_each_sign_is_right_mistaken_or_missed() -> None:
    outlines = Outlines(0.5)
    found = Detections(BOXES[:3], np.array([0.9, 0.8, 0.3], np.float32), np.array([CIRCLE, PLATE, CIRCLE], np.uint8))
    outlines.add(found, BOXES, np.array([CIRCLE, CIRCLE, CIRCLE, UNKNOWN_SHAPE], np.uint8))
    assert outlines.summary() == {"circle": {"n": 3, "recall": 2 / 3, "outline_right": 0.5, "taken_for": {"plate": 1}}}


def test_a_detector_that_tells_no_outline_has_none_right() -> None:
    outlines = Outlines(0.5)
    outlines.add(Detections(BOXES[:1], np.array([0.9], np.float32)), BOXES[:1], np.array([PLATE], np.uint8))
    outlines.add(Detections.empty(), BOXES[:1], np.array([PLATE], np.uint8))
    assert outlines.summary() == {"plate": {"n": 2, "recall": 0.5, "outline_right": 0.0, "taken_for": {"unknown": 1}}}
