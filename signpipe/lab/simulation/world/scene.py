"""A driving scene: a road, its signs, what hides them, and in which weather and light it is driven."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from signpipe.catalogue import SignClass
from signpipe.catalogue.rules import RoadKind
from signpipe.lab.simulation.world.alignment import Alignment

COUNTRY = "de"  # whose signs and rules hold, unless a scene says otherwise
DARK = -6.0  # degrees of the sun under the horizon from which it is night
LOW = 12.0  # degrees of the sun over the horizon up to which it blinds
AHEAD = 50.0  # degrees to both sides of the way within which a low sun does


class Condition(StrEnum):
    """Weather and light together, as far as perception is measured for them."""

    CLEAR = "clear"
    LOW_SUN = "low sun"
    RAIN = "rain"
    FOG = "fog"
    SNOW = "snow"
    NIGHT = "night"
    NIGHT_RAIN = "night rain"


@dataclass(frozen=True, slots=True)
class Weather:
    """What is in the air and on the road.

    Attributes:
        rain: Severity, 0 for none to 5, as the augmentation counts it.
        fog: Visibility in metres, or None for clear air.
        snow: Severity of falling snow, 0 to 5; the ground is white from 1 on.
    """

    rain: float = 0.0
    fog: float | None = None
    snow: float = 0.0


@dataclass(frozen=True, slots=True)
class Light:
    """Where the sun is.

    Attributes:
        sun: Degrees over the horizon; under `DARK` it is night.
        azimuth: Degrees from the direction of the road's start, to the right positive.
    """

    sun: float = 40.0
    azimuth: float = 120.0

    @property
    def is_night(self) -> bool:
        """True if headlights are all the light there is."""
        return self.sun < DARK


@dataclass(frozen=True, slots=True)
class RoadSign:
    """A sign along the road.

    Attributes:
        sign: Its class.
        at: Station of its pole, metres.
        right: Metres of its middle to the right of the reference line.
        up: Metres of its middle over the road.
        scale: Its size by that of the catalogue: signs of motorways are larger.
        turned: Degrees by which its face is turned away from the road's direction.
        text: What stands on it, for a plate.
        applies: False if it is for others (another lane, a side road): it changes nothing for this car.
    """

    sign: SignClass
    at: float
    right: float
    up: float
    scale: float = 1.0
    turned: float = 0.0
    text: str | None = None
    applies: bool = True

    @property
    def width(self) -> float:
        """Metres."""
        return self.sign.width * self.scale

    @property
    def height(self) -> float:
        """Metres."""
        return self.sign.height * self.scale


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something upright that can hide a sign and stands still: a parked car, a lorry, a bush, a wall.

    Attributes:
        kind: "car", "van", "lorry", "bush", "tree" or "house".
        at: Station of its nearer end, metres.
        right: Metres of its middle to the right of the reference line.
        length: Metres along the road.
        width: Metres across.
        height: Metres.
    """

    kind: str
    at: float
    right: float
    length: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Companion:
    """A vehicle that drives along for a while, so that its place depends on that of the own car alone.

    Attributes:
        kind: "car", "van" or "lorry".
        begin: Station of the own car from which it is there, metres.
        end: Station of the own car up to which it is there.
        ahead: Metres from the own car to its nearer end, at the begin and at the end.
        right: Metres of its middle to the right of the reference line.
        sticker: Name of a sign's class that is stuck on its back, or None.
    """

    kind: str
    begin: float
    end: float
    ahead: tuple[float, float]
    right: float
    sticker: str | None = None

    def at(self, station: float) -> float | None:
        """Return its station while the own car is at one, or None if it isn't there."""
        if not self.begin <= station <= self.end:
            return None
        share = (station - self.begin) / max(self.end - self.begin, 1e-6)
        return station + self.ahead[0] + (self.ahead[1] - self.ahead[0]) * share


# Length, width and height of vehicles in metres.
VEHICLES = {"car": (4.5, 1.8, 1.5), "van": (5.9, 2.0, 2.6), "lorry": (13.6, 2.5, 3.9)}


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of road with houses on both sides, or a tunnel.

    Attributes:
        begin: Metres.
        end: Metres.
    """

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class CameraModel:
    """The camera and what its sensor and encoder do.

    Attributes:
        width: Pixels.
        height: Pixels.
        focal: Focal length in pixels at a width of 1280.
        above: Metres over the road.
        pitch: Degrees by which it looks down.
        distortion: First coefficient of radial distortion (Brown), negative for a barrel.
        exposure: Seconds, in which the car's motion smears; also brightens the picture by its share of 10 ms.
        noise: Severity of the sensor's noise, 0 to 5.
        quality: Quality of the JPEG in which pictures come, or None for raw ones.
        rolling: Seconds from reading the first row to reading the last.
        h264: Severity of an H.264 stream's artefacts, 0 (none) to 5.
    """

    width: int = 1280
    height: int = 720
    focal: float = 1372.0
    above: float = 1.3
    pitch: float = 0.0
    distortion: float = -0.03
    exposure: float = 0.008
    noise: float = 0.7
    quality: int | None = 85
    rolling: float = 0.0
    h264: float = 0.0

    @property
    def focal_pixels(self) -> float:
        """The focal length in pixels of its own pictures."""
        return self.focal * self.width / 1280


@dataclass(frozen=True, slots=True, eq=False)
class RoadScene:
    """A road and everything that is true of it.

    Attributes:
        name: For reports.
        alignment: How it runs.
        kind: On what kind of road the car starts.
        limit: km/h in force at the start, infinite for none by rule, None where it isn't known.
        lane: Metres of the car's way to the right of the reference line.
        lanes: Left and right edge of the carriageway, metres to the right of the reference line.
        signs: In the order of the road.
        obstacles: What stands still.
        companions: Other traffic.
        towns: Where houses stand.
        tunnels: Where there is a roof over the road.
        junctions: Stations of junctions, metres.
        gantries: Stations of gantries, metres.
        weather: What is in the air.
        light: Where the sun is.
        camera: Which takes the pictures.
        country: Whose rules hold.
        seed: Of everything that is left to chance.
        origin: Latitude and longitude of the start.
    """

    name: str
    alignment: Alignment
    kind: RoadKind = RoadKind.OUTSIDE
    limit: float | None = None
    lane: float = 1.75
    lanes: tuple[float, float] = (-3.5, 3.5)
    signs: tuple[RoadSign, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    companions: tuple[Companion, ...] = ()
    towns: tuple[Interval, ...] = ()
    tunnels: tuple[Interval, ...] = ()
    junctions: tuple[float, ...] = ()
    gantries: tuple[float, ...] = ()
    weather: Weather = field(default_factory=Weather)
    light: Light = field(default_factory=Light)
    camera: CameraModel = field(default_factory=CameraModel)
    country: str = COUNTRY
    seed: int = 0
    origin: tuple[float, float] = (50.0, 9.0)

    def condition(self, station: float = 0.0) -> Condition:
        """Return which of the measured conditions comes nearest at a place: the one that hides most."""
        weather, light = self.weather, self.light
        if light.is_night:
            return Condition.NIGHT_RAIN if weather.rain > 0 else Condition.NIGHT
        if weather.fog is not None and weather.fog < 1000:
            return Condition.FOG
        if weather.snow > 0:
            return Condition.SNOW
        if weather.rain > 0:
            return Condition.RAIN
        if light.sun >= LOW:
            return Condition.CLEAR
        heading = float(np.degrees(self.alignment.at(station)[0, 3]))
        off = (light.azimuth - heading + 180) % 360 - 180
        return Condition.LOW_SUN if abs(off) < AHEAD else Condition.CLEAR
