"""What readings come to: right, sure, wrong though sure, and what is taken for a speed."""

from typing import Any

import numpy as np
import pytest

from signpipe.figures.reader import Reading
from signpipe.lab.evaluation.figures import Case, tally
from tests.figures.readings import reading


def case(text: str, side: float = 40.0) -> Case:
    return Case(np.zeros((64, 64, 3), np.uint8), np.array([0, 0, side, side], np.float32), text)


def of(*pairs: tuple[str, Reading]) -> dict[str, Any]:
    return tally([case(text) for text, _ in pairs], [one for _, one in pairs])


def test_each_share_counts_what_it_says() -> None:
    sure, unsure = reading({"80": 1.0}), reading({"80": 0.6, "30": 0.4})
    found = of(("80", sure), ("60", sure), ("80", unsure), ("", reading({"": 1.0})))
    assert found["n"] == 4
    assert found["right"] == pytest.approx(0.75)
    assert found["sure"] == pytest.approx(0.75)
    assert found["right_sure"] == pytest.approx(0.5)
    assert found["wrong_sure"] == pytest.approx(1 / 3)
    assert found["confusions"] == [{"true": "60", "read": "80", "n": 1}]


def test_a_weight_that_is_read_as_a_speed_is_counted_by_itself() -> None:
    assert of(("2.5t", reading({"25": 1.0})), ("2.5t", reading({"2.5t": 1.0})))["as_speed"] == pytest.approx(0.5)


def test_writing_that_wasnt_read_is_no_sure_reading() -> None:
    found = of(("80", reading({"?": 1.0})))
    assert found["sure"] == found["wrong_sure"] == 0
    assert tally([], []) == {"n": 0}
