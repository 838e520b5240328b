"""A simulated drive on the globe: a map of its signs, and the track that a receiver would record."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from signpipe.catalogue import SignClass
from signpipe.errors import SettingsError
from signpipe.geodesy import place
from signpipe.lab.simulation.ground import LANE
from signpipe.lab.simulation.scene import winding_road
from signpipe.lab.simulation.truth import Truth

ORIGIN = (50.0, 9.0)  # latitude and longitude of the road's start, from which it runs north
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
BIAS, SCATTER = 1.0, 0.4  # metres, spread of a receiver's slow and quick errors
DIGITS = 7  # of a degree: a centimetre


def sign_map(truth: Truth, errors: Mapping[int, SignClass] | None = None) -> str:
    """Return a map of a drive's signs as GeoJSON: points with `class` and `heading`.

    It doesn't have the signs that the catalogue doesn't have.

    Args:
        truth: The drive; its frames aren't needed.
        errors: By number of the sign, the wrong class that the map has for it.

    Raises:
        SettingsError: There is no sign of such a number.
    """
    errors = errors or {}
    for number in errors:
        if not 0 <= number < len(truth.signs):
            raise SettingsError(f"The map can't be wrong about sign {number}; the drive's signs are 0 to "
                                f"{len(truth.signs) - 1}.")  # fmt: skip
    road = winding_road(np.random.default_rng(truth.seed))
    features = []
    for sign in truth.signs:
        if sign.class_id < 0:
            continue
        x, _, z = sign.position
        latitude, longitude = place(*ORIGIN, x, z)
        name = errors[sign.id].name if sign.id in errors else sign.class_name
        coordinates = [round(float(longitude), DIGITS), round(float(latitude), DIGITS)]
        features.append({
            "type": "Feature",
            "id": sign.id,
            "geometry": {"type": "Point", "coordinates": coordinates},
            "properties": {"class": name, "heading": round(math.degrees(road.heading(z)) % 360, 1)},
        })  # fmt: skip
    lines = ",\n".join(json.dumps(feature) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def track(truth: Truth, seconds: float) -> str:
    """Return the track of a drive as GPX, one point a second, with the errors of a receiver.

    Args:
        truth: The drive; its frames aren't needed.
        seconds: Length of the drive.
    """
    from gpxpy.gpx import GPX, GPXTrack, GPXTrackPoint, GPXTrackSegment

    road = winding_road(np.random.default_rng(truth.seed))
    rng = np.random.default_rng((truth.seed, 6))
    bias = rng.normal(0, BIAS, 2)
    segment = GPXTrackSegment()
    for second in range(math.ceil(seconds) + 1):
        z = truth.speed * second
        east, north = np.array([float(road.centre(z)) + LANE / 2, z]) + bias + rng.normal(0, SCATTER, 2)
        latitude, longitude = place(*ORIGIN, float(east), float(north))
        segment.points.append(
            GPXTrackPoint(
                round(float(latitude), DIGITS), round(float(longitude), DIGITS), time=START + timedelta(seconds=second)
            )
        )  # fmt: skip
    gpx = GPX()
    gpx.creator = "signpipe simulate"
    gpx.tracks.append(GPXTrack())
    gpx.tracks[0].segments.append(segment)
    return gpx.to_xml() + "\n"
