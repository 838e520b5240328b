"""On a CPU whose int8 kernels overflow, models say what they say elsewhere; on others nothing is given up for that."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from signpipe.runtime.providers import OVERFLOW, int8_overflows

SAMPLE = Path(__file__).parents[2] / "samples" / "drive.mp4"
WITH_SIGNS = 124  # one of its pictures

FIND = """
import json
import sys
import numpy as np
from signpipe.runtime.providers import int8_overflows
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings

told = open_session("detector-fast", RuntimeSettings(provider="cpu", threads=1), "detector").run(np.load(sys.argv[1]))
print(json.dumps({"overflows": int8_overflows(), "rows": told["detections"][0, :3].tolist()}))
"""


def test_the_graph_that_is_asked_is_valid_and_multiplies() -> None:
    onnx.checker.check_model(onnx.load(str(OVERFLOW)), full_check=True)
    session = ort.InferenceSession(str(OVERFLOW), providers=["CPUExecutionProvider"])
    (sums,) = session.run(None, {"x": np.ones((8, 64), np.uint8)})
    assert np.unique(sums).tolist() == [64 * 127]


def test_kernels_with_vnni_keep_their_weights() -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or "vnni" not in flags.read_text(encoding="utf-8"):
        pytest.skip("this CPU has no VNNI, or doesn't tell")
    assert not int8_overflows()


@pytest.mark.slow
def test_a_cpu_without_vnni_says_the_same(tmp_path: Path) -> None:
    emulator = shutil.which("qemu-x86_64")
    if emulator is None or platform.machine() != "x86_64":
        pytest.skip("no qemu-x86_64 (Debian: qemu-user) to be a CPU without VNNI")
    video = cv2.VideoCapture(str(SAMPLE))
    video.set(cv2.CAP_PROP_POS_FRAMES, WITH_SIGNS)
    picture = np.asarray(video.read()[1], np.uint8)
    np.save(tmp_path / "picture.npy", picture[None, 200:520, 640:])
    here, without = (
        json.loads(
            subprocess.run(
                [*by, sys.executable, "-c", FIND, str(tmp_path / "picture.npy")],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for by in ((), (emulator, "-cpu", "Haswell"))
    )
    assert without["overflows"]
    assert here["rows"][0][4] > 0.9  # it does find signs
    np.testing.assert_allclose(without["rows"], here["rows"], atol=0.01)
