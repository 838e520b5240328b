"""Bad input ends in one clear sentence, exit code 2, and nothing already written is lost."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]
REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "samples" / "drive.mp4"
MODELS = REPOSITORY / "models"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a copy of the shipped models that a test may spoil."""
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield a port where connections are accepted and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_missing_file(signpipe: Run, tmp_path: Path) -> None:
    signpipe("run", tmp_path / "nothing.mp4").assert_one_sentence("nothing.mp4")


def test_unknown_preset(signpipe: Run) -> None:
    signpipe("run", SAMPLE, "--preset", "magic").assert_one_sentence("fast, accurate, world")


def test_empty_file(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    signpipe("run", tmp_path / "empty.mp4").assert_one_sentence("empty")


def test_file_that_is_no_video(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("This is a letter, and no video at all.\n" * 99)
    signpipe("run", tmp_path / "text.mp4").assert_one_sentence("text.mp4")


def test_video_cut_before_its_index(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(SAMPLE.read_bytes()[:20_000])
    signpipe("run", tmp_path / "cut.mp4").assert_one_sentence("cut.mp4")


def test_picture_that_is_none(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_text("no picture")
    signpipe("run", tmp_path / "picture.jpg").assert_one_sentence("picture.jpg")


def test_folder_without_pictures(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here")
    signpipe("run", tmp_path).assert_one_sentence("picture")


def test_glob_without_matches(signpipe: Run, tmp_path: Path) -> None:
    signpipe("run", tmp_path / "*.png").assert_one_sentence("*.png")


@pytest.mark.parametrize("camera", ["63", "/dev/video63"])
def test_unknown_camera(signpipe: Run, camera: str) -> None:
    signpipe("run", camera).assert_one_sentence("63")


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_refused_stream_keeps_its_password(signpipe: Run, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = signpipe("run", f"{scheme}://someone:geheim@127.0.0.1:{port}/road")
    outcome.assert_one_sentence("127.0.0.1")
    assert "geheim" not in outcome.out + outcome.err


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_silent_stream(signpipe: Run, silent_port: int, scheme: str) -> None:
    address = f"{scheme}://127.0.0.1:{silent_port}/road"
    signpipe("run", address, "--set", "capture.open_timeout=1").assert_one_sentence("127.0.0.1")


def test_missing_model(signpipe: Run) -> None:
    signpipe("run", SAMPLE, "--set", "detect.model=detector-nope").assert_one_sentence("detector-nope", "detector-fast")


def test_missing_model_file(signpipe: Run, models: Path) -> None:
    (models / "classifier.onnx").unlink()
    signpipe("run", SAMPLE, "--set", f"runtime.models={models}").assert_one_sentence("classifier.onnx")


def test_altered_model(signpipe: Run, models: Path) -> None:
    path = models / "classifier.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    signpipe("run", SAMPLE, "--set", f"runtime.models={models}").assert_one_sentence("classifier.onnx", "sha256")


def test_model_of_the_wrong_shape(signpipe: Run) -> None:
    classifier = MODELS / "classifier.onnx"
    signpipe("run", SAMPLE, "--set", f"detect.model={classifier}").assert_one_sentence("classifier.onnx")


def test_model_that_is_no_onnx(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("weights, honestly")
    signpipe("run", SAMPLE, "--set", f"detect.model={tmp_path / 'model.onnx'}").assert_one_sentence("model.onnx")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "detect.score=3"], "detect.score"),
        (["--set", "detect.scor=0.3"], "detect.scor"),
        (["--set", "nonsense"], "SECTION.NAME=VALUE"),
        (["--provider", "abacus"], "abacus"),
        (["--detections", "some"], "published or raw"),
    ],
)
def test_bad_setting(signpipe: Run, arguments: list[str], says: str) -> None:
    signpipe("run", SAMPLE, *arguments).assert_one_sentence(says)


def test_bad_toml(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[detect\n")
    signpipe("run", SAMPLE, "--config", tmp_path / "bad.toml").assert_one_sentence("bad.toml", "TOML")


def test_output_folder_that_is_a_file(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    signpipe("run", SAMPLE, "--out", tmp_path / "taken").assert_one_sentence("taken")


def test_output_that_nobody_may_write(signpipe: Run) -> None:
    # Even root can't make a file in /proc.
    signpipe("run", SAMPLE, "--jsonl", "/proc/detections.jsonl").assert_one_sentence("/proc")


def test_a_gpu_that_is_not_there(signpipe: Run) -> None:
    outcome = signpipe("run", SAMPLE, "--provider", "cuda", "--frames", 1, "--quiet")
    if outcome.code == 0:
        pytest.skip("this machine has a GPU")
    outcome.assert_one_sentence("allow-cpu")
    assert signpipe("run", SAMPLE, "--provider", "cuda", "--allow-cpu", "--frames", 1, "--quiet").code == 0


@pytest.mark.slow
def test_damage_in_the_middle_costs_frames_and_not_the_run(signpipe: Run, tmp_path: Path) -> None:
    content = bytearray(SAMPLE.read_bytes())
    start = content.find(b"mdat")
    for offset in range(start + 30_000, start + 60_000, 97):
        content[offset] ^= 0x55
    (tmp_path / "damaged.mp4").write_bytes(content)
    records = tmp_path / "records.jsonl"
    outcome = signpipe("run", tmp_path / "damaged.mp4", "--jsonl", records, "--frames", 60, "--quiet")
    assert outcome.code == 0, outcome.err
    assert len([line for line in records.read_text().splitlines() if json.loads(line)["type"] == "frame"]) == 60
