"""A slow, stuck or failing sink reaches neither the pipeline nor the other sinks."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Iterator

import pytest

from signpipe.sinks.base import Sink
from signpipe.sinks.group import Sinks
from signpipe.sinks.worker import SinkWorker
from signpipe.types import Frame, FrameResult
from tests.sinks.results import frame_result


class Recorder:
    """Takes results once its gate is open, and remembers their frame numbers."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.taking = threading.Event()
        self.taken: list[int] = []
        self.threads: set[str] = set()
        self.closed = 0

    def write(self, result: FrameResult) -> None:
        self.taking.set()
        self.gate.wait()
        assert isinstance(result.frame, Frame)
        self.threads.add(threading.current_thread().name)
        self.taken.append(result.frame.index)

    def close(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.closed += 1


class FullDisk(Recorder):
    """Fails for some frames, as on a full disk."""

    def __init__(self, fails: range) -> None:
        super().__init__()
        self.fails = fails

    def write(self, result: FrameResult) -> None:
        assert isinstance(result.frame, Frame)
        if result.frame.index in self.fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(result)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    sink = Recorder()
    yield sink
    sink.gate.set()  # ends the thread of a test that failed


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_everything_arrives_in_order_and_in_one_other_thread(recorder: Recorder) -> None:
    worker = SinkWorker(recorder, "video", queue=2, patience=60)
    for index in range(50):
        worker.write(frame_result(index))
    worker.close()

    assert recorder.taken == list(range(50))
    assert recorder.threads == {"sink video"}
    assert (worker.dropped, worker.failures, recorder.closed) == (0, 0, 1)


def test_a_live_sink_that_lags_drops_the_oldest_and_counts(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.gate.clear()
    worker = SinkWorker(recorder, "video", queue=3, patience=0)
    worker.write(frame_result(0))
    assert recorder.taking.wait(10)  # 0 is with the sink, so that the queue is empty
    for index in range(1, 10):
        worker.write(frame_result(index))
    assert worker.dropped == 6
    recorder.gate.set()
    worker.close()

    assert recorder.taken == [0, 7, 8, 9]
    assert warnings(caplog) == [
        "The video can't keep up: some frames are left out of it.",
        "The video lacks 6 results.",
    ]


def test_a_slow_sink_of_a_recording_holds_the_writer_up_and_loses_nothing(recorder: Recorder) -> None:
    recorder.gate.clear()
    worker = SinkWorker(recorder, "video", queue=1, patience=60)
    worker.write(frame_result(0))
    assert recorder.taking.wait(10)
    worker.write(frame_result(1))
    writer = threading.Thread(target=worker.write, args=(frame_result(2),))
    writer.start()
    writer.join(0.1)
    assert writer.is_alive()  # it waits for a free place
    recorder.gate.set()
    writer.join(10)
    worker.close()

    assert recorder.taken == [0, 1, 2]
    assert worker.dropped == 0


def test_a_stuck_sink_of_a_recording_does_not_stop_the_run(recorder: Recorder) -> None:
    recorder.gate.clear()
    worker = SinkWorker(recorder, "video", queue=2, patience=0.05)
    for index in range(200):  # would take 10 s if the patience were lost on every frame
        worker.write(frame_result(index))
    assert worker.dropped in (197, 198)  # two wait, and one may be with the sink
    recorder.gate.set()
    worker.close()

    assert recorder.taken[-2:] == [198, 199]


def test_a_failing_sink_is_reported_once_counted_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    sink = FullDisk(fails=range(1, 4))
    worker = SinkWorker(sink, "list of detections", queue=8, patience=60)
    for index in range(6):
        worker.write(frame_result(index))
    worker.close()

    assert sink.taken == [0, 4, 5]
    assert worker.failures == 3
    assert warnings(caplog) == [
        "The list of detections can't be written: No space left on device. The run goes on without it.",
        "The list of detections lacks 3 results.",
    ]


def test_the_other_sinks_do_not_notice(recorder: Recorder) -> None:
    broken = FullDisk(fails=range(100))
    workers = [SinkWorker(sink, "video", 4, 60) for sink in (broken, recorder)]
    with Sinks(workers, threading.Event()) as sinks:
        for index in range(20):
            sinks.write(frame_result(index))

    assert recorder.taken == list(range(20))
    assert (broken.closed, recorder.closed) == (1, 1)


def test_sinks_are_finished_when_the_run_fails(recorder: Recorder) -> None:
    def run() -> None:
        with Sinks([SinkWorker(recorder, "video", 4, 60)], threading.Event()) as sinks:
            sinks.write(frame_result(0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()

    assert (recorder.taken, recorder.closed) == ([0], 1)


def test_closing_twice_is_harmless_and_writing_after_it_is_a_mistake(recorder: Recorder) -> None:
    worker = SinkWorker(recorder, "video", queue=2, patience=60)
    worker.close()
    worker.close()

    assert recorder.closed == 1
    with pytest.raises(ValueError, match="closed"):
        worker.write(frame_result(0))


def test_a_sink_that_never_finishes_is_left_behind(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.gate.clear()
    worker = SinkWorker(recorder, "video", queue=2, patience=60)
    worker.write(frame_result(0))
    worker.close(timeout=0.05)

    assert warnings(caplog) == ["The video doesn't finish within 0.05 s; it is left as it is."]


def test_what_a_window_misses_is_no_loss(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.gate.clear()
    worker = SinkWorker(recorder, "window", queue=1, patience=0, transient=True)
    for index in range(5):
        worker.write(frame_result(index))
    recorder.gate.set()
    worker.close()

    assert recorder.taken[-1] == 4
    assert warnings(caplog) == []


def test_a_recorder_is_a_sink(recorder: Recorder) -> None:
    sink: Sink = recorder
    sink.close()
    assert recorder.closed == 1
