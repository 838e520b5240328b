"""Which sinks a run gets, all of them together on real files."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import av
import pytest

from signpipe.errors import OutputError
from signpipe.settings import OutputSettings, Settings
from signpipe.sinks import RunInfo, open_run_sinks, open_sinks
from signpipe.sinks.base import settings_digest
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track

RUN = RunInfo("drive.mp4", width=320, height=240, fps=25.0)


def test_a_folder_gets_the_video_the_records_and_the_events(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with open_run_sinks(OutputSettings(folder=out, status=False), RUN, CATALOGUE) as sinks:
        for index in range(30):
            sinks.write(frame_result(index, tracks=[track()], events=[advisory()] if index == 4 else []))
        sinks.write(gap_result())
        assert not sinks.closed

    assert sorted(p.name for p in out.iterdir()) == ["annotated.mp4", "detections.jsonl", "events.jsonl"]
    with av.open(str(out / "annotated.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 30
    records = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]
    assert [r["type"] for r in records] == ["run", *["frame"] * 30, "gap", "end"]
    assert len((out / "events.jsonl").read_text().splitlines()) == 1
    assert [(w.dropped, w.failures) for w in sinks.workers] == [(0, 0)] * 3


def test_nothing_is_written_that_was_not_asked_for(tmp_path: Path) -> None:
    with open_run_sinks(OutputSettings(jsonl=tmp_path / "a.jsonl", status=False), RUN, CATALOGUE) as sinks:
        sinks.write(frame_result())
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]
    assert open_run_sinks(OutputSettings(status=False), RUN, CATALOGUE).workers == []


def test_the_status_can_be_had_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with open_run_sinks(OutputSettings(status=True), RUN, CATALOGUE) as sinks:
        sinks.write(frame_result())
    out, err = capfd.readouterr()

    assert out == ""  # standard output is left to what the run prints at its end
    assert "drive.mp4  frame 0" in err


def test_two_outputs_in_one_file_are_refused(tmp_path: Path) -> None:
    settings = OutputSettings(jsonl=tmp_path / "a", events=tmp_path / "b" / ".." / "a", status=False)
    with pytest.raises(OutputError, match="a name of its own"):
        open_run_sinks(settings, RUN, CATALOGUE)


def test_if_one_output_cannot_be_opened_no_thread_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = threading.active_count()
    settings = OutputSettings(jsonl=tmp_path / "a.jsonl", video=tmp_path / "file" / "a.mp4", status=False)
    with pytest.raises(OutputError, match="video can't be written"):
        open_run_sinks(settings, RUN, CATALOGUE)

    assert threading.active_count() == before


def test_a_live_run_never_waits_for_its_sinks(tmp_path: Path) -> None:
    live = RunInfo("camera 0", live=True, width=1920, height=1080)
    settings = OutputSettings(video=tmp_path / "a.mp4", status=False, queue=2)
    with open_run_sinks(settings, live, CATALOGUE) as sinks:
        for index in range(40):
            sinks.write(frame_result(index))
        (worker,) = sinks.workers

    with av.open(str(tmp_path / "a.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 40 - worker.dropped


def test_the_digest_of_the_settings_tells_runs_apart_but_not_by_their_outputs(tmp_path: Path) -> None:
    elsewhere = Settings(output=OutputSettings(folder=tmp_path))
    changed = Settings()
    changed.detect.score = 0.5

    assert settings_digest(Settings()) == settings_digest(elsewhere)
    assert settings_digest(Settings()) != settings_digest(changed)


class Own:
    """A sink of one's own, which counts, and raises or dawdles."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.seconds, self.error = seconds, error
        self.seen: list[object] = []
        self.closed = 0

    def write(self, result: object) -> None:
        self.seen.append(result)
        time.sleep(self.seconds)
        if self.error:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def test_sinks_of_ones_own_get_everything_and_are_closed() -> None:
    own = [Own(), Own()]
    results = [frame_result(index) for index in range(20)]
    with open_sinks(Settings(), RUN, CATALOGUE, extra=own) as sinks:
        for result in results:
            sinks.write(result)
    assert [(sink.seen, sink.closed) for sink in own] == [(results, 1)] * 2


def test_a_sink_of_ones_own_can_neither_stall_a_live_run_nor_end_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow, faulty = Own(seconds=0.5), Own(error=KeyError("own"))
    live = RunInfo("camera 0", live=True, width=320, height=240, fps=25.0)
    settings = Settings(output=OutputSettings(jsonl=tmp_path / "a.jsonl", queue=2))
    with open_sinks(settings, live, CATALOGUE, extra=[slow, faulty]) as sinks:
        for index in range(5):
            started = time.monotonic()
            sinks.write(frame_result(index))
            assert time.monotonic() - started < 0.3
            time.sleep(0.02)
    assert len(slow.seen) < 5 == len(faulty.seen)
    assert sum("The run goes on without it" in record.message for record in caplog.records) == 1
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == 7


@pytest.mark.parametrize("wrong", [print, Own, object(), "a.jsonl"])
def test_what_is_no_sink_is_one_sentence(wrong: Any) -> None:
    with pytest.raises(OutputError, match="is no sink"):
        open_sinks(Settings(), RUN, CATALOGUE, extra=[wrong])
