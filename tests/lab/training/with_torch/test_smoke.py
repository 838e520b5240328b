"""Every training, export and gate once, through the command line, on a few pictures: `make smoke`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.lab.data import Dataset, find_data, open_dataset
from signpipe.runtime.manifest import load_manifest
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings

WEIGHTS = "yolo26n_coco.state_dict.pt"
PRESETS = ("fast", "accurate")
TRACKS = 5  # of a class: every fifth is validation

pytestmark = pytest.mark.timeout(600)


def signpipe(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; it ends well, or with one sentence on what is wrong."""
    command = [sys.executable, "-m", "signpipe.cli.main", *map(str, arguments)]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0 or (done.returncode == 2 and "Traceback" not in done.stderr), done.stdout + done.stderr
    return done


def train(*arguments: object) -> None:
    done = signpipe("train", *arguments)
    assert done.returncode == 0, done.stderr


def export(role: str, checkpoint: Path, data: Path, models: Path, *more: object, smaller: str = "int8") -> None:
    """Export a checkpoint, and check that the manifest's models are there and run.

    What was trained for seconds is sure of nothing, so the gate may well refuse its smaller model; it has to say so.
    """
    done = signpipe("export", role, "--checkpoint", checkpoint, "--data", data, "--models", models, *more)
    entries = load_manifest(models)
    assert next(entry.precision for entry in entries.values()) == "fp32"
    if done.returncode == 0:
        assert {entry.precision for entry in entries.values() if entry.reference} >= {smaller}
    else:
        assert "use fp32" in done.stderr
    for name in entries:
        open_session(name, RuntimeSettings(models=models, provider="cpu"), role).close()


def opened(data: Path, format_: str, part: str) -> Dataset:
    try:
        return open_dataset(data, format_, part)  # type: ignore[arg-type]
    except SourceError as error:
        pytest.skip(f"needs the photographs in SIGNPIPE_DATA or ../shared/data: {error}")


@pytest.fixture(scope="module")
def photographs() -> Path:
    try:
        return find_data()
    except SourceError as error:
        pytest.skip(f"needs the photographs in SIGNPIPE_DATA or ../shared/data: {error}")


@pytest.fixture(scope="module")
def data(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a few pictures of GTSDB, GTSRB and sy32 in the layouts of those sets."""
    folder = tmp_path_factory.mktemp("data")
    _few_scenes(photographs, folder / "gtsdb")
    _few_crops(photographs, folder / "gtsrb" / "Final_Training" / "Images")
    for part in ("train", "val"):
        streets = [image for image in opened(photographs, "sy32", part) if len(image.boxes)]
        (folder / "sy32" / part).mkdir(parents=True)
        for street in streets[:6]:
            for file in (street.path, street.path.with_suffix(".csv")):
                (folder / "sy32" / part / file.name).symlink_to(file)
    return folder


def _few_scenes(photographs: Path, folder: Path) -> None:
    (folder / "images").mkdir(parents=True)
    rows = []
    for part, most in (("train", 10), ("val", 4)):
        for scene in [image for image in opened(photographs, "gtsdb", part) if not image.ignore.all()][:most]:
            (folder / "images" / scene.path.name).symlink_to(scene.path)
            own = ~scene.ignore  # what the benchmark itself boxes
            for box, class_id in zip(scene.boxes[own].astype(int), scene.class_ids[own], strict=True):
                corners = (box[0], box[1], box[2] - 1, box[3] - 1)  # the file counts the last row and column as inside
                rows.append(";".join(map(str, (scene.path.name, *corners, class_id))))
    (folder / "gt.txt").write_text("\n".join(rows) + "\n")


def _few_crops(photographs: Path, folder: Path) -> None:
    root = opened(photographs, "gtsrb", "train").root
    for source in sorted(root.glob("000*")):
        table = source / f"GT-{source.name}.csv"
        head, *rows = table.read_text().splitlines()
        kept = [row for row in rows if int(row[:5]) < TRACKS and row[6:11] in ("00005", "00025")]
        (folder / source.name).mkdir(parents=True)
        (folder / source.name / table.name).write_text("\n".join([head, *kept]) + "\n")
        for row in kept:
            picture = next(source.glob(row[:11] + ".*"))
            (folder / source.name / picture.name).symlink_to(picture)


@pytest.fixture(scope="module")
def weights(photographs: Path) -> Path:
    path = photographs.parent / "weights" / WEIGHTS
    if not path.is_file():
        pytest.skip(f"needs the weights {WEIGHTS}")
    return path


def test_the_classifier_is_trained_resumed_and_exported(data: Path, tmp_path: Path) -> None:
    common = ("classifier", "--data", data, "--out", tmp_path / "run", "--pictures", 256, "--threads", 1)
    train(*common, "--epochs", 1)
    train(*common, "--epochs", 2, "--resume")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [round(row["epoch"]) for row in result["history"]] == [1, 2]
    assert result["machine"]["packages"]["torch"]
    assert result["data"]
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    export("classifier", tmp_path / "run" / "last.pt", data, tmp_path / "models")
    exported = tmp_path / "models" / "classifier-fp32.onnx"
    export("classifier", tmp_path / "run" / "last.pt", data, tmp_path / "mean", "--average", exported)
    crops = np.random.default_rng(0).integers(0, 256, (8, 48, 48, 3), dtype=np.uint8)
    one, mean = (
        open_session(str(folder / "classifier-fp32.onnx"), RuntimeSettings(provider="cpu"), "classifier").run(crops)
        for folder in (exported.parent, tmp_path / "mean")
    )
    np.testing.assert_allclose(mean["embedding"], one["embedding"], atol=2e-3)  # a network and its export are the same


@pytest.mark.parametrize("preset", PRESETS)
def test_the_detector_is_trained_resumed_and_exported(preset: str, data: Path, weights: Path, tmp_path: Path) -> None:
    common = ("detector", "--preset", preset, "--data", data, "--weights", weights, "--out", tmp_path / "run")
    few = ("--tiles", 16, "--threads", 1)
    train(*common, *few, "--epochs", 1)
    train(*common, *few, "--epochs", 2, "--resume")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [round(row["epoch"]) for row in result["history"]] == [1, 2]
    assert result["machine"]["packages"]["ultralytics"]
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    smaller = {"fast": "int8", "accurate": "fp16"}[preset]
    export("detector", tmp_path / "run" / "last.pt", data, tmp_path / "models", smaller=smaller)


@pytest.mark.parametrize("format_", ["gtsdb", "gtsrb", "sy32"])
def test_the_data_check_finds_nothing(format_: str, data: Path) -> None:
    assert "Nothing found" in signpipe("data", "check", data, "--format", format_).stdout
