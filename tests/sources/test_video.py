"""Recordings: order, true times, upright pictures, and what is left of a damaged file."""

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources import Source, open_source
from signpipe.types import Frame
from tests.support.videos import HEIGHT, WIDTH, number_of, write_video

X265 = {"x265-params": "log-level=none"}


def frames_of(source: Source) -> list[Frame]:
    with source:
        return list(source)


def open_video(path: Path, **settings: object) -> Source:
    return open_source(str(path), CaptureSettings.model_validate(settings))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("a.avi", "libx264", {}),
        ("a.mp4", "libx265", X265),
        ("a.mkv", "libx265", X265),
        ("a.avi", "mjpeg", {}),
        ("a.mkv", "mjpeg", {}),
    ],
)
def test_every_frame_comes_in_order_with_its_time(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    source = open_video(write_video(tmp_path / name, codec, frames=20, options=options))
    frames = frames_of(source)
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.media_time for frame in frames] == pytest.approx([number / 25 for number in range(20)], abs=1e-3)
    assert source.info.fps == pytest.approx(25)
    assert (source.info.width, source.info.height) == (WIDTH, HEIGHT)
    assert not source.info.live
    assert source.info.damaged == 0
    assert source.info.warnings == []


def test_pictures_are_bgr(tmp_path: Path) -> None:
    frame = frames_of(open_video(write_video(tmp_path / "a.mp4")))[0]
    assert frame.image.dtype == np.uint8
    blue, red = frame.image[8, 8].astype(int), frame.image[8, -8].astype(int)
    assert blue[0] > 200 > 60 > blue[2]
    assert red[2] > 200 > 60 > red[0]


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.05, 0.3, 0.31, 0.9, 2.0, 2.033]
    for name in ("a.mp4", "a.mkv"):
        frames = frames_of(open_video(write_video(tmp_path / name, frames=len(times), times=times)))
        assert [frame.media_time for frame in frames] == pytest.approx(times, abs=2e-3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_rotation_flag_is_applied(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "a.mp4", rotation=rotation)
    source = open_video(path)
    image = frames_of(source)[0].image
    turned = rotation % 180 != 0
    assert image.shape == ((WIDTH, HEIGHT, 3) if turned else (HEIGHT, WIDTH, 3))
    assert (source.info.height, source.info.width) == image.shape[:2]
    capture = cv2.VideoCapture(str(path))  # another reader's opinion of what is upright
    ok, other = capture.read()
    assert ok
    assert np.abs(image.astype(int) - other).max() <= 2


def test_a_recording_is_played_again(tmp_path: Path) -> None:
    frames = frames_of(open_video(write_video(tmp_path / "a.mp4", frames=5), loop=3))
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 4] * 3
    assert [frame.index for frame in frames] == list(range(15))
    assert [frame.media_time for frame in frames] == pytest.approx([number / 25 for number in range(15)])


def test_zero_plays_for_ever(tmp_path: Path) -> None:
    source = open_video(write_video(tmp_path / "a.mp4", frames=3), loop=0)
    frames = [source.read() for _ in range(100)]
    source.close()
    assert all(frame is not None for frame in frames)


class TestDamaged:
    def packets(self, path: Path) -> list[tuple[int, int]]:
        """Return place and size of each packet in a file."""
        with av.open(path) as file:
            data = path.read_bytes()
            return [(data.index(bytes(packet)), packet.size) for packet in file.demux(video=0) if packet.size]

    def test_a_file_that_was_cut_off_gives_what_it_has(self, tmp_path: Path) -> None:
        path = write_video(tmp_path / "a.mp4", options={"bf": "0"}, container={"movflags": "faststart"})
        place, size = self.packets(path)[12]
        path.write_bytes(path.read_bytes()[: place + size // 2])
        frames = frames_of(open_video(path))
        assert [number_of(frame.image) for frame in frames][:12] == list(range(12))
        assert len(frames) <= 13

    def test_a_file_without_its_index_is_refused(self, tmp_path: Path) -> None:
        path = write_video(tmp_path / "a.mp4")  # the index comes last
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(SourceError, match=r"a\.mp4 is no video that can be read; .* cut off"):
            open_video(path)

    @pytest.mark.parametrize(("name", "codec"), [("a.mkv", "mjpeg"), ("a.mkv", "libx264"), ("a.mp4", "libx264")])
    def test_a_damaged_packet_is_skipped_and_counted(self, tmp_path: Path, name: str, codec: str) -> None:
        path = write_video(tmp_path / name, codec, options={} if codec == "mjpeg" else {"g": "5", "bf": "0"})
        data = bytearray(path.read_bytes())
        place, size = self.packets(path)[10]
        data[place : place + size] = bytes(byte ^ 0x55 for byte in data[place : place + size])
        path.write_bytes(data)
        source = open_video(path)
        frames = frames_of(source)
        assert source.info.damaged >= 1
        assert len([text for text in source.info.warnings if "damaged" in text]) == 1
        numbers = [number_of(frame.image) for frame in frames]
        assert numbers[:10] == list(range(10))
        assert numbers[-5:] == list(range(15, 20))
        assert frames[-1].media_time == pytest.approx(19 / 25, abs=1e-3)  # what was skipped keeps its time

    @pytest.mark.parametrize("seed", range(12))
    def test_flipped_bits_never_do_more_than_a_clear_refusal(self, tmp_path: Path, seed: int) -> None:
        random = np.random.default_rng(seed)
        path = write_video(tmp_path / ("a.mp4" if seed % 2 else "a.mkv"))
        data = np.fromfile(path, np.uint8)
        places = random.integers(0, len(data), 30)
        data[places] ^= (1 << random.integers(0, 8, 30)).astype(np.uint8)
        data.tofile(path)
        try:
            frames = frames_of(open_video(path))
        except SourceError as error:
            assert str(path) in str(error)  # noqa: PT017  # either end is right
        else:
            assert all(after.media_time > before.media_time for before, after in pairwise(frames))

    def test_a_file_without_any_frame_that_can_be_decoded_is_refused(self, tmp_path: Path) -> None:
        path = write_video(tmp_path / "a.mkv", "mjpeg")
        data = bytearray(path.read_bytes())
        for place, size in self.packets(path):
            data[place : place + size] = bytes(size)
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"No picture of .*a\.mkv can be decoded"):
            open_video(path)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    with pytest.raises(SourceError, match=r"a\.mkv has no video track"):
        open_video(path)
