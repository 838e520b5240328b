"""Outputs of the command line: standard output, names of any kind, and nothing that is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.errors import OutputError
from signpipe.html import write_page
from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Return a small picture without a sign."""
    path = tmp_path / "in" / "p.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))
    return path


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in a folder, with `$signpipe` for the command."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "signpipe": f"{sys.executable} -m signpipe.cli.main"}
    line = ["bash", "-o", "pipefail", "-c", command]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, check=False, timeout=60)


@pytest.mark.slow
def test_records_on_standard_output_and_all_else_on_standard_error(picture: Path, tmp_path: Path) -> None:
    done = shell(f"$signpipe run {picture} --jsonl -", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["run", "frame", "end"]
    assert b"No signs seen" in done.stderr
    assert not (tmp_path / "-").exists()


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_run_quietly(tmp_path: Path) -> None:
    sample = REPOSITORY / "samples" / "drive.mp4"
    done = shell(f"$signpipe run {sample} --loop 0 --jsonl - --set output.status=false | head -n 2", tmp_path)
    assert done.returncode == 1
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["run", "frame"]
    assert done.stderr == b""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["settings", "--version"])
def test_no_command_minds_a_reader_that_leaves(command: str, tmp_path: Path) -> None:
    done = shell(f"$signpipe {command} | true", tmp_path)
    assert done.stderr == b""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["k[/x] [bold]", os.fsdecode(b"\xff\xe4")])
def test_a_path_is_printed_as_it_is(signpipe: Run, picture: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir(parents=True)
    source = folder / f"{folder.name}.png"
    picture.rename(source)
    arguments = [os.fsencode(str(value)) for value in (source, "--out", folder / "out", "--review", folder / "queue")]
    command: list[str | bytes] = [sys.executable, "-m", "signpipe.cli.main", "run", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, cwd=REPOSITORY, timeout=60)
    assert done.returncode == 0, done.stderr
    for file in ("annotated.mp4", "detections.jsonl", "events.jsonl"):
        assert os.fsencode(folder / "out" / file) in done.stdout
    assert os.fsencode(folder / "queue") in done.stdout
    if "/" not in name and name.isascii():
        signpipe("run", folder / "missing.mp4").assert_one_sentence(str(folder / "missing.mp4"))


def test_nothing_is_overwritten_unless_asked_for(signpipe: Run, picture: Path, tmp_path: Path) -> None:
    records = tmp_path / "a.jsonl"
    records.write_text("dear")
    signpipe("run", picture, "--jsonl", records).assert_one_sentence(str(records), "--overwrite")
    assert records.read_text() == "dear"
    assert signpipe("run", picture, "--jsonl", records, "--overwrite", "-q").code == 0
    assert "dear" not in records.read_text()


@pytest.mark.parametrize("option", ["--gpx", "--map", "--calibration", "--config", "--set=detect.model={}"])
def test_an_output_is_never_an_input(signpipe: Run, picture: Path, tmp_path: Path, option: str) -> None:
    file = tmp_path / "dear.toml"
    file.write_text("[output]\n")
    given = [option.format(file)] if "{" in option else [option, file]
    outcome = signpipe("run", picture, *given, "--jsonl", file, "--overwrite")
    outcome.assert_one_sentence("would overwrite", str(file))
    assert file.read_text() == "[output]\n"


def test_a_picture_of_the_source_is_never_an_output(signpipe: Run, picture: Path) -> None:
    content = picture.read_bytes()
    for source in (picture, picture.parent, picture.parent / "*.png"):
        outcome = signpipe("run", source, "--jsonl", picture, "--overwrite")
        outcome.assert_one_sentence("would overwrite", str(picture))
    assert picture.read_bytes() == content


@pytest.mark.slow
def test_a_recording_from_a_pipe_is_no_output_either(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content := (REPOSITORY / "samples" / "drive.mp4").read_bytes())
    done = shell("$signpipe run - --video a.mp4 --overwrite < a.mp4", tmp_path)
    assert (done.returncode, b"would overwrite" in done.stderr) == (2, True)
    assert (tmp_path / "a.mp4").read_bytes() == content


def test_a_video_that_is_wholly_missing_is_no_success(signpipe: Run, picture: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    outcome = signpipe("run", picture, "--video", "/dev/full")
    assert outcome.code == 2
    assert "The video can't be used: its end could not be written (No space left on device)" in outcome.err
    assert "No signs seen" in outcome.out


def test_no_signs_says_what_to_try(signpipe: Run, picture: Path) -> None:
    outcome = signpipe("run", picture)
    assert "No signs seen" in outcome.out
    assert "--detections raw" in outcome.out


def test_a_simulation_replaces_nothing_unless_asked_for(signpipe: Run, tmp_path: Path) -> None:
    for name in ("d.mp4", "d.truth.jsonl", "d.geojson", "d.gpx"):
        (tmp_path / name).write_text("dear")
        arguments = ("simulate", tmp_path / "d.mp4", "--seconds", 1, "--size", "64x48", "--signs", "stop")
        signpipe(*arguments).assert_one_sentence(name, "--overwrite")
        assert (tmp_path / name).read_text() == "dear"
        (tmp_path / name).unlink()
        assert not list(tmp_path.iterdir())


def test_a_page_replaces_a_page_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    write_page(file, "one", [])
    write_page(file, "two", [])
    assert "two" in file.read_text()
    file.write_text("dear")
    with pytest.raises(OutputError, match="is no page"):
        write_page(file, "three", [])
    assert file.read_text() == "dear"


def test_an_explanation_never_replaces_its_source(signpipe: Run, picture: Path) -> None:
    content = picture.read_bytes()
    signpipe("explain", picture, "--out", picture).assert_one_sentence("would overwrite", str(picture))
    assert picture.read_bytes() == content


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "1e300"])
@pytest.mark.parametrize("name", ["output.queue", "review.megabytes", "review.days", "review.smallest"])
def test_a_value_out_of_range_is_one_sentence(signpipe: Run, picture: Path, name: str, value: str) -> None:
    signpipe("run", picture, "--set", f"{name}={value}").assert_one_sentence(name)
