"""A GPU runs the variant of a model that suits it, unless that was named; imported models are found by name."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from signpipe.errors import ModelError
from signpipe.runtime import session as sessions
from signpipe.runtime.manifest import known_models, load_manifest, variant_for_gpu
from signpipe.runtime.providers import create_session
from signpipe.runtime.session import Session, open_session
from signpipe.settings import RuntimeSettings

SHIPPED = load_manifest()


@pytest.mark.parametrize(
    ("named", "run"),
    [
        ("detector-fast", "detector-fast-fp32"),  # int8: there is no half precision of it
        ("classifier", "classifier-fp32"),
        ("detector-accurate", "detector-accurate"),  # exact already, and named so
        ("detector-accurate-fp16", "detector-accurate-fp16"),
    ],
)
def test_a_gpu_runs_no_int8(named: str, run: str) -> None:
    assert variant_for_gpu(SHIPPED[named], SHIPPED).name == run


def test_half_precision_comes_before_single() -> None:
    int8 = SHIPPED["detector-accurate"].model_copy(
        update={"name": "small", "precision": "int8", "reference": "detector-accurate"}
    )
    assert variant_for_gpu(int8, {**SHIPPED, "small": int8}).name == "detector-accurate-fp16"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that runs everything, as a GPU's would, but on the CPU."""
    monkeypatch.setattr(sessions, "choose_provider", lambda _settings: "cuda")
    monkeypatch.setattr(
        sessions, "_start_on_gpu", lambda path, _provider, threads: create_session(str(path), "cpu", threads)
    )
    monkeypatch.setattr(sessions, "Session", lambda entry, runner, _device: Session(entry, runner, "cpu"))


@pytest.mark.usefixtures("gpu")
def test_what_opens_on_a_gpu_is_the_variant_unless_named() -> None:
    assert open_session("classifier", RuntimeSettings(), "classifier").entry.name == "classifier-fp32"
    named = RuntimeSettings(variant="named")
    assert open_session("classifier", named, "classifier").entry.name == "classifier"
    path = str(SHIPPED["classifier"].path)
    assert open_session(path, RuntimeSettings(), "classifier").entry.name == "classifier"


def test_on_a_cpu_nothing_is_changed() -> None:
    assert open_session("classifier", RuntimeSettings(provider="cpu"), "classifier").entry.name == "classifier"


def test_imported_models_are_known_beside_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda _name: tmp_path)
    assert known_models() == SHIPPED
    (tmp_path / "models").mkdir()
    manifest = (SHIPPED["classifier"].folder / "manifest.toml").read_text().replace("detector-fast", "mine")
    (tmp_path / "models" / "manifest.toml").write_text(manifest)
    assert {"mine", "detector-fast"} <= known_models().keys()
    assert known_models()["classifier"].folder == SHIPPED["classifier"].folder  # what ships can't be shadowed
    assert "mine" not in known_models(SHIPPED["classifier"].folder)
    with pytest.raises(ModelError, match="mine"):
        open_session("unknown", RuntimeSettings(provider="cpu"), "detector")
