"""`signpipe evaluate` on a small data set made of the sample's frames, and on bad input."""

import json
import shutil
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import av
import cv2
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.cli.renamed import current_options
from signpipe.lab.simulation.truth import read_truth
from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]
SAMPLES = Path(__file__).parents[2] / "samples"
EVERY = 100  # frames


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a YOLO data set of some frames of the sample; small and hidden signs are left out."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    names = load_catalogue().names
    (folder / "data.yaml").write_text(f"path: .\nval: images\nnames: {json.dumps(list(names))}\n")
    truth = read_truth(SAMPLES / "drive.truth.jsonl")
    width, height = truth.size
    with av.open(str(SAMPLES / "drive.mp4")) as video:
        for index, frame in enumerate(video.decode(video=0)):
            if index % EVERY != EVERY // 2:
                continue
            cv2.imwrite(str(folder / "images" / f"{index}.png"), frame.to_ndarray(format="bgr24"))
            lines = []
            for sign in truth.frames[index].signs:
                x1, y1, x2, y2 = sign.xyxy
                if sign.class_id >= 0 and x2 - x1 >= 24 and sign.visible > 0.9:
                    centre = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height)
                    lines.append(f"{sign.class_id} {centre[0]} {centre[1]} {(x2 - x1) / width} {(y2 - y1) / height}")
            (folder / "labels" / f"{index}.txt").write_text("\n".join(lines))
    return folder


@pytest.mark.slow
def test_detection(signpipe: Run, scenes: Path, tmp_path: Path) -> None:
    arguments = ("--data", scenes, "--format", "yolo", "--split", "val", "--json", tmp_path / "result.json")
    outcome = signpipe("evaluate", "detection", *arguments)
    assert outcome.code == 0, outcome.err
    assert "ap50" in outcome.out
    result = json.loads((tmp_path / "result.json").read_text())
    metrics = result["metrics"]
    assert metrics["scenes"] == 6
    assert metrics["n"]["ap50"] == metrics["signs"] >= 5
    assert metrics["recall"] > 0.8
    assert metrics["ap50_95"] <= metrics["ap50"]
    assert len(result["sha256"]) == len(result["data_digest"]) == 64


def test_classification(signpipe: Run, scenes: Path, tmp_path: Path) -> None:
    arguments = ("--data", scenes, "--format", "yolo", "--split", "val", "--json", tmp_path / "result.json")
    outcome = signpipe("evaluate", "classification", *arguments)
    assert outcome.code == 0, outcome.err
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["accuracy"] > 0.8
    assert metrics["n"]["accuracy"] >= 5
    assert {"macro_f1", "ece", "recall_by_class", "confusions"} <= metrics.keys()


def test_belgian_signs_of_the_43_classes_need_no_mapping(signpipe: Run, scenes: Path, tmp_path: Path) -> None:
    pictures = sorted((scenes / "images").iterdir())
    shutil.copytree(scenes / "images", tmp_path / "images")
    rows = [
        f"{picture.name},10,10,60,60,{label}"
        for picture, label in zip(pictures, cycle(["B1", "C43", "A29"]), strict=False)
    ]
    (tmp_path / "gt.csv").write_text("\n".join(["file,x1,y1,x2,y2,label", *rows]))
    arguments = ("--data", tmp_path, "--format", "btsd", "--split", "all", "--json", tmp_path / "result.json")
    outcome = signpipe("evaluate", "classification", *arguments)
    assert outcome.code == 0, outcome.err
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["n"]["accuracy"] == len(pictures[::3])
    assert set(metrics["recall_by_class"]) == {"give_way"}
    outcome = signpipe("evaluate", "classification", *arguments, "--map", "C43=speed_limit_50")
    assert outcome.code == 0, outcome.err
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert set(metrics["recall_by_class"]) == {"give_way", "speed_limit_50"}


@pytest.mark.parametrize("task", ["detection", "classification"])
def test_bad_input_is_one_sentence(signpipe: Run, scenes: Path, tmp_path: Path, task: str) -> None:
    signpipe("evaluate", task, "--data", tmp_path / "none").assert_one_sentence("none")
    signpipe("evaluate", task, "--data", scenes, "--format", "coco").assert_one_sentence("looks like yolo")
    signpipe("evaluate", task, "--data", scenes, "--format", "yolo", "--split", "some").assert_one_sentence("some")
    signpipe("evaluate", task, "--data", scenes, "--format", "yolo", "--model", "nope").assert_one_sentence("nope")


def test_unknown_preset(signpipe: Run, scenes: Path) -> None:
    signpipe("evaluate", "detection", "--data", scenes, "--preset", "magic").assert_one_sentence("magic")


def test_old_names_of_options_are_still_taken_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    given = ["evaluate", "fallback", "--looks", "4", "--looks=5", "--data", "--looksalike"]
    assert current_options(given) == [
        "evaluate", "fallback", "--observations", "4", "--observations=5", "--data", "--looksalike"
    ]  # fmt: skip
    assert "--looks is called --observations now" in caplog.text
    assert current_options(["train", "classifier", "--outside", "x"])[2] == "--drawings"


@pytest.mark.parametrize(
    ("arguments", "option"), [(("evaluate", "fallback"), "--observations"), (("train", "classifier"), "--drawings")]
)
def test_the_new_names_are_options(signpipe: Run, arguments: tuple[str, str], option: str) -> None:
    assert option in signpipe(*arguments, "--help").out


def test_a_metric_of_ones_own_is_a_command_and_a_task(signpipe: Run, scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def boxes(dataset, settings, progress):\n"
        "    return {'boxes': sum(len(image.boxes) for image in dataset), 'n': {'boxes': len(dataset)}}\n"
    )
    data = ("--data", scenes, "--format", "yolo", "--split", "all")
    done = signpipe("evaluate", "metric", f"{tmp_path}/own.py:boxes", *data, "--json", tmp_path / "own.json")
    assert done.code == 0
    result = json.loads((tmp_path / "own.json").read_text())
    assert result["task"] == "boxes"
    assert result["metrics"]["boxes"] > 0
    signpipe("evaluate", "metric", f"{tmp_path}/own.py:none", *data).assert_one_sentence("no function 'none'")
