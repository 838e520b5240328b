"""Recordings of ROS and MCAP as sources; written by rosbags and mcap's own writer, whole, cut off and damaged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from signpipe.bags import open_bag
from signpipe.errors import ExtraMissingError, SourceError
from signpipe.settings import CameraSettings, CaptureSettings, McapSettings, Settings
from signpipe.sinks import open_sinks
from signpipe.sources import Source, open_source
from signpipe.types import Frame, Pose
from signpipe.watching import informed
from tests.sinks.results import CATALOGUE, frame_result
from tests.sinks.test_mcap import RUN
from tests.support.bags import Written, camera_info, drive, fix, jpeg, raw, write_mcap, write_ros1, write_ros2
from tests.support.videos import number_of, picture

WRITERS: dict[str, Callable[[Path], Path]] = {
    "ROS 2, MCAP": lambda folder: write_mcap(folder / "a.mcap", drive()),
    "ROS 1 in MCAP": lambda folder: write_mcap(folder / "a.mcap", drive("ros1")),
    "ROS 2, a folder of MCAP": lambda folder: write_ros2(folder / "bag", drive(), "mcap"),
    "ROS 2, a folder of SQLite": lambda folder: write_ros2(folder / "bag", drive()),
    "ROS 2, SQLite": lambda folder: write_ros2(folder / "bag", drive()) / "bag.db3",
    "ROS 1": lambda folder: write_ros1(folder / "a.bag", drive("ros1")),
}


def read_all(source: Source) -> list[Frame]:
    with source:
        return list(source)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_each_kind_gives_pictures_positions_and_sweeps_of_the_same_moment(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    source = open_source(write(tmp_path))
    assert (source.info.width, source.info.height, source.info.frames) == (160, 96, 12)
    assert source.info.details["topic"] == "/cam/image_raw/compressed"
    frames = read_all(source)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.media_time for frame in frames] == pytest.approx([number / 10 for number in range(12)], abs=1e-5)
    assert [float(frame.lidar[0, 0]) for frame in frames if frame.lidar is not None] == list(range(1, 13))
    assert all(frame.lidar is not None and frame.lidar.shape == (2, 4) for frame in frames)
    poses = [frame.pose for frame in frames if frame.pose]
    assert len(poses) == 12
    assert [pose.latitude for pose in poses] == pytest.approx([50 + n / 111_229 for n in range(12)], abs=2e-7)
    assert all(pose.heading == pytest.approx(0, abs=0.5) for pose in poses)
    assert all(pose.speed == pytest.approx(10, rel=0.01) for pose in poses)
    assert poses[0].sigma == pytest.approx(2)


@pytest.mark.parametrize("name", ["ROS 2, MCAP", "ROS 1 in MCAP", "ROS 1"])
def test_what_is_cut_off_is_read_up_to_its_last_whole_chunk(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    source = open_source(path)
    frames = read_all(source)
    assert [number_of(frame.image) for frame in frames] == list(range(len(frames)))
    assert 3 <= len(frames) < 12
    assert "has no end" in source.info.warnings[0]


def test_a_cut_off_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = write_ros2(tmp_path / "bag", drive(frames=20)) / "bag.db3"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(SourceError, match=r"recording that can be read \(.+malformed\)\.") as caught:
        read_all(open_source(path))
    assert "\n" not in str(caught.value)


def test_what_signpipe_recorded_itself_is_a_source(tmp_path: Path) -> None:
    with open_sinks(Settings(mcap=McapSettings(file=tmp_path / "run.mcap")), RUN, CATALOGUE) as sinks:
        for index in range(5):
            result = frame_result(index, image=picture(index))
            result.frame.pose = Pose(50.1 + index / 1e6, 9.2)  # type: ignore[union-attr]
            sinks.write(result)
    frames = read_all(open_source(tmp_path / "run.mcap"))
    assert [number_of(frame.image) for frame in frames] == list(range(5))
    assert frames[4].pose is not None
    assert frames[4].pose.latitude == pytest.approx(50.1 + 4e-6)


def colours() -> Any:
    """Return a smooth picture that every encoding keeps."""
    image = np.full((96, 160, 3), (40, 120, 200), np.uint8)
    image[48:] = (200, 160, 60)
    return image


def encoded(encoding: str) -> tuple[Any, Any]:
    """Return a picture in an encoding, and what is to be read of it, in BGR."""
    bgr = colours()
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    as_grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    i420 = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    chroma = i420[96:].reshape(2, -1)
    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_UYVY) if encoding in ("yuv422", "uyvy") else None
    wide = bgr.astype(np.uint16) << 8
    planar = {"nv12": chroma, "nv21": chroma[::-1]}
    if encoding in planar:
        interleaved = np.stack(list(planar[encoding]), axis=1).reshape(48, 160)
        return np.vstack([i420[:96], interleaved]), bgr
    if encoding.startswith("bayer"):
        pattern = encoding[6:10]
        places = {place: "bgr".index(colour) for place, colour in enumerate(pattern)}
        mosaic = np.zeros((96, 160), np.uint8)
        for place, channel in places.items():
            mosaic[place // 2 :: 2, place % 2 :: 2] = bgr[place // 2 :: 2, place % 2 :: 2, channel]
        return (mosaic if encoding.endswith("8") else mosaic.astype(np.uint16) << 8), bgr
    return {
        "bgr8": (bgr, bgr), "rgb8": (bgr[..., ::-1], bgr), "bgra8": (cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA), bgr),
        "rgba8": (cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA), bgr), "mono8": (grey, as_grey),
        "mono16": (grey.astype(np.uint16) << 8, as_grey), "rgb16": (wide[..., ::-1], bgr), "i420": (i420, bgr),
        "uyvy": (yuv, bgr), "yuv422": (yuv, bgr), "yuyv": (cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_YUY2), bgr),
    }[encoding]  # fmt: skip


@pytest.mark.parametrize(
    "encoding",
    ["bgr8", "rgb8", "bgra8", "rgba8", "mono8", "mono16", "rgb16", "i420", "nv12", "nv21", "uyvy", "yuv422", "yuyv",
     "bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg16"],
)  # fmt: skip
@pytest.mark.parametrize("fill", [0, 24])
def test_raw_pictures_are_read_in_every_usual_encoding(tmp_path: Path, encoding: str, fill: int) -> None:
    written, (image, expected) = Written(), encoded(encoding)
    written.add("/image", "sensor_msgs/msg/Image", 0.0, **raw(image, encoding, fill))
    (frame,) = read_all(open_source(write_mcap(tmp_path / "a.mcap", written)))
    inner = np.s_[4:44, 4:-4]  # away from the edges, where a mosaic and chroma are guessed
    assert np.abs(frame.image[inner].astype(int) - expected[inner]).max() <= 6
    assert np.abs(frame.image[52:-4, 4:-4].astype(int) - expected[52:-4, 4:-4]).max() <= 6


def test_numbers_of_16_bits_are_read_in_either_order(tmp_path: Path) -> None:
    written = Written()
    image = (np.arange(96 * 160, dtype=np.uint16).reshape(96, 160) << 2).astype(">u2")
    written.add("/image", "sensor_msgs/msg/Image", 0.0, **raw(image, "mono16", is_bigendian=1))
    (frame,) = read_all(open_source(write_mcap(tmp_path / "a.mcap", written)))
    assert (frame.image[..., 0] == image.astype(np.uint16) >> 8).all()


def two_cameras(folder: Path) -> Path:
    written = drive(frames=3)
    written.add("/rear/image", "sensor_msgs/msg/Image", 0.1, **raw(picture(9), "bgr8"))
    written.add("/rear/camera_info", "sensor_msgs/msg/CameraInfo", 0.1, **camera_info(written, 555.0))
    return write_mcap(folder / "a.mcap", written)


def test_a_topic_is_chosen_or_the_only_one_there_is(tmp_path: Path) -> None:
    path = two_cameras(tmp_path)
    listed = r"/cam/image_raw/compressed \(3\), /rear/image \(1\)"
    with pytest.raises(SourceError, match=rf"several topics: choose with --topic \(capture.topic\) {listed}\.$"):
        open_source(path)
    with pytest.raises(SourceError, match=rf"no pictures on the topic '/side' in .*; there are on {listed}\.$"):
        open_source(path, CaptureSettings(topic="/side"))
    with pytest.raises(SourceError, match=r"no topic '/imu' .*\(capture.lidar_topic\).*: /lidar\.$"):
        open_source(path, CaptureSettings(topic="/rear/image", lidar_topic="/imu"))
    (frame,) = read_all(open_source(path, CaptureSettings(topic="/rear/image", position_topic="none")))
    assert number_of(frame.image) == 9
    assert frame.pose is None


def test_the_focal_length_is_that_of_the_chosen_camera(tmp_path: Path) -> None:
    path = two_cameras(tmp_path)
    for topic, focal in (("/cam/image_raw/compressed", 321.0), ("/rear/image", 555.0)):
        settings, start = informed(Settings(capture=CaptureSettings(topic=topic)), path)
        assert settings.camera.focal == focal
        assert start is not None
        assert (start.latitude, start.longitude) == pytest.approx((50, 9), abs=1e-3)
    own = Settings(capture=CaptureSettings(topic="/rear/image"), camera=CameraSettings(focal=700.0))
    assert informed(own, path)[0].camera.focal == 700.0
    assert informed(own, "drive.mp4") == (own, None)


def test_a_bag_without_pictures_is_refused_with_its_topics(tmp_path: Path) -> None:
    written = Written()
    written.add("/gps/fix", "sensor_msgs/msg/NavSatFix", 0.0, **fix(written, 50.0, 9.0))
    for path in (write_mcap(tmp_path / "a.mcap", written), write_ros2(tmp_path / "bag", written)):
        with pytest.raises(
            SourceError, match=r"There are no pictures in .*: /gps/fix \(sensor_msgs/msg/NavSatFix\)\.$"
        ):
            open_source(path)


def test_a_damaged_picture_is_skipped_and_one_without_a_fix_has_no_place(tmp_path: Path) -> None:
    written = Written()
    for number in range(6):
        image = jpeg(picture(number))
        image["data"] = image["data"][:20] if number == 3 else image["data"]
        written.add("/image", "sensor_msgs/msg/CompressedImage", number / 10, **image)
        written.add("/fix", "sensor_msgs/msg/NavSatFix", number / 10, **fix(written, 50.0, 9.0, status=-1))
    source = open_source(write_mcap(tmp_path / "a.mcap", written))
    frames = read_all(source)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 4, 5]
    assert source.info.damaged == 1
    assert all(frame.pose is None for frame in frames)


@pytest.mark.parametrize("content", [b"", b"\x89MCAP0\r\n", b"#ROSBAG V2.0\n", b"SQLite format 3\0" + bytes(99), b"x"])
@pytest.mark.parametrize("name", ["a.mcap", "a.bag", "a.db3"])
def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=r"is empty \(0 bytes\)|that can be read|can't be read") as caught:
        open_source(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_mcap(tmp_path / "a.mcap", drive(frames=2))
    for module in ("signpipe.bags.mcap", "signpipe.bags.ros"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "rosbags.rosbag1", None)
    with pytest.raises(ExtraMissingError, match=r"signpipe\[ros\]"):
        open_bag(path)
