"""Pictures are known by what is in them, music has no pictures, and pixels come out square and whole."""

import io
import logging
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pillow_heif
import pytest
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.shipped import sample
from signpipe.sources import open_source
from signpipe.sources.content import is_picture
from signpipe.types import Frame
from tests.support.videos import HEIGHT, WIDTH, number_of, picture, write_video


def frames_of(spec: Path | str, **settings: object) -> list[Frame]:
    with open_source(spec, CaptureSettings.model_validate(settings)) as source:
        return list(source)


def save(path: Path, number: int, kind: str) -> Path:
    path.write_bytes(cv2.imencode(kind, picture(number))[1].tobytes())
    return path


@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm", ".avif", ".jp2", ".gif"])
@pytest.mark.parametrize("name", ["a{}", "photo{}.1", "noname", "wrong.mp4"])
def test_a_picture_is_one_whatever_it_is_called(tmp_path: Path, kind: str, name: str) -> None:
    (frame,) = frames_of(save(tmp_path / name.format(kind), 5, kind))
    assert frame.image[48:].mean() == pytest.approx(picture(5)[48:].mean(), abs=2)  # GIF mixes its few colours
    assert frame.independent


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JPEG", ""])
def test_a_link_is_what_it_leads_to(tmp_path: Path, suffix: str) -> None:
    link = tmp_path / f"link{suffix}"
    link.symlink_to(save(tmp_path / "real.jpg", 9, ".jpg"))
    assert [number_of(frame.image) for frame in frames_of(link)] == [9]


def test_a_gif_that_moves_is_a_video(tmp_path: Path) -> None:
    with av.open(tmp_path / "a.gif", "w") as file:
        stream = file.add_stream("gif", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "gray"
        for number in range(4):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="bgr24")))
        file.mux(stream.encode(None))
    frames = frames_of(tmp_path / "a.gif")
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3]
    assert not any(frame.independent for frame in frames)


def test_a_folder_of_portable_pictures_is_read(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number:05d}.ppm", number, ".ppm")  # the form of GTSDB
    assert [number_of(frame.image) for frame in frames_of(tmp_path)] == [0, 1, 2]


def test_what_is_left_out_of_a_mixed_folder_is_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, kind in enumerate((".jpg", ".ppm", ".avif", ".jp2")):
        save(tmp_path / f"{number}{kind}", number, kind)
    for name in ("labels.txt", "notes.md", "raw.dng", "sums.md5"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / ".hidden").write_text("nobody's business")
    with caplog.at_level(logging.WARNING):
        assert [number_of(frame.image) for frame in frames_of(tmp_path)] == [0, 1, 2, 3]
    assert caplog.messages == [f"Of the files in {tmp_path}, labels.txt, notes.md, raw.dng and 1 more are no pictures."]


def heic(width: int, height: int) -> bytes:
    """Return a HEIC picture that is red on the left and blue on the right."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2, 0] = rgb[:, width // 2 :, 2] = 220
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB", (width, height), rgb.tobytes()).save(file, quality=90)
    return file.getvalue()


def test_the_whole_of_a_heic_picture_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(heic(1300, 800))
    (frame,) = frames_of(tmp_path / "a.heic")
    assert frame.image.shape == (800, 1300, 3)
    assert frame.image[400, 100, 2] > 180 > 60 > frame.image[400, 100, 0]
    assert frame.image[400, 1200, 0] > 180 > 60 > frame.image[400, 1200, 2]


def test_without_its_library_heic_is_refused_by_the_name_of_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.heic").write_bytes(heic(64, 64))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(Exception, match=r"signpipe\[heif\]"):
        frames_of(tmp_path / "a.heic")


def test_a_damaged_heic_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(heic(64, 64)[:300])
    with pytest.raises(SourceError, match="no picture that can be read"):
        frames_of(tmp_path / "a.heic")


@given(st.binary(max_size=40))
def test_any_bytes_are_a_picture_or_none(head: bytes) -> None:
    assert is_picture(head) in (True, False)
    assert not is_picture(b"\0\0\0\x20ftypisom" + head)  # an MP4


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.flac"])
def test_music_with_a_cover_has_no_video(tmp_path: Path, name: str) -> None:
    cover = save(tmp_path / "cover.png", 3, ".png")
    codec = {"a.mp3": "libmp3lame", "a.m4a": "aac", "a.flac": "flac"}[name]
    ffmpeg = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-i", str(cover), "-map", "0", "-map", "1"]
    ffmpeg += ["-c:a", codec, "-c:v", "png", "-disposition:v", "attached_pic", str(tmp_path / name)]
    try:
        subprocess.run(ffmpeg, check=True)
    except FileNotFoundError:
        pytest.skip("ffmpeg isn't installed")
    with pytest.raises(SourceError, match="no video track"):
        frames_of(tmp_path / name)


@pytest.mark.parametrize(
    ("size", "aspect", "shown"),
    [
        ((96, 108), Fraction(2), (192, 108)),
        ((64, 72), Fraction(2), (128, 72)),
        ((128, 36), Fraction(1, 2), (128, 72)),
        ((72, 57), Fraction(16, 11), (105, 57)),
        ((64, 48), Fraction(1), (64, 48)),
    ],
)
def test_pixels_come_out_square(
    tmp_path: Path, size: tuple[int, int], aspect: Fraction, shown: tuple[int, int]
) -> None:
    width, height = size[0] // 2 * 2, size[1] // 2 * 2
    with av.open(tmp_path / "a.mp4", "w") as file:
        stream = file.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="bgr24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with open_source(tmp_path / "a.mp4") as source:
        frames = list(source)
    assert frames[0].image.shape[1::-1] == pytest.approx(shown, abs=1)
    assert (source.info.width, source.info.height) == frames[0].image.shape[1::-1]
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]


def interlaced(path: Path) -> Path:
    """Write a bar that moves to the right, and between the two halves of each picture too."""
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"flags": "+ilme+ildct", "x264-params": "tff=1"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(8):
            image = np.full((96, 160, 3), 40, np.uint8)
            for row in range(96):
                left = 10 + 16 * number + 8 * (row % 2)
                image[row, left : left + 12] = 220
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return path


def combs(frames: list[Frame]) -> float:
    """Return how much neighbouring rows differ more than every other row does."""
    rows = np.stack([frame.image[:, :, 1].astype(int) for frame in frames[2:-1]])
    return float(np.abs(np.diff(rows, axis=1)).mean() - np.abs(rows[:, 2:] - rows[:, :-2]).mean())


def test_interlaced_video_has_no_combs(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mkv")
    kept, woven = frames_of(path), frames_of(path, deinterlace="off")
    assert len(kept) == len(woven) == 8
    assert [frame.media_time for frame in kept] == pytest.approx([frame.media_time for frame in woven])
    assert combs(woven) > 5
    assert combs(kept) < 1


def test_progressive_video_is_deinterlaced_only_if_asked(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=6)
    assert [number_of(frame.image) for frame in frames_of(path)] == list(range(6))
    assert [number_of(frame.image) for frame in frames_of(path, deinterlace="on")] == list(range(6))


def test_a_folder_is_no_camera_though_its_name_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("2024", "0"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "a.png", 4, ".png")
    monkeypatch.chdir(tmp_path)
    assert [number_of(frame.image) for name in ("2024", "0") for frame in frames_of(name)] == [4, 4]


def test_brackets_in_the_name_of_a_folder_are_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "drive [2024]" / "left"
    folder.mkdir(parents=True)
    for number in range(3):
        save(folder / f"{number}.jpg", number, ".jpg")
    assert len(frames_of(f"{tmp_path}/drive [2024]/*/*.jpg")) == 3
    assert len(frames_of(f"{tmp_path}/drive [2024]/left/[01].jpg")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mkv", "a.ts"])
def test_a_recording_may_come_through_a_pipe(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, frames=10)
    code = (
        "from signpipe import open_source\n"
        "with open_source('-') as source: print(source.info.source_id, sum(1 for _ in source))"
    )
    feed = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=feed.stdout, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert feed.wait() == 0
    assert done.stdout == "standard input 10\n"


@pytest.mark.slow
@pytest.mark.parametrize("piped", [True, False])
def test_an_mp4_with_its_index_at_its_end_needs_a_file_behind_standard_input(piped: bool) -> None:
    path = sample()  # larger than what FFmpeg remembers of a pipe
    code = "from signpipe import open_source\nwith open_source('-') as source: print(source.read().index)"
    with path.open("rb") as file, subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as feed:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=feed.stdout if piped else file, capture_output=True, text=True,
            check=False, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
    if piped:
        assert "index at its end" in done.stderr.splitlines()[-1]
    else:
        assert done.stdout == "0\n"


@pytest.mark.parametrize("content", [b"", b"hello", bytes(5000)])
def test_a_pipe_without_video_is_refused(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(content)

    monkeypatch.setattr(sys, "stdin", Standard())
    with pytest.raises(SourceError, match="Standard input"):
        open_source("-")


@pytest.mark.parametrize(
    "values", [{"open_timeout": 1e12}, {"open_timeout": float("inf")}, {"fps": 0.0003}, {"stall_timeout": 1e9}]
)
def test_values_that_no_clock_can_take_are_out_of_bounds(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        CaptureSettings.model_validate(values)


@pytest.mark.parametrize("scale", [1, 257])
def test_arrays_of_every_kind_are_taken(scale: int) -> None:
    kind = np.uint8 if scale == 1 else np.uint16
    grey = np.full((20, 30), 77, kind) * kind(scale)
    for array in (grey, grey[..., None], np.dstack([grey] * 3), np.dstack([grey] * 4)):
        (frame,) = frames_of(array)  # type: ignore[arg-type]
        assert frame.image.shape == (20, 30, 3)
        assert (frame.image == 77).all()
        assert frame.independent
    frames = frames_of([picture(number) for number in range(3)], fps=10)  # type: ignore[arg-type]
    assert [(number_of(frame.image), round(frame.media_time, 3)) for frame in frames] == [(0, 0), (1, 0.1), (2, 0.2)]
    frames = frames_of(picture(number) for number in range(3))  # type: ignore[arg-type]
    assert [frame.independent for frame in frames] == [False] * 3


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 4, 3), np.float32), "scale floats"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        (np.zeros((4, 4, 2), np.uint8), "no picture"),
        (np.zeros(7, np.uint8), "no picture"),
        ([[1, 2], [3, 4]], "not list"),
        ([], "no pictures"),
        (3.5, "can't be float"),
    ],
)
def test_other_arrays_are_refused_in_one_sentence(array: object, says: str) -> None:
    with pytest.raises(SourceError, match=says) as refused:
        open_source(array)  # type: ignore[arg-type]
    assert str(refused.value).endswith(".")
