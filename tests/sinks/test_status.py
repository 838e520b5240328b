"""The state of a run in the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from signpipe.sinks.base import RunInfo
from signpipe.sinks.status import StatusSink
from signpipe.types import AdvisoryStatus, Certainty
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track

RUN = RunInfo("rtsp://camera/front", live=True, providers=("CPUExecutionProvider",))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the status sees; a test sets its only element."""
    now = [100.0]
    monkeypatch.setattr("signpipe.sinks.status.time.monotonic", lambda: now[0])
    return now


def console(terminal: bool, width: int = 200, kind: str = "xterm") -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    environment = {"TERM": kind}
    return Console(file=text, force_terminal=terminal, width=width, color_system=None, _environ=environment), text


@pytest.mark.parametrize(("terminal", "kind"), [(False, "xterm"), (True, "dumb")])
def test_where_there_is_no_terminal_a_plain_line_comes_every_few_seconds(
    clock: list[float], terminal: bool, kind: str
) -> None:
    target, text = console(terminal, kind=kind)
    status = StatusSink(RUN, CATALOGUE, target)
    for index in range(241):
        clock[0] = 100.0 + index / 20
        status.write(frame_result(index))
    status.close()
    lines = text.getvalue().splitlines()

    assert len(lines) == 3  # at 0, 5 and 10 of 12 seconds
    assert lines[-1] == (
        "rtsp://camera/front  frame 200  20.0 frames/s  latency p50 42 ms, p95 42 ms (n=201)  dropped 3  CPU"
    )
    assert "\x1b" not in text.getvalue()


def test_old_frames_no_longer_count(clock: list[float]) -> None:
    target, text = console(terminal=False)
    status = StatusSink(RUN, CATALOGUE, target)
    status.write(frame_result(0))
    clock[0] += 60
    status.write(frame_result(1))
    status.close()

    assert "frames/s" not in text.getvalue()
    assert "n=1)" in text.getvalue().splitlines()[-1]


def test_a_terminal_shows_signs_and_advisories_but_never_a_guess(clock: list[float]) -> None:
    target, text = console(terminal=True)
    status = StatusSink(RUN, CATALOGUE, target)
    signs = [track(1), track(2, name="stop", certainty=Certainty.UNCERTAIN, category="end_of")]
    stale = advisory(status=AdvisoryStatus.STALE, age=312)
    status.write(frame_result(tracks=signs, advisories=[stale, advisory("stop", "stop ahead", None)]))
    clock[0] += 1
    status.write(gap_result())
    status.close()
    status.close()

    shown = text.getvalue()
    assert "#1 Speed limit 80 km/h  #2 end of sign" in shown
    assert "Stop" not in shown
    assert "limit 80 (last known, 312 s ago)  stop ahead" in shown
    assert "NO SIGNAL for 2.5 s (no frame for 2.5 s)" in shown


def test_a_terminal_is_updated_four_times_a_second(clock: list[float]) -> None:
    target, text = console(terminal=True)
    status = StatusSink(RUN, CATALOGUE, target)
    for index in range(101):
        clock[0] = 100.0 + index / 100
        status.write(frame_result(index))
    shown = text.getvalue()
    status.close()

    assert [n for n in range(101) if f"frame {n} " in shown] == [0, 25, 50, 75, 100]


def test_long_lines_are_cut_to_the_terminal(clock: list[float]) -> None:
    assert clock
    target, text = console(terminal=True, width=40)
    status = StatusSink(RUN, CATALOGUE, target)
    status.write(frame_result(tracks=[track(n) for n in range(1, 20)]))
    shown = text.getvalue()
    status.close()

    assert "…" in shown
    assert shown.count("\n") <= 3
