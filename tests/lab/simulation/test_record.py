"""`signpipe simulate` and the files that it writes."""

import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.cli.main import main
from signpipe.errors import OutputError, SourceError
from signpipe.lab.simulation.record import Plan, record_drive, truth_path
from signpipe.lab.simulation.scene import parse_poles
from signpipe.lab.simulation.truth import SCHEMA, Truth, TruthFrame, read_truth

ROOT = Path(__file__).parents[3]
SHORT = ["--seconds", "4", "--fps", "5", "--size", "320x180"]


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command line; return its exit code and what it said on stderr."""
    monkeypatch.setattr(sys, "argv", ["signpipe", "simulate", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0), " ".join(capsys.readouterr().err.split())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short drive past five signs."""
    path = tmp_path_factory.mktemp("drive") / "new" / "drive.mp4"
    poles = "speed_limit_80+no_overtaking,end_all_restrictions,give_way"
    plan = Plan(tuple(parse_poles(poles, load_catalogue())), 8.0, 5.0, (320, 180), 15.0, 1)
    ticks: list[int] = []
    record_drive(plan, path, lambda: ticks.append(1))
    assert len(ticks) == plan.frames
    return path


@pytest.fixture(scope="module")
def truth(video: Path) -> Truth:
    return read_truth(truth_path(video))


@pytest.mark.slow
def test_video_and_truth_have_the_same_frames_at_the_same_times(video: Path, truth: Truth) -> None:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == truth.size == (320, 180)
    assert [frame.time for frame in frames] == pytest.approx([frame.media_time for frame in truth.frames])
    assert [frame.index for frame in truth.frames] == list(range(40))
    assert min(frame.to_ndarray(format="gray").std() for frame in frames) > 20  # pictures, not blanks


def test_truth_names_every_sign_and_where_it_stands(truth: Truth) -> None:
    names = ["speed_limit_80", "no_overtaking", "end_all_restrictions", "give_way"]
    assert [sign.class_name for sign in truth.signs] == names
    assert [sign.id for sign in truth.signs] == [0, 1, 2, 3]
    catalogue = load_catalogue()
    boxes = [box for frame in truth.frames for box in frame.signs]
    assert {box.id for box in boxes} == {0, 1, 2, 3}
    for box in boxes:
        assert box.class_name == truth.signs[box.id].class_name == catalogue[box.class_id].name
        assert 0 <= box.xyxy[0] < box.xyxy[2] <= 320
        assert 0 <= box.xyxy[1] < box.xyxy[3] <= 180
        assert 0 <= box.visible <= 1
        assert box.distance > 0


def test_signs_of_a_frame_come_nearest_first(truth: Truth) -> None:
    for frame in truth.frames:
        distances = [box.distance for box in frame.signs]
        assert distances == pytest.approx(sorted(distances), abs=0.01)


def test_truth_tells_what_is_in_force(truth: Truth) -> None:
    def at(z: float) -> TruthFrame:
        return min(truth.frames, key=lambda frame: abs(frame.media_time * truth.speed - z))

    first, _, end, _ = (sign.position[2] for sign in truth.signs)
    assert (at(first - 5).limit, at(first - 5).overtaking_ban) == (None, False)
    assert (at(first + 5).limit, at(first + 5).overtaking_ban) == (80.0, True)
    assert (at(end + 5).limit, at(end + 5).overtaking_ban) == (None, False)


def test_the_first_record_is_a_header_with_the_schema(video: Path) -> None:
    header, first, *_ = (json.loads(line) for line in truth_path(video).read_text().splitlines())
    assert header["schema"] == SCHEMA == "signpipe.truth/1"
    assert {"size", "fps", "focal", "seed", "speed", "signs"} <= header.keys()
    assert "frames" not in header
    assert {"index", "media_time", "signs", "limit", "overtaking_ban"} == first.keys()


def test_the_same_plan_gives_the_same_drive(tmp_path: Path) -> None:
    plan = Plan(tuple(parse_poles("stop", load_catalogue())), 4.0, 2.0, (320, 180))
    paths = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    pictures = []
    for path in paths:
        record_drive(plan, path)
        with av.open(str(path)) as container:
            pictures.append([frame.to_ndarray(format="bgr24").astype(int) for frame in container.decode(video=0)])
    assert truth_path(paths[0]).read_bytes() == truth_path(paths[1]).read_bytes()
    assert np.abs(np.array(pictures[0]) - np.array(pictures[1])).mean() < 1  # the encoder isn't repeatable to the bit


def test_what_was_recorded_before_an_interruption_stays_readable(tmp_path: Path) -> None:
    done = 0

    def interrupt() -> None:
        nonlocal done
        done += 1
        if done == 5:
            raise KeyboardInterrupt

    path = tmp_path / "cut.mp4"
    with pytest.raises(KeyboardInterrupt):
        record_drive(Plan(tuple(parse_poles("stop", load_catalogue())), 4.0, 5.0, (320, 180)), path, interrupt)
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 5
    assert len(read_truth(truth_path(path)).frames) == 5


def test_the_command_writes_a_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drive.mp4"
    code, _ = run(monkeypatch, capsys, str(out), *SHORT, "--signs", "stop")
    assert code == 0
    assert out.stat().st_size > 1000
    assert len(read_truth(truth_path(out)).frames) == 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--signs", "speed_limt_80"], "There is no sign 'speed_limt_80'; did you mean speed_limit_80 or"),
        (["--signs", "stop,give_wya"], "There is no sign 'give_wya'; did you mean give_way"),
        (
            ["--signs", "above:stop"],
            "A sign can't be 'above'; put one of left, island, hidden, overgrown before the colon.",
        ),
        (["--signs", " , "], "A drive needs at least one sign"),
        (["--size", "640"], "The size can't be '640'; give it as 1280x720."),
        (["--size", "641x360"], "A picture can't be 641x360; give even sides from 160 to 4096."),
        (["--size", "64x36"], "A picture can't be 64x36"),
        (["--seconds", "2"], "A drive of 30 m is too short: poles for the signs asked for need 48 m"),
        (["--seconds", "4", "--signs", "stop,stop,stop"], "raise --seconds or name fewer signs"),
    ],
)
def test_bad_arguments_end_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    out = tmp_path / "drive.mp4"
    code, said = run(monkeypatch, capsys, str(out), *SHORT, "--signs", "stop", *arguments)
    assert code == 2
    assert says in said
    assert "Traceback" not in said
    assert not out.exists()


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    plan = Plan(tuple(parse_poles("stop", load_catalogue())), 4.0)
    with pytest.raises(OutputError, match=r"drive\.gif; end its name in \.mp4 or \.mkv"):
        record_drive(plan, tmp_path / "drive.gif")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    plan = Plan(tuple(parse_poles("stop", load_catalogue())), 4.0, 5.0, (320, 180))
    with pytest.raises(OutputError, match=r"can't be written"):
        record_drive(plan, tmp_path / "file" / "drive.mp4")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "no json", '{"schema": "other/1", "signs": []}', '{"schema": "signpipe.truth/1"}']
)
def test_a_file_that_is_no_truth_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.truth.jsonl"
    path.write_text(text)
    with pytest.raises(SourceError, match="isn't the truth of a drive"):
        read_truth(path)


def test_a_truth_file_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't be read"):
        read_truth(tmp_path / "missing.truth.jsonl")


def test_the_shipped_sample_agrees_with_its_truth() -> None:
    truth = read_truth(ROOT / "samples" / "drive.truth.jsonl")
    with av.open(str(ROOT / "samples" / "drive.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == truth.size == (1280, 720)
        assert stream.time_base is not None
        unit = float(stream.time_base)
        times = [packet.pts * unit for packet in container.demux(stream) if packet.pts is not None]
    assert sorted(times) == pytest.approx([frame.media_time for frame in truth.frames])
    assert 15 <= times[-1] <= 25
    largest = {sign.id: 0.0 for sign in truth.signs if not sign.overgrown}
    for frame in truth.frames:
        for box in frame.signs:
            if box.visible > 0.9 and box.id in largest:
                largest[box.id] = max(largest[box.id], box.xyxy[2] - box.xyxy[0])
    assert len({sign.class_name for sign in truth.signs}) >= 10
    assert min(largest.values()) > 45
    assert np.mean([sign.hidden for sign in truth.signs]) > 0
