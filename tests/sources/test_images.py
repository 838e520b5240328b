"""Pictures: natural order, their place in time, and what can't be read."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources import Source, open_source
from signpipe.types import Frame
from tests.support.videos import number_of, picture


def save(path: Path, number: int) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    assert cv2.imwrite(str(path), picture(number))
    return path


def frames_of(source: Source) -> list[Frame]:
    with source:
        return list(source)


def open_here(spec: Path | str, **settings: object) -> Source:
    return open_source(str(spec), CaptureSettings.model_validate(settings))


def test_a_folder_comes_in_natural_order(tmp_path: Path) -> None:
    for number in (1, 2, 10, 11, 20):
        save(tmp_path / f"frame{number}.png", number)
    (tmp_path / "notes.txt").write_text("no picture")
    frames = frames_of(open_here(tmp_path, fps=25))
    assert [number_of(frame.image) for frame in frames] == [1, 2, 10, 11, 20]
    assert [frame.name for frame in frames] == [f"frame{number}.png" for number in (1, 2, 10, 11, 20)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.media_time for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert not any(frame.independent for frame in frames)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".JPG", ".PNG"])
def test_every_kind_of_picture_is_read(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"a{suffix.lower()}", 7).rename(tmp_path / f"a{suffix}")
    (frame,) = frames_of(open_here(tmp_path / f"a{suffix}"))
    assert number_of(frame.image) == 7
    assert frame.image.dtype == np.uint8
    assert frame.independent


def test_a_pattern_chooses_among_folders(tmp_path: Path) -> None:
    for number, name in enumerate(("a/1.png", "a/2.jpg", "b/1.png", "b/c/9.png")):
        save(tmp_path / name, number)
    assert [number_of(frame.image) for frame in frames_of(open_here(f"{tmp_path}/*/*.png"))] == [0, 2]
    assert [number_of(frame.image) for frame in frames_of(open_here(f"{tmp_path}/**/*.png"))] == [0, 2, 3]


def test_a_pattern_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "shots" / "1.png", 3)
    monkeypatch.chdir(tmp_path)
    assert [number_of(frame.image) for frame in frames_of(open_here("shots/[0-9].png"))] == [3]


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    assert number_of(frames_of(open_here(save(tmp_path / "a[1].png", 5)))[0].image) == 5


def test_independent_pictures_are_marked(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", number)
    assert all(frame.independent for frame in frames_of(open_here(tmp_path, independent=True)))


def test_a_sequence_is_played_again(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", number)
    frames = frames_of(open_here(tmp_path, loop=2, fps=10))
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 0, 1, 2]
    assert [frame.media_time for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    """Orientation 6: the camera was held upright, so the picture must be turned clockwise."""
    path = save(tmp_path / "a.jpg", 4)
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    (frame,) = frames_of(open_here(path))
    upright = cv2.rotate(picture(4), cv2.ROTATE_90_CLOCKWISE)
    assert frame.image.shape == upright.shape
    assert np.abs(frame.image.astype(int) - upright).mean() < 3


def test_a_file_that_is_no_picture_is_skipped_and_keeps_its_place(tmp_path: Path) -> None:
    for number in range(5):
        save(tmp_path / f"{number}.png", number)
    (tmp_path / "1.png").write_text("this is no picture")
    (tmp_path / "3.png").write_bytes(b"")
    source = open_here(tmp_path, fps=10)
    frames = frames_of(source)
    assert [frame.index for frame in frames] == [0, 2, 4]
    assert [frame.media_time for frame in frames] == pytest.approx([0, 0.2, 0.4])
    assert source.info.damaged == 2
    assert len(source.info.warnings) == 1
    assert str(tmp_path / "1.png") in source.info.warnings[0]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_a_picture_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.png is no picture that can be read"):
        open_here(path)


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"Of the 3 pictures of .*, none is"):
        open_here(tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(SourceError, match=r"holds no pictures \(\.jpg"):
        open_here(tmp_path)


def test_a_pattern_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"No picture matches .*\*\.png"):
        open_here(f"{tmp_path}/*.png")
