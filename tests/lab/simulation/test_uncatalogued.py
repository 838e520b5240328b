"""What vision can't tell: signs outside the catalogue, and signs with leaves over their first digit."""

import json
from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import Shape, SignClass, load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.lab.simulation.drive import Drive
from signpipe.lab.simulation.record import Plan, record_drive, truth_path
from signpipe.lab.simulation.scene import lay_out, parse_poles
from signpipe.lab.simulation.truth import read_truth
from signpipe.lab.simulation.uncatalogued import COUNTRY, known_id, render_face, roadside_catalogue

CATALOGUE = load_catalogue()
ROADSIDE = roadside_catalogue()
UNCATALOGUED = [sign for sign in ROADSIDE if known_id(sign.id) < 0]
FURTHER = [sign for sign in ROADSIDE if known_id(sign.id) >= len(CATALOGUE)]


def test_the_roadside_has_the_catalogue_and_more() -> None:
    assert roadside_catalogue().names[: len(CATALOGUE)] == CATALOGUE.names
    assert [known_id(sign.id) for sign in CATALOGUE] == [sign.id for sign in CATALOGUE]
    assert {sign.name for sign in UNCATALOGUED} == {"no_stopping", "width_limit", "no_riders", "falling_rocks"}
    assert {"zone_30", "end_zone_30", "town", "pedestrian_crossing", "plate_when_wet"} <= {
        sign.name for sign in FURTHER
    }
    country = load_country(COUNTRY).catalogue
    assert all(country[known_id(sign.id)].name == sign.name for sign in FURTHER)


@pytest.mark.parametrize("sign", FURTHER, ids=lambda sign: sign.name)
def test_a_further_sign_has_the_proportions_of_its_drawing(sign: SignClass) -> None:
    alpha = render_face(sign.name, 200)[..., 3]
    assert alpha.shape[1] / alpha.shape[0] == pytest.approx(sign.width / sign.height, rel=0.02)


@pytest.mark.parametrize("sign", UNCATALOGUED, ids=lambda sign: sign.name)
def test_a_drawing_fills_its_box(sign: SignClass) -> None:
    alpha = render_face(sign.name, 200)[..., 3]
    assert alpha.shape[1] / alpha.shape[0] == pytest.approx(sign.width / sign.height, rel=0.01)
    assert all(edge.max() > 128 for edge in (alpha[1], alpha[-2], alpha[:, 1], alpha[:, -2]))
    share = {Shape.CIRCLE: 0.785, Shape.TRIANGLE: 0.54}[sign.shape]
    assert (alpha > 128).mean() == pytest.approx(share, abs=0.04)


def test_truth_and_map_say_that_a_sign_is_outside_the_catalogue(tmp_path: Path) -> None:
    poles = parse_poles("no_stopping,stop", roadside_catalogue())
    video = tmp_path / "drive.mp4"
    record_drive(Plan(tuple(poles), 6.0, 2.0, (320, 180)), video)
    truth = read_truth(truth_path(video))
    assert [(sign.class_id, sign.class_name) for sign in truth.signs] == [(-1, "no_stopping"), (14, "stop")]
    assert {box.class_id for frame in truth.frames for box in frame.signs if box.id == 0} == {-1}
    mapped = json.loads(video.with_suffix(".geojson").read_text())["features"]
    assert [feature["properties"]["class"] for feature in mapped] == ["stop"]


def test_the_same_share_of_an_overgrown_sign_is_hidden_however_near_it_is() -> None:
    poles = parse_poles("overgrown:speed_limit_80+no_overtaking", roadside_catalogue())
    scene = lay_out(poles, 60.0, np.random.default_rng(3))
    assert [sign.overgrown for sign in scene.signs] == [True, False]
    drive = Drive(scene, (640, 360), 25.0, 15.0, 3)
    for index in (0, 40, 60):
        boxes = {box.class_name: box for box in drive.compose(drive.view(index / drive.fps), scene.signs)[1]}
        assert boxes["speed_limit_80"].visible == pytest.approx(0.65, abs=0.08)
        assert boxes["no_overtaking"].visible > 0.8
