"""`signpipe models verify`: the gate that every shipped variant passes."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.conftest import Outcome
from tests.runtime import graphs

Run = Callable[..., Outcome]
BOX = [10.0, 20.0, 40.0, 60.0]


def rows(score: float) -> list[list[list[float]]]:
    return [[[*BOX, score, 0], [0, 0, 0, 0, 0, 0]]]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Return a YOLO data set of four pictures with one sign each."""
    folder = tmp_path / "scenes"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    (folder / "data.yaml").write_text("path: .\nval: images\nnames: [stop]\n")
    for number in range(4):
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.full((96, 96, 3), 40 * number, np.uint8))
        (folder / "labels" / f"{number}.txt").write_text(f"0 {25 / 96} {40 / 96} {30 / 96} {40 / 96}\n")
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a folder with two variants that agree with their references."""
    folder = tmp_path / "models"
    folder.mkdir()
    paths = [graphs.detector(folder / f"{name}.onnx", rows(0.9)) for name in ("find", "find-fp32")]
    small, exact = (graphs.detector_table(path) for path in paths)
    classifiers = [graphs.classifier(folder / f"{name}.onnx") for name in ("read", "read-fp32")]
    fast, slow = (graphs.classifier_table(path) for path in classifiers)
    return graphs.write_manifest(
        folder, small | {"reference": "find-fp32"}, exact, fast | {"reference": "read-fp32"}, slow
    )


@pytest.mark.slow
def test_the_shipped_variants_agree_with_their_references(signpipe: Run, tmp_path: Path) -> None:
    outcome = signpipe("models", "verify", "--images", 8, "--crops", 200, "--json", tmp_path / "verified.json")
    assert outcome.code == 0, outcome.out + outcome.err
    result = json.loads((tmp_path / "verified.json").read_text())
    assert result["passed"]
    assert "detector-fast" in [variant["variant"] for variant in result["variants"]]
    assert all(check["n"] > 0 for variant in result["variants"] for check in variant["checks"])
    assert result["machine"]["packages"]["numpy"]


def test_variants_that_agree_pass(signpipe: Run, models: Path, scenes: Path) -> None:
    outcome = signpipe("models", "verify", "--models", models, "--data", scenes, "--format", "yolo")
    assert outcome.code == 0, outcome.out + outcome.err
    assert "find against find-fp32 (yolo, 4 pictures): passed" in outcome.out
    assert "read against read-fp32 (yolo, 4 crops): passed" in outcome.out


def test_a_variant_that_does_not_agree_ends_with_1(signpipe: Run, models: Path, scenes: Path, tmp_path: Path) -> None:
    variant = graphs.detector_table(graphs.detector(models / "find.onnx", rows(0.6)), reference="find-fp32")
    graphs.write_manifest(models, variant, graphs.detector_table(models / "find-fp32.onnx"))
    arguments = ("--models", models, "--data", scenes, "--format", "yolo", "--json", tmp_path / "result.json")
    outcome = signpipe("models", "verify", *arguments)
    assert outcome.code == 1
    assert "failed" in outcome.out
    result = json.loads((tmp_path / "result.json").read_text())
    failed = [check["name"] for check in result["variants"][0]["checks"] if not check["passed"]]
    assert (result["passed"], failed) == (False, ["mean score difference"])


def test_the_folder_may_be_named_before_the_command(signpipe: Run, models: Path, scenes: Path) -> None:
    outcome = signpipe("models", "--models", models, "verify", "--data", scenes, "--format", "yolo")
    assert "find against find-fp32" in outcome.out


def test_so_many_pictures_and_crops_are_looked_at(signpipe: Run, models: Path, scenes: Path) -> None:
    arguments = ("--models", models, "--data", scenes, "--format", "yolo", "--images", 2, "--crops", 3)
    outcome = signpipe("models", "verify", *arguments)
    assert "yolo, 2 pictures" in outcome.out
    assert "yolo, 3 crops" in outcome.out


def test_an_altered_model_ends_with_2_and_is_not_compared(signpipe: Run, models: Path, scenes: Path) -> None:
    with (models / "find.onnx").open("ab") as file:
        file.write(b"\0")
    outcome = signpipe("models", "verify", "--models", models, "--data", scenes, "--format", "yolo")
    assert outcome.code == 2
    assert "find.onnx isn't the one that its manifest describes" in outcome.out
    assert "against" not in outcome.out


def test_a_shape_that_no_checksum_tells_ends_with_2(signpipe: Run, models: Path) -> None:
    output = [{"name": "detections", "dtype": "float32", "shape": [1, 300, 6]}]
    graphs.write_manifest(models, graphs.detector_table(models / "find.onnx", output=output))
    assert signpipe("models", "--models", models).code == 0
    outcome = signpipe("models", "verify", "--models", models)
    assert outcome.code == 2
    assert "doesn't fit its manifest" in outcome.out


def test_single_signs_say_nothing_of_detectors(signpipe: Run, models: Path, tmp_path: Path) -> None:
    (tmp_path / "crops" / "stop").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "crops" / "stop" / "1.png"), np.zeros((40, 40, 3), np.uint8))
    arguments = ("--data", tmp_path / "crops", "--format", "folder", "--split", "all")
    outcome = signpipe("models", "verify", "--models", models, *arguments)
    assert outcome.code == 0, outcome.err
    assert "find isn't compared with find-fp32" in outcome.out
    assert "read against read-fp32 (folder, 1 crops): passed" in outcome.out


def test_without_variants_it_says_so(signpipe: Run, models: Path) -> None:
    graphs.write_manifest(models, graphs.detector_table(models / "find.onnx"))
    outcome = signpipe("models", "verify", "--models", models)
    assert outcome.code == 0
    assert "No model names a reference" in outcome.out


def test_a_quantised_model_without_a_reference_fails(signpipe: Run, models: Path, tmp_path: Path) -> None:
    graphs.write_manifest(models, graphs.detector_table(models / "find.onnx", precision="int8"))
    outcome = signpipe("models", "verify", "--models", models, "--json", tmp_path / "result.json")
    assert outcome.code == 1
    assert "find names no reference" in outcome.out
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["passed"], result["without_reference"]) == (False, ["find"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reference": "nobody"}, ("'nobody'", "is no other model of its manifest")),
        ({"reference": "find"}, ("'find'", "is no other model of its manifest")),
        ({"reference": "read"}, ("'read'", "isn't a detector of the same classes")),
    ],
)
def test_a_reference_that_is_none_is_one_sentence(
    signpipe: Run, models: Path, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    graphs.write_manifest(
        models,
        graphs.detector_table(models / "find.onnx", **changes),
        graphs.classifier_table(models / "read.onnx"),
    )
    signpipe("models", "verify", "--models", models).assert_one_sentence(*words)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--format", "yolo"), "goes with --data"),
        (("--data", "nowhere"), "nowhere"),
        (("--data", ".", "--format", "nothing"), "no data set format 'nothing'"),
        (("--data", ".", "--format", "yolo", "--split", "best"), "no split 'best'"),
    ],
)
def test_bad_input_is_one_sentence(signpipe: Run, models: Path, arguments: tuple[str, ...], word: str) -> None:
    signpipe("models", "verify", "--models", models, *arguments).assert_one_sentence(word)


def test_a_result_that_cannot_be_written_is_one_sentence(
    signpipe: Run, models: Path, scenes: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    arguments = ("--data", scenes, "--format", "yolo", "--json", tmp_path / "file" / "result.json")
    signpipe("models", "verify", "--models", models, *arguments).assert_one_sentence("can't be written")
