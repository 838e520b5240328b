"""Pictures of driving scenes: what stands where, and how much of it shows. Needs OpenGL without a screen."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from signpipe.cli.main import app
from signpipe.errors import SettingsError
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.simulation.render.gl import Picture, Renderer, open_context
from signpipe.lab.simulation.render.lens import distort
from signpipe.lab.simulation.truth import read_truth
from signpipe.lab.simulation.world.routes import CONDITIONS
from signpipe.lab.simulation.world.scene import CameraModel, RoadScene
from signpipe.lab.simulation.world.scene_file import parse_scene
from signpipe.lab.simulation.world.sight import Watcher, camera_at

SMALL = CameraModel(width=640, height=360, distortion=0.0, noise=0.0, quality=None)
CONTENT = {
    "road": [{"length": 200}],
    "hill": [{"at": 0, "height": 0}, {"at": 200, "height": 6}],
    "sign": [{"name": "speed_limit_60", "at": 60}, {"name": "stop", "at": 75, "side": "left"}],
}


def draw(scene: RoadScene, station: float = 40.0) -> Picture:
    renderer = Renderer(scene)
    try:
        return renderer.render(station, seed=1)
    finally:
        renderer.close()


@pytest.fixture(scope="module", autouse=True)
def opengl() -> None:
    """Skip where the system has no OpenGL without a screen."""
    try:
        open_context().release()
    except SettingsError as error:
        pytest.skip(str(error))


@pytest.mark.system
def test_signs_are_drawn_where_the_geometry_says() -> None:
    scene = replace(parse_scene(CONTENT, "it"), camera=SMALL)
    picture = draw(scene)
    told = Watcher(scene).look(40.0, camera_at(scene, 40.0))
    assert sorted(picture.sight.signs.tolist()) == sorted(told.signs.tolist()) == [0, 1]
    for number in (0, 1):
        drawn = picture.sight.boxes[picture.sight.signs == number][0]
        assert drawn == pytest.approx(told.boxes[told.signs == number][0], abs=1.5)
        assert picture.sight.visible[picture.sight.signs == number][0] > 0.9
        left, top, right, bottom = drawn.round().astype(int)
        crop = picture.image[top:bottom, left:right].astype(int)
        red = (crop[..., 2] > crop[..., 0] + 40).mean()
        assert red > 0.1  # the rim of one, the face of the other


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "distortion"), [("speed_limit_60", -0.12), ("give_way", 0.0), ("stop", -0.12), ("zone_30", 0.0)]
)
def test_truth_lies_where_the_pixels_are_that_a_sign_changes(name: str, distortion: float) -> None:
    camera = replace(SMALL, width=1280, height=720, distortion=distortion)
    content = CONTENT | {"sign": [{"name": name, "at": 58}], "light": {"sun": 40, "azimuth": 120}}
    scene = replace(parse_scene(content, "it"), camera=camera)
    with_sign, without = draw(scene), draw(replace(scene, signs=()))
    changed = np.abs(with_sign.image.astype(int) - without.image).max(axis=2) > 24
    face = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))  # and not its pole
    left, top, width, height = cv2.boundingRect(face)
    drawn = np.array([[left, top, left + width, top + height]], np.float32)
    told = distort(np.asarray(with_sign.sight.boxes, np.float32), scene)
    assert len(told) == 1
    assert float(box_iou(drawn, told)[0, 0]) > 0.85


@pytest.mark.system
@pytest.mark.slow
def test_what_stands_before_a_sign_takes_from_its_share() -> None:
    lorry = {"kind": "lorry", "begin": 0, "end": 200, "ahead": [12, 12], "right": 4.3}
    scene = replace(parse_scene(CONTENT | {"traffic": [lorry]}, "it"), camera=SMALL)
    sight = draw(scene).sight
    assert sight.visible[sight.signs == 0][0] < 0.2
    assert sight.visible[sight.signs == 1][0] > 0.9


@pytest.mark.system
@pytest.mark.slow
def test_weather_and_light_change_the_picture_as_they_should() -> None:
    scene = replace(parse_scene(CONTENT, "it"), camera=SMALL)
    taken = {
        name: draw(replace(scene, weather=weather, light=light)).image for name, (weather, light) in CONDITIONS.items()
    }
    grey = {name: cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(float) for name, image in taken.items()}
    assert grey["night"].mean() < 0.4 * grey["clear"].mean()
    assert grey["fog"][150:190].std() < 0.7 * grey["clear"][150:190].std()  # the far road
    assert grey["snow"][250:].mean() > 1.3 * grey["clear"][250:].mean()  # the ground
    x1, y1, x2, y2 = Watcher(scene).look(40.0, camera_at(scene, 40.0)).boxes[0].round().astype(int)
    assert grey["night"][y1:y2, x1:x2].mean() > 3 * grey["night"][y1 - 40 : y1, x1:x2].mean()  # thrown back
    assert all(np.abs(grey[one] - grey["clear"]).mean() > 4 for one in grey if one != "clear")


@pytest.mark.system
def test_a_scene_is_written_with_its_truth(tmp_path: Path) -> None:
    file, out = tmp_path / "scene.toml", tmp_path / "out.mp4"
    file.write_text(
        'limit = 100\n[[road]]\nlength = 50\n[[sign]]\nname = "speed_limit_60"\nat = 30\n'
        "[camera]\nwidth = 320\nheight = 180\n",
        encoding="utf-8",
    )
    run = CliRunner().invoke(app, ["simulate", str(out), "--scene", str(file), "--fps", "1", "--speed", "36"])
    assert run.exit_code == 0, run.output
    truth = read_truth(out.with_suffix(".truth.jsonl"))
    assert [frame.limit for frame in truth.frames] == [100, 100, 100, 60, 60]
    assert [len(frame.signs) for frame in truth.frames] == [1, 1, 1, 0, 0]
    video = cv2.VideoCapture(str(out))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 5
    assert out.with_suffix(".geojson").is_file()
    assert out.with_suffix(".gpx").is_file()
