"""Rendered looks beside real ones: the same are alike, and other ones aren't."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from signpipe.cli import perception as cli
from signpipe.cli.main import app
from signpipe.lab.evaluation import perception
from signpipe.lab.evaluation.perception import BANDS, SEEN, STRIDE, lined_road, summarise
from signpipe.lab.evaluation.realism import compare
from signpipe.lab.simulation.perception import Look, Table
from signpipe.lab.simulation.world.sight import Watcher, camera_at


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
    assert all(sign.right > 3.5 for sign in road.signs)


def test_each_class_is_looked_at_from_afar_and_from_as_near_as_cars_pass_it() -> None:
    road = lined_road(["stop", "give_way", "town", "end_town", "motorway", "speed_limit_130", "keep_right"], "clear", 0)
    stations = np.arange(0.0, road.alignment.length - 10, STRIDE)
    watcher, sides = Watcher(road), defaultdict[int, list[float]](list)
    for station in stations.tolist():
        sight = watcher.look(station, camera_at(road, station))
        for number, visible, side in zip(sight.signs.tolist(), sight.visible, sight.sides, strict=True):
            if visible >= SEEN:
                sides[number].append(float(side) / road.signs[number].width)
    assert len(sides) == len(road.signs)
    assert min(max(one) for one in sides.values()) > 80  # pixels a metre: from 15 m and less
    assert max(min(one) for one in sides.values()) < 30  # from 45 m and more


def test_classes_that_are_measured_again_take_the_place_of_older_ones() -> None:
    old, new = Table(), Table()
    for condition in ("clear", "rain"):
        for name in ("stop", "town"):
            old.add(condition, name, [Look(12)])
    new.add("rain", "town", [Look(90)])
    old.renew(new)
    assert old.approaches["rain"] == {"stop": [[Look(12)]], "town": [[Look(90)]]}
    assert old.approaches["clear"]["town"] == [[Look(12)]]


@pytest.mark.parametrize(
    ("only", "about", "words"),
    [("stopp", {}, "No 'stopp' stands along the roads"), ("stop", {"classifier": "another"}, "measure all classes")],
)
def test_what_cannot_be_measured_again_is_refused(
    only: str, about: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.npz"
    Table(about).write(path)
    monkeypatch.setattr(perception, "classes_on_roads", lambda: ["stop", "town"])
    monkeypatch.setattr(cli, "models_of", lambda _: {"detector": "d", "classifier": "c"})
    run = CliRunner().invoke(app, ["evaluate", "perception", str(path), "--only", only])
    assert run.exit_code != 0
    assert words in " ".join((run.output + str(run.exception)).replace("│", " ").split())
