"""The drive through a town, with the boxes of the truth in place of the models: each sign is named and acted on."""

from __future__ import annotations

import numpy as np

from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import read_rules
from signpipe.lab.simulation.drive import FACE, Drive
from signpipe.lab.simulation.scene import lay_out, parse_poles
from signpipe.lab.simulation.uncatalogued import COUNTRY, known_id, roadside_catalogue
from signpipe.settings import DecideSettings, FallbackSettings, TrackSettings, VehicleSettings
from signpipe.stages.decide import Decide
from signpipe.stages.fallback import Fallback
from signpipe.stages.plates import Plates
from signpipe.stages.track import Track
from signpipe.types import Classifications, Detections, SignTrack

SIGNS = (
    "town,zone_30,pedestrian_crossing,parking,end_zone_30,end_town,speed_limit_80,speed_limit_60+plate_when_wet,"
    "end_all_restrictions"
)
SIZE, FPS, SPEED, SECONDS = (1280, 720), 10.0, 15.0, 24.0
SMALLEST = 14.0  # pixels


def seen(drive: Drive, index: int) -> tuple[Detections, list[int]]:
    """Return the boxes of the signs in one picture, and their classes, without painting it."""
    view, boxes, classes = drive.view(index / FPS), [], []
    for placed in drive.scene.signs:
        quad, depth = view.project(placed.at(FACE))
        box = np.concatenate([quad.min(axis=0), quad.max(axis=0)])
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= SIZE[0] and box[3] <= SIZE[1]
        if depth.min() > 1 and inside and (box[3] - box[1]) >= SMALLEST:
            boxes.append(box)
            classes.append(known_id(placed.sign.id))
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, np.full(len(boxes), 0.9, np.float32)), classes


def test_what_holds_is_told_all_along_a_drive_through_a_town() -> None:
    country = load_country(COUNTRY)
    catalogue = country.catalogue
    scene = lay_out(parse_poles(SIGNS, roadside_catalogue()), SECONDS * SPEED, np.random.default_rng(7))
    drive = Drive(scene, SIZE, FPS, SPEED, 7)
    track, fallback = Track(TrackSettings(), catalogue), Fallback(FallbackSettings(), catalogue)
    plates = Plates(catalogue, country.languages)
    rules = read_rules(country.rules, country.unit, country.languages)
    decide = Decide(DecideSettings(), catalogue, rules, VehicleSettings(kind="car", trailer=False))
    told: list[str] = []
    topics: dict[str, str] = {}
    for index in range(round(SECONDS * FPS)):
        detections, classes = seen(drive, index)
        probability = np.full((len(classes), len(catalogue)), 0.02 / len(catalogue), np.float32)
        probability[np.arange(len(classes)), classes] += 0.98
        nothing = np.zeros((len(classes), 4), np.float32)
        looks = Classifications(probability, nothing, np.zeros(len(classes), np.float32))
        tracks, _ = track.update(detections, looks, index / FPS, SIZE[::-1])
        judged = list(map(SignTrack.judged, tracks, fallback(tracks)))
        advisories, _ = decide.update(plates(judged), index / FPS, SIZE[::-1], SPEED)
        told += [advisories[0].message] if advisories[0].message not in told[-1:] else []
        for advisory in advisories[1:]:
            topics.setdefault(advisory.topic, advisory.message)
    steps = [message for message in told if "could not be read" not in message]
    assert steps == [
        "limit unknown",
        "limit 50 in towns",
        "limit 30 (zone)",
        "limit 50 in towns",
        "limit 100 outside towns",
        "limit 80",
        "limit 60",  # its plate is smaller, and so is found a moment later
        "limit 80, 60 when wet",
        "limit 100 outside towns",
    ]
    assert topics["crossing"] == "pedestrian crossing ahead"
    assert topics["parking"] == "parking"
