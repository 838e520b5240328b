"""What each scenario measures, on a short recording that plays over and over."""

import time
from pathlib import Path

import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.lab.bench.scenarios import Plan, ages_ms, live, single, soak, throughput
from signpipe.settings import Settings
from signpipe.sources import open_source
from signpipe.sources.paced import PacedSource


def test_single_measures_every_frame_in_every_stage(recording: Path) -> None:
    seen: list[int] = []
    metrics = single(Plan(str(recording), frames=40), Settings(), seen.append)
    assert metrics["frames"] == metrics["latency_ms"]["n"] == sum(seen) == 40
    assert {"p50", "p90"} <= metrics["latency_ms"].keys()
    assert "p99" not in metrics["latency_ms"]  # 40 frames can't support it
    stages = metrics["stages_ms"]
    assert all(stages[stage]["n"] == 40 for stage in ("wait", "preprocess", "detect", "classify", "track", "decide"))
    assert metrics["fps"] == pytest.approx(40 / metrics["seconds"], rel=0.01)
    assert metrics["overhead_ratio"] > 1
    assert metrics["cpu_seconds_per_frame"] > 0


@pytest.mark.slow
def test_a_fast_camera_makes_live_drop_frames_and_a_slow_one_doesnt(recording: Path) -> None:
    fast = live(Plan(str(recording), frames=30, rate=1000), Settings(), lambda _: None)
    assert fast["dropped"] > 0
    slow = live(Plan(str(recording), frames=8, rate=5), Settings(), lambda _: None)
    assert slow["dropped"] == 0
    assert slow["fps"] == pytest.approx(5, rel=0.2)
    # What is known is on average half an interval older than when it came, and a whole one just before the next.
    assert slow["age_ms"]["max"] > slow["latency_ms"]["p50"] + 100
    # Waiting for the camera is no overhead.
    assert slow["overhead_ratio"] < 3


def test_throughput_counts_all_sources(recording: Path) -> None:
    metrics = throughput(Plan(str(recording), frames=12, sources=2), Settings(), lambda _: None)
    assert metrics["frames"] == 24
    assert metrics["sources"] == 2
    assert metrics["threads_per_source"] >= 1


def test_soak_tells_early_from_late(recording: Path) -> None:
    metrics = soak(Plan(str(recording), frames=60), Settings(), lambda _: None)
    drift = metrics["drift"]
    assert drift["latency_ms"]["early"] > 0
    assert drift["threads"]["ratio"] == 1
    assert not metrics["stages_ms"]  # its own samples mustn't make memory grow


def test_soak_ends_by_the_clock(recording: Path) -> None:
    metrics = soak(Plan(str(recording), frames=10**9, seconds=0.3), Settings(), lambda _: None)
    assert 0 < metrics["frames"] < 10**6
    assert "threads" in metrics["drift"]


def test_missing_source() -> None:
    with pytest.raises(SourceError, match=r"nothing\.mp4"):
        single(Plan("nothing.mp4", frames=2), Settings(), lambda _: None)


def test_paced_source_keeps_its_rate_and_stamps_the_moment_of_capture(recording: Path) -> None:
    with PacedSource(open_source(str(recording)), rate=100) as source:
        assert not source.info.live  # it ends, and isn't opened again
        frames = [source.read() for _ in range(6)]
        stamps = np.array([frame.captured_at for frame in frames if frame is not None])
        assert len(stamps) == 6
        assert np.diff(stamps).min() >= 0.01 - 1e-6
        assert 0 <= time.monotonic() - stamps[-1] < 5


def test_age_grows_until_the_next_result() -> None:
    # Captured at 0 and 1 s, known 0.1 s later: at 0.1 s what is known is 100 ms old, just before 1.1 s it is 1100 ms.
    ages = ages_ms(np.array([0.0, 1.0]), np.array([0.1, 1.1]))
    assert ages[0] == pytest.approx(100)
    assert ages[-1] == pytest.approx(1090)
    assert len(ages) == 100
    assert not len(ages_ms(np.zeros(0), np.zeros(0)))
