"""Providers are believed only after they ran something; what is missing is named."""

import os
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest

from signpipe.runtime import cores, providers
from signpipe.runtime.providers import PROBE
from tests.runtime.graphs import f32


def test_the_probe_is_a_valid_graph_that_adds() -> None:
    onnx.checker.check_model(onnx.load(str(PROBE)), full_check=True)
    session = ort.InferenceSession(str(PROBE), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": f32([3])})[0].tolist() == [6]


def test_the_cpu_always_works() -> None:
    assert providers.why_not("cpu") is None


def test_what_a_provider_lacks_comes_with_a_remedy() -> None:
    if providers.why_not("cuda") is None:
        pytest.skip("this machine has CUDA")
    assert "install" in (providers.why_not("cuda") or "")


def test_a_missing_library_is_named_with_the_extra_that_brings_it() -> None:
    if "CUDAExecutionProvider" not in ort.get_available_providers() or providers.why_not("cuda") is None:
        pytest.skip("the runtime here has no CUDA to lack, or lacks none")
    reason = providers.missing_library("cuda")
    assert "isn't found" in reason
    assert "signpipe[cuda]" in reason


def test_two_runtimes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = providers.runtime_packages()
    for name in ("onnxruntime", "onnxruntime_gpu", "onnxruntime_extensions"):
        folder = tmp_path / f"{name}-1.30.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.30.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(alone) == 1
    assert providers.runtime_packages() == ["onnxruntime", "onnxruntime-gpu"]


def test_a_model_run_takes_no_more_threads_than_this_process_may_use() -> None:
    assert 1 <= cores.usable_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "usable"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None), ("", None)]
)
def test_a_container_that_pays_for_less_gets_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, usable: int | None
) -> None:
    (tmp_path / "none").touch()
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "none")
    unlimited = cores.usable_cores()
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    assert cores.usable_cores() == (usable or unlimited)
