"""A session is a model that is what it should be, run by what was asked for."""

import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto

from signpipe.errors import ModelError, ProviderError
from signpipe.figures.ctc import CHARACTERS
from signpipe.figures.reader import Reader
from signpipe.runtime.providers import why_not
from signpipe.runtime.session import DeviceBuffers, open_models, open_session
from signpipe.settings import RuntimeSettings, Settings
from tests.runtime import graphs
from tests.runtime.conftest import ROWS
from tests.runtime.graphs import f32

CPU = RuntimeSettings(provider="cpu", threads=1)
PICTURE = np.full((1, 32, 48, 3), 7, np.uint8)


def settings(models: Path, **changes: Any) -> RuntimeSettings:
    return CPU.model_copy(update={"models": models, **changes})


def test_a_run_gives_the_outputs_by_name(models: Path) -> None:
    session = open_session("find", settings(models), "detector")
    outputs = session.run(PICTURE)
    assert list(outputs) == ["detections"]
    np.testing.assert_array_equal(outputs["detections"], f32(ROWS))
    assert session.providers == ("CPUExecutionProvider",)
    assert outputs.ms > 0


def test_a_folder_of_models_without_a_reader_is_told_of_and_the_rest_opens(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = Settings(
        runtime=settings(models), detect={"model": "find"}, classify={"model": "read"}, figures={"enabled": True}
    )
    with open_models(tree) as opened:
        assert opened.detector is not None
        assert opened.reader is None
    assert [record.message for record in caplog.records] == [
        f"There is no model 'reader' in {models}: figures on signs aren't read. Export one, or set figures.enabled to "
        "false."
    ]
    caplog.clear()
    open_models(tree.model_copy(update={"figures": tree.figures.model_copy(update={"enabled": False})})).close()
    assert not caplog.records
    named = tree.model_copy(update={"figures": tree.figures.model_copy(update={"model": "mine"})})
    with pytest.raises(ModelError, match="no model 'mine'"):
        open_models(named)


@pytest.mark.parametrize(
    ("size", "columns", "batch"),
    [((40, 96), 5, "n"), (("h", 96), len(CHARACTERS), "n"), ((40, 96), len(CHARACTERS), 1)],
)
def test_a_reader_with_other_outputs_or_crops_is_refused(
    tmp_path: Path, size: tuple[int | str, int], columns: int, batch: int | str
) -> None:
    path = graphs.reader(tmp_path / "other.onnx", size=size, characters=columns, batch=batch)
    with pytest.raises(ModelError, match="export it so"):
        open_session(str(path), CPU, "reader")


def test_a_reader_reads_what_its_graph_gives(tmp_path: Path) -> None:
    session = open_session(str(graphs.reader(tmp_path / "own.onnx")), CPU, "reader")
    readings = Reader(session)(np.zeros((50, 50, 3), np.uint8), [[0, 0, 20, 30], [1, 1, 50, 50]])
    assert [(one.text, one.side) for one in readings] == [("7", 20.0), ("7", 49.0)]
    assert readings[0].probability > 0.99
    assert readings[0].struck == pytest.approx(0.25)
    assert Reader(session)(np.zeros((50, 50, 3), np.uint8), []) == []
    with pytest.raises(ModelError, match="use the reader that came with it"):
        Reader(open_session(str(graphs.reader(tmp_path / "large.onnx", size=(48, 96))), CPU, "reader"))


def test_outputs_keep_their_names_whatever_their_order_in_the_graph(models: Path) -> None:
    session = open_session("read", settings(models), "classifier")
    outputs = session.run(np.full((5, 48, 48, 3), (255, 0, 0), np.uint8))
    assert outputs["probabilities"].argmax(axis=1).tolist() == [0] * 5
    np.testing.assert_allclose(outputs["embedding"], [[1, 0, 0]] * 5, atol=1e-6)
    np.testing.assert_allclose(outputs["novelty"], [1 / 3] * 5, atol=1e-6)


def test_a_picture_may_be_a_view(models: Path) -> None:
    session = open_session("read", settings(models), "classifier")
    crops = np.zeros((4, 48, 96, 3), np.uint8)
    crops[:, :, ::2, 2] = 255
    outputs = session.run(crops[::2, :, ::2])
    assert outputs["probabilities"].argmax(axis=1).tolist() == [2, 2]


def test_warm_up_runs_the_model(models: Path) -> None:
    session = open_session("find", settings(models), "detector")
    assert session.warm_up((1, 64, 64, 3)).ms > 0


def test_threads_may_share_a_model(models: Path) -> None:
    session = open_session("read", settings(models), "classifier")
    crops = [np.full((n, 48, 48, 3), np.eye(3, dtype=np.uint8)[n % 3] * 255, np.uint8) for n in range(1, 25)]
    alone = [session.run(batch)["probabilities"] for batch in crops]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for wanted, got in zip(alone, pool.map(session.run, crops), strict=True):
                np.testing.assert_array_equal(got["probabilities"], wanted)


def test_an_input_that_does_not_fit_is_one_sentence(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = open_session("find", settings(models), "detector")
    with pytest.raises(
        ModelError, match=r"find\.onnx failed on an input uint8 \(1, 32, 48, 4\), where it takes images"
    ):
        session.run(np.zeros((1, 32, 48, 4), np.uint8))
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list["weakref.ref[ort.InferenceSession]"]:
    """Return what ONNX Runtime starts from now on, without keeping it alive."""
    runners: list[weakref.ref[ort.InferenceSession]] = []

    class Watched(ort.InferenceSession):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            runners.append(weakref.ref(self))

    monkeypatch.setattr(ort, "InferenceSession", Watched)
    return runners


def test_threads_and_no_spinning_are_set(models: Path, started: list["weakref.ref[ort.InferenceSession]"]) -> None:
    session = open_session("find", settings(models, threads=3), "detector")
    runner = started[-1]()
    assert runner is not None
    options = runner.get_session_options()
    session.close()
    assert options.intra_op_num_threads == 3
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_closed_session_releases_the_model(models: Path, started: list["weakref.ref[ort.InferenceSession]"]) -> None:
    session = open_session("find", settings(models), "detector")
    assert started[-1]() is not None
    session.close()
    session.close()
    assert started[-1]() is None


def test_an_altered_model_is_not_opened(models: Path) -> None:
    graphs.detector(models / "find.onnx", [[[1, 1, 2, 2, 0.5, 0]] * 2])
    with pytest.raises(ModelError, match="sha256"):
        open_session("find", settings(models), "detector")


@pytest.mark.parametrize("content", [b"weights, honestly", b"", b"\x00" * 999])
def test_what_is_no_onnx_says_so(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.onnx can't be loaded as ONNX \(.+\); restore or export it again\.$"):
        open_session(str(path), CPU, "detector")
    assert capfd.readouterr() == ("", "")


def test_a_model_cut_off_says_so(models: Path) -> None:
    path = models / "cut.onnx"
    path.write_bytes((models / "read.onnx").read_bytes()[:-100])
    with pytest.raises(ModelError, match="can't be loaded as ONNX"):
        open_session(str(path), CPU, "classifier")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"input": {"name": "pictures", "dtype": "uint8", "shape": [1, "h", "w", 3], "stride": 16}},
            "the input pictures",
        ),
        ({"input": {"name": "images", "dtype": "float32", "shape": [1, "h", "w", 3], "stride": 16}}, "images float32"),
        ({"input": {"name": "images", "dtype": "uint8", "shape": [1, 3, "h", "w"], "stride": 16}}, r"\(1, 3, h, w\)"),
        ({"output": [{"name": "boxes", "dtype": "float32", "shape": [1, 2, 6]}]}, "the output boxes"),
        ({"output": [{"name": "detections", "dtype": "float32", "shape": [1, 300, 6]}]}, r"\(1, 300, 6\)"),
        ({"output": [{"name": "detections", "dtype": "float32", "shape": [2, 6]}]}, r"\(2, 6\)"),
    ],
)
def test_a_manifest_that_promises_something_else_is_noticed(models: Path, change: dict[str, Any], says: str) -> None:
    graphs.write_manifest(models, graphs.detector_table(models / "find.onnx", **change))
    with pytest.raises(ModelError, match=f"doesn't fit its manifest: .*{says}"):
        open_session("find", settings(models), "detector")


def test_a_size_that_the_manifest_leaves_open_must_be_open(models: Path) -> None:
    path = graphs.detector(models / "find.onnx", ROWS, size=(64, 64))
    graphs.write_manifest(models, graphs.detector_table(path))
    with pytest.raises(ModelError, match="doesn't fit its manifest"):
        open_session("find", settings(models), "detector")


def test_a_listed_classifier_needs_a_probability_a_class(models: Path) -> None:
    graphs.write_manifest(models, graphs.classifier_table(models / "read.onnx", classes=["stop", "go"]))
    with pytest.raises(ModelError, match=r"probabilities float32 \(N, 2\) are needed"):
        open_session("read", settings(models), "classifier")


def test_a_file_without_a_manifest_is_described_by_its_graph(tmp_path: Path) -> None:
    path = graphs.detector(tmp_path / "own.onnx", np.zeros((1, 5, 7)), output_name="output0", size=(64, 96))
    entry = open_session(str(path), CPU, "detector").entry
    assert (entry.name, entry.box_layout, entry.input.stride, entry.fixed_size) == ("own", "raw", 32, (64, 96))
    path = graphs.classifier(tmp_path / "reader.onnx", extras=False)
    entry = open_session(str(path), CPU, "classifier").entry
    assert entry.classes == graphs.CLASSES
    assert [output.name for output in entry.outputs] == ["probabilities"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dtype": TensorProto.FLOAT}, "takes images float32"),
        ({"batch": 8}, "it gets one picture at a time"),
        ({"output": np.zeros((1, 300, 7))}, r"\(1, 300, 7\) of the detector .*own\.onnx is in no known layout"),
    ],
)
def test_a_graph_that_is_no_detector_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = graphs.detector(tmp_path / "own.onnx", **{"output": np.zeros((1, 4, 6)), **change})
    with pytest.raises(ModelError, match=says):
        open_session(str(path), CPU, "detector")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"classes": 10}, r"probabilities float32 \(N, 43\) are needed"),
        ({"batch": 1}, "any number of square crops"),
        ({"size": (48, 64)}, "any number of square crops"),
        ({"size": ("h", "w")}, "any number of square crops"),
    ],
)
def test_a_graph_that_is_no_classifier_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = graphs.classifier(tmp_path / "own.onnx", **change)
    with pytest.raises(ModelError, match=says):
        open_session(str(path), CPU, "classifier")


def test_a_classifier_is_no_detector(tmp_path: Path) -> None:
    path = graphs.classifier(tmp_path / "own.onnx", batch=1)
    with pytest.raises(ModelError, match="is in no known layout"):
        open_session(str(path), CPU, "detector")


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_is_not_there_is_an_error(
    models: Path, provider: str, capfd: pytest.CaptureFixture[str]
) -> None:
    reason = why_not(provider)
    if reason is None:
        pytest.skip(f"this machine has {provider}")
    with pytest.raises(
        ProviderError, match=rf"'{provider}' can't be used: .*; or go on without it with --allow-cpu\.$"
    ):
        open_session("find", settings(models, provider=provider), "detector")
    session = open_session("find", settings(models, provider=provider, allow_cpu=True), "detector")
    assert session.providers == ("CPUExecutionProvider",)
    assert capfd.readouterr().out == ""


def test_auto_takes_what_works_without_a_word(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = open_session("find", settings(models, provider="auto"), "detector")
    assert session.providers[0] == ("CPUExecutionProvider" if why_not("cuda") else "CUDAExecutionProvider")
    np.testing.assert_array_equal(session.run(PICTURE)["detections"], f32(ROWS))
    assert capfd.readouterr() == ("", "")


def test_device_buffers_give_what_a_plain_run_gives_and_are_kept(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the path of a GPU on the CPU's memory; only the device differs."""
    runner = ort.InferenceSession(models / "read.onnx", providers=["CPUExecutionProvider"])
    names = ["probabilities", "novelty"]
    buffers = DeviceBuffers(runner, "crops", names, "cpu")
    rng = np.random.default_rng(0)
    made: list[Any] = []
    bind = runner.io_binding

    def counted() -> Any:
        made.append(bind())
        return made[-1]

    monkeypatch.setattr(runner, "io_binding", counted)
    for count in (3, 3, 1, 3):
        crops = rng.integers(0, 256, (count, 48, 48, 3), dtype=np.uint8)
        before = crops.copy()
        for got, wanted in zip(buffers.run(crops), runner.run(names, {"crops": crops}), strict=True):
            np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(crops, before)
    assert len(made) == 2  # one for each number of crops
