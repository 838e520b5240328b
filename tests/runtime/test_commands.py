"""`signpipe models` and `signpipe doctor` say what is there, what isn't, and end with 2 where that matters."""

import json
from pathlib import Path

import pytest
import typer

from signpipe.cli.doctor import doctor
from signpipe.cli.models import list_models
from signpipe.errors import ModelError


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose the models of the fixture."""
    monkeypatch.setenv("SIGNPIPE_DETECT__MODEL", "find")
    monkeypatch.setenv("SIGNPIPE_CLASSIFY__MODEL", "read")


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def findings(out: str) -> dict[str, dict[str, str]]:
    return {finding["topic"]: finding for finding in json.loads(out)["findings"]}


def test_models_lists_what_the_manifest_says(
    models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    list_models(folder=models)
    out = capsys.readouterr().out
    for word in ("find", "read", "detector", "classifier", "fp32", "1 x height x width x 3", "ap50 0.5", "ok"):
        assert word in out
    assert "bad" not in out


def test_models_ends_with_2_and_says_what_was_altered(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(models / "find.onnx")
    (models / "read.onnx").unlink()
    with pytest.raises(typer.Exit) as end:
        list_models(folder=models)
    assert end.value.exit_code == 2
    out = " ".join(capsys.readouterr().out.split())
    assert "find.onnx isn't the one that its manifest describes" in out
    assert "read.onnx is missing" in out


def test_models_as_json(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(models / "find.onnx")
    with pytest.raises(typer.Exit):
        list_models(folder=models, as_json=True)
    find, read = json.loads(capsys.readouterr().out)
    assert (find["name"], find["ok"], read["ok"], read["problem"]) == ("find", False, True, None)
    assert "sha256" in find["problem"]
    assert find["bytes"] == (models / "find.onnx").stat().st_size


def test_models_without_a_manifest_is_an_error_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model manifest"):
        list_models(folder=tmp_path)


def test_the_folder_may_come_from_the_environment(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNPIPE_RUNTIME__MODELS", str(models))
    list_models(as_json=True)
    assert [model["name"] for model in json.loads(capsys.readouterr().out)] == ["find", "read"]


def test_doctor_finds_this_machine_fit(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(folder=models, as_json=True)
    found = findings(capsys.readouterr().out)
    assert found["provider cpu"]["state"] == "ok"
    assert found["model find"]["state"] == found["model read"]["state"] == "ok"
    assert found["video encoder"]["text"].startswith("libx264")
    assert {"signpipe", "python", "onnxruntime", "numpy", "opencv-python", "av", "cpu", "display"} <= set(found)
    assert {"cameras", "camera"} & set(found)


def test_doctor_is_readable(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(folder=models)
    assert "signpipe can run here." in capsys.readouterr().out


def test_doctor_tells_where_there_is_no_display(
    models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    doctor(folder=models, as_json=True)
    assert findings(capsys.readouterr().out)["display"]["state"] == "note"
    monkeypatch.setenv("DISPLAY", ":99")
    doctor(folder=models, as_json=True)
    assert findings(capsys.readouterr().out)["display"] == {"topic": "display", "state": "ok", "text": "DISPLAY=:99"}


def test_doctor_ends_with_2_if_a_model_was_altered(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(models / "find.onnx")
    with pytest.raises(typer.Exit) as end:
        doctor(folder=models, as_json=True)
    assert end.value.exit_code == 2
    found = findings(capsys.readouterr().out)
    assert found["model find"]["state"] == "bad"
    assert found["model read"]["state"] == "ok"


def test_doctor_ends_with_2_without_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        doctor(folder=tmp_path, as_json=True)
    assert "no model manifest" in findings(capsys.readouterr().out)["models"]["text"]


def test_doctor_ends_with_2_if_the_chosen_model_is_not_there(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNPIPE_DETECT__MODEL", "seek")
    with pytest.raises(typer.Exit):
        doctor(folder=models, as_json=True)
    assert "known detectors: find" in findings(capsys.readouterr().out)["detector"]["text"]


def test_doctor_ends_with_2_where_two_runtimes_hide_each_other(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("onnxruntime", "onnxruntime_gpu"):
        folder = tmp_path / "site" / f"{name}-1.30.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.30.0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(typer.Exit):
        doctor(folder=models, as_json=True)
    finding = findings(capsys.readouterr().out)["onnxruntime"]
    assert finding["state"] == "bad"
    assert "pip uninstall" in finding["text"]
