"""`signpipe evaluate robustness|streaming|pipeline|risk|report` on drawings and the sample, and on bad input."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from signpipe.cli.report import read_results
from signpipe.lab.evaluation.sample import sample_scenes
from tests.cli.conftest import Outcome
from tests.html.test_page import CHROMIUM, browse
from tests.lab.evaluation.drawn import drawn_tracks, yolo_of

Run = Callable[..., Outcome]
NOT_ASKED = ("fallback.", "figures.")  # measured by commands of their own


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two frames of the sample as a YOLO data set."""
    return yolo_of(sample_scenes(2), tmp_path_factory.mktemp("scenes") / "set")


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return drawings in GTSRB's layout."""
    return drawn_tracks(tmp_path_factory.mktemp("tracks"), frames=2)


@pytest.mark.slow
def test_the_report_stands_alone_and_compares(signpipe: Run, scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    formats = (
        "--data",
        scenes,
        "--crops-format",
        "yolo",
        "--scenes-format",
        "yolo",
        "--crops",
        1,
        "--scenes",
        1,
        "--split",
        "val",
    )
    (tmp_path / "own.py").write_text("def pictures(dataset, settings, progress):\n    return {'count': len(dataset)}\n")
    own = ("--metric", f"{tmp_path}/own.py:pictures")
    outcome = signpipe("evaluate", "report", *formats, *own, "--examples", "drawings", "--out", out)
    assert outcome.code == 0, outcome.err
    content = json.loads((out / "quality.json").read_text())
    assert {"classification", "risk", "detection", "pipeline", "robustness"} <= content["results"].keys()
    assert {one["passed"] for one in content["budgets"] if not one["metric"].startswith(NOT_ASKED)} <= {True, False}
    assert {"occlusion.png", "corruption.png", "reliability.png"} <= {p.name for p in (out / "figures").iterdir()}
    assert content["results"]["pictures"]["metrics"] == {"count": 2}
    text = (out / "quality.html").read_text()
    assert "pictures" in text
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    assert "WRONG" in text
    on_scenes = content["results"]["robustness"]["metrics"]["on_scenes"]
    assert on_scenes["scenes"] == 1
    assert on_scenes["corruption"]["drops"]["held_out"]
    assert on_scenes["occlusion"]["leaves"]["levels"]["0.5"]["recall"] <= on_scenes["clean"]["recall"]
    assert "On scenes" in text
    assert not list(out.glob("*.part"))
    if CHROMIUM is not None:
        arguments = (
            f"--screenshot={tmp_path / 'shot.png'}",
            "--window-size=1100,2400",
            (out / "quality.html").as_uri(),
        )
        browse(tmp_path / "profile", *arguments)
        shot = cv2.imread(str(tmp_path / "shot.png"))
        assert shot is not None
        blue, green, red = (shot[..., i].astype(int) for i in range(3))
        assert ((green > 90) & (red < 60) & (blue < 90)).sum() > 5_000  # the heat map's good cells


def test_robustness_of_drawings(signpipe: Run, tracks: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    arguments = ("--data", tracks, "--suite", "corruption", "--crops", 2, "--json", file)
    outcome = signpipe("evaluate", "robustness", *arguments)
    assert outcome.code == 0, outcome.err
    metrics = json.loads(file.read_text())["metrics"]
    assert metrics["corruption"]["glare"]["held_out"]
    assert metrics["n"]["corruption_held_out_accuracy_at_3"] == 6
    assert "mean_corruption_error" in outcome.out


def test_the_result_of_one_task_can_be_put_beside_a_report(tmp_path: Path) -> None:
    one = {"task": "robustness", "metrics": {"clean": {"accuracy": 0.9}}}
    (tmp_path / "one.json").write_text(json.dumps(one))
    assert read_results(tmp_path / "one.json") == {"robustness": one}


@pytest.mark.slow
def test_pipeline_and_risk_of_the_sample(signpipe: Run, scenes: Path, tmp_path: Path) -> None:
    for task in ("pipeline", "risk"):
        file = tmp_path / f"{task}.json"
        outcome = signpipe("evaluate", task, "--data", scenes, "--format", "yolo", "--json", file)
        assert outcome.code == 0, outcome.err
    metrics = json.loads((tmp_path / "pipeline.json").read_text())["metrics"]
    assert metrics["scenes"] == 2
    assert 0 < metrics["recall"] <= metrics["detector_recall"] <= 1
    assert metrics["n"]["recall"] == metrics["signs"]
    assert json.loads((tmp_path / "risk.json").read_text())["metrics"]["published"] >= 0


def test_bad_input_is_one_sentence(signpipe: Run, scenes: Path, tracks: Path, tmp_path: Path) -> None:
    signpipe("evaluate", "robustness", "--data", tmp_path / "none").assert_one_sentence("none")
    signpipe("evaluate", "robustness", "--data", tracks, "--suite", "some").assert_one_sentence("some")
    signpipe("evaluate", "robustness", "--data", tracks, "--resume").assert_one_sentence("--json")
    signpipe("evaluate", "streaming", "--data", tracks, "--fps", "0").assert_one_sentence("frame rate")
    signpipe("evaluate", "streaming", "--data", scenes, "--format", "yolo").assert_one_sentence("has no tracks")
    out = ("--out", tmp_path / "out")
    signpipe("evaluate", "report", *out, "--examples", "some").assert_one_sentence("some")
    signpipe("evaluate", "report", *out, "--metric", "nowhere").assert_one_sentence("MODULE:FUNCTION")
    signpipe("evaluate", "report", *out, "--budgets", tmp_path / "none.toml").assert_one_sentence("none.toml")


@pytest.mark.parametrize(
    ("text", "says"), [('{"schema": 0, "results": {}}', "schema 0"), ("{}", "no results"), ("[", "no results")]
)
def test_results_of_another_version_are_not_compared(signpipe: Run, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "old.json").write_text(text)
    arguments = ("--out", tmp_path / "out", "--compare", tmp_path / "old.json")
    signpipe("evaluate", "report", *arguments).assert_one_sentence(says)


def test_a_listed_picture_that_is_missing_and_signs_without_a_class(
    signpipe: Run, scenes: Path, tracks: Path, tmp_path: Path
) -> None:
    damaged = Path(shutil.copytree(tracks, tmp_path / "tracks"))
    for picture in damaged.glob("00014/00004_*.png"):
        picture.write_bytes(b"no picture")
    for task in ("streaming", "risk"):
        signpipe("evaluate", task, "--data", damaged).assert_one_sentence("missing or damaged")
    nameless = Path(shutil.copytree(scenes, tmp_path / "nameless"))
    (nameless / "data.yaml").write_text(f"path: .\nval: images\nnames: {json.dumps(['sign'] * 43)}\n")
    for task in ("risk", "robustness", "pipeline"):
        arguments = ("--data", nameless, "--format", "yolo")
        signpipe("evaluate", task, *arguments).assert_one_sentence("marks no sign of the catalogue's classes")


@pytest.mark.slow
def test_witnesses_and_levels_on_drawings(signpipe: Run, tracks: Path, tmp_path: Path) -> None:
    file = tmp_path / "fallback.json"
    options = ("--data", tracks, "--observations", 3, "--json", file)
    outcome = signpipe("evaluate", "fallback", *options, "--only", "clean", "--only", "map empty")
    assert outcome.code == 0, outcome.err
    sets = json.loads(file.read_text())["metrics"]["sets"]
    assert set(sets) == {"clean", "map empty, clean", "map empty, half hidden"}
    assert sets["map empty, clean"]["map"] == sets["map empty, clean"]["vision"]
    assert "published right / wrong" in outcome.out
    outcome = signpipe("evaluate", "publishing", *options, "--allowed", 0.01)
    assert outcome.code == 0, outcome.err
    assert "can't promise 1 %" in outcome.out


@pytest.mark.parametrize(
    ("command", "option", "said"),
    [
        ("fallback", ("--only", "fog"), "No set is called fog; there are: clean, "),
        ("fallback", ("--drawings", "nowhere"), "nowhere has no drawings of signs"),
        ("publishing", ("--allowed", 0), "must be between 0 and 1, not 0"),
    ],
)
def test_bad_questions_about_the_fallback(
    signpipe: Run, tracks: Path, command: str, option: tuple[object, ...], said: str
) -> None:
    outcome = signpipe("evaluate", command, "--data", tracks, *option)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.split())
