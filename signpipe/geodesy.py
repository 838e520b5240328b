"""Metres and degrees on the WGS 84 ellipsoid, exact enough over a few kilometres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Degrees = float | Values

SEMI_MAJOR = 6378137.0  # metres, WGS 84
ECCENTRICITY_SQUARED = 6.69437999014e-3


def metres_per_degree(latitude: Degrees) -> tuple[Values, Values]:
    """Return the lengths of a degree of latitude and of longitude at a latitude, in metres."""
    phi = np.radians(np.asarray(latitude, np.float64))
    flattened = 1 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    north = SEMI_MAJOR * (1 - ECCENTRICITY_SQUARED) / flattened**1.5
    east = SEMI_MAJOR * np.cos(phi) / np.sqrt(flattened)
    return np.radians(north), np.radians(east)


def offset(latitude: Degrees, longitude: Degrees, to_latitude: Degrees, to_longitude: Degrees) -> tuple[Values, Values]:
    """Return how far places lie to the east and north of others, in metres; across the antimeridian too."""
    north, east = metres_per_degree(latitude)
    turned = (to_longitude - longitude + 180.0) % 360.0 - 180.0
    return east * turned, north * (to_latitude - latitude)


def place(latitude: float, longitude: float, east: float | Values, north: float | Values) -> tuple[Values, Values]:
    """Return latitude and longitude of places some metres to the east and north of one; the inverse of `offset`."""
    north_scale, east_scale = metres_per_degree(latitude)
    return latitude + north / north_scale, longitude + east / east_scale


def earth_centred(latitude: Degrees, longitude: Degrees) -> Values:
    """Return places as (N, 3) metres from the earth's centre, on the ellipsoid."""
    phi, lam = np.radians(np.asarray(latitude, np.float64)), np.radians(np.asarray(longitude, np.float64))
    normal = SEMI_MAJOR / np.sqrt(1 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2)
    x, y = normal * np.cos(phi) * np.cos(lam), normal * np.cos(phi) * np.sin(lam)
    return np.stack(np.broadcast_arrays(x, y, normal * (1 - ECCENTRICITY_SQUARED) * np.sin(phi)), axis=-1)


def bearing(east: float | Values, north: float | Values) -> Values:
    """Return the direction of a step as degrees clockwise from north, 0 to below 360."""
    return np.asarray(np.degrees(np.arctan2(east, north)) % 360.0)


def turn(first: float, second: float) -> float:
    """Return how far two directions differ, in degrees from 0 to 180."""
    return abs((second - first + 180.0) % 360.0 - 180.0)
