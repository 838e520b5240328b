"""What a run may write: any legal path, but never what it reads, what is there already, or two outputs in one file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.errors import OutputError
from signpipe.settings import OutputSettings
from signpipe.sinks import RunInfo, check_outputs, open_run_sinks
from signpipe.sinks.files import CONTAINERS, refuse_inputs, stream_of
from signpipe.sinks.jsonl import JsonlSink
from signpipe.sinks.overlay import Overlay
from signpipe.sinks.video import VideoSink
from tests.sinks.results import CATALOGUE, frame_result

RUN = RunInfo("drive.mp4", width=320, height=240, fps=25.0)
NAMES = [
    "12:30",
    "drive [uphill]",
    "k[/x]",
    "[bold]",
    "%03d",
    "a b'c\"",
    "ü路",
    os.fsdecode(b"\xff\xe4"),
    "-x",
    "file:a",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_legal_name_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    video, records = Path(f"{name}.mp4"), Path(f"{name}.jsonl")
    video.parent.mkdir(exist_ok=True)
    run = RunInfo(f"{name}.avi", fps=25.0)
    with open_run_sinks(OutputSettings(video=video, jsonl=records), run, CATALOGUE) as sinks:
        for index in range(3):
            sinks.write(frame_result(index))

    assert not sinks.missing
    with video.open("rb") as file, av.open(file, "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 3
    assert json.loads(records.read_bytes().splitlines()[0])["source"] == f"{name}.avi"


@pytest.mark.parametrize("suffix", [*CONTAINERS, ".MKV"])
def test_a_video_has_the_container_of_its_name_and_its_times(tmp_path: Path, suffix: str) -> None:
    video = VideoSink(tmp_path / f"a{suffix}", RUN, Overlay(CATALOGUE))
    for index in range(30):
        video.write(frame_result(index))
    video.close()

    with av.open(str(tmp_path / f"a{suffix}")) as container:
        assert CONTAINERS[suffix.lower()] in container.format.name.replace("webm", "").split(",")
        times = [frame.time for frame in container.decode(video=0)]
    assert [time - times[0] for time in times] == pytest.approx([index / 25 for index in range(30)], abs=0.002)


@pytest.mark.parametrize("name", ["a", "a.gif", "a.webm", "a.jsonl"])
def test_a_name_that_names_no_container_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"must end in \.mp4"):
        VideoSink(tmp_path / name, RUN, Overlay(CATALOGUE))
    assert not list(tmp_path.iterdir())


def test_a_video_goes_into_a_pipe(tmp_path: Path) -> None:
    pipe, copy = tmp_path / "a.mp4", tmp_path / "copy.mp4"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=copy.open("wb")) as reader:
        video = VideoSink(pipe, RUN, Overlay(CATALOGUE))
        for index in range(60):
            video.write(frame_result(index))
        video.close()
        assert reader.wait(10) == 0
    with av.open(str(copy)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def test_nothing_that_is_there_is_replaced_unless_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("annotated.mp4", "detections.jsonl", "events.jsonl"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("dear")
        with pytest.raises(OutputError, match=rf"{name} is there already; give --overwrite"):
            open_run_sinks(OutputSettings(folder=folder), RUN, CATALOGUE)
        assert {path.name: path.read_text() for path in folder.iterdir()} == {name: "dear"}
        with open_run_sinks(OutputSettings(folder=folder, overwrite=True), RUN, CATALOGUE) as sinks:
            sinks.write(frame_result())
        assert b"dear" not in (folder / name).read_bytes()


def test_an_empty_file_has_nothing_to_lose(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    check_outputs(OutputSettings(jsonl=tmp_path / "a.jsonl"), [])


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Return a folder of what a run reads."""
    for name in ("d.gpx", "map.osm", "pics [1]/a.jpg", "pics [1]/deep/b.jpg", "sweeps/1.bin", "k.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("dear")
    (tmp_path / "link.gpx").symlink_to("d.gpx")
    os.link(tmp_path / "d.gpx", tmp_path / "hard.gpx")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ("d.gpx", "d.gpx"),
        ("d.gpx", "sweeps/../d.gpx"),
        ("d.gpx", "link.gpx"),
        ("link.gpx", "d.gpx"),
        ("d.gpx", "hard.gpx"),
        ("map.osm", "map.osm"),
        ("k.toml", "k.toml"),
        ("sweeps", "sweeps/1.bin"),
        ("pics [1]", "pics [1]/a.jpg"),
        ("pics [1]/*.jpg", "pics [1]/a.jpg"),
        ("**/*.jpg", "pics [1]/deep/b.jpg"),
        ("file://{folder}/d.gpx", "d.gpx"),
    ],
)
def test_what_a_run_reads_is_never_overwritten(inputs: Path, given: str, output: str) -> None:
    given = given.format(folder=inputs) if "{" in given else str(inputs / given)
    settings = OutputSettings(jsonl=inputs / output, overwrite=True)
    with pytest.raises(OutputError, match="would overwrite"):
        check_outputs(settings, ["0", "rtsp://host/a", given])
    with pytest.raises(OutputError, match="would overwrite"):
        open_run_sinks(settings, RunInfo("drive", inputs=(given,)), CATALOGUE)
    assert (inputs / output).read_text() == "dear"


@pytest.mark.parametrize(
    "given", ["pics [1]", "pics [1]/*.jpg", "pics [1]/*", "rtsp://host/*", "0", "", "\0", "x" * 9999]
)
def test_other_files_of_a_folder_may_be_written(inputs: Path, given: str) -> None:
    (inputs / "pics [1]" / "old.jsonl").write_text("{}")
    for output in ("pics [1]/new.jsonl", "pics [1]/old.jsonl", "other.jsonl"):
        refuse_inputs({"list of detections": inputs / output}, [str(inputs / given) if "pics" in given else given])


def test_two_outputs_are_never_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").touch()
    os.link("a", "b")
    Path("c").symlink_to("new")
    for one, other in (("a", "a"), ("a", "b"), ("c", "new"), ("new", "x/../new"), ("-", "-"), ("-", "/dev/stdout")):
        with pytest.raises(OutputError, match="a name of its own"):
            check_outputs(OutputSettings(jsonl=Path(one), events=Path(other), overwrite=True), [])
    check_outputs(OutputSettings(jsonl=Path("/dev/null"), events=Path("/dev/null")), [])


WRITER = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from tests.sinks.test_files import RUN, CATALOGUE, JsonlSink, frame_result
    sink = JsonlSink(Path(sys.argv[1]), RUN, CATALOGUE)
    sink.write(frame_result())
    sink.close()
""")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "redirection"),
    [
        ("-", "> o"),
        ("-", ">> o"),
        ("-", "| cat >> o"),
        ("/dev/stdout", "> o"),
        ("/dev/stdout", ">> o"),
        ("/dev/stdout", "| cat >> o"),
        ("/dev/fd/1", ">> o"),
        ("/dev/fd/7", "7>> o"),
        ("/dev/stderr", "2>> o"),
        ("{folder}/o", ">> o"),
    ],
)
def test_what_the_shell_opened_is_written_on_and_never_emptied(tmp_path: Path, name: str, redirection: str) -> None:
    (tmp_path / "o").write_text("dear\n")
    (tmp_path / "writer.py").write_text(WRITER)
    target = name.format(folder=tmp_path)
    shell = f"(echo before; {sys.executable} writer.py {target}; echo after) {redirection}"
    if not redirection.startswith((">", "|")):
        shell = f"{sys.executable} writer.py {target} {redirection}"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(shell, shell=True, check=True, cwd=tmp_path, env=environment)

    lines = (tmp_path / "o").read_text().splitlines()
    assert (lines[0] == "dear") is (redirection != "> o")
    records = [json.loads(line)["type"] for line in lines if line.startswith("{")]
    assert records == ["run", "frame", "end"]
    if "before" in lines:
        assert lines[-1] == "after"
    assert not (tmp_path / "-").exists()


def test_a_descriptor_that_is_not_open_is_one_sentence() -> None:
    with pytest.raises(OutputError, match="isn't open"):
        JsonlSink(Path("/dev/fd/999"), RUN, CATALOGUE)


def test_a_video_does_not_go_to_standard_output() -> None:
    with pytest.raises(OutputError, match="can't go to standard output"):
        VideoSink(Path("-"), RUN, Overlay(CATALOGUE))


@given(st.text(st.characters(exclude_characters="/"), min_size=1, max_size=40))
def test_a_name_is_a_stream_only_if_it_is_one(name: str) -> None:
    assert stream_of(Path("nowhere", name)) is None


@pytest.mark.parametrize("name", ["a\0b", "\0"])
def test_a_name_that_no_file_can_have_is_a_bad_setting(name: str) -> None:
    with pytest.raises(ValueError, match="no file can have this name"):
        OutputSettings(jsonl=Path(name))


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        open_run_sinks(OutputSettings(jsonl=tmp_path / ("x" * 999)), RUN, CATALOGUE)


def test_an_output_of_which_nothing_could_be_written_is_known_in_the_end() -> None:
    class Full:
        name = "full"

        def write(self, _result: object) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    class Late(Full):
        name = "late"
        count = 0

        def write(self, result: object) -> None:
            self.count += 1
            if self.count > 1:
                super().write(result)

    with open_run_sinks(OutputSettings(), RUN, CATALOGUE, extra=[Full(), Late()]) as sinks:
        for index in range(3):
            sinks.write(frame_result(index))
    assert sinks.missing == {"full": "nothing of it could be written (No space left on device)"}
