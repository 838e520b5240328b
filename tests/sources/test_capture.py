"""The capture stage: waiting, dropping, gaps, reconnecting, and ending without anything left behind."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.settings import BufferPolicy, CaptureSettings
from signpipe.sources import open_source
from signpipe.stages.capture import Capture
from signpipe.types import Frame, Gap
from signpipe.types.source import Source, SourceInfo
from tests.support.videos import number_of, write_video

FAST = CaptureSettings(open_timeout=1, stall_timeout=0.4, gap_after=0.15, reconnect_first=0.05, reconnect_longest=0.1)


class Script(Source):
    """A source that does what each step says: a number of frames, an error, an event to wait for, or None to end."""

    def __init__(self, *steps: int | Exception | threading.Event | None, live: bool = True, width: int = 8) -> None:
        self.info = SourceInfo("script", "script", live, width, 8)
        self.closed = False
        self._steps = self._play(steps)
        self.index = 0

    def _play(self, steps: tuple[int | Exception | threading.Event | None, ...]) -> Iterator[int]:
        for step in steps:
            if isinstance(step, int):
                yield from range(step)
            elif isinstance(step, threading.Event):
                step.wait(20)
            elif step is not None:
                raise step
            else:
                return

    def read(self) -> Frame | None:
        if next(self._steps, None) is None:
            return None
        image = np.zeros((8, self.info.width, 3), np.uint8)
        frame = Frame(image, self.index, time.monotonic(), self.index / 25, "script")
        self.index += 1
        return frame

    def close(self) -> None:
        self.closed = True


def opening(*sources: Source | Exception) -> Callable[[], Source]:
    """Return a function that opens one source after the other, or raises what stands in its place."""
    queue = iter(sources)

    def open_next() -> Source:
        source = next(queue, SourceError("There is nothing left."))
        if isinstance(source, Exception):
            raise source
        return source

    return open_next


class TestRecording:
    def test_every_frame_is_waited_for(self, tmp_path: Path) -> None:
        path = write_video(tmp_path / "a.mp4", frames=20)
        with Capture(partial(open_source, str(path), FAST), FAST) as capture:
            items = []
            for item in capture:
                time.sleep(0.01)
                items.append(item)
        frames = [item for item in items if isinstance(item, Frame)]
        assert [number_of(frame.image) for frame in frames] == list(range(20))
        assert [frame.media_time for frame in frames] == pytest.approx([number / 25 for number in range(20)])
        assert capture.dropped == 0
        assert len(items) == 20

    def test_no_more_is_read_ahead_than_the_buffer_holds(self) -> None:
        source = Script(100, live=False)
        settings = FAST.model_copy(update={"buffer": 3})
        with Capture(opening(source), settings) as capture:
            next(capture)
            time.sleep(0.1)
            assert source.index <= 1 + 3 + 1  # taken, buffered, in hand
        assert source.closed

    def test_a_recording_may_drop_too(self) -> None:
        settings = FAST.model_copy(update={"policy": BufferPolicy.DROP_OLDEST})
        with Capture(opening(Script(100, live=False)), settings) as capture:
            time.sleep(0.1)
            frames = [item for item in capture if isinstance(item, Frame)]
        assert frames[-1].index == 99
        assert len(frames) + capture.dropped == 100

    def test_a_rest_that_cannot_be_read_ends_it_with_a_warning(self) -> None:
        source = Script(5, SourceError("The rest of film can't be read: torn."), live=False)
        with Capture(opening(source), FAST) as capture:
            assert len(list(capture)) == 5
        assert ["torn" in text for text in capture.info.warnings] == [True]

    def test_a_bug_is_not_hidden(self) -> None:
        with Capture(opening(Script(2, ZeroDivisionError(), live=False)), FAST) as capture:
            next(capture)
            next(capture)
            with pytest.raises(ZeroDivisionError):
                next(capture)


class TestLive:
    def test_the_oldest_frame_gives_way_and_is_counted(self) -> None:
        done = threading.Event()
        with Capture(opening(Script(50, done)), FAST) as capture:
            time.sleep(0.1)
            frame = next(capture)
            assert isinstance(frame, Frame)
            assert frame.index == 49  # a dropped frame keeps its number
            assert capture.dropped == 49
            done.set()

    def test_waiting_can_be_asked_for(self) -> None:
        settings = FAST.model_copy(update={"policy": BufferPolicy.WAIT, "reconnect": False})
        with Capture(opening(Script(50)), settings) as capture:
            frames = [next(capture) for _ in range(50)]
        assert [frame.index for frame in frames if isinstance(frame, Frame)] == list(range(50))
        assert capture.dropped == 0

    def test_time_counts_from_the_first_frame(self) -> None:
        with Capture(opening(Script(1, threading.Event())), FAST) as capture:
            assert next(capture).media_time == 0

    def test_silence_is_a_growing_gap_on_the_same_clock(self) -> None:
        done = threading.Event()
        settings = FAST.model_copy(update={"stall_timeout": 10.0})
        with Capture(opening(Script(1, done, 1, threading.Event())), settings) as capture:
            first = next(capture)
            gaps = [next(capture) for _ in range(3)]
            done.set()
            last = next(capture)
        assert isinstance(first, Frame)
        assert all(isinstance(gap, Gap) for gap in gaps)
        durations = [gap.duration for gap in gaps if isinstance(gap, Gap)]
        assert durations == sorted(durations)
        assert durations[0] >= settings.gap_after
        assert isinstance(gaps[0], Gap)
        assert gaps[0].reason == f"no frame for {durations[0]:.1f} s"
        assert isinstance(last, Frame)
        times = [item.media_time for item in (first, *gaps, last)]
        assert all(after > before for before, after in pairwise(times))
        assert times[1] - times[0] == pytest.approx(durations[0], abs=0.1)
        assert capture.reconnects == 0

    def test_a_lost_source_comes_back_with_another_size(self) -> None:
        down = [SourceError("The camera is gone.")] * 3
        old, new = Script(4, SourceError("Cable pulled.")), Script(4, threading.Event(), width=16)
        settings = FAST.model_copy(update={"policy": BufferPolicy.WAIT})
        items: list[Frame | Gap] = []
        with Capture(opening(old, *down, new), settings) as capture:
            while sum(isinstance(item, Frame) for item in items) < 8:
                items.append(next(capture))
            assert capture.reconnects == 1
            assert capture.info.width == 16
        frames = [item for item in items if isinstance(item, Frame)]
        assert [frame.image.shape[1] for frame in frames] == [8] * 4 + [16] * 4
        assert [frame.index for frame in frames] == list(range(8))
        times = [item.media_time for item in items]
        assert times == sorted(times)

    def test_a_gap_says_why(self) -> None:
        settings = FAST.model_copy(update={"reconnect_first": 5.0, "reconnect_longest": 5.0})
        with Capture(opening(Script(1, SourceError("Cable pulled."))), settings) as capture:
            next(capture)
            gap = next(capture)
        assert isinstance(gap, Gap)
        assert gap.reason.endswith("s: Cable pulled")

    def test_a_read_that_hangs_is_abandoned_and_its_late_frame_is_never_seen(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        late, done = threading.Event(), threading.Event()
        hanging, fresh = Script(2, late, 5), Script(1, done, 1, threading.Event(), width=16)
        settings = FAST.model_copy(update={"policy": BufferPolicy.WAIT})
        with Capture(opening(hanging, fresh), settings) as capture:
            frames: list[Frame] = []
            while len(frames) < 3:
                item = next(capture)
                frames += [item] if isinstance(item, Frame) else []
            late.set()
            time.sleep(0.05)
            done.set()
            item = next(capture)
            frames += [item] if isinstance(item, Frame) else []
        assert [frame.image.shape[1] for frame in frames] == [8, 8, 16, 16]
        assert "script hangs: it gave nothing for 0.4 s." in caplog.text
        assert hanging.closed

    def test_it_gives_up_after_so_many_tries(self) -> None:
        settings = FAST.model_copy(update={"reconnect_attempts": 3})
        down = [SourceError(f"Down {number}.") for number in range(3)]
        with (
            Capture(opening(Script(1, SourceError("Cable pulled.")), *down), settings) as capture,
            pytest.raises(SourceError, match=r"Down 2\. Given up after 3 failed tries"),
        ):
            for _ in capture:
                pass

    def test_reconnecting_can_be_off(self) -> None:
        settings = FAST.model_copy(update={"reconnect": False})
        with (
            Capture(opening(Script(1, SourceError("Cable pulled."))), settings) as capture,
            pytest.raises(SourceError, match=r"Cable pulled\. Reconnecting is off"),
        ):
            for _ in capture:
                pass

    def test_the_wait_doubles_up_to_the_longest_with_jitter(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[float, float]] = []

        def no_luck(low: float, high: float) -> float:
            asked.append((low, high))
            return high

        monkeypatch.setattr("random.uniform", no_luck)
        settings = FAST.model_copy(
            update={"reconnect_first": 0.02, "reconnect_longest": 0.1, "reconnect_attempts": 6, "gap_after": 0.01}
        )
        opener = opening(Script(1, SourceError("Cable pulled.")))
        with Capture(opener, settings) as capture, pytest.raises(SourceError):
            list(capture)
        told = [record.args[1] for record in caplog.records if isinstance(record.args, tuple) and len(record.args) == 2]
        assert told == pytest.approx([0.02, 0.04, 0.08, 0.1, 0.1, 0.1])
        assert set(asked) == {(0.5, 1.0)}


class TestOpening:
    def test_a_first_failure_is_told_at_once(self) -> None:
        opener = opening(SourceError("There is no camera 7."), Script(5))
        with pytest.raises(SourceError, match=r"There is no camera 7\."), Capture(opener, FAST):
            pass

    def test_a_source_that_never_opens_is_given_up(self) -> None:
        done = threading.Event()

        def hang() -> Source:
            done.wait(20)
            return Script(1)

        settings = FAST.model_copy(update={"open_timeout": 0.1, "stall_timeout": 0.1})
        with pytest.raises(SourceError, match=r"didn't open within 1\.2 s"), Capture(hang, settings):
            pass
        done.set()


class TestEnding:
    def test_closing_frees_the_source_and_ends_its_thread(self) -> None:
        before = set(threading.enumerate())
        source = Script(1000, live=False)
        with Capture(opening(source), FAST) as capture:
            next(capture)
        assert source.closed
        assert set(threading.enumerate()) <= before
        assert list(capture) == []

    def test_another_thread_may_close_it(self) -> None:
        hanging = threading.Event()
        settings = FAST.model_copy(update={"gap_after": 60.0, "stall_timeout": 60.0})
        with Capture(opening(Script(1, hanging)), settings) as capture:
            next(capture)
            threading.Timer(0.1, capture.close).start()
            assert list(capture) == []
        hanging.set()

    def test_an_interrupt_ends_a_program_whose_source_hangs(self, tmp_path: Path) -> None:
        script = tmp_path / "program.py"
        script.write_text(
            "import time, numpy as np\n"
            "from signpipe.settings import CaptureSettings\n"
            "from signpipe.types.source import SourceInfo\n"
            "from signpipe.stages.capture import Capture\n"
            "class Hangs:\n"
            "    info = SourceInfo('hangs', 'script', True, 8, 8)\n"
            "    def read(self): time.sleep(600)\n"
            "    def close(self): pass\n"
            "with Capture(Hangs, CaptureSettings(stall_timeout=100)) as capture:\n"
            "    for item in capture: print('gap', flush=True)\n"
        )
        program = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert program.stdout is not None
        assert program.stdout.readline() == "gap\n"
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=30)
        assert program.returncode == -signal.SIGINT
        assert "KeyboardInterrupt" in errors
