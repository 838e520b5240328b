"""How far and how long was driven, by road, light and weather."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2

from signpipe.settings import ShadowSettings, VehicleSettings
from signpipe.types import Frame, Surroundings

ROADS = ("town", "country", "motorway", "unknown")
LIGHTS = ("day", "dusk", "night", "unknown")
WEATHERS = ("clear", "rain", "snow", "fog", "unknown")
TOWN, COUNTRY = 60.0, 100.0  # km/h up to which a limit is that of a town, and of a country road
DARK = 50.0  # mean brightness under which a picture was taken at night, where the sun's height isn't known
NIGHT = -6.0  # degrees of the sun's height: the end of civil twilight
_TILT = math.radians(23.44)  # of the earth's axis


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under what one drives; each is "unknown" where nothing tells it."""

    road: str = "unknown"
    light: str = "unknown"
    weather: str = "unknown"


class Exposure:
    """Kilometres and hours by conditions.

    Attributes:
        metres: By conditions.
        seconds: By conditions.
        blind: Seconds without pictures.
    """

    def __init__(self) -> None:
        self.metres: dict[Conditions, float] = defaultdict(float)
        self.seconds: dict[Conditions, float] = defaultdict(float)
        self.blind = 0.0

    def add(self, conditions: Conditions, metres: float, seconds: float, seeing: bool) -> None:
        """Count a stretch."""
        self.metres[conditions] += metres
        self.seconds[conditions] += seconds
        self.blind += 0.0 if seeing else seconds

    def rows(self) -> list[dict[str, str | float]]:
        """Return one row for each kind of stretch, for JSON."""
        return [
            {"road": one.road, "light": one.light, "weather": one.weather,
             "kilometres": round(self.metres[one] / 1000, 4), "hours": round(self.seconds[one] / 3600, 5)}
            for one in sorted(self.metres, key=lambda one: (one.road, one.light, one.weather))
        ]  # fmt: skip


class Observer:
    """Tells the conditions of a frame.

    Args:
        settings: `road` and `weather`, where a person says them.
        vehicle: What is known of rain, snow and fog.
    """

    def __init__(self, settings: ShadowSettings, vehicle: VehicleSettings) -> None:
        self._settings = settings
        self._vehicle = vehicle

    def conditions(self, frame: Frame, limit: float | None) -> Conditions:
        """Return what is known of a frame's road, light and weather.

        Args:
            frame: With its pose, where that is known.
            limit: Limit in km/h by the map or by signpipe, or None.
        """
        road = self._settings.road
        return Conditions(road if road != "auto" else _road(limit), _light(frame), self._weather(frame.surroundings))

    def _weather(self, around: Surroundings | None) -> str:
        if self._settings.weather != "auto":
            return self._settings.weather
        known = around or self._vehicle
        for name, holds in (("snow", known.snow), ("fog", known.fog), ("rain", known.wet)):
            if holds:
                return name
        return "clear" if known.wet is False and not known.snow and not known.fog else "unknown"


def _road(limit: float | None) -> str:
    if limit is None:
        return "unknown"
    return "town" if limit <= TOWN else "country" if limit <= COUNTRY else "motorway"


def _light(frame: Frame) -> str:
    if frame.pose is not None and frame.pose.utc is not None:
        height = sun_height(frame.pose.utc, frame.pose.latitude, frame.pose.longitude)
        return "day" if height > 0 else "dusk" if height > NIGHT else "night"
    small = cv2.resize(frame.image, (64, 36), interpolation=cv2.INTER_AREA)
    return "night" if float(small.mean()) < DARK else "day"


def sun_height(utc: float, latitude: float, longitude: float) -> float:
    """Return the sun's height over the horizon in degrees, to about one degree.

    Args:
        utc: Seconds since 1970.
        latitude: WGS 84 degrees.
        longitude: WGS 84 degrees, east positive.
    """
    moment = datetime.fromtimestamp(utc, UTC)
    day = moment.timetuple().tm_yday + (moment.hour + moment.minute / 60) / 24
    declination = -_TILT * math.cos(2 * math.pi * (day + 10) / 365.25)
    # The equation of time, in minutes (Spencer, 1971, its main terms).
    year = 2 * math.pi * (day - 1) / 365.25
    minutes = 229.18 * (0.001868 * math.cos(year) - 0.032077 * math.sin(year) - 0.014615 * math.cos(2 * year)
                        - 0.04089 * math.sin(2 * year))  # fmt: skip
    solar = moment.hour + moment.minute / 60 + moment.second / 3600 + longitude / 15 + minutes / 60
    angle, phi = math.radians(15 * (solar - 12)), math.radians(latitude)
    height = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))
