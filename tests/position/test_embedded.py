"""Positions inside recordings and pictures: GoPro's telemetry, subtitles of dash-cams, and EXIF."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.position import RecordedPositions, find_positions, open_position
from signpipe.settings import CaptureSettings, PositionSettings
from signpipe.sources import open_source
from tests.position.drives import START, at
from tests.support.geotagged import write_geotagged

SECONDS = 4
SPEED = 15.0


def opened(path: Path, offset: float = 0.0) -> RecordedPositions:
    positions = open_position(PositionSettings(source=str(path), offset=offset))
    assert isinstance(positions, RecordedPositions)
    return positions


def record(path: Path, payloads: list[bytes]) -> Path:
    """Write a video with telemetry beside it, a payload a second, as a GoPro does."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        telemetry = container.add_data_stream("bin_data") if payloads else None
        for number in range(SECONDS * 5):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
            if telemetry is not None and number % 5 == 0 and number // 5 < len(payloads):
                packet = av.Packet(payloads[number // 5])
                packet.stream, packet.time_base = telemetry, Fraction(1, 1000)
                packet.pts = packet.dts = number * 200
                packet.duration = 1000
                container.mux(packet)
        container.mux(pictures.encode(None))
    return path


def element(key: str, kind: str, size: int, content: bytes) -> bytes:
    """Return an element of GPMF, filled up to four bytes."""
    count = len(content) // size if size else len(content)
    return struct.pack(">4scBH", key.encode(), kind.encode(), size or 1, count) + content + bytes(-len(content) % 4)


def tree(*elements: bytes) -> bytes:
    stream = element("STRM", "\0", 0, b"".join(elements))
    other = element("STRM", "\0", 0, element("STNM", "c", 1, b"Accelerometer") + element("ACCL", "s", 6, bytes(12)))
    return element("DEVC", "\0", 0, element("DVNM", "c", 1, b"Camera") + other + stream)


def old_payload(second: int, quality: int = 3) -> bytes:
    """Return two positions half a second apart, as cameras up to HERO10 write them."""
    rows = b""
    for part in (0.0, 0.5):
        _, latitude, longitude = at(0, (second + part) * SPEED, 0.0)
        rows += struct.pack(">5i", round(latitude * 1e7), round(longitude * 1e7), 120_000, round(SPEED * 1000), 1500)
    stamp = (START + timedelta(seconds=second)).strftime("%y%m%d%H%M%S.%f")[:16].encode()
    return tree(
        element("GPSF", "L", 4, struct.pack(">I", quality)), element("GPSU", "U", 16, stamp),
        element("GPSP", "S", 2, struct.pack(">H", 150)),
        element("SCAL", "l", 4, struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100)), element("GPS5", "l", 20, rows),
    )  # fmt: skip


def new_payload(second: int) -> bytes:
    """Return one position, as cameras from HERO11 on write it."""
    _, latitude, longitude = at(0, second * SPEED, 0.0)
    moment = START + timedelta(seconds=second) - datetime(2000, 1, 1, tzinfo=UTC)
    row = struct.pack(
        ">7i2H",
        round(latitude * 1e7),
        round(longitude * 1e7),
        0,
        15000,
        1500,
        moment.days,
        moment.seconds * 1000,
        150,
        3,
    )
    scales = struct.pack(">9i", 10**7, 10**7, 1000, 1000, 100, 1, 1000, 100, 1)
    return tree(element("SCAL", "l", 4, scales), element("GPS9", "?", 32, row))


@pytest.mark.parametrize("payload", [old_payload, new_payload])
def test_the_telemetry_of_a_gopro_is_read(payload: object, tmp_path: Path) -> None:
    assert callable(payload)
    path = record(tmp_path / "GX010001.MP4", [payload(second) for second in range(SECONDS)])
    assert find_positions(path) == path
    pose = opened(path).at(2.0, 0.0)
    assert pose is not None
    _, latitude, longitude = at(0, 2 * SPEED, 0.0)
    assert (pose.latitude, pose.longitude) == pytest.approx((latitude, longitude), abs=1e-6)
    assert (pose.speed, pose.heading, pose.sigma) == pytest.approx((SPEED, 90.0, 7.5), abs=0.1)
    assert pose.utc == pytest.approx((START + timedelta(seconds=2)).timestamp(), abs=1e-3)
    later = opened(path, offset=1.0).at(1.0, 0.0)
    assert later is not None
    assert later.longitude == pytest.approx(pose.longitude, abs=1e-9)


def test_telemetry_without_a_position_is_none(tmp_path: Path) -> None:
    path = record(tmp_path / "indoors.mp4", [old_payload(0, quality=0), b"DEVC\0\1", b"what is this?", b"\xff" * 9])
    assert find_positions(path) is None
    assert find_positions(record(tmp_path / "plain.mp4", [])) is None
    with pytest.raises(SourceError, match=r"indoors.mp4 has no position with a time"):
        opened(path)


TEXTS = {
    "letters": "2026-03-02 08:00:00 N:{lat:.6f} E:{lon:.6f} 54 km/h",
    "letters behind": "{lat:.6f}°N {lon:.6f}°E 33.5 mph",
    "words": "[latitude: {lat:.6f}] [longitude: {lon:.6f}] SPEED 15 m/s",
    "brackets": "F/2.8, SS 206, ISO 150, GPS ({lon:.6f}, {lat:.6f}, 18), 54KM/H",
    "sentence": "$GPRMC,08000{second}.00,A,{minutes},N,00900.{thousands:05d},E,29.16,90.0,020326,,,A*",
}


def subtitles(text: str) -> str:
    lines = []
    for second in range(SECONDS):
        _, latitude, longitude = at(0, second * SPEED, 0.0)
        line = text.format(
            lat=latitude,
            lon=longitude,
            second=second,
            minutes="5000.00000",
            thousands=round((longitude - 9) * 60 * 1e5),
        )
        if line.startswith("$"):
            line += f"{check_sum(line):02X}"
        lines.append(f"{second + 1}\n00:00:0{second},000 --> 00:00:0{second + 1},000\n{line}\n")
    return "\n".join(lines)


def check_sum(sentence: str) -> int:
    total = 0
    for letter in sentence[1 : sentence.index("*")]:
        total ^= ord(letter)
    return total


@pytest.mark.parametrize("kind", list(TEXTS))
def test_subtitles_are_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "drive.srt").write_text(subtitles(TEXTS[kind]), encoding="utf-8")
    assert find_positions(tmp_path / "drive.mp4") == tmp_path / "drive.srt"
    pose = opened(tmp_path / "drive.srt").at(2.0, 0.0)
    assert pose is not None
    _, latitude, longitude = at(0, 2 * SPEED, 0.0)
    assert (pose.latitude, pose.longitude) == pytest.approx((latitude, longitude), abs=1e-5)
    assert (pose.speed, pose.heading) == pytest.approx((SPEED, 90.0), abs=0.2)
    expected = datetime(2026, 3, 2, 8, 0, 2, tzinfo=UTC).timestamp() if kind == "sentence" else None
    assert pose.utc == expected


def test_subtitles_inside_a_recording_are_read(tmp_path: Path) -> None:
    (tmp_path / "lines.srt").write_text(subtitles(TEXTS["letters"]), encoding="utf-8")
    path = tmp_path / "drive.mkv"
    with av.open(str(tmp_path / "lines.srt")) as lines, av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        copied = container.add_stream_from_template(lines.streams[0])
        for _ in range(SECONDS * 5):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        container.mux(pictures.encode(None))
        for packet in lines.demux():
            if packet.pts is not None:
                packet.stream = copied
                container.mux(packet)
    assert find_positions(path) == path
    pose = opened(path).at(1.5, 0.0)
    assert pose is not None
    assert pose.speed == pytest.approx(SPEED)


def tagged(path: Path, second: float, east: float | None, whole: bool = False) -> None:
    """Write a picture that tells when and where it was taken."""
    place = None if east is None else at(0, east, 0.0)[1:]
    write_geotagged(path, START + timedelta(seconds=second), place, whole=whole)


@pytest.mark.parametrize("whole", [False, True])
def test_geotagged_pictures_bring_their_own_clock_and_places(whole: bool, tmp_path: Path) -> None:
    seconds = [0.0, 1.0, 2.0, 2.5, 3.0, 5.0]
    for number, second in enumerate(seconds):
        tagged(tmp_path / f"{number}.jpg", second, None if number == 1 else second * SPEED, whole)
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [frame.media_time for frame in frames] == pytest.approx(seconds)
    assert source.info.fps == pytest.approx(1.0)
    assert find_positions(tmp_path) == tmp_path
    positions = opened(tmp_path)
    for frame in frames:
        pose = positions.at(frame.media_time, 0.0)
        assert pose is not None
        _, _, longitude = at(0, frame.media_time * SPEED, 0.0)
        assert pose.longitude == pytest.approx(longitude, abs=2e-6)
        assert pose.utc == pytest.approx(START.timestamp() + frame.media_time, abs=0.02)
    with open_source(tmp_path, CaptureSettings(fps=4.0)) as source:
        assert [frame.media_time for frame in source][:2] == [0.0, 0.25], "a rate that is given counts"


def test_pictures_without_places_have_no_clock(tmp_path: Path) -> None:
    for number in range(3):
        tagged(tmp_path / f"{number}.jpg", number * 2.0, None)
    cv2.imwrite(str(tmp_path / "3.png"), np.zeros((48, 64, 3), np.uint8))
    with open_source(tmp_path) as source:
        assert [frame.media_time for frame in source] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert find_positions(tmp_path) is None


def test_pictures_out_of_order_are_told_in_a_sentence(tmp_path: Path) -> None:
    for number, second in enumerate((4.0, 2.0, 0.0)):
        tagged(tmp_path / f"{number}.jpg", second, second * SPEED)
    with pytest.raises(SourceError, match="most don't tell when they were taken"):
        opened(tmp_path)


@pytest.mark.parametrize("bad", [[0], [2, 3], [5], [0, 5]])
def test_pictures_that_tell_nothing_were_taken_between_their_neighbours(bad: list[int], tmp_path: Path) -> None:
    for number in range(6):
        tagged(tmp_path / f"{number}.jpg", 2.0 * number, 2.0 * number * SPEED)
    for number in bad:
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    with open_source(tmp_path) as source:
        frames = list(source)
    assert source.info.damaged == len(bad)
    assert [frame.media_time for frame in frames] == pytest.approx([2.0 * i for i in range(6) if i not in bad])
    positions = opened(tmp_path)
    for frame in frames:
        pose = positions.at(frame.media_time, 0.0)
        assert pose is not None
        assert pose.longitude == pytest.approx(at(0, frame.media_time * SPEED, 0.0)[2], abs=2e-6)


def test_pictures_of_which_most_tell_nothing_have_no_clock(tmp_path: Path) -> None:
    for number in range(6):
        tagged(tmp_path / f"{number}.jpg", 2.0 * number, 2.0 * number * SPEED)
    for number in range(1, 5):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    with pytest.raises(SourceError, match="most don't tell when they were taken"):
        opened(tmp_path)


def test_a_track_beside_a_folder_of_pictures_bears_its_whole_name(tmp_path: Path) -> None:
    folder = tmp_path / "2026.03.01"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), np.zeros((48, 64, 3), np.uint8))
    assert find_positions(folder) is None
    (tmp_path / "2026.03.01.gpx").write_text("<gpx/>")
    assert find_positions(folder) == tmp_path / "2026.03.01.gpx"
