"""The annotated video, read back from the file."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from signpipe.errors import OutputError
from signpipe.sinks.base import RunInfo
from signpipe.sinks.overlay import Overlay
from signpipe.sinks.video import VideoSink
from signpipe.types import Image
from tests.sinks.results import CATALOGUE, frame_result, gap_result, picture, track
from tests.support.limits import file_size_limit

RUN = RunInfo("drive.mp4", width=320, height=240, fps=25.0)


def sink(path: Path) -> VideoSink:
    return VideoSink(path, RUN, Overlay(CATALOGUE))


def read(path: Path) -> tuple[list[float], list[Image]]:
    """Return times and BGR pictures up to where the file can be read."""
    times: list[float] = []
    images: list[Image] = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                assert frame.pts is not None
                times.append(float(frame.pts * (frame.time_base or Fraction(0))))
                images.append(frame.to_ndarray(format="bgr24").astype(np.uint8))
        except av.InvalidDataError:  # the last picture of a file that was cut off
            pass
    return times, images


def test_the_video_is_h264_with_the_true_times_of_an_uneven_source(tmp_path: Path) -> None:
    times = [5.0, 5.04, 5.5, 5.5333, 7.25]
    video = sink(tmp_path / "out" / "a.mp4")
    for index, media_time in enumerate(times):
        video.write(frame_result(index, media_time))
    video.close()
    video.close()

    with av.open(str(tmp_path / "out" / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (320, 240)
    written, _ = read(tmp_path / "out" / "a.mp4")
    assert written == pytest.approx([t - 5.0 for t in times], abs=1e-4)


def test_colours_survive(tmp_path: Path) -> None:
    video = sink(tmp_path / "a.mp4")
    red = picture(colour=(30, 40, 200))
    video.write(frame_result(0, image=red))
    video.close()

    _, (written,) = read(tmp_path / "a.mp4")
    assert np.abs(written[60, 160].astype(int) - red[60, 160].astype(int)).max() < 12


def test_a_gap_writes_no_picture_but_keeps_the_time(tmp_path: Path) -> None:
    video = sink(tmp_path / "a.mp4")
    video.write(frame_result(0, 0.0))
    video.write(gap_result(2.0))
    video.write(frame_result(1, 4.0))
    video.close()

    assert read(tmp_path / "a.mp4")[0] == pytest.approx([0.0, 4.0])


def test_time_that_jumps_back_still_gives_growing_time_stamps(tmp_path: Path) -> None:
    video = sink(tmp_path / "a.mp4")
    for index, media_time in enumerate([0.0, 0.04, 0.04, 0.0, 0.04]):
        video.write(frame_result(index, media_time))
    video.close()

    times, _ = read(tmp_path / "a.mp4")
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16], abs=1e-4)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (321, 241), (3840, 2160)])
def test_any_size_can_be_written(tmp_path: Path, width: int, height: int) -> None:
    video = sink(tmp_path / "a.mp4")
    image = picture(width, height)
    for index in range(2):
        video.write(frame_result(index, image=image, tracks=[track(xyxy=(0, 0, width, height))]))
    video.close()

    _, images = read(tmp_path / "a.mp4")
    assert [i.shape for i in images] == [(height + height % 2, width + width % 2, 3)] * 2


def test_a_picture_of_another_size_is_fitted_into_the_first_ones(tmp_path: Path) -> None:
    video = sink(tmp_path / "a.mp4")
    video.write(frame_result(0, image=picture(320, 240)))
    video.write(frame_result(1, image=picture(240, 480, (200, 200, 200))))
    video.close()

    _, (first, second) = read(tmp_path / "a.mp4")
    assert first.shape == second.shape == (240, 320, 3)
    assert second[120, 20].max() < 25  # black beside it
    assert second[120, 160].min() > 175


def test_what_a_killed_run_wrote_can_be_played(tmp_path: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from tests.sinks.results import CATALOGUE, frame_result
        from tests.sinks.test_video import sink
        video = sink(Path({str(tmp_path / "a.mp4")!r}))
        for index in range(100):
            video.write(frame_result(index))
        print("written", flush=True)
        time.sleep(60)
    """
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)

    times, _ = read(tmp_path / "a.mp4")
    assert len(times) >= 70  # of 100; what is younger than about a second is lost
    assert times == pytest.approx([i / 25 for i in range(len(times))], abs=1e-4)


def test_on_a_full_disk_the_video_ends_with_what_went_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (240, 320, 3), np.uint8)
    video = sink(tmp_path / "a.mp4")
    failed = 0
    with file_size_limit(2_000_000):
        for index in range(150):
            try:
                video.write(frame_result(index, image=np.roll(noise, index * 7, axis=1)))
            except OSError:
                failed += 1
        video.close()

    times, _ = read(tmp_path / "a.mp4")
    assert 0 < failed < 150
    assert len(times) >= 25
    with pytest.raises(OSError, match="File too large"):
        video.write(frame_result(151))


def test_the_picture_of_the_frame_is_left_alone(tmp_path: Path) -> None:
    image = picture()
    video = sink(tmp_path / "a.mp4")
    video.write(frame_result(image=image, tracks=[track()]))
    video.close()

    assert (image == picture()).all()


def test_without_a_picture_there_is_no_file(tmp_path: Path) -> None:
    video = sink(tmp_path / "a.mp4")
    video.write(gap_result())
    video.close()

    assert list(tmp_path.iterdir()) == []


def test_an_old_video_stays_until_there_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    sink(tmp_path / "a.mp4").close()

    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"video can't be written to .*; choose"):
        sink(tmp_path / "file" / "a.mp4")
    with pytest.raises(OutputError, match="Is a directory"):
        sink(tmp_path)


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "drive.mp4"
    source.write_bytes(b"precious")
    with pytest.raises(OutputError, match="overwrite its own source"):
        VideoSink(source, replace(RUN, source=str(source)), Overlay(CATALOGUE))
