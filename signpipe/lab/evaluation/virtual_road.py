"""The virtual road of the approaches: its map, with or without errors, and what a LiDAR sees there."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from signpipe.catalogue import Catalogue, Effect, SignClass
from signpipe.geodesy import place
from signpipe.lab.evaluation.approach import PICTURE
from signpipe.lab.evaluation.approaching import Sign
from signpipe.lab.evaluation.crops import seeded
from signpipe.settings import CameraSettings
from signpipe.types import FloatArray, Pose

START = (50.0, 9.0)  # latitude and longitude of the first sign; the road runs north
SPACING = 400.0  # metres from one sign to the next
POSITION_SIGMA, HEADING_SIGMA = 3.0, 3.0  # metres and degrees, errors of the receiver
# How a map may be wrong: share of entries that are missing, and of those there that name another class.
MAPS = {"right": (0.1, 0.0), "usual": (0.1, 0.1), "stale": (0.1, 0.3), "wrong": (0.0, 1.0)}
SHIFTED, REVERSED, EMPTY = "shifted", "reversed", "empty"
MAP_KINDS = (*MAPS, SHIFTED, REVERSED, EMPTY)
SHIFT = 40.0  # metres to the side
SENSOR_HEIGHT = 1.73  # metres of the LiDAR over the road, as of the camera
RINGS, COLUMNS = np.radians(np.arange(-24.8, 15.0, 0.4)), np.radians(np.arange(-30, 30, 0.18))  # the beams
TILT, TURN = (
    angle.ravel() for angle in np.meshgrid(RINGS, COLUMNS, indexing="ij")
)  # of each beam, up and to the right
COS_TILT, SIN_TILT, COS_TURN, SIN_TURN = np.cos(TILT), np.sin(TILT), np.cos(TURN), np.sin(TURN)
ASIDE, ABOVE = (
    np.abs(np.tan(TURN)),
    np.abs(np.tan(TILT)) / COS_TURN,
)  # metres off for each metre ahead
TO_ROAD = np.where(TILT < 0, SENSOR_HEIGHT / np.maximum(-SIN_TILT, 1e-6), np.inf)  # metres
ROAD_EDGE = 60.0  # metres, farthest hit on the ground
LORRY = (2.5, 2.8)  # metres, width and height of what a picture of a sign is printed on
RANGE_NOISE = 0.02  # metres


class VirtualRoad:
    """Signs along a straight road, and a vehicle that drives past them.

    Args:
        signs: The signs, in the order in which they stand.
        catalogue: Their classes.
    """

    def __init__(self, signs: Sequence[Sign], catalogue: Catalogue) -> None:
        self._signs = signs
        self._catalogue = catalogue
        self._focal = CameraSettings().focal_for(PICTURE[1])

    def distance(self, sign: Sign, frame: int) -> float:
        """Return how far away a sign of the usual size is that looks as large as in one frame, in metres."""
        real = self._catalogue[sign.class_id] if sign.class_id >= 0 else self._catalogue[0]
        return self._focal * max(real.width, real.height) / float(sign.sizes[frame].max())

    def speed(self, sign: Sign) -> float:
        """Return how fast the vehicle drives up to a sign, in metres per second, the mean over the approach."""
        driven = self.distance(sign, 0) - self.distance(sign, len(sign.times) - 1)
        seconds = float(sign.times[-1] - sign.times[0])
        return max(driven / seconds, 0.0) if seconds > 0 else 0.0

    def pose(self, number: int, sign: Sign, frame: int) -> Pose:
        """Return where the receiver says that the vehicle is."""
        rng = seeded("pose", sign.name)  # an error of the position lasts longer than an approach
        east, north = rng.normal(0, POSITION_SIGMA, 2)
        heading = float(rng.normal(0, HEADING_SIGMA))
        latitude, longitude = place(*START, east, number * SPACING - self.distance(sign, frame) + north)
        return Pose(float(latitude), float(longitude), heading % 360, self.speed(sign), POSITION_SIGMA)

    def write_map(self, kind: str, path: Path) -> None:
        """Write the road's map as GeoJSON, with the errors of a kind of `MAP_KINDS`."""
        features = []
        for number, sign in enumerate(self._signs):
            if sign.class_id < 0 or kind == EMPTY:
                continue
            missing, wrong = MAPS.get(kind, (0.0, 0.0))
            rng = seeded("map", kind, sign.name)
            if rng.random() < missing:
                continue
            true = self._catalogue[sign.class_id]
            named = _mistaken(true, self._catalogue, rng) if rng.random() < wrong else true
            aside = SHIFT if kind == SHIFTED else 0.0
            latitude, longitude = place(*START, aside, number * SPACING)
            features.append(
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [float(longitude), float(latitude)]},
                    "properties": {"class": named.name, "heading": 180 if kind == REVERSED else 0},
                }
            )
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")

    def sweep(self, sign: Sign, frame: int, printed: bool = False) -> FloatArray:
        """Return what a LiDAR sees that sits at the camera: the sign's plate before nothing, and the road.

        Args:
            sign: The sign.
            frame: Number of the frame.
            printed: True if it is no sign, but the picture of one on the back of a lorry.

        Returns:
            float32 (N, 4), x ahead, y to the left, z up in metres, and reflectance 0..1.
        """
        ahead = self.distance(sign, frame)
        width, height = LORRY if printed else sign.sizes[frame] * ahead / self._focal
        on_plate = (ASIDE * ahead <= width / 2) & (ABOVE * ahead <= height / 2)
        reach = np.where(on_plate, ahead / (COS_TURN * COS_TILT), TO_ROAD)
        reach = reach + seeded("sweep", sign.name, frame).normal(0, RANGE_NOISE, len(reach))
        hit = on_plate | (TO_ROAD < ROAD_EDGE)
        flat = reach[hit] * COS_TILT[hit]
        reflectance = np.where(on_plate[hit] & (not printed), 0.9, 0.3)
        points = [flat * COS_TURN[hit], -flat * SIN_TURN[hit], reach[hit] * SIN_TILT[hit], reflectance]
        return np.stack(points, axis=1, dtype=np.float32, casting="same_kind")

    def write_calibration(self, path: Path) -> None:
        """Write the calibration of camera and LiDAR, both at one place, in KITTI's format."""
        focal = self._focal
        camera = f"{focal} 0 {PICTURE[1] / 2} 0 0 {focal} {PICTURE[0] / 2} 0 0 0 1 0"
        path.write_text(
            f"P2: {camera}\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n", encoding="utf-8"
        )


def _mistaken(true: SignClass, catalogue: Catalogue, rng: np.random.Generator) -> SignClass:
    """Return what a wrong entry says: another limit where there was one, else another sign of the category."""
    if true.effect is Effect.LIMIT:
        others = [sign for sign in catalogue if sign.effect is Effect.LIMIT and sign.id != true.id]
    else:
        others = [sign for sign in catalogue if sign.category is true.category and sign.id != true.id]
    return others[math.floor(rng.random() * len(others))]
