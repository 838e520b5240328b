"""What is counted on maps of simulated streets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.geodesy import place
from signpipe.lab.evaluation import mapping
from signpipe.lab.evaluation.mapping import compare, evaluate_map
from signpipe.lab.evaluation.receivers import best_path
from signpipe.lab.simulation.drives import Errors
from signpipe.lab.simulation.streets import ORIGIN, Street, make_street
from signpipe.mapping.entry import Entry, Side, State
from signpipe.mapping.trajectory import RADIUS_68


@pytest.fixture(scope="module")
def street() -> Street:
    return make_street(np.random.default_rng(3), load_catalogue(), 300.0, 1, 0.0)


def perfect(street: Street) -> list[Entry]:
    """Return a map without a mistake."""
    entries = []
    for sign in street.signs:
        latitude, longitude = place(*ORIGIN, *sign.place[:2])
        entries.append(
            Entry(str(sign.number), float(latitude), float(longitude), 1.0, 1.0, 0.0, sign.place[2], 0.2,
                  float(np.degrees(sign.facing)), 5.0, Side.RIGHT, 4.0, 1.0, sign.name, 0.99, True, None)
        )  # fmt: skip
    return entries


def test_a_perfect_map_has_no_mistake(street: Street) -> None:
    numbers = compare(street, perfect(street), 0, 0).summary()
    assert numbers["error_median"] < 0.01
    assert [numbers[key] for key in ("right_class", "told", "likeliest_right", "in_95_ellipse")] == [1, 1, 1, 1]
    assert [numbers[key] for key in ("doubled", "missed", "stray", "gone_wrong")] == [0, 0, 0, 0]


def test_each_mistake_is_counted_as_what_it_is(street: Street) -> None:
    first, second, *others = perfect(street)
    away = replace(first, latitude=first.latitude + 0.01)
    wrong = replace(second, class_name="stop" if second.class_name != "stop" else "give_way")
    tally = compare(street, [first, replace(first), wrong, away, *others[1:]], 0, 0)
    assert (tally.doubled, tally.missed, tally.stray) == (1, 1, 1)
    assert tally.readable - tally.right == 1
    gone = compare(street, [replace(first, state=State.GONE), second, *others], 0, 0)
    assert (gone.gone_wrong, gone.missed) == (1, 0)


def test_the_best_path_errs_as_it_says_and_less_than_the_receiver() -> None:
    street = make_street(np.random.default_rng(3), load_catalogue(), 300.0, 1, 0.0)
    errors, squares, raw = Errors(receiver=(3.0, 3.0)), [], []
    for seed in range(30):
        path = best_path(street, np.random.default_rng(seed), errors)
        squares.append(np.mean(path.off**2 / path.variance[:, None]))
        raw.append(np.mean(path.variance) / (3.0 / RADIUS_68) ** 2)
    assert np.mean(squares) == pytest.approx(1, abs=0.4)  # its error lasts: 30 drives are 60 draws
    assert max(raw) < 1


def test_what_was_measured_is_kept_and_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "METRES", 300.0)
    keep, told = tmp_path / "kept.jsonl", []
    first = evaluate_map(1, 2, lambda done, total: told.append((done, total)), seed=3, keep=keep)
    assert told == [(1, 2), (2, 2)]
    assert first["maps"]["2"]["n"]["signs"] > 3
    assert all(0 < numbers["least_error_median"] <= numbers["least_error_p95"] for numbers in first["maps"].values())
    told.clear()
    with keep.open("a") as lines:
        lines.write('{"key": "4/2", "tal')
    assert evaluate_map(1, 2, lambda done, total: told.append((done, total)), seed=3, keep=keep) == first
    assert not told
    assert json.loads(keep.read_text().splitlines()[0])["key"] == "3/2"
