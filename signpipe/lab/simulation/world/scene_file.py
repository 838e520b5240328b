"""Reading driving scenes from files: TOML of our own, or OpenDRIVE."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from signpipe.catalogue import SignClass
from signpipe.catalogue.countries import country_codes
from signpipe.catalogue.rules import RoadKind
from signpipe.errors import SettingsError
from signpipe.lab.simulation.scene import sign_named
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.lab.simulation.world.alignment import Piece, align
from signpipe.lab.simulation.world.scene import (
    COUNTRY,
    VEHICLES,
    CameraModel,
    Companion,
    Interval,
    Light,
    Obstacle,
    RoadScene,
    RoadSign,
    Weather,
)

Positive = Annotated[float, Field(gt=0)]
Severity = Annotated[float, Field(ge=0, le=5)]
STANDING: dict[str, tuple[float, float, float]] = {
    **VEHICLES, "bush": (1.5, 1.6, 2.2), "tree": (4.0, 4.0, 8.0), "house": (14.0, 8.0, 8.0),
}  # fmt: skip
BESIDE = 1.7  # metres from the edge of the carriageway to a sign's middle
CLEARANCE = 2.1  # metres from the road to the lower edge of a sign
OVERHEAD = 5.2  # the same on a gantry
ON_ISLAND = 0.7
STACKED = 0.06  # metres between two signs on one pole


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Road(_Table):
    length: Positive
    radius: float | None = None
    end_radius: float | None = None

    def piece(self) -> Piece:
        """Return it; without an end radius it is an arc, or straight."""
        begin = 1 / self.radius if self.radius else 0.0
        return Piece(self.length, begin, begin if self.end_radius is None else self._end())

    def _end(self) -> float:
        return 1 / self.end_radius if self.end_radius else 0.0


class _Hill(_Table):
    at: float
    height: float


class _Sign(_Table):
    name: str
    at: Annotated[float, Field(ge=0)]
    side: Literal["right", "left", "island", "gantry"] = "right"
    right: float | None = None
    up: Positive | None = None
    scale: Positive = 1.0
    turned: float = 0.0
    plate: str | None = None
    text: str | None = None
    applies: bool = True


class _Obstacle(_Table):
    kind: Literal["car", "van", "lorry", "bush", "tree", "house"]
    at: float
    right: float
    length: Positive | None = None
    width: Positive | None = None
    height: Positive | None = None


class _Traffic(_Table):
    kind: Literal["car", "van", "lorry"]
    begin: float
    end: float
    ahead: tuple[float, float]
    right: float
    sticker: str | None = None


class _Stretch(_Table):
    begin: float
    end: float

    @model_validator(mode="after")
    def _forward(self) -> _Stretch:
        if self.end <= self.begin:
            raise ValueError("its end isn't behind its begin")
        return self


class _Weather(_Table):
    rain: Severity = 0.0
    fog: Positive | None = None
    snow: Severity = 0.0


class _Light(_Table):
    sun: Annotated[float, Field(ge=-90, le=90)] = 40.0
    azimuth: float = 120.0


class _Camera(_Table):
    width: Annotated[int, Field(ge=160, le=4096, multiple_of=2)] = 1280
    height: Annotated[int, Field(ge=90, le=4096, multiple_of=2)] = 720
    focal: Annotated[float, Field(ge=100, le=10_000)] = 1372.0
    above: Positive = 1.3
    pitch: Annotated[float, Field(ge=-30, le=30)] = 0.0
    distortion: Annotated[float, Field(ge=-0.4, le=0.4)] = -0.03
    exposure: Annotated[float, Field(gt=0, le=0.1)] = 0.008
    noise: Severity = 0.7
    quality: Annotated[int, Field(ge=5, le=100)] | None = 85
    rolling: Annotated[float, Field(ge=0, le=0.1)] = 0.0
    h264: Severity = 0.0


class _Scene(_Table):
    name: str = "scene"
    kind: RoadKind = RoadKind.OUTSIDE
    limit: Positive | Literal["none"] | None = None
    lane: float = 1.75
    lanes: tuple[float, float] = (-3.5, 3.5)
    country: str = COUNTRY
    seed: Annotated[int, Field(ge=0)] = 0
    road: Annotated[list[_Road], Field(min_length=1)]
    hill: list[_Hill] = []
    sign: list[_Sign] = []
    obstacle: list[_Obstacle] = []
    traffic: list[_Traffic] = []
    town: list[_Stretch] = []
    tunnel: list[_Stretch] = []
    junction: list[float] = []
    weather: _Weather = _Weather()
    light: _Light = _Light()
    camera: _Camera = _Camera()


def read_scene(path: Path) -> RoadScene:
    """Read a scene: OpenDRIVE where the name ends in .xodr, else TOML (docs/simulation.md has both).

    Raises:
        SettingsError: The file can't be read, or has something that can't be; says what.
    """
    if path.suffix.lower() == ".xodr":
        from signpipe.lab.simulation.world.opendrive import read_opendrive

        return read_opendrive(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The scene {path} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The scene {path} is no valid TOML: {error}.") from None
    return parse_scene(content, str(path))


def parse_scene(content: dict[str, Any], where: str) -> RoadScene:
    """Make a scene of the content of a file.

    Args:
        content: Its tables.
        where: Its name, for messages.

    Raises:
        SettingsError: Something in it can't be; says what.
    """
    try:
        table = _Scene.model_validate(content)
    except ValidationError as error:
        raise SettingsError(f"The scene {where} has a bad entry: {_explain(error)}.") from None
    if table.country not in country_codes():
        raise SettingsError(f"The scene {where} is in '{table.country}'; there are {', '.join(country_codes())}.")
    alignment = align([piece.piece() for piece in table.road], [(hill.at, hill.height) for hill in table.hill])
    for at in (*(one.at for one in table.sign), *(one.at for one in table.obstacle)):
        if not 0 <= at <= alignment.length:
            raise SettingsError(
                f"The scene {where} has something at {at:g} m of a road of {alignment.length:g} m; put it on the road."
            )
    limit = math.inf if table.limit == "none" else table.limit
    return RoadScene(
        table.name, alignment, table.kind, limit, table.lane, table.lanes,
        signs=_signs(table), obstacles=tuple(map(_obstacle, table.obstacle)),
        companions=tuple(_companion(one) for one in table.traffic),
        towns=tuple(Interval(one.begin, one.end) for one in table.town),
        tunnels=tuple(Interval(one.begin, one.end) for one in table.tunnel), junctions=tuple(table.junction),
        gantries=tuple(sorted({one.at for one in table.sign if one.side == "gantry"})),
        weather=Weather(**table.weather.model_dump()), light=Light(**table.light.model_dump()),
        camera=CameraModel(**table.camera.model_dump()), country=table.country, seed=table.seed,
    )  # fmt: skip


def _signs(table: _Scene) -> tuple[RoadSign, ...]:
    """Return the signs, those at one place above one another in the order of the file, and the plates under them."""
    catalogue = roadside_catalogue()
    lower: dict[tuple[float, float], float] = {}
    signs: list[RoadSign] = []
    for entry in table.sign:
        sign = sign_named(entry.name, catalogue)
        right = _right(entry, table)
        hangs = {"island": ON_ISLAND, "gantry": OVERHEAD}.get(entry.side, CLEARANCE)
        place = (entry.at, right)
        up = entry.up
        if up is None and place in lower:
            up = lower[place] - STACKED - sign.height * entry.scale / 2
        one = RoadSign(sign, entry.at, right, hangs + sign.height * entry.scale / 2 if up is None else up,
                       entry.scale, entry.turned, None, entry.applies)  # fmt: skip
        signs.append(one)
        lower[place] = one.up - one.height / 2
        if entry.plate is not None:
            plate = _under(one, sign_named(entry.plate, catalogue), entry.text)
            signs.append(plate)
            lower[place] = plate.up - plate.height / 2
    return tuple(sorted(signs, key=lambda one: one.at))


def _right(entry: _Sign, table: _Scene) -> float:
    if entry.right is not None:
        return entry.right
    left, right = table.lanes
    return {"right": right + BESIDE, "left": left - BESIDE, "island": 0.0, "gantry": table.lane}[entry.side]


def _under(sign: RoadSign, plate: SignClass, text: str | None) -> RoadSign:
    up = sign.up - sign.height / 2 - STACKED - plate.height * sign.scale / 2
    return replace(sign, sign=plate, up=up, text=text)


def _obstacle(entry: _Obstacle) -> Obstacle:
    length, width, height = STANDING[entry.kind]
    return Obstacle(
        entry.kind, entry.at, entry.right, entry.length or length, entry.width or width, entry.height or height
    )


def _companion(entry: _Traffic) -> Companion:
    if entry.sticker is not None:
        sign_named(entry.sticker, roadside_catalogue())
    return Companion(entry.kind, entry.begin, entry.end, entry.ahead, entry.right, entry.sticker)


def _explain(error: ValidationError) -> str:
    """Say what the first wrong value is, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"there is no '{where}'"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"
