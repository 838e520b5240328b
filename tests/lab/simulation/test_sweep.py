"""LiDAR sweeps of a driving scene, read as those of a real scanner are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from signpipe.cli.main import app
from signpipe.lab.simulation.render.sweep import calibration, sweep
from signpipe.lab.simulation.world.scene import CameraModel, RoadScene, Weather
from signpipe.lab.simulation.world.scene_file import parse_scene
from signpipe.lab.simulation.world.sight import Watcher, camera_at
from signpipe.lidar import Sighting, View, read_calibration, sight

SIGNS = [{"name": "speed_limit_60", "at": 60}, {"name": "stop", "at": 75, "side": "left"}]


def scene(**more: object) -> RoadScene:
    made = parse_scene({"road": [{"length": 200}], "hill": [{"at": 0, "height": 0}, {"at": 200, "height": 8}],
                        "sign": SIGNS, **more}, "it")  # fmt: skip
    return replace(made, camera=CameraModel(distortion=0.0))


def seen(road: RoadScene, station: float, number: int, folder: Path) -> Sighting | None:
    camera = camera_at(road, station)
    (folder / "calib.txt").write_text(calibration(road.camera), encoding="utf-8")
    points = sweep(road, station, camera, np.random.default_rng(1))
    told = Watcher(road).look(station, camera)
    box = told.boxes[told.signs == number][0]
    return sight(View(points, read_calibration(folder / "calib.txt")), box, road.camera.above + 0.4)


@pytest.mark.slow
def test_a_sign_has_its_distance_size_and_film(tmp_path: Path) -> None:
    for number, at in ((0, 60), (1, 75)):
        road = scene()
        found = seen(road, at - 18.0, number, tmp_path)
        assert found is not None
        assert found.depth == pytest.approx(18, abs=0.5)
        assert found.width == pytest.approx(road.signs[number].width, rel=0.15)
        assert found.above_road == pytest.approx(road.signs[number].up, abs=0.4)
        assert found.bright > 0.8


def test_what_stands_before_a_sign_gives_the_beams_back(tmp_path: Path) -> None:
    free, lorry = scene(), {"kind": "lorry", "begin": 0, "end": 200, "ahead": [8, 8], "right": 4.3}
    hidden = seen(scene(traffic=[lorry]), 42.0, 0, tmp_path)
    found = seen(free, 42.0, 0, tmp_path)
    assert found is not None
    assert hidden is None or hidden.depth < found.depth - 5


def test_fog_takes_what_is_far() -> None:
    road = scene()
    clear = sweep(road, 42.0, camera_at(road, 42.0), np.random.default_rng(1))
    foggy = replace(road, weather=Weather(fog=60))
    fog = sweep(foggy, 42.0, camera_at(road, 42.0), np.random.default_rng(1))
    assert np.linalg.norm(clear[:, :3], axis=1).max() > 60
    assert (np.linalg.norm(fog[:, :3], axis=1) > 40).sum() < 0.2 * (np.linalg.norm(clear[:, :3], axis=1) > 40).sum()


@pytest.mark.slow
def test_sweeps_without_a_scene_are_refused(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["simulate", str(tmp_path / "a.mp4"), "--lidar"])
    assert run.exit_code != 0
    assert "described scene" in str(run.exception or run.output)
