"""Light and air of a scene at a place, as the shaders take them: linear, 1 is a white face in full daylight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from signpipe.lab.simulation.world.scene import RoadScene

Colour = tuple[float, float, float]

CLEAR_AIR = 6000.0  # metres of visibility on a clear day
CONTRAST = 3.912  # optical depth at the visibility: 2 % contrast (Koschmieder, 1924)
ADAPTS = 25.0  # metres in which the exposure follows a tunnel's mouth
LIT = 0.05  # light of a tunnel's lamps
GAIN = 2.6  # of the exposure at night


@dataclass(frozen=True, slots=True)
class Air:
    """Light and air.

    Attributes:
        to_sun: Direction to the sun.
        sunlight: Of the sun.
        skylight: Of the sky.
        sky: Colour high up.
        low_sky: Colour at the horizon.
        woods: Colour of far woods.
        veil: What distance fades to.
        extinction: 1/m.
        headlights: 1 if the own lamps are lit.
        lamps: Of street lamps or a tunnel.
        exposure: Of the camera.
        wet: How wet the road is.
        snow: How white the ground is.
        cloud: How cloudy the sky is.
    """

    to_sun: Colour
    sunlight: Colour
    skylight: Colour
    sky: Colour
    low_sky: Colour
    woods: Colour
    veil: Colour
    extinction: float
    headlights: float
    lamps: float
    exposure: float
    wet: float
    snow: float
    cloud: float

    def uniforms(self) -> dict[str, Any]:
        """Return what the shaders that light share."""
        names = (
            "to_sun", "sunlight", "skylight", "veil", "extinction", "headlights", "lamps", "exposure",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


def air_of(scene: RoadScene, station: float) -> Air:
    """Return light and air at a station."""
    weather, light = scene.weather, scene.light
    elevation, azimuth = math.radians(light.sun), math.radians(light.azimuth)
    to_sun = (math.cos(elevation) * math.sin(azimuth), math.sin(elevation), math.cos(elevation) * math.cos(azimuth))
    overcast = weather.rain > 0 or weather.snow > 0 or weather.fog is not None
    day = 0.0 if light.is_night else min(max((light.sun + 6) / 18, 0.12), 1.0)
    sun = 0.0 if overcast or light.sun <= 0 else 0.75 * min(light.sun / 12 + 0.25, 1.0)
    warm = max(1 - max(light.sun, 0.0) / 25, 0.0)
    dim = (0.75 if overcast else 0.42) * day
    visibility = min(
        weather.fog or CLEAR_AIR, 5000 / (1 + 1.6 * weather.rain) if weather.rain else CLEAR_AIR,
        1800 / (1 + weather.snow) if weather.snow else CLEAR_AIR,
    )  # fmt: skip
    inside = _inside(scene, station)
    outside = 1 - inside
    night = 0.0012 if light.is_night else 0.0
    grey = 0.8 * dim + night * 2
    low = (grey * 1.05, grey, grey * 0.96) if overcast else (0.9 * day, 0.93 * day, 0.97 * day)
    low = (low[0] * (1 + 0.2 * warm), low[1], low[2] * (1 - 0.3 * warm)) if not overcast else low
    high = low if overcast else (0.30 * day, 0.48 * day, 0.82 * day)
    lifted = night * 1.2
    low = (low[0] + lifted, low[1] + lifted, low[2] + lifted)
    town = any(one.begin <= station <= one.end for one in scene.towns)
    lamps = inside * LIT + (0.03 if town and light.is_night else 0.0)
    exposure = (GAIN if light.is_night else 1.0 / max(day, 0.35)) * (scene.camera.exposure / 0.008) ** 0.5
    return Air(
        to_sun, _scaled((1.0, 1.0 - 0.18 * warm, 1.0 - 0.45 * warm), sun * outside),
        _scaled((0.94, 0.98, 1.06), (dim + night) * (0.04 + 0.96 * outside)), (high[0], high[1], high[2]), low,
        _scaled((0.10, 0.13, 0.09), day), low, CONTRAST / visibility, 1.0 if light.is_night or inside > 0.5 else 0.0,
        lamps, exposure * _adapted(scene, station), min(weather.rain, 1.0), min(weather.snow, 1.0),
        1.0 if not overcast else 0.4,
    )  # fmt: skip


def _scaled(colour: Colour, by: float) -> Colour:
    return colour[0] * by, colour[1] * by, colour[2] * by


def _inside(scene: RoadScene, station: float) -> float:
    return float(any(one.begin <= station <= one.end for one in scene.tunnels))


def _adapted(scene: RoadScene, station: float) -> float:
    """Return by how much the exposure is raised in a tunnel: it follows late, in and out."""
    most = 5.0
    for one in scene.tunnels:
        if one.begin <= station <= one.end:
            return 1 + (most - 1) * min((station - one.begin) / ADAPTS, 1.0)
        if one.end < station < one.end + ADAPTS:
            return most - (most - 1) * (station - one.end) / ADAPTS
    return 1.0
