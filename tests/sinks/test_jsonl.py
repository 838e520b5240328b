"""The JSONL files: what they say, and that they can always be read."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import signpipe.sinks
from signpipe.errors import OutputError
from signpipe.opinion import Opinion, Range
from signpipe.sinks.base import RunInfo
from signpipe.sinks.events import EventsSink
from signpipe.sinks.jsonl import JsonlSink, result_record
from signpipe.sinks.lines import LineFile
from signpipe.types import (
    AdvisoryStatus,
    Certainty,
    Classifications,
    Detections,
    FiguresRead,
    Frame,
    FrameResult,
    Pose,
    TrackState,
)
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track
from tests.support.limits import file_size_limit, mounted_disk

RUN = RunInfo("drive.mp4", width=320, height=240, fps=25.0, models={"detector-fast": "ab" * 32, "own": None})
SCHEMA = json.loads(Path(signpipe.sinks.__file__).with_name("detections.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def read(path: Path) -> list[dict[str, Any]]:
    """Parse every line strictly: NaN and Infinity are no JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    records = [json.loads(line, parse_constant=refuse) for line in path.read_text(encoding="utf-8").splitlines()]
    for record in records:
        VALIDATOR.validate(record)
    return records


def write(path: Path, *results: FrameResult) -> list[dict[str, Any]]:
    sink = JsonlSink(path, RUN, CATALOGUE)
    for result in results:
        sink.write(result)
    sink.close()
    sink.close()
    return read(path)


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_file_has_a_run_record_one_record_a_result_and_an_end(tmp_path: Path) -> None:
    run, first, gap, second, end = write(tmp_path / "a.jsonl", frame_result(0), gap_result(), frame_result(7))

    assert [r["type"] for r in (run, first, gap, second, end)] == ["run", "frame", "gap", "frame", "end"]
    assert run["source"] == "drive.mp4"
    assert run["models"] == {"detector-fast": "ab" * 32, "own": None}
    assert run["classes"] == list(CATALOGUE.names)
    assert (second["index"], second["media_time"]) == (7, 0.28)
    assert (second["width"], second["height"]) == (320, 240)
    assert (gap["duration"], gap["reason"]) == (2.5, "no frame for 2.5 s")
    assert gap["tracks"][0]["state"] == "coasting"
    assert (end["frames"], end["gaps"], end["dropped"]) == (2, 1, 3)


def test_a_detection_carries_the_single_frame_class_and_its_track(tmp_path: Path) -> None:
    seen = track(track_id=4, xyxy=(10.123, 20.456, 40.5, 50.25), certainty=Certainty.UNCERTAIN, category="prohibitory")
    (detection,) = write(tmp_path / "a.jsonl", frame_result(tracks=[seen]))[1]["detections"]

    assert detection["xyxy"] == [10.12, 20.46, 40.5, 50.25]
    assert (detection["class_id"], detection["class_name"]) == (5, "speed_limit_80")
    assert detection["probability"] == pytest.approx(0.97, abs=1e-3)
    assert (detection["track_id"], detection["state"]) == (4, "confirmed")


def test_a_detection_without_track_or_class_says_null(tmp_path: Path) -> None:
    result = frame_result()
    result.detections = Detections(np.array([[1, 2, 3, 4]], np.float32), np.array([0.5], np.float32))
    result.track_ids = [-1]
    (detection,) = write(tmp_path / "a.jsonl", result)[1]["detections"]

    assert detection["score"] == 0.5
    assert [detection[k] for k in ("class_id", "class_name", "probability", "track_id", "state")] == [None] * 5


@pytest.mark.parametrize("certainty", list(Certainty))
def test_a_track_names_its_class_only_if_the_verdict_is_sure(tmp_path: Path, certainty: Certainty) -> None:
    sign = track(certainty=certainty, category=None if certainty is Certainty.UNKNOWN else "prohibitory")
    (record,) = write(tmp_path / "a.jsonl", frame_result(tracks=[sign]))[1]["tracks"]

    sure = certainty in (Certainty.CONFIRMED, Certainty.CORROBORATED)
    assert record["class_name"] == ("speed_limit_80" if sure else None)
    assert (record["class_id"] is not None) is sure
    assert (record["probability"] is not None) is sure
    assert record["best_class_name"] == "speed_limit_80"
    assert record["category"] == (None if certainty is Certainty.UNKNOWN else "prohibitory")


def test_what_other_sources_say_and_where_the_car_is_are_on_record() -> None:
    one = track(certainty=Certainty.CORROBORATED)
    log = np.zeros(len(CATALOGUE), np.float32)
    eighty = CATALOGUE.by_name("speed_limit_80").id
    far = Range(12.03457, 0.06, 1.25)
    opinions = (Opinion("vision", one.evidence, "80 at 0.6"), Opinion("map", log, "80 at 12 m", eighty, range=far))
    conflict = "the lidar says otherwise"
    one.figures = FiguresRead("7.5t", "t", 0.98761, 0.01, 3)
    one.verdict = replace(one.verdict, opinions=opinions, witnesses=("vision", "map"), conflict=conflict)
    result = frame_result(tracks=[one])
    assert isinstance(result.frame, Frame)
    result.frame.pose = Pose(50.1, 9.2, 181.24, None, 2.5, 1767268800.25)
    record = result_record(result, CATALOGUE)
    VALIDATOR.validate(record)
    assert record["pose"] == {
        "latitude": 50.1, "longitude": 9.2, "heading": 181.2, "speed": None, "sigma": 2.5, "utc": 1767268800.25,
    }  # fmt: skip
    (written,) = record["tracks"]
    assert (written["source"], written["conflict"]) == ("vision+map", "the lidar says otherwise")
    assert written["figures"] == {"text": "7.5t", "unit": "t", "probability": 0.9876, "struck": 0.01, "looks": 3}
    opinion = {"source": "map", "class_name": "speed_limit_80", "impossible": False, "text": "80 at 12 m"}
    opinion["range"] = {"depth": 12.035, "sigma": 0.06, "media_time": 1.25}
    assert written["opinions"] == [opinion]


def test_the_schema_refuses_a_class_name_under_an_uncertain_verdict() -> None:
    record = result_record(frame_result(tracks=[track(certainty=Certainty.UNCERTAIN)]), CATALOGUE)
    VALIDATOR.validate(record)
    record["tracks"][0] |= {"class_id": 5, "class_name": "speed_limit_80"}

    assert not VALIDATOR.is_valid(record)


def test_an_advisory_is_written_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    stale = replace(advisory(status=AdvisoryStatus.STALE), expires_in=-3.21, conflict="map says 70")
    category = advisory("unknown:danger", "unknown danger sign", None, class_id=None)
    first, second = write(tmp_path / "a.jsonl", frame_result(advisories=[stale, category]))[1]["advisories"]

    assert (first["value"], first["status"], first["expires_in"]) == (80, "stale", -3.21)
    assert (first["class_name"], first["conflict"]) == ("speed_limit_80", "map says 70")
    assert (second["value"], second["class_id"], second["class_name"]) == (None, None, None)


def test_further_candidates_follow_the_detections(tmp_path: Path) -> None:
    asked = frame_result()
    count = len(asked.detections)
    asked.other_detections = Detections(np.array([[1, 2, 3.333, 4]], np.float32), np.array([0.0123], np.float32))
    probability = np.full((1, len(CATALOGUE)), 0.01, np.float32)
    probability[0, 7] = 0.58
    asked.other_classifications = Classifications(probability, np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    _, with_others, without, _ = write(tmp_path / "a.jsonl", asked, frame_result(1))

    other = with_others["detections"][count]
    assert (other["xyxy"], other["score"]) == ([1.0, 2.0, 3.33, 4.0], 0.0123)
    assert (other["class_id"], other["probability"], other["track_id"], other["state"]) == (7, 0.58, None, None)
    assert len(without["detections"]) == count


anything = st.floats(width=32)


@given(
    box=st.tuples(anything, anything, anything, anything),
    score=anything,
    probability=st.lists(anything, min_size=43, max_size=43),
    media_time=st.floats(allow_nan=False, allow_infinity=False),  # a frame takes no other
    timing=st.floats(),
    reason=st.text(),
    state=st.sampled_from(TrackState),
    certainty=st.sampled_from(Certainty),
)
def test_whatever_the_numbers_are_the_line_is_strict_json(
    box: tuple[float, float, float, float],
    score: float,
    probability: list[float],
    media_time: float,
    timing: float,
    reason: str,
    state: TrackState,
    certainty: Certainty,
) -> None:
    sign = track(xyxy=box, state=state, certainty=certainty)
    sign.probability = np.array(probability, np.float32)
    sign.verdict = replace(sign.verdict, reason=reason.encode("utf-8", "replace").decode())
    result = frame_result(media_time=media_time, tracks=[sign])
    result.detections.score[:] = score
    result.timings_ms = {"total": timing}

    line = json.dumps(result_record(result, CATALOGUE), allow_nan=False)
    record = json.loads(line)

    written = record["tracks"][0]["xyxy"]
    for value, number in zip(box, written, strict=True):
        if math.isfinite(value):
            assert number == pytest.approx(value, abs=0.0051, rel=1e-6)
        else:
            assert number is None
    assert record["tracks"][0]["reason"] == sign.verdict.reason


def test_numpy_integers_are_written_as_numbers(tmp_path: Path) -> None:
    result = frame_result(tracks=[track()])
    result.rejected = {"size": np.int64(4)}  # type: ignore[dict-item]
    result.tracks[0].detection = np.int32(0)  # type: ignore[assignment]

    record = write(tmp_path / "a.jsonl", result)[1]
    assert record["rejected"] == {"size": 4}
    assert record["tracks"][0]["detection"] == 0


def test_each_line_can_be_read_before_the_file_is_closed(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "a.jsonl", RUN, CATALOGUE)
    for index in range(3):
        sink.write(frame_result(index))
        assert [r.get("index") for r in read(tmp_path / "a.jsonl")] == [None, *range(index + 1)]
    sink.close()


def test_a_full_disk_leaves_whole_lines_and_writing_goes_on_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    sink = JsonlSink(path, RUN, CATALOGUE)
    sink.write(frame_result(0, tracks=[track()]))
    with file_size_limit(path.stat().st_size + 100):
        for index in (1, 2):
            with pytest.raises(OSError, match="File too large"):
                sink.write(frame_result(index, tracks=[track()]))
        assert [r["type"] for r in read(path)] == ["run", "frame"]
    sink.write(frame_result(3))
    sink.close()

    assert [r.get("index") for r in read(path)] == [None, 0, 3, None]
    assert read(path)[-1]["frames"] == 2


def test_on_a_pipe_a_torn_line_stays_one_line(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    lines = LineFile(pipe, "list of detections", "drive.mp4")
    ends = (int(end) for end in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{end}") == str(pipe))  # noqa: PTH208
    (writer,) = set(ends) - {reader}
    os.set_blocking(writer, False)  # so that a full pipe refuses the rest of a line
    with pytest.raises(BlockingIOError):
        lines.write({"text": "x" * 1_000_000})
    assert len(os.read(reader, 1_000_000)) > 0
    lines.write({"text": "after"})
    received = os.read(reader, 1_000_000)
    lines.close()
    os.close(reader)

    assert json.loads(received.splitlines()[-1]) == {"text": "after"}


@pytest.mark.parametrize("bad", ["folder", "below a file", "in /proc"])
def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path, bad: str) -> None:
    (tmp_path / "file").touch()
    path = {"folder": tmp_path, "below a file": tmp_path / "file" / "a.jsonl", "in /proc": Path("/proc/none/a.jsonl")}
    with pytest.raises(OutputError, match=r"can't be written to .*; choose") as caught:
        JsonlSink(path[bad], RUN, CATALOGUE)
    assert "\n" not in str(caught.value)


def test_a_disk_that_is_full_from_the_start_is_refused_at_once() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        JsonlSink(Path("/dev/full"), RUN, CATALOGUE)


@pytest.mark.system
def test_a_read_only_file_system_is_refused(tmp_path: Path) -> None:
    with mounted_disk(tmp_path, "ro,size=64k"), pytest.raises(OutputError, match="Read-only file system"):
        JsonlSink(tmp_path / "out" / "a.jsonl", RUN, CATALOGUE)


def test_missing_folders_are_created(tmp_path: Path) -> None:
    assert len(write(tmp_path / "deep" / "er" / "a.jsonl", frame_result())) == 3


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "drive.mp4"
    source.write_bytes(b"precious")
    with pytest.raises(OutputError, match="overwrite its own source"):
        JsonlSink(source, replace(RUN, source=str(source)), CATALOGUE)
    assert source.read_bytes() == b"precious"


def test_the_events_file_has_one_record_an_event_and_nothing_else(tmp_path: Path) -> None:
    sink = EventsSink(tmp_path / "events.jsonl", RUN, CATALOGUE)
    ended = advisory(status=AdvisoryStatus.ENDED)
    sink.write(frame_result(0))
    sink.write(frame_result(5, events=[advisory(), advisory("stop", "stop ahead", None, class_id=14)]))
    gap = gap_result()
    gap.events = [ended]
    sink.write(gap)
    sink.close()
    sink.close()

    records = read(tmp_path / "events.jsonl")
    assert [r["type"] for r in records] == ["event"] * 3
    assert [(r["index"], r["topic"], r["status"]) for r in records] == [
        (5, "speed_limit", "active"),
        (5, "stop", "active"),
        (None, "speed_limit", "ended"),
    ]
