"""The manifest says what each model is; whatever is wrong with it is one sentence."""

from pathlib import Path
from typing import Any

import pytest

from signpipe.errors import ModelError
from signpipe.runtime.manifest import ModelEntry, TensorSpec, find_model, load_manifest, models_folder
from tests.runtime import graphs


def test_models_come_by_name_in_the_order_of_the_file(models: Path) -> None:
    entries = load_manifest(models)
    assert list(entries) == ["find", "read"]
    assert entries["find"].input == TensorSpec(name="images", dtype="uint8", shape=(1, "height", "width", 3), stride=16)
    assert entries["find"].path == models / "find.onnx"
    assert entries["find"].metrics == {"ap50": 0.5}
    assert [output.name for output in entries["read"].outputs] == ["probabilities", "embedding", "novelty"]
    for entry in entries.values():
        entry.verify()


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model manifest .*manifest\.toml; point runtime\.models"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"schema = \n", "no valid TOML"),
        (b'schema = 1\nname = "\xff"', "no valid TOML"),
        (b"schema = 99\n", "schema 99"),
        (b"[[model]]\n", "schema None"),
        (b'schema = 1\n[[model]]\nname = "x"\n', "Model 1 .* bad 'role'"),
        (b"schema = 1\nmodel = [3]\n", r"write \[\[model\]\]"),
        (b"schema = 1\nmodel = 3\n", r"write \[\[model\]\]"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "manifest.toml").write_bytes(text)
    with pytest.raises(ModelError, match=says) as caught:
        load_manifest(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role": "oracle"}, "bad 'role'"),
        ({"sha256": "abc"}, "bad 'sha256'"),
        ({"classes": []}, "bad 'classes'"),
        ({"output": []}, "bad 'output'"),
        ({"input": {"name": "images", "dtype": "uint8"}}, r"bad 'input\.shape'"),
    ],
)
def test_a_bad_entry_says_which_field(models: Path, change: dict[str, Any], says: str) -> None:
    graphs.write_manifest(models, graphs.detector_table(models / "find.onnx", **change))
    with pytest.raises(ModelError, match=says):
        load_manifest(models)


def test_a_name_may_be_listed_once_only(models: Path) -> None:
    table = graphs.detector_table(models / "find.onnx")
    graphs.write_manifest(models, table, table)
    with pytest.raises(ModelError, match="lists 'find' twice"):
        load_manifest(models)


def test_an_unknown_name_lists_those_that_fit(models: Path) -> None:
    with pytest.raises(ModelError, match=r"no model 'fnd' .*known detectors: find;"):
        find_model("fnd", "detector", models)


def test_a_model_of_the_other_role_is_refused(models: Path) -> None:
    with pytest.raises(ModelError, match="'read' is a classifier, but a detector is needed"):
        find_model("read", "detector", models)


def test_a_path_is_looked_up_in_the_manifest_beside_it(models: Path, tmp_path: Path) -> None:
    found = find_model(str(models / "find.onnx"), "detector", tmp_path)
    assert isinstance(found, ModelEntry)
    assert found.name == "find"


def test_a_path_that_no_manifest_lists_stays_a_path(models: Path) -> None:
    other = graphs.detector(models / "other.onnx", [[[0, 0, 1, 1, 1, 0]]])
    assert find_model(str(other), "detector", models) == other


def test_a_missing_path_is_named(models: Path) -> None:
    with pytest.raises(ModelError, match=r"no model file .*gone\.onnx; check the path"):
        find_model(str(models / "gone.onnx"), "detector", models)


def test_a_missing_file_is_named(models: Path) -> None:
    (models / "find.onnx").unlink()
    with pytest.raises(ModelError, match=r"find\.onnx is missing; restore it"):
        load_manifest(models)["find"].verify()


def test_one_changed_bit_is_noticed(models: Path) -> None:
    path = models / "find.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"find\.onnx isn't the one that its manifest describes \(sha256"):
        load_manifest(models)["find"].verify()


def test_the_models_that_ship_are_what_their_manifest_says() -> None:
    entries = load_manifest()
    assert {entry.role for entry in entries.values()} == {"detector", "classifier", "reader"}
    for entry in entries.values():
        entry.verify()
        assert entry.licence
        assert (models_folder() / entry.card).is_file()
        assert entry.trained_on
        assert entry.metrics


@pytest.mark.parametrize(
    ("shape", "classes", "name", "layout"),
    [
        ((1, 300, 6), 1, "output0", "end_to_end"),
        ((1, "n", 6), 1, "output0", "end_to_end"),
        ((1, 5, 18900), 1, "output0", "raw"),
        ((1, 5, "m"), 1, "output0", "raw"),
        ((1, 84, 8400), 80, "output0", "raw"),
        ((1, 5, 6), 1, "detections", "end_to_end"),
    ],
)
def test_the_output_shape_tells_the_layout(shape: tuple[int | str, ...], classes: int, name: str, layout: str) -> None:
    assert _entry(shape, classes, name).box_layout == layout


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((1, 5, 6), "could be in both layouts"),
        ((1, 300, 7), "is in no known layout"),
        ((300, 6), "is in no known layout"),
    ],
)
def test_a_shape_that_tells_no_layout_is_refused(shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        _ = _entry(shape, 1, "output0").box_layout


def _entry(shape: tuple[int | str, ...], classes: int, name: str) -> ModelEntry:
    return ModelEntry(
        name="x",
        role="detector",
        folder=Path(),
        file="x.onnx",
        classes=tuple(map(str, range(classes))),
        input=TensorSpec(name="images", dtype="uint8", shape=(1, "h", "w", 3)),
        outputs=(TensorSpec(name=name, dtype="float32", shape=shape),),
    )
