"""Roads drawn by chance, as they are in Germany: motorways, country roads with villages, towns; with their traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from signpipe.catalogue.rules import RoadKind
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.lab.simulation.world.alignment import Piece, align
from signpipe.lab.simulation.world.scene import (
    VEHICLES,
    Companion,
    Interval,
    Light,
    Obstacle,
    RoadScene,
    RoadSign,
    Weather,
)

KINDS = ("motorway", "country", "town")
CLEARANCE = 2.1  # metres from the road to the lower edge of a sign
STACKED = 0.06
START = 120.0  # metres to the first sign
# Weather and light by the name of the condition; azimuths are from the direction of the road's start.
CONDITIONS: dict[str, tuple[Weather, Light]] = {
    "clear": (Weather(), Light(40, 120)),
    "low sun": (Weather(), Light(7, 10)),
    "rain": (Weather(rain=3), Light(35, 120)),
    "fog": (Weather(fog=120), Light(35, 120)),
    "snow": (Weather(snow=3), Light(25, 120)),
    "night": (Weather(), Light(-20, 0)),
    "night rain": (Weather(rain=3), Light(-20, 0)),
}
# Lane of the car, edges of the carriageway, size of signs, radii of bends, share of straights, lengths of pieces.
_SHAPE = {
    "motorway": (1.9, (0.0, 7.5), 1.25, (900.0, 4000.0), 0.4, (150.0, 500.0)),
    "country": (1.75, (-3.5, 3.5), 1.0, (110.0, 900.0), 0.45, (60.0, 260.0)),
    "town": (1.65, (-3.3, 3.3), 1.0, (60.0, 400.0), 0.6, (50.0, 180.0)),
}
_DANGERS = ("children", "road_works", "bend_left", "bend_right", "double_bend", "slippery_road", "wild_animals",
            "traffic_lights", "general_danger", "uneven_road")  # fmt: skip


@dataclass(slots=True)
class _Writer:
    """Puts up signs while a road is written."""

    kind: str
    rng: np.random.Generator
    signs: list[RoadSign] = field(default_factory=list)
    towns: list[Interval] = field(default_factory=list)
    junctions: list[float] = field(default_factory=list)

    def put(self, at: float, *names: str, both: bool = False) -> None:
        """Put up a pole with signs from top to bottom, and one like it on the other side, if both are asked for."""
        _, (left, right), scale, *_ = _SHAPE[self.kind]
        catalogue = roadside_catalogue()
        beside = float(self.rng.uniform(1.2, 2.4))
        places = [right + beside + (2.5 if self.kind == "motorway" else 0.0)]
        if both:
            places.append(left - (1.3 if self.kind == "motorway" else beside))
        for place in places:
            up = CLEARANCE + float(self.rng.uniform(-0.1, 0.3))
            turned = float(self.rng.normal(3, 3)) * (1 if place > 0 else -1)
            for name in reversed(names):
                sign = catalogue.by_name(name)
                self.signs.append(RoadSign(sign, at, place, up + sign.height * scale / 2, scale, turned))
                up += sign.height * scale + STACKED

    def pick(self, *options: str) -> str:
        """Return one of some names."""
        return str(self.rng.choice(options))

    def gap(self, low: float, high: float) -> float:
        """Return a distance in metres."""
        return float(self.rng.uniform(low, high))


def route(kind: str, seed: int, length: float = 5000.0, condition: str = "clear") -> RoadScene:
    """Return a road of a kind, drawn by chance.

    Args:
        kind: One of `KINDS`.
        seed: Of the chance; the road is the same in every condition.
        length: Metres.
        condition: One of `CONDITIONS`.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    lane, lanes, _, radii, straight, lengths = _SHAPE[kind]
    writer = _Writer(kind, rng)
    {"motorway": _motorway, "country": _country, "town": _town}[kind](writer, length)
    weather, light = CONDITIONS[condition]
    starts = {"motorway": RoadKind.OUTSIDE, "country": RoadKind.TOWN, "town": RoadKind.OUTSIDE}
    alignment = align(_pieces(rng, length, radii, straight, lengths), _hills(rng, kind, length))
    return RoadScene(
        f"{kind} {seed}, {condition}", alignment, starts[kind], None, lane, lanes,
        signs=tuple(sorted((one for one in writer.signs if one.at < length - 5), key=lambda one: one.at)),
        obstacles=_parked(rng, kind, writer),
        companions=_traffic(rng, kind, length), towns=tuple(writer.towns), junctions=tuple(writer.junctions),
        weather=weather, light=light, seed=seed,
    )  # fmt: skip


def _pieces(
    rng: np.random.Generator, length: float, radii: tuple[float, float], straight: float, lengths: tuple[float, float]
) -> list[Piece]:
    """Return straights, and arcs between spirals, of some length in all."""
    pieces, left = [Piece(min(START, length / 2))], length - min(START, length / 2)
    while left > 1:
        if rng.random() < straight:
            new = [Piece(float(rng.uniform(*lengths)))]
        else:
            radius = math.exp(rng.uniform(math.log(radii[0]), math.log(radii[1]))) * float(rng.choice([-1, 1]))
            arc = float(min(rng.uniform(*lengths), 1.2 * abs(radius)))
            ease = min(arc, 40.0 + abs(radius) / 20)
            new = [Piece(ease, 0.0, 1 / radius), Piece(arc, 1 / radius, 1 / radius), Piece(ease, 1 / radius, 0.0)]
        for piece in new:
            if left > 1:
                share = min(left / piece.length, 1.0)
                pieces.append(Piece(piece.length * share, piece.begin, piece.begin + (piece.end - piece.begin) * share))
                left -= piece.length * share
    return pieces


def _hills(rng: np.random.Generator, kind: str, length: float) -> list[tuple[float, float]]:
    steep = {"motorway": 0.02, "country": 0.04, "town": 0.02}[kind]
    points, height = [(0.0, 0.0)], 0.0
    for at in np.arange(250.0, length, 250.0).tolist():
        height += float(rng.uniform(-1, 1)) * steep * 250
        points.append((at, height))
    return points


def _motorway(road: _Writer, length: float) -> None:
    """Write limits that are posted on both sides, repeated, and ended; road works; a few bans on overtaking."""
    road.put(START, "motorway")
    at = START + road.gap(300, 900)
    while at < length - 200:
        if road.rng.random() < 0.2:
            road.put(at, "road_works", both=True)
            for name in ("speed_limit_100", "speed_limit_80", road.pick("speed_limit_60", "speed_limit_80")):
                at += road.gap(150, 300)
                road.put(at, name, both=True)
            at += road.gap(600, 2000)
            road.put(at, "end_all_restrictions", both=True)
        else:
            limit = road.pick("speed_limit_120", "speed_limit_130", "speed_limit_100", "speed_limit_80")
            for _ in range(int(road.rng.integers(1, 4))):
                below = ("no_overtaking_goods",) if road.rng.random() < 0.2 else ()
                road.put(at, limit, *below, both=True)
                at += road.gap(900, 2200)
            road.put(at, "end_all_restrictions", both=True)
        at += road.gap(700, 2500)


def _country(road: _Writer, length: float) -> None:
    """Write a road that leaves a town: limits before bends and junctions, dangers, bans, now and then a village."""
    road.put(START, "end_town")
    at = START + road.gap(150, 500)
    while at < length - 300:
        what = road.rng.random()
        if what < 0.25 and at < length - 1200:
            at = _village(road, at)
        elif what < 0.7:
            limit = road.pick("speed_limit_80", "speed_limit_70", "speed_limit_70", "speed_limit_60", "speed_limit_50")
            above = (road.pick(*_DANGERS),) if road.rng.random() < 0.4 else ()
            ban = road.rng.random() < 0.25
            road.put(at, *above, limit, *(("no_overtaking",) if ban else ()))
            end = at + road.gap(250, 900)
            if road.rng.random() < 0.4:
                road.junctions.append(at + (end - at) / 2)
                road.put(at + (end - at) / 2 + 25, limit)
            at = end
            single = "end_speed_limit_80" if limit == "speed_limit_80" and not ban else "end_all_restrictions"
            road.put(at, single)
        elif what < 0.85:
            road.put(at, road.pick(*_DANGERS))
        else:
            road.junctions.append(at + 150)
            road.put(at, road.pick("priority_road", "priority_next_intersection", "give_way"))
        at += road.gap(250, 800)


def _village(road: _Writer, at: float) -> float:
    """Write a village, and return where it ends."""
    begin = at
    road.put(at, "town")
    at += road.gap(150, 350)
    if road.rng.random() < 0.4:
        road.put(at, "speed_limit_30")
        at += road.gap(120, 300)
        road.put(at, "speed_limit_50")
        at += road.gap(60, 150)
    at += road.gap(150, 400)
    road.put(at, "end_town")
    road.towns.append(Interval(begin + 10, at - 5))
    return at


def _town(road: _Writer, length: float) -> None:
    """Write a town: zones, limits on streets, crossings, islands; parked cars come elsewhere."""
    road.put(START, "town")
    road.towns.append(Interval(START + 5, length))
    at = START + road.gap(100, 250)
    while at < length - 200:
        what = road.rng.random()
        if what < 0.22:
            road.put(at, "zone_30")
            at += road.gap(200, 500)
            road.put(at, "end_zone_30")
        elif what < 0.5:
            road.put(at, road.pick("speed_limit_30", "speed_limit_30", "speed_limit_70", "speed_limit_60"))
            at += road.gap(150, 450)
            road.put(at, "speed_limit_50")
        elif what < 0.62:
            road.put(at, road.pick("stop", "give_way", "priority_road"))
            road.junctions.append(at + 20)
        elif what < 0.74:
            road.put(at, road.pick("pedestrian_crossing", "children", "pedestrians", "cyclists", "traffic_lights"))
        else:
            road.put(at, road.pick("no_stopping", "no_entry", "keep_right", "turn_right", "no_parking", "parking"))
        at += road.gap(60, 220)


def _parked(rng: np.random.Generator, kind: str, road: _Writer) -> tuple[Obstacle, ...]:
    """Park cars, vans and a few lorries in towns; let a bush grow before some signs."""
    parked = []
    edge = _SHAPE[kind][1][1]
    for town in road.towns:
        at = town.begin + float(rng.uniform(0, 20))
        while at < town.end - 20:
            what = str(rng.choice(["car", "van", "lorry"], p=[0.82, 0.14, 0.04]))
            size = VEHICLES[what]
            parked.append(Obstacle(what, at, edge + 0.2 + size[1] / 2, *size))
            at += size[0] + 1 + float(rng.exponential(14))
    overgrown = [sign for sign in road.signs if kind != "motorway" and rng.random() < 0.04]
    bushes = [Obstacle("bush", one.at - 7, one.right - 0.35, 1.5, 1.3, one.up + 0.1) for one in overgrown]
    return (*parked, *bushes)


def _traffic(rng: np.random.Generator, kind: str, length: float) -> tuple[Companion, ...]:
    """Let lorries be overtaken on motorways, and vehicles drive ahead and come towards the car elsewhere."""
    found, at = [], float(rng.uniform(0, 400))
    while at < length:
        if kind == "motorway":
            found.append(
                Companion(_any(rng, 0.7), at, at + float(rng.uniform(250, 500)), (90.0, -10.0), 5.65, _stuck(rng))
            )
            at += float(rng.exponential(500)) + 100
        elif rng.random() < 0.5:
            gap = float(rng.uniform(14, 45))
            found.append(Companion(_any(rng, 0.25), at, at + float(rng.uniform(200, 900)), (gap, gap + 15),
                                   _SHAPE[kind][0], _stuck(rng)))  # fmt: skip
            at += 950 + float(rng.exponential(500))
        else:
            found.append(Companion(_any(rng, 0.25), at, at + 70, (130.0, -10.0), -_SHAPE[kind][0]))
            at += float(rng.exponential(300)) + 80
    return tuple(found)


def _any(rng: np.random.Generator, lorries: float) -> str:
    return str(rng.choice(["lorry", "van", "car"], p=[lorries, (1 - lorries) * 0.3, (1 - lorries) * 0.7]))


def _stuck(rng: np.random.Generator) -> str | None:
    """Return what is stuck on a vehicle's back: on few, the limit that it keeps itself."""
    return str(rng.choice(["speed_limit_80", "speed_limit_60", "speed_limit_100"])) if rng.random() < 0.08 else None
