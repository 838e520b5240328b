"""What export writes must be what the runtime reads."""

import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from onnx import TensorProto, helper
from typer.testing import CliRunner

from signpipe.cli.export import export
from signpipe.cli.train import train_app
from signpipe.errors import ExtraMissingError, SettingsError
from signpipe.lab.training.manifest import write_entry
from signpipe.runtime.manifest import load_manifest, reference_of


def entry(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": "detector",
        "file": f"{name}.onnx",
        "precision": "int8",
        "card": "card.md",
        "classes": ["sign"],
        "trained_on": ["a set"],
        "input": {"name": "images", "dtype": "uint8", "shape": [1, "height", "width", 3], "stride": 16},
        "output": [{"name": "detections", "dtype": "float32", "shape": [1, 300, 6]}],
        "metrics": {"gtsdb_val_ap50": 0.9},
    } | changes


def test_the_runtime_reads_the_entries_that_export_writes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
        write_entry(tmp_path, entry(name))
    models = load_manifest(tmp_path)
    assert list(models) == ["one", "two"]
    assert models["one"].input.stride == 16
    models["one"].verify()


def test_an_entry_is_replaced_in_its_place(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
        write_entry(tmp_path, entry(name))
    (tmp_path / "one.onnx").write_bytes(b"trained again")
    write_entry(tmp_path, entry("one", precision="fp32"))
    models = load_manifest(tmp_path)
    assert list(models) == ["one", "two"]
    assert models["one"].precision == "fp32"
    models["one"].verify()


def test_a_variant_keeps_the_name_of_its_reference(tmp_path: Path) -> None:
    for name, changes in (("one-fp32", {}), ("one", {"reference": "one-fp32"})):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
        write_entry(tmp_path, entry(name, **changes))
    models = load_manifest(tmp_path)
    assert reference_of(models["one"], models) == models["one-fp32"]
    assert reference_of(models["one-fp32"], models) is None


def test_all_that_follows_a_node_stays_in_float() -> None:
    quantise = pytest.importorskip("signpipe.lab.training.quantise", reason="onnxruntime's quantiser is not installed")
    tensor = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="body"),
        helper.make_node("Relu", ["a"], ["b"], name="head/start"),
        helper.make_node("Relu", ["b"], ["c"], name="decode"),
        helper.make_node("Relu", ["a"], ["d"], name="side"),
    ]
    graph = helper.make_graph(nodes, "g", [tensor], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])])
    assert quantise.nodes_from(graph, "^head/") == ["head/start", "decode"]


def test_without_the_extra_training_and_export_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    app = typer.Typer()
    app.add_typer(train_app, name="train")
    app.command("export")(export)
    for arguments in (["train", "classifier"], ["train", "detector"], ["export", "detector"]):
        error = CliRunner().invoke(app, arguments).exception
        assert isinstance(error, ExtraMissingError)
        assert "signpipe[train]" in str(error)


def test_an_unknown_kind_of_model_is_refused() -> None:
    with pytest.raises(SettingsError, match="detector, classifier or reader"):
        export("segmenter")


def test_weights_are_averaged_for_a_classifier_only(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--average is for a classifier"):
        export("detector", average=[tmp_path / "last.pt"])
