"""Planted faults: every one is found, and false alarms are counted."""

from __future__ import annotations

import numpy as np
import pytest

from signpipe.lab.shadow.planted import Fault, evaluate_shadow, lay_out
from signpipe.settings import Settings


@pytest.mark.slow
def test_every_planted_fault_is_found_and_there_are_few_false_alarms() -> None:
    result = evaluate_shadow(12, 5, Settings())
    assert sum(result["planted"].values()) >= 3
    assert result["found"] == result["planted"]
    assert result["false_alarms"] <= 1
    assert result["interval"][0] <= result["false_alarms_per_100_km"] <= result["interval"][1]


@pytest.mark.slow
def test_every_kind_of_fault_is_found_on_many_drives() -> None:
    result = evaluate_shadow(60, 1, Settings())
    assert set(result["planted"]) == set(Fault)
    assert result["found"] == result["planted"]


@pytest.mark.slow
def test_a_blunt_judge_would_miss_them() -> None:
    blunt = Settings(shadow={"tolerance": 50.0, "persist": 60.0})
    result = evaluate_shadow(12, 5, blunt)
    assert sum(result["found"].values()) < sum(result["planted"].values())


def test_roads_have_all_kinds_of_signs_in_order() -> None:
    posts = lay_out(50_000, np.random.default_rng(2))
    assert [post.at for post in posts] == sorted(post.at for post in posts)
    assert {post.fault for post in posts} == {None, *Fault}
