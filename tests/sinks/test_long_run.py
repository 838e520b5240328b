"""Nothing that a sink, the capture or the sensors hold grows with the length of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console

from signpipe.settings import CaptureSettings, ReviewSettings, load_settings
from signpipe.sinks import RunInfo, Sink, summary
from signpipe.sinks.events import EventsSink
from signpipe.sinks.jsonl import JsonlSink
from signpipe.sinks.review import ReviewSink
from signpipe.sinks.status import StatusSink
from signpipe.sinks.summary import Summary
from signpipe.sources import Sensors, open_source
from signpipe.stages.capture import Capture
from signpipe.types import Certainty, Frame, FrameResult, Image
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track
from tests.support.weight import weight

FRAMES = 100_000
FPS = 25.0
RUN = RunInfo("drive.mp4", width=160, height=120, fps=FPS)
SAMPLES = Path(__file__).parents[2] / "samples"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def drive(signs_every: int) -> Iterator[FrameResult]:
    """Yield results in which an unsure sign, each time another one, is seen in four frames, and an advisory changes."""
    scene = np.asarray(
        cv2.resize(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8), (160, 120)), np.uint8
    )
    nothing = np.zeros((8, 8, 3), np.uint8)
    for number in range(FRAMES):
        sign, phase = divmod(number, signs_every)
        if number % 1000 == 999:
            yield gap_result(number / FPS)
        elif phase < 4:
            box = (40.0, 30.0, 80.0 + phase, 70.0 + phase)
            one = track(sign + 1, box, probability=0.5, certainty=Certainty.UNCERTAIN, category="prohibitory")
            one.detection = 0
            result = frame_result(
                number, image=scene, tracks=[one], advisories=[advisory()], events=[advisory(message=f"sign {sign}")]
            )
            embedding = np.random.default_rng(sign).normal(size=64).astype(np.float32)
            result.classifications.embedding = embedding[None] / np.linalg.norm(embedding)
            yield result
        else:
            yield frame_result(number, image=nothing, advisories=[advisory()])


def assert_flat(held: Any, take: Callable[[Any], object], items: Iterator[Any], count: int = FRAMES) -> None:
    """Check that what is held after a tenth of the items is as much as is ever held."""
    largest, taken = {"early": 0, "late": 0}, 0
    for taken, item in enumerate(items, start=1):
        take(item)
        if taken % 97 == 0:
            part = "early" if taken < count / 10 else "late"
            largest[part] = max(largest[part], weight(held, set()))
    assert taken == count
    assert 0 < largest["late"] <= 1.2 * largest["early"]


@pytest.mark.parametrize("kind", [JsonlSink, EventsSink])
def test_files(kind: Callable[..., Sink], tmp_path: Path) -> None:
    sink = kind(tmp_path / "out.jsonl", RUN, CATALOGUE)
    assert_flat(sink, sink.write, drive(100))
    sink.close()


def test_status(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("signpipe.sinks.status.time.monotonic", lambda: now)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        sink = StatusSink(RUN, CATALOGUE, Console(file=nowhere))

        def write(result: FrameResult) -> None:
            nonlocal now
            now += 1 / FPS
            sink.write(result)

        assert_flat(sink, write, drive(100))
        sink.close()


def test_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each is an order below what is passed on the way, as the real ones are for a run without end.
    monkeypatch.setattr(summary, "SIGNS_KEPT", 100)
    monkeypatch.setattr(summary, "LATENCIES_KEPT", 1000)
    counted = Summary()

    def add(result: FrameResult) -> None:
        result.timings_ms["models"] = 20.0
        counted.add(result)

    assert_flat(counted, add, drive(50))
    assert counted.total == FRAMES / 50
    assert len(counted.signs) == 100


def test_review_queue(tmp_path: Path) -> None:
    sink = ReviewSink(ReviewSettings(folder=tmp_path / "queue", megabytes=1), 0.6, RUN, CATALOGUE, "ab" * 32)
    assert_flat(sink, sink.write, drive(50))
    sink.close()
    assert 10 < len(list((tmp_path / "queue").iterdir())) < FRAMES / 50 / 10  # full within a tenth of the run


def test_capture() -> None:
    def pictures() -> Iterator[Image]:
        picture = np.zeros((16, 16, 3), np.uint8)
        for _ in range(FRAMES):
            yield picture

    settings = CaptureSettings()
    with Capture(lambda: open_source(pictures(), settings), settings) as capture:
        assert_flat(capture, repr, iter(capture))


def test_sensors(tmp_path: Path) -> None:
    for index in range(3):
        np.save(tmp_path / f"{index}.npy", np.ones((10, 4), np.float32))
    rows = {
        "P2": "700 0 600 0 0 710 180 0 0 0 1 0",
        "R0_rect": "1 0 0 0 1 0 0 0 1",
        "Tr_velo_to_cam": "0 -1 0 0 0 0 -1 0 1 0 0 0",
    }
    calibration = tmp_path / "calib.txt"
    calibration.write_text("".join(f"{name}: {row}\n" for name, row in rows.items()))
    lidar = {"lidar.sweeps": tmp_path, "lidar.calibration": calibration}
    settings = load_settings(None, {"position.source": str(SAMPLES / "drive.gpx")} | lidar)
    picture = np.zeros((8, 8, 3), np.uint8)
    with Sensors(settings) as sensors:
        frames = (Frame(picture, index, media_time=index % 1000 / FPS) for index in range(FRAMES))
        assert_flat(sensors, sensors.sense, frames)
