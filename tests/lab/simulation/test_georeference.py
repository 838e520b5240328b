"""The map and the track beside a simulated drive."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.cli.main import main
from signpipe.errors import SettingsError
from signpipe.geodesy import offset, turn
from signpipe.lab.simulation.drive import Drive
from signpipe.lab.simulation.georeference import ORIGIN, sign_map, track
from signpipe.lab.simulation.record import Plan, record_drive, truth_path
from signpipe.lab.simulation.scene import lay_out, parse_poles
from signpipe.lab.simulation.truth import Truth, read_truth
from signpipe.maps import MapSign, open_map
from signpipe.position import PositionSource, open_position
from signpipe.settings import PositionSettings

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "drive.truth.jsonl"
CATALOGUE = load_catalogue()
HUNDRED = CATALOGUE.by_name("speed_limit_100")
SECONDS = 8.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    poles = parse_poles("stop,road_works+speed_limit_50,left:no_entry", CATALOGUE)
    return Plan(tuple(poles), SECONDS, 2.0, (320, 180), 15.0, 3, {2: HUNDRED})


@pytest.fixture(scope="module")
def video(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drive") / "drive.mp4"
    record_drive(plan, path)
    return path


@pytest.fixture(scope="module")
def truth(video: Path) -> Truth:
    return read_truth(truth_path(video))


@pytest.fixture(scope="module")
def entries(video: Path) -> dict[str, MapSign]:
    signs = open_map(video.with_suffix(".geojson"), CATALOGUE)
    return {entry.source: entry for entry in signs.near(*ORIGIN, 1e4)}


@pytest.mark.slow
def test_the_map_has_every_sign_where_it_stands_and_only_the_errors_that_were_asked_for(
    truth: Truth, entries: dict[str, MapSign], plan: Plan
) -> None:
    scene = lay_out(list(plan.poles), plan.seconds * plan.speed, np.random.default_rng(plan.seed))
    assert len(entries) == len(truth.signs) == 4
    for sign in truth.signs:
        entry = entries[f"feature {sign.id}"]
        assert offset(*ORIGIN, entry.latitude, entry.longitude) == pytest.approx(
            (sign.position[0], sign.position[2]), abs=0.02
        )
        assert CATALOGUE[entry.class_id].name == ("speed_limit_100" if sign.id == 2 else sign.class_name)
        assert entry.heading is not None
        assert turn(entry.heading, np.degrees(scene.road.heading(sign.position[2]))) < 0.1


def test_the_track_follows_the_camera(video: Path, plan: Plan) -> None:
    scene = lay_out(list(plan.poles), plan.seconds * plan.speed, np.random.default_rng(plan.seed))
    drive = Drive(scene, plan.size, plan.fps, plan.speed, plan.seed)
    positions = open_position(PositionSettings(source=str(video.with_suffix(".gpx"))))
    for media_time in np.arange(0, SECONDS, 0.25):
        pose = positions.at(float(media_time), 0.0)
        assert pose is not None
        view = drive.view(float(media_time))
        east, north = offset(*ORIGIN, pose.latitude, pose.longitude)
        assert np.hypot(east - view.eye[0], north - view.eye[2]) < 5
        assert pose.heading is not None
        assert turn(pose.heading, np.degrees(view.yaw)) < 5
        assert pose.speed == pytest.approx(plan.speed, abs=1.5)


def test_a_seed_gives_the_same_track_and_another_seed_another(truth: Truth) -> None:
    assert track(truth, SECONDS) == track(truth, SECONDS)
    assert track(truth, SECONDS) != track(replace(truth, seed=4), SECONDS)


def test_an_error_about_a_sign_that_is_not_there_is_refused_before_anything_is_written(
    plan: Plan, tmp_path: Path
) -> None:
    out = tmp_path / "drive.mp4"
    with pytest.raises(SettingsError, match=r"can't be wrong about sign 9; the drive's signs are 0 to 3"):
        record_drive(replace(plan, map_errors={9: HUNDRED}), out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("stop", "A map error can't be 'stop'; give it as 4:speed_limit_100."),
        ("x:stop", "A map error can't be 'x:stop'"),
        ("0:stoop", "There is no sign 'stoop'; did you mean stop"),
    ],
)
def test_the_command_refuses_bad_map_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: str, says: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["signpipe", "simulate", str(tmp_path / "x.mp4"), "--map-error", error])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_the_command_writes_map_and_track(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drive.mp4"
    options = ["--seconds", "4", "--fps", "2", "--size", "320x180", "--signs", "stop", "--map-error", "0:give_way"]
    monkeypatch.setattr(sys, "argv", ["signpipe", "simulate", str(out), *options])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "a map and a track in drive.geojson and drive.gpx" in " ".join(capsys.readouterr().out.split())
    (entry,) = open_map(out.with_suffix(".geojson"), CATALOGUE).near(*ORIGIN, 1e4)
    assert CATALOGUE[entry.class_id].name == "give_way"


class TestSample:
    @pytest.fixture
    def truth(self) -> Truth:
        return read_truth(SAMPLE)

    @pytest.fixture
    def positions(self) -> PositionSource:
        return open_position(PositionSettings(source=str(ROOT / "samples" / "drive.gpx")))

    def test_the_map_is_the_truth_but_for_one_limit(self, truth: Truth) -> None:
        mapped = json.loads((ROOT / "samples" / "drive.geojson").read_text())
        assert mapped == json.loads(sign_map(truth, {4: HUNDRED}))
        names = [feature["properties"]["class"] for feature in mapped["features"]]
        known = [sign.class_name for sign in truth.signs if sign.class_id >= 0]
        wrong = [(shown, name) for shown, name in zip(known, names, strict=True) if shown != name]
        assert wrong == [("speed_limit_50", "speed_limit_100")]

    def test_the_track_is_what_the_simulator_writes(self, truth: Truth, tmp_path: Path) -> None:
        (tmp_path / "drive.gpx").write_text(track(truth, len(truth.frames) / truth.fps))
        again = open_position(PositionSettings(source=str(tmp_path / "drive.gpx")))
        shipped = open_position(PositionSettings(source=str(ROOT / "samples" / "drive.gpx")))
        times = [frame.media_time for frame in truth.frames]
        assert [shipped.at(time, 0.0) for time in times] == [again.at(time, 0.0) for time in times]
        assert None not in [shipped.at(time, 0.0) for time in times]

    def test_signs_are_where_the_pictures_show_them(self, truth: Truth, positions: PositionSource) -> None:
        """The map, the track and the boxes agree: each box points at its sign."""
        entries = {
            entry.source: entry for entry in open_map(ROOT / "samples" / "drive.geojson", CATALOGUE).near(*ORIGIN, 1e4)
        }
        strays = []
        for frame in truth.frames[::10]:
            pose = positions.at(frame.media_time, 0.0)
            assert pose is not None
            assert pose.heading is not None
            for box in (box for box in frame.signs if box.class_id >= 0):
                entry = entries[f"feature {box.id}"]
                east, north = offset(pose.latitude, pose.longitude, entry.latitude, entry.longitude)
                aside = ((box.xyxy[0] + box.xyxy[2]) / 2 - truth.size[0] / 2) / truth.focal
                seen = pose.heading + np.degrees(np.arctan(aside))
                if box.distance > 20:
                    strays.append(turn(seen, float(np.degrees(np.arctan2(east, north)))))
        assert len(strays) > 100
        assert np.median(strays) < 2
        assert max(strays) < 8
