"""MCAP recordings, read back by the mcap reader and decoded by the schemas that they carry."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Message
from mcap.stream_reader import StreamReader
from mcap_protobuf.decoder import DecoderFactory
from mcap_ros2.decoder import DecoderFactory as Ros2DecoderFactory

from signpipe.errors import ExtraMissingError, OutputError
from signpipe.settings import CameraSettings, McapSettings, Settings
from signpipe.sinks import RunInfo, open_sinks
from signpipe.types import Certainty, Pose, TrackState
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, picture, track

RUN = RunInfo("drive.mp4", width=320, height=240, fps=25.0)
ROOT = Path(__file__).parents[2]


def write(path: Path, frames: int = 10) -> None:
    with open_sinks(Settings(mcap=McapSettings(file=path)), RUN, CATALOGUE) as sinks:
        for index in range(frames):
            result = frame_result(index, tracks=[track(xyxy=(100, 80, 140, 120))], advisories=[advisory()])
            result.frame.pose = Pose(50.1, 9.2, 181.0, 12.0)  # type: ignore[union-attr]
            sinks.write(result)
        sinks.write(gap_result())
    assert sinks.missing == {}


def test_pictures_boxes_places_and_advisories_are_read_back_in_their_schemas(tmp_path: Path) -> None:
    write(tmp_path / "a.mcap")
    read: dict[str, list[Any]] = {}
    with (tmp_path / "a.mcap").open("rb") as file:
        reader: Any = make_reader(file, decoder_factories=[DecoderFactory()])
        for schema, channel, message in reader.iter_messages():
            if channel.message_encoding == "json":
                decoded = json.loads(message.data)
            else:
                decoded = DecoderFactory().decoder_for(channel.message_encoding, schema)(message.data)
            read.setdefault(channel.topic, []).append((schema.name if schema else "", decoded, message.log_time))
    assert {topic: len(messages) for topic, messages in read.items()} == {
        "/camera/image": 10, "/camera/annotations": 10, "/location": 10, "/vehicle/pose": 10, "/signpipe/signs": 10,
        "/signpipe/advisories": 11, "/signpipe/timings": 11,
    }  # fmt: skip
    name, image, at = read["/camera/image"][3]
    assert (name, image.format) == ("foxglove.CompressedImage", "jpeg")
    assert at - read["/camera/image"][0][2] == pytest.approx(3 / 25 * 1e9, abs=1e3)
    seen = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert np.abs(seen.astype(int) - picture()).max() < 6
    name, annotations, _ = read["/camera/annotations"][0]
    assert name == "foxglove.ImageAnnotations"
    assert [(point.x, point.y) for point in annotations.points[0].points] == [
        (100, 80),
        (140, 80),
        (140, 120),
        (100, 120),
    ]
    assert annotations.texts[0].text.startswith(CATALOGUE.by_name("speed_limit_80").title)
    name, fix, _ = read["/location"][0]
    assert (name, fix.latitude, fix.longitude) == ("foxglove.LocationFix", 50.1, 9.2)
    turned = read["/vehicle/pose"][0][1].pose.orientation
    assert math.degrees(2 * math.atan2(turned.z, turned.w)) == pytest.approx(90 - 181)
    name, signs, _ = read["/signpipe/signs"][0]
    assert (name, signs.frame_id) == ("foxglove.PosesInFrame", "camera")
    place = signs.poses[0].position  # 40 px of a sign of 0.6 m, 40 px left of the middle and 20 px over it
    focal = CameraSettings().focal_for(320)
    ahead = focal * 0.6 / 40
    assert (place.x, place.y, place.z) == pytest.approx((-40 * ahead / focal, -20 * ahead / focal, ahead))
    assert read["/signpipe/advisories"][0][1]["advisories"][0]["value"] == 80
    assert [message[1]["seeing"] for message in read["/signpipe/advisories"]][-2:] == [True, False]


def test_what_was_written_before_a_kill_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    script = f"""
import os, signal, time
import numpy as np
from pathlib import Path
from signpipe.settings import CameraSettings, McapSettings
from signpipe.sinks.mcap import McapSink
from tests.sinks.results import CATALOGUE, frame_result
from tests.sinks.test_mcap import RUN
sink = McapSink(McapSettings(file=Path({str(path)!r}), chunk=20_000), RUN, CATALOGUE)
rng = np.random.default_rng(1)
for index in range(20):
    sink.write(frame_result(index, image=rng.integers(0, 255, (240, 320, 3), np.uint8)))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    messages = 0
    with path.open("rb") as file, contextlib.suppress(McapError):  # it has no end
        for record in StreamReader(file).records:
            messages += isinstance(record, Message)
    assert messages > 40


def test_ros_2_reads_the_signs_as_detections(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    uncertain = track(2, (10, 20, 30, 60), certainty=Certainty.UNCERTAIN, category="danger")
    tracks = [track(7, (100, 80, 140, 120)), uncertain, track(3, state=TrackState.TENTATIVE)]
    with open_sinks(Settings(mcap=McapSettings(file=path, vision_msgs=True)), RUN, CATALOGUE) as sinks:
        for index in range(3):
            sinks.write(frame_result(index, tracks=tracks))
    assert sinks.missing == {}
    with path.open("rb") as file:
        reader: Any = make_reader(file, decoder_factories=[Ros2DecoderFactory()])
        read = [decoded for *_, decoded in reader.iter_decoded_messages(topics=["/signpipe/detections"])]
    assert len(read) == 3
    stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for message in read]
    assert stamps[2] - stamps[0] == pytest.approx(2 / 25 * 1e9, abs=1e3)
    sure, unsure = read[0].detections
    assert (sure.id, sure.results[0].hypothesis.class_id) == ("7", "speed_limit_80")
    assert sure.results[0].hypothesis.score == pytest.approx(0.97)
    assert (sure.bbox.center.position.x, sure.bbox.center.position.y) == (120, 100)
    assert (sure.bbox.size_x, sure.bbox.size_y) == (40, 40)
    assert (unsure.id, unsure.results[0].hypothesis.class_id, unsure.bbox.size_y) == ("2", "danger", 40)


def test_an_existing_file_a_wrong_folder_and_a_missing_extra_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mcap").write_text("something")
    for path, says in [(tmp_path / "a.mcap", "is there already"), (tmp_path / "a.mcap" / "b.mcap", "can't be written")]:
        with pytest.raises(OutputError, match=says):
            open_sinks(Settings(mcap=McapSettings(file=path)), RUN, CATALOGUE)
    monkeypatch.setitem(sys.modules, "foxglove", None)
    with pytest.raises(ExtraMissingError, match=r"signpipe\[mcap\]"):
        open_sinks(Settings(mcap=McapSettings(file=tmp_path / "b.mcap")), RUN, CATALOGUE)


def test_the_layout_shows_topics_that_there_are() -> None:
    text = (ROOT / "docs" / "foxglove.json").read_text()
    assert json.loads(text)["layout"]
    for topic in ("/camera/image", "/camera/annotations", "/signpipe/advisories", "/signpipe/timings"):
        assert topic in text
