"""Rendered looks beside real ones: the same are alike, and other ones aren't."""

import numpy as np
import pytest

from signpipe.lab.evaluation.perception import BANDS, lined_road, summarise
from signpipe.lab.evaluation.realism import compare
from signpipe.lab.simulation.perception import Look, Table


def looks(count: int, score: float, seed: int) -> list[Look]:
    rng = np.random.default_rng(seed)
    sides = np.exp(rng.uniform(np.log(12), np.log(80), count))
    return [
        Look(float(side), float(score + rng.normal(0, 0.05)), (0.02, 0.0, 0.0, 0.0), ("stop",), (0.9,), 0.1)
        for side in sides
    ]


@pytest.mark.parametrize(("score", "alike"), [(0.8, True), (0.5, False)])
def test_distributions_that_differ_are_told_from_those_that_do_not(score: float, alike: bool) -> None:
    table = Table()
    table.add("clear", "stop", looks(300, score, 1))
    found = compare(looks(300, 0.8, 2), table, ["stop"])
    assert found["paired"] > 280
    assert (found["features"]["score"]["ks"] < 0.15) is alike
    assert (found["features"]["score"]["p"] > 0.001) is alike
    assert found["features"]["confidence"]["ks"] == 0
    assert compare(looks(30, 0.8, 2), table, ["give_way"])["features"]["score"]["ks"] is None


def test_a_table_is_summed_up_by_size_and_by_whether_the_class_is_known() -> None:
    table = Table(pictures={"clear": 2})
    table.add("clear", "stop", [Look(12), Look(30, 0.9, classes=("stop",), probability=(1.0,))])
    table.add("clear", "town", [Look(30, 0.9, classes=("stop",), probability=(0.5,))])
    sizes = summarise(table, ["stop"])["clear"]["sizes"]
    assert sizes["10-16 px, known"] == {"n": 1, "found": 0, "right": 0}
    assert sizes["24-40 px, known"] == {"n": 1, "found": 1, "right": 1}
    assert sizes["24-40 px, others"] == {"n": 1, "found": 1, "right": 0}
    assert len(sizes) == 2 * len(BANDS)


def test_a_lined_road_has_every_class_once_where_it_can_be_seen() -> None:
    road = lined_road(["stop", "give_way", "town"], "rain", 3)
    assert sorted(sign.sign.name for sign in road.signs) == ["give_way", "stop", "town"]
    assert road.condition() == "rain"
    assert all(abs(sign.right) > 3.5 for sign in road.signs)
