"""Scripted drives past signs with plates, at the level of tracks, with the limit in force at every metre."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import RoadKind, read_rules
from signpipe.settings import VehicleSettings
from signpipe.types import Certainty, FiguresRead, SignTrack, TrackState, Verdict

PICTURE = (720, 1280)
FOCAL = 1370.0  # pixels
# Metres to a sign from which it is seen and read, its smaller plate is seen and read, and at which both are lost.
SEEN_FROM, READ_FROM, PLATE_SEEN_FROM, PLATE_READ_FROM, LOST_AT = 60.0, 45.0, 40.0, 28.0, 8.0
SPEED, FPS = 15.0, 5.0  # metres and frames per second
LENGTH = 420.0  # metres of a drive
FIRST, LAST = 100.0, 300.0  # metres; where the poles stand
ANNOUNCED = 150.0  # metres
MISSED, MISREAD = 0.08, 0.15  # share of frames that miss a sign, and of signs that are misread at first
HIGHER = 0.3  # share of limits whose plate is unread or not met that are higher than the one without: they lift nothing
UNREAD = 0.2  # share of plates that are seen and never read
# Limits in rain, km/h.
IN_RAIN = {
    ("fr", "motorway"): 110.0,
    ("fr", "expressway"): 100.0,
    ("it", "motorway"): 110.0,
    ("it", "expressway"): 90.0,
}
DAY, NIGHT = datetime(2026, 11, 27, 12), datetime(2026, 11, 27, 23, 30)


@dataclass(frozen=True, slots=True)
class Posted:
    """A sign beside or over the road.

    Attributes:
        name: Its class.
        at: Metres from the start.
        up: Metres of its centre over the camera.
        right: Metres to the right of the camera.
        plate: Class of the plate under it, or None.
        text: What is written on the plate.
        is_unread: Whether the plate can't be read.
    """

    name: str
    at: float
    up: float = 1.5
    right: float = 4.0
    plate: str | None = None
    text: str | None = None
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is true from a place on.

    Attributes:
        begin: Metres from the start.
        limit: In force there, km/h; infinite where it is known that there is none, None where none is known.
        other: A limit that may hold instead, for all that is known, or None.
        margin: Metres before the place in which the next stretch may count already.
    """

    begin: float
    limit: float | None
    other: float | None = None
    margin: float = SEEN_FROM


@dataclass(frozen=True, slots=True)
class RuleScene:
    """A drive and its truth.

    Attributes:
        signs: What stands along the road.
        truth: What is in force, from the start on.
        vehicle: What is driven, and what is known of the conditions.
        country: Whose rules hold.
        speed: Metres per second as it is told, or None where it isn't known.
    """

    signs: tuple[Posted, ...]
    truth: tuple[Stretch, ...]
    vehicle: VehicleSettings = field(default_factory=VehicleSettings)
    country: str = "de"
    speed: float | None = SPEED

    def allowed(self, z: float) -> list[Stretch]:
        """Return what may be told at a place.

        Near a sign that is what holds before or after it, and, before it is reached, the limit on it without its plate.
        """
        slack = 2.0 * SPEED  # a limit has to be shown two seconds after its sign
        now = [stretch for stretch in self.truth if stretch.begin <= z][-1]
        found = [now]
        for before, after in zip(self.truth, self.truth[1:], strict=False):
            if after.begin - after.margin <= z <= after.begin + slack:
                found += [before, after]
        for sign in self.signs:
            if sign.plate is not None and 0 <= sign.at - z <= SEEN_FROM:
                found.append(Stretch(z, float(sign.name.rpartition("_")[2])))
        return found


def drive(scene: RuleScene, catalogue: Catalogue, rng: np.random.Generator) -> Iterator[tuple[float, list[SignTrack]]]:
    """Yield the place and the tracks of each frame: signs that are missed, misread at first, and plates read late."""
    numbers = range(1, 1 + 2 * len(scene.signs))
    misread = {number for number in numbers if rng.random() < MISREAD}
    limits = [sign.id for sign in catalogue if sign.name.startswith("speed_limit_") and sign.present]
    for frame in range(int(LENGTH / SPEED * FPS)):
        z = frame / FPS * SPEED
        tracks = []
        for number, sign in enumerate(scene.signs):
            ahead = sign.at - z
            if not LOST_AT <= ahead <= SEEN_FROM:
                continue
            one = catalogue.by_name(sign.name)
            wrong = 2 * number + 1 in misread and "limit" in sign.name and ahead > READ_FROM - 6
            class_id = limits[number % len(limits)] if wrong else one.id
            box = _box(sign.right, sign.up, one.width, one.height, ahead)
            is_missed = bool(rng.random() < MISSED)
            tracks.append(_track(2 * number + 1, box, class_id, catalogue, sign.right, sign.up, ahead, is_missed,
                                 ahead <= READ_FROM))  # fmt: skip
            if sign.plate is not None and ahead <= PLATE_SEEN_FROM:
                plate = catalogue.by_name(sign.plate)
                up = sign.up - one.height / 2 - 0.05 - plate.height / 2
                under = _box(sign.right, up, one.width, 0.33 * one.width / 0.6, ahead)
                is_read = ahead <= PLATE_READ_FROM and not sign.is_unread
                track = _track(2 * number + 2, under, plate.id, catalogue, sign.right, up, ahead, is_missed, is_read)
                if is_read and sign.text is not None:
                    track.figures = FiguresRead(sign.text, "", 0.97)
                tracks.append(track)
        yield z, tracks


def _box(right: float, up: float, width: float, height: float, ahead: float) -> tuple[float, float, float, float]:
    scale = FOCAL / ahead
    x, y = PICTURE[1] / 2 + right * scale, PICTURE[0] / 2 - up * scale
    return x - width * scale / 2, y - height * scale / 2, x + width * scale / 2, y + height * scale / 2


def _track(
    number: int, box: tuple[float, float, float, float], class_id: int, catalogue: Catalogue, right: float, up: float,
    ahead: float, is_missed: bool, is_read: bool,
) -> SignTrack:  # fmt: skip
    growth = SPEED / ahead * FOCAL / ahead
    probability = np.full(len(catalogue), 0.03 / len(catalogue), np.float32)
    probability[class_id] += 0.97
    return SignTrack(
        number, np.array(box, np.float32), TrackState.COASTING if is_missed else TrackState.CONFIRMED, 0.9, 1.0,
        1 / FPS if is_missed else 0.0, 8, np.log(probability), probability, class_id,
        velocity=(right * growth, -up * growth), detection=None if is_missed else number,
        verdict=Verdict(Certainty.CONFIRMED if is_read else Certainty.UNKNOWN), catalogue=catalogue,
    )  # fmt: skip


def _limit(value: float) -> str:
    return f"speed_limit_{value:g}"


def _pair(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return a limit, a lower one beside it, and one of a later sign."""
    upper = float(rng.choice([80, 100, 120]))
    lower = float(rng.choice([value for value in (30, 50, 60, 70, 80) if value < upper]))
    return upper, lower, float(rng.choice([50, 70]))


def _conditional(
    rng: np.random.Generator, plate: str, text: str | None, states: list[tuple[VehicleSettings, bool | None]]
) -> RuleScene:
    """Return a drive past a limit, and one with a plate below it, which is lower in most."""
    upper, lower, later = _pair(rng)
    vehicle, applies = states[rng.integers(len(states))]
    is_unread = bool(rng.random() < UNREAD)
    is_higher = (is_unread or not applies) and bool(rng.random() < HIGHER)
    plain, below = (lower, upper) if is_higher else (upper, lower)
    signs = (Posted(_limit(plain), FIRST, 2.3), Posted(_limit(below), FIRST, 1.5, plate=plate, text=text,
             is_unread=is_unread), Posted(_limit(later), LAST))  # fmt: skip
    if is_unread:
        limit, other = lower, None
    else:
        limit, other = (below if applies else plain), (below if applies is None else None)
    return RuleScene(signs, (Stretch(0, None), Stretch(FIRST, limit, other), Stretch(LAST, later)), vehicle)


def rain(rng: np.random.Generator) -> RuleScene:
    """Return a limit when wet, on a wet, a dry and an unknown road."""
    states: list[tuple[VehicleSettings, bool | None]] = [(VehicleSettings(wet=wet), wet) for wet in (True, False, None)]
    return _conditional(rng, "plate_when_wet", None, states)


def time(rng: np.random.Generator) -> RuleScene:
    """Return a limit by night, by night, by day and at an unknown time."""
    states = [(VehicleSettings(clock=NIGHT), True), (VehicleSettings(clock=DAY), False), (VehicleSettings(), None)]
    return _conditional(rng, "plate_time", "22-6h", states)


def vehicle_class(rng: np.random.Generator) -> RuleScene:
    """Return a limit for lorries, in a lorry, a car and an unknown vehicle."""
    states = [(VehicleSettings(kind="goods"), True), (VehicleSettings(kind="car"), False), (VehicleSettings(), None)]
    return _conditional(rng, "plate_trucks", None, states)


def exit_lane(rng: np.random.Generator) -> RuleScene:
    """Return a limit with an arrow to the side, which doesn't concern who goes straight on."""
    plate = str(rng.choice(["plate_arrow_left", "plate_arrow_right"]))
    return _conditional(rng, plate, None, [(VehicleSettings(), None)])


def announced(rng: np.random.Generator) -> RuleScene:
    """Return a limit that begins some way after its sign, with and without a known speed."""
    upper, lower, _ = _pair(rng)
    is_unread, knows = bool(rng.random() < UNREAD), bool(rng.random() < 0.7)
    signs = (Posted(_limit(upper), FIRST - 30), Posted(_limit(lower), FIRST, plate="plate_distance",
             text=f"{ANNOUNCED:g}m", is_unread=is_unread))  # fmt: skip
    end: tuple[Stretch, ...]
    if is_unread:
        end = (Stretch(FIRST, lower),)
    elif knows:
        end = (Stretch(FIRST, upper, lower), Stretch(FIRST + ANNOUNCED, lower, margin=15))
    else:
        end = (Stretch(FIRST, upper, lower),)
    return RuleScene(signs, (Stretch(0, None), Stretch(FIRST - 30, upper), *end), speed=SPEED if knows else None)


def _implicit(code: str, kind: RoadKind) -> float:
    country = load_country(code)
    limit = read_rules(country.rules, country.unit).limits[kind].limit
    return math.inf if limit is None else limit


def implicit_town(rng: np.random.Generator) -> RuleScene:
    """Return a town, in half of the drives with a posted limit inside, and its end."""
    code = str(rng.choice(["de", "es", "fr", "si", "pl"]))
    inside = _implicit(code, RoadKind.TOWN)
    signs, truth = [Posted("town", FIRST)], [Stretch(0, None), Stretch(FIRST, inside)]
    if rng.random() < 0.5:
        signs.append(Posted(_limit(20), 200))
        truth.append(Stretch(200, 20))
    signs.append(Posted("end_town", LAST))
    truth.append(Stretch(LAST, _implicit(code, RoadKind.OUTSIDE)))
    return RuleScene(tuple(signs), tuple(truth), VehicleSettings(kind="car", trailer=False), code)


def implicit_motorway(rng: np.random.Generator) -> RuleScene:
    """Return a motorway or an expressway from its beginning to its end, in some drives in rain."""
    code = str(rng.choice(["de", "be", "fr", "it", "si"]))
    is_motorway, wet = bool(rng.random() < 0.6), bool(rng.random() < 0.3)
    kind = RoadKind.MOTORWAY if is_motorway else RoadKind.EXPRESSWAY
    name = kind.value
    limit = _implicit(code, kind)
    if wet:
        limit = IN_RAIN.get((code, name), limit)
    truth = (Stretch(0, None), Stretch(FIRST, limit), Stretch(LAST, _implicit(code, RoadKind.OUTSIDE)))
    vehicle = VehicleSettings(kind="car", trailer=False, wet=wet)
    return RuleScene((Posted(name, FIRST), Posted(f"end_{name}", LAST)), truth, vehicle, code)


def zones(rng: np.random.Generator) -> RuleScene:
    """Return a zone in a town, in half of the drives with another limit inside, and its end."""
    code = str(rng.choice(["de", "fr", "be"]))
    town = _implicit(code, RoadKind.TOWN)
    signs, truth = [Posted("town", 70), Posted("zone_30", 150)], [Stretch(0, None), Stretch(70, town), Stretch(150, 30)]
    if rng.random() < 0.5:
        signs.append(Posted(_limit(20), 225))
        truth.append(Stretch(225, 20))
    signs.append(Posted("end_zone_30", LAST))
    truth.append(Stretch(LAST, town))
    return RuleScene(tuple(signs), tuple(truth), VehicleSettings(kind="car", trailer=False), code)


def gantry(rng: np.random.Generator) -> RuleScene:
    """Return two gantries with a limit for each of three lanes, equal or not."""
    signs, truth = [], [Stretch(0, None)]
    for at in (FIRST, LAST):
        values = (
            rng.choice([60, 80, 100, 120], 3) if rng.random() < 0.6 else np.repeat(rng.choice([60, 80, 100, 120]), 3)
        )
        signs += [Posted(_limit(float(value)), at, 5.0, -3.5 + 3.5 * lane) for lane, value in enumerate(values)]
        truth.append(Stretch(at, float(values.min())))
    return RuleScene(tuple(signs), tuple(truth))


KINDS: dict[str, Callable[[np.random.Generator], RuleScene]] = {
    "rain": rain,
    "time": time,
    "vehicle class": vehicle_class,
    "exit lane": exit_lane,
    "announced": announced,
    "implicit, town": implicit_town,
    "implicit, motorway": implicit_motorway,
    "zones": zones,
    "gantry, by lane": gantry,
}
