"""Driving by a table of perception: a perfect one is right, and what is planted is blamed on who did it."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from signpipe.catalogue import load_catalogue
from signpipe.cli.main import app
from signpipe.errors import SettingsError
from signpipe.lab.evaluation.driving import evaluate
from signpipe.lab.evaluation.driving.closed import closed
from signpipe.lab.evaluation.driving.evaluate import SHARES, Leg, plan, scored, summary
from signpipe.lab.evaluation.driving.loop import Fault, Sample, Told, drive
from signpipe.lab.evaluation.driving.score import Blame, Judge, Score
from signpipe.lab.evaluation.driving.seer import TableSeer
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.simulation.perception import Look, Table, read_table
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.lab.simulation.world.scene_file import parse_scene
from signpipe.settings import load_settings

SETTINGS = load_settings()
KNOWN = load_catalogue().names
SIDES = (9.0, 12.0, 18.0, 27.0, 40.0, 60.0, 90.0)
SIGNS = [
    {"name": "speed_limit_80", "at": 120},
    {"name": "speed_limit_50", "at": 300},
    {"name": "end_all_restrictions", "at": 480},
    {"name": "stop", "at": 600},
]


def scene(signs: list[dict[str, Any]] = SIGNS, **more: Any) -> RoadScene:
    return parse_scene({"road": [{"length": 700}], "limit": 100, "sign": signs, **more}, "it")


def table(change: Callable[[str, Look], Look] = lambda _, look: look) -> Table:
    """Return a table in which every sign is found and read at once, but for what is changed."""
    made = Table({"of": "a test"}, pictures={"clear": 100})
    for name in KNOWN:
        looks = [Look(side, 0.9, classes=(name,), probability=(0.99,), novelty=0.02) for side in SIDES]
        made.add("clear", name, [change(name, look) for look in looks])
    return made


def score_of(made: Table, road: RoadScene) -> Score:
    total = Score()
    for plain in scored(road, TableSeer(road, made, SETTINGS, 1)).values():
        total.add(plain)
    return total


def test_perfect_perception_is_right_but_where_a_rule_leaves_the_value_open() -> None:
    score = score_of(table(), scene())
    assert score.metres["wrong"] == 0
    assert score.published_wrong == 0
    assert set(score.blame) <= {Blame.GENERAL}  # "all limits ended": on what kind of road, no sign has told
    assert score.events["right"] == 2
    assert score.events["missing"] == 1
    assert all(delay < 2 for delay in score.delays)


def test_figures_are_read_all_along_a_drive() -> None:
    """A limit that vision leaves open is told by its figures, the last of a road as the first."""

    def open_(name: str, look: Look) -> Look:
        return replace(look, classes=("speed_limit_80", "speed_limit_60"), probability=(0.5, 0.45), struck=0.01,
                       texts=((name.rpartition("_")[2], 0.99),)) if "speed_limit" in name else look  # fmt: skip

    made = table(open_)
    made.names, made.reads = KNOWN, True
    places = (120, 300, 480)
    signs = [{"name": f"speed_limit_{80 - 20 * (number % 2)}", "at": at} for number, at in enumerate(places)]
    assert score_of(made, scene(signs)).events == {"right": len(places)}


@pytest.mark.slow
def test_figures_are_read_again_from_the_table() -> None:
    """A 130 that the classifier can't tell from a 120 is told where its figures were read."""

    def as_120(name: str, look: Look) -> Look:
        return replace(look, classes=("speed_limit_120", "speed_limit_130"), probability=(0.5, 0.45), struck=0.01,
                       texts=(("130", 0.97),)) if name == "speed_limit_130" else look  # fmt: skip

    made = table(as_120)
    looks = [as_120("speed_limit_130", Look(side, 0.9, novelty=0.02)) for side in SIDES]
    made.add("clear", "speed_limit_130", looks)
    made.names, made.reads = (*KNOWN, "speed_limit_130"), True
    signs = [{"name": "speed_limit_130", "at": 120}]
    assert score_of(made, scene(signs)).events == {"right": 1}
    made.reads = False
    assert score_of(made, scene(signs)).events == {"missing": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "blame", "outcome"),
    [
        (lambda name, look: replace(look, score=0.0) if name == "speed_limit_50" else look, Blame.NOT_FOUND, "wrong"),
        (
            lambda name, look: replace(look, classes=("speed_limit_70",)) if name == "speed_limit_50" else look,
            Blame.MISREAD, "wrong",
        ),
        (
            lambda name, look: replace(look, probability=(0.3,)) if name == "speed_limit_50" else look,
            Blame.FUSION, "wrong",
        ),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_blamed_on_who_did_it(change: Callable[[str, Look], Look], blame: str, outcome: str) -> None:
    score = score_of(table(change), scene())
    most = max((one for one in score.blame if one != Blame.GENERAL), key=lambda one: score.blame[one])
    assert most == blame
    assert score.metres[outcome] > 100
    assert score.failures[0]["blame"] in (blame, Blame.GENERAL)


@pytest.mark.slow
def test_a_sign_without_a_class_is_blamed_on_that() -> None:
    made = table()
    made.add("clear", "zone_30", [Look(side) for side in SIDES])
    score = score_of(made, scene([{"name": "speed_limit_80", "at": 100}, {"name": "zone_30", "at": 250}]))
    assert score.blame[Blame.UNKNOWN_CLASS] > 300


@pytest.mark.slow
def test_a_hidden_sign_is_blamed_on_what_hides_it() -> None:
    lorry = {"kind": "lorry", "at": 285, "right": 4.9}
    score = score_of(table(), scene(obstacle=[lorry]))
    assert score.blame[Blame.HIDDEN] > 100


def test_the_old_limit_is_right_for_two_seconds_and_the_next_one_early() -> None:
    road = scene()
    judge = Judge(road, TableSeer(road, table(), SETTINGS, 1).stories, load_catalogue())

    def said(time: float, station: float, limit: float | None, general: bool = False) -> str | None:
        told = Told(limit, general)
        return judge.take(Sample(time, station, 1.0, 20.0, 0.0, told, True, False, False))

    assert said(0.0, 50, 80) == "right"  # 70 m before its sign
    assert said(1.0, 121, 100) == "right"  # just behind it
    assert said(2.9, 159, 100) == "right"
    assert said(3.1, 163, 100) == "wrong"
    assert said(3.2, 165, None) == "missing"
    assert said(3.3, 167, 80) == "right"
    assert said(20.0, 500, math.inf) == "wrong"
    assert said(20.1, 502, None, general=True) == "missing"
    scores = judge.end()
    assert scores["country"].early == 1.0
    assert scores["country"].events == {"wrong": 1}


@pytest.mark.slow
def test_a_car_that_obeys_keeps_the_limits_that_it_is_told() -> None:
    made = table()
    made.pictures = dict.fromkeys(SHARES, 100)
    road = scene()
    samples = list(drive(road, TableSeer(road, made, SETTINGS, 1), obeys=True))
    slow = [sample.speed * 3.6 for sample in samples if 310 < sample.station < 470]
    assert max(slow) < 51
    # Past the end of the limit it goes faster, until it sees the stop sign a hundred metres ahead.
    assert max(sample.speed * 3.6 for sample in samples if sample.station > 480) > 51
    assert min(sample.speed * 3.6 for sample in samples if 595 < sample.station < 601) < 12  # the stop sign
    assert not any(sample.available for sample in samples[:2])  # the receiver qualifies a sender first
    blinded = list(drive(road, TableSeer(road, made, SETTINGS, 1), obeys=True, fault=Fault.FROZEN))
    assert not all(sample.available for sample in blinded[10:])


@pytest.mark.slow
def test_faults_on_the_way_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = table()
    monkeypatch.setattr(Leg, "scene", lambda _: scene())
    for fault in Fault:
        found = closed(Leg("country", "clear", 1), fault, made, SETTINGS)
        assert found["obeys"]["stops"] == found["sees"]["stops"] == 1
        assert found["sees"]["over_metres"] == 0
        assert found["obeys"]["most_over"] < 15
        if fault is not Fault.LOST:  # with three frames in ten lost, the receiver distrusts the sender for seconds
            assert (found["obeys"]["unavailable"] > 2) is (fault in (Fault.FROZEN, Fault.BLIND))


def test_a_plan_has_every_kind_and_condition_and_enough_of_the_dark() -> None:
    legs = plan(400, 1)
    assert {leg.kind for leg in legs} == {"motorway", "country", "town"}
    assert {leg.condition for leg in legs} == set(SHARES)
    assert 400 <= 5 * len(legs) < 420
    assert sum(5 for leg in legs if "night" in leg.condition) >= 60
    assert len({leg.name for leg in legs}) == len(legs)
    first = {leg.condition for leg in legs[: len(SHARES)]}
    assert first == set(SHARES)  # a run that is cut off has some of each


def test_scores_add_up() -> None:
    one = Score()
    one.metres.update({"right": 90.0, "wrong": 10.0})
    one.events.update({"right": 3, "missing": 1})
    one.drives.append((90.0, 100.0))
    found = summary({("town", "rain"): one, ("town", "clear"): one})
    assert found["town"]["km"] == 0.2
    assert found["town"]["by_distance"]["right"] == pytest.approx(0.9)
    assert found["town, rain"]["events"] == 4
    assert found["all"]["by_event"]["missing"] == pytest.approx(0.25)
    low, high = found["all"]["by_distance_interval_95"]
    assert low <= 0.9 <= high


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    made = table()
    made.alarms["clear"] = [Look(20.0, 0.4, (0.01, 0.0, -0.02, 0.0), ("stop",), (0.5,), 0.8)]
    made.write(tmp_path / "t.npz")
    back = read_table(tmp_path / "t.npz")
    assert back == made
    with pytest.raises(SettingsError, match="can't be read"):
        read_table(tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(SettingsError, match="is no table of perception"):
        read_table(tmp_path / "bad.npz")


def test_what_the_table_lacks_is_named() -> None:
    with pytest.raises(SettingsError, match="no 'town' in the condition 'clear'"):
        TableSeer(scene([{"name": "town", "at": 100}]), table(), SETTINGS, 1)


def short(leg: Leg) -> RoadScene:
    return replace(parse_scene({"road": [{"length": 220}], "limit": 100, "sign": SIGNS[:1]}, "it"), name=leg.name)


def test_an_interrupted_evaluation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leg, "scene", short)
    legs, driven = [Leg("town", "clear", seed) for seed in range(3)], []

    def interrupted(road: RoadScene, seer: Any) -> dict[str, Any]:
        driven.append(road.name)
        if len(driven) == 2:
            raise KeyboardInterrupt
        return scored(road, seer)

    monkeypatch.setattr(evaluate, "scored", interrupted)

    def run(resume: bool) -> dict[str, Any]:
        kept = Resume(tmp_path / "partial.jsonl", {"seed": 1}, resume)
        return evaluate.evaluate_open(legs, table(), SETTINGS, kept, lambda *_: None)

    with pytest.raises(KeyboardInterrupt):
        run(resume=False)
    found = run(resume=True)
    assert driven == [legs[0].name, legs[1].name, legs[1].name, legs[2].name]
    assert found["all"]["km"] == pytest.approx(3 * 0.22, abs=0.02)


@pytest.mark.slow
def test_the_command_writes_numbers_and_a_page_with_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(lambda _, look: replace(look, score=0.0)).write(tmp_path / "t.npz")
    monkeypatch.setattr(evaluate, "SHARES", {"clear": 1.0})
    monkeypatch.setattr(Leg, "scene", short)
    out, page = tmp_path / "drive.json", tmp_path / "drive.html"
    command = ["evaluate", "drive", "--km", "1", "--closed", "1", "--table", str(tmp_path / "t.npz")]
    run = CliRunner().invoke(app, [*command, "--json", str(out), "--html", str(page)])
    assert run.exit_code == 0, run.output
    result = json.loads(out.read_text(encoding="utf-8"))["metrics"]
    assert set(result["closed"]) == {fault.value for fault in Fault} | {"who sees all"}
    assert result["open"]["all"]["by_event"]["wrong"] + result["open"]["all"]["by_event"]["missing"] == 1
    assert page.read_text(encoding="utf-8").count("<figure") >= 1
    assert not out.with_suffix(".partial.jsonl").exists()
