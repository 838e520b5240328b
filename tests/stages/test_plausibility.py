"""Plausibility: each rule removes what it names and counts it, and nothing else is lost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.settings import PlausibilitySettings
from signpipe.stages.plausibility import RULES, Plausibility
from signpipe.types import SHAPES, UNKNOWN_SHAPE, Detections
from tests.runtime.graphs import f32

PICTURE = (100, 200, 3)
OPEN: dict[str, Any] = {"smallest": 0, "largest": 1, "aspect_lowest": 0.001, "aspect_highest": 1000}


def found(*boxes: tuple[float, float, float, float]) -> Detections:
    return Detections(f32(boxes).reshape(-1, 4), np.linspace(0.9, 0.1, len(boxes), dtype=np.float32))


def sifted(plausibility: Plausibility, detections: Detections) -> tuple[Detections, dict[str, int]]:
    plausible, rejected = plausibility(detections, PICTURE)
    return detections[plausible], rejected


@pytest.mark.parametrize(
    ("rule", "bounds", "good", "bad"),
    [
        ("small", {"smallest": 10}, (10, 10, 20, 20), (10, 10, 20, 19)),
        ("large", {"largest": 0.5}, (10, 10, 60, 60), (10, 10, 61, 60)),
        ("aspect", {"aspect_lowest": 0.5}, (10, 10, 20, 30), (10, 10, 19, 30)),
        ("aspect", {"aspect_highest": 1.5}, (10, 10, 40, 30), (10, 10, 41, 30)),
        ("border", {"border": 4}, (4, 4, 20, 20), (3, 4, 20, 20)),
        ("border", {"border": 4}, (180, 80, 196, 96), (180, 80, 197, 96)),
        ("border", {"border": 4}, (180, 80, 196, 96), (180, 80, 196, 97)),
        ("position", {"top": 0.2}, (50, 10, 70, 30), (50, 10, 70, 29)),
        ("position", {"bottom": 0.6}, (50, 50, 70, 70), (50, 50, 70, 71)),
    ],
)
def test_a_rule_keeps_what_is_on_its_bound_and_drops_what_is_over(
    rule: str, bounds: dict[str, float], good: tuple[int, int, int, int], bad: tuple[int, int, int, int]
) -> None:
    kept, rejected = sifted(Plausibility(PlausibilitySettings(**(OPEN | bounds))), found(bad, good, bad))
    np.testing.assert_array_equal(kept.xyxy, [good])
    assert rejected == dict.fromkeys(RULES, 0) | {rule: 2}


def test_the_defaults_keep_an_ordinary_sign_that_touches_the_edge() -> None:
    kept, rejected = sifted(Plausibility(PlausibilitySettings()), found((170, 0, 200, 30)))
    assert len(kept) == 1
    assert not any(rejected.values())


def test_no_detections_are_no_trouble() -> None:
    kept, rejected = sifted(Plausibility(PlausibilitySettings(border=3)), Detections.empty())
    assert len(kept) == 0
    assert rejected == dict.fromkeys(RULES, 0)


corner = st.floats(0, 100, width=32)


@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=20))
def test_counts_add_up_and_order_stays(boxes: list[tuple[float, float, float, float]]) -> None:
    detections = found(*((x, y, x + w, y + h) for x, y, w, h in boxes))
    plausibility = Plausibility(PlausibilitySettings(border=5, top=0.1, bottom=0.9))
    kept, rejected = sifted(plausibility, detections)
    assert len(kept) + sum(rejected.values()) == len(detections)
    assert (np.diff(kept.score) <= 0).all()
    again, nothing = sifted(plausibility, kept)
    assert len(again) == len(kept)
    assert not any(nothing.values())


def test_boards_and_plates_may_be_as_wide_as_no_disc_is() -> None:
    boxes = [(10, 10, 100, 30)] * 4
    shapes = [SHAPES.index(name) for name in ("circle", "rectangle", "plate")] + [UNKNOWN_SHAPE]
    detections = Detections(f32(boxes), np.full(4, 0.9, np.float32), np.array(shapes, np.uint8))
    plausible, rejected = Plausibility(PlausibilitySettings(largest=1.0))(detections, PICTURE)
    assert plausible.tolist() == [False, True, True, False]
    assert rejected["aspect"] == 2
