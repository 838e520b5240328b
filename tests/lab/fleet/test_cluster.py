"""A simulated cluster: what it takes is bounded by what must be done, whatever limits it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signpipe.lab.fleet.cluster import HOUR, Plant, lengths, simulate, variants

IDEAL = Plant(
    nodes=10, cores=4, hours=500.0, start=0.0, driver=0.0, write=0.0, life=1e9, slow=(0.0, 1.0), spread=500
)  # fmt: skip


def test_recordings_are_as_long_together_as_is_asked_and_none_is_longer_than_allowed() -> None:
    rng = np.random.default_rng(0)
    assert lengths(IDEAL, rng).sum() == pytest.approx(500 * HOUR)
    cut = lengths(replace(IDEAL, skew=2.0, longest=3.0), rng)
    assert cut.sum() == pytest.approx(500 * HOUR)
    assert cut.max() <= 3.0 * HOUR
    assert (np.diff(cut) <= 0).all()


def test_without_trouble_all_cores_are_busy_to_the_last_recording() -> None:
    course = simulate(IDEAL)
    last = course.longest_hours * IDEAL.join + IDEAL.piece * IDEAL.perceive / HOUR
    assert course.ideal_hours <= course.hours <= course.ideal_hours + last
    seconds = lengths(IDEAL, np.random.default_rng(1))
    pieces = np.where(seconds > 1.5 * IDEAL.piece, np.ceil(seconds / IDEAL.piece), 1)
    assert course.tasks == pieces.sum() + (pieces > 1).sum()
    assert course.lost == 0
    assert course.busy == pytest.approx(course.ideal_hours / course.hours)


def test_what_is_not_split_takes_as_long_as_the_longest_recording() -> None:
    course = simulate(replace(IDEAL, nodes=200, piece=1e9))
    assert course.hours == pytest.approx(course.longest_hours * (IDEAL.perceive + IDEAL.join), rel=1e-3)


def test_nodes_that_fail_cost_the_work_that_was_under_way_and_no_recording() -> None:
    quiet, failing = simulate(IDEAL), simulate(replace(IDEAL, life=20.0))
    assert failing.lost > 0
    assert failing.tasks == quiet.tasks + failing.lost
    assert failing.files == quiet.files
    assert failing.hours > quiet.hours
    assert 0 < failing.lost_share < 0.1


def test_a_single_node_that_fails_comes_back() -> None:
    course = simulate(replace(IDEAL, nodes=1, cores=1, hours=20.0, life=3.0))
    assert course.lost > 0
    assert course.hours > course.ideal_hours


def test_a_slow_driver_decides() -> None:
    course = simulate(replace(IDEAL, driver=60.0))
    assert course.hours == pytest.approx(course.tasks * 60.0 / HOUR, rel=0.1)
    assert course.driver == pytest.approx(1, abs=0.1)
    assert course.waited > 60.0


def test_stragglers_cost_what_they_take_longer() -> None:
    slow = simulate(replace(IDEAL, slow=(0.5, 3.0)))
    assert slow.hours == pytest.approx(2 * simulate(IDEAL).hours, rel=0.1)


def test_the_fullest_cell_takes_one_core_and_its_memory() -> None:
    course = simulate(IDEAL)
    assert course.largest_cell * IDEAL.merge / HOUR == pytest.approx(course.largest_cell_hours)
    assert course.merge_hours >= course.largest_cell_hours
    assert course.largest_cell_gb == pytest.approx(course.largest_cell * IDEAL.held / 1e3)


def test_variants_differ_from_the_plan() -> None:
    told = variants(Plant())
    assert [name for name, plant in told.items() if plant == Plant()] == ["as planned"]
