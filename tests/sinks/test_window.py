"""The live window, on a real (virtual) display."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from signpipe.errors import OutputError
from signpipe.settings import OutputSettings
from signpipe.sinks import RunInfo, open_run_sinks
from tests.sinks.results import CATALOGUE

ROOT = Path(__file__).parents[2]

SHOW = """
    import sys, time, cv2
    from signpipe.settings import OutputSettings
    from signpipe.sinks import RunInfo, open_run_sinks
    from tests.sinks.results import CATALOGUE, frame_result, gap_result, picture

    with open_run_sinks(OutputSettings(window=True, status=False), RunInfo("drive.mp4"), CATALOGUE) as sinks:
        deadline = time.monotonic() + 20
        index = 0
        while not sinks.closed and time.monotonic() < deadline:
            sinks.write(gap_result() if index % 5 == 4 else frame_result(index, image=picture(640, 360)))
            if index == 10:
                print("shown", flush=True)
            index += 1
            time.sleep(0.05)
        failures = sinks.workers[0].failures
    print("closed" if sinks.closed else "open", failures, flush=True)
"""


@pytest.fixture
def display() -> Iterator[str]:
    """A virtual X display of its own."""
    if not shutil.which("Xvfb"):
        pytest.skip("needs Xvfb (Debian package xvfb)")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb didn't start"
        yield f":{number}"
        server.terminate()


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_key_in_the_window_ends_the_run(display: str, key: str) -> None:
    if not shutil.which("xdotool"):
        pytest.skip("needs xdotool to press a key")
    env = os.environ | {"DISPLAY": display}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SHOW)],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as shower:
        assert shower.stdout is not None
        assert shower.stdout.readline() == "shown\n"
        window = ["xdotool", "search", "--sync", "--name", "signpipe: drive.mp4", "windowfocus", "key", key]
        subprocess.run(window, env=env, check=True, timeout=20, capture_output=True)
        assert shower.stdout.readline() == "closed 0\n"
        assert shower.stderr is not None
        assert shower.stderr.read() == ""
        assert shower.wait(20) == 0


def test_without_a_display_a_window_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":12345")
    with pytest.raises(OutputError, match=r"No window can be opened: .*--out") as caught:
        open_run_sinks(OutputSettings(window=True, status=False), RunInfo("drive.mp4"), CATALOGUE)
    assert "\n" not in str(caught.value)
