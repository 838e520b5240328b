"""A road with signs for both directions, as truth for maps: where each sign stands, how it faces, and since when."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np

from signpipe.catalogue import Catalogue, SignClass
from signpipe.geodesy import Values, place

ORIGIN = (50.0, 9.0)  # latitude and longitude of the road's start
LANE = 3.5  # metres
STEP = 1.0  # metres between the points of the road
SPACING = (45.0, 130.0)  # metres between the poles of one direction
LATERAL = (2.2, 4.5)  # metres from the lane's edge to a pole
CLEARANCE = 2.1  # metres under the lowest face
PAIRS, STACKS = 0.12, 0.15  # shares of poles that have a twin across the road, and a second sign
SCALES, SCALE_SHARES = (0.7, 1.0, 1.25), (0.1, 0.75, 0.15)  # sizes as shares of the usual one


@dataclass(frozen=True, slots=True)
class StreetSign:
    """One sign, as it truly is.

    Attributes:
        number: Of the sign.
        name: Its class.
        place: Metres east and north of `ORIGIN`, and up from the road, of the face's middle.
        facing: Radians clockwise from north in which its face looks.
        size: Width and height in metres.
        since: First drive in which it stands.
        until: First drive in which it doesn't any more.
        later: Its class from the drive `changed` on.
        changed: First drive in which it has another class.
        spoilt: First drive in which it can hardly be read.
    """

    number: int
    name: str
    place: tuple[float, float, float]
    facing: float
    size: tuple[float, float]
    since: int = 0
    until: int = 10**6
    later: str | None = None
    changed: int = 10**6
    spoilt: int = 10**6

    def name_in(self, drive: int) -> str:
        """Return its class in a drive."""
        return self.later if self.later is not None and drive >= self.changed else self.name


@dataclass(frozen=True, slots=True, eq=False)
class Street:
    """A road and its signs.

    Attributes:
        centre: float64 (K, 2), the road's middle in metres, every `STEP`.
        course: float64 (K,), its direction in radians clockwise from north.
        signs: All signs that ever stand there.
    """

    centre: Values
    course: Values
    signs: tuple[StreetSign, ...]

    def lane(self, forward: bool) -> Values:
        """Return the middle of the right lane of a direction, (K, 2), in the order in which it is driven."""
        right = np.stack([np.cos(self.course), -np.sin(self.course)], axis=1)
        lane = self.centre + right * (LANE / 2 if forward else -LANE / 2)
        return lane if forward else lane[::-1]


def make_street(rng: np.random.Generator, catalogue: Catalogue, length: float, drives: int, change: float) -> Street:
    """Return a winding road past signs.

    Args:
        rng: Decides what is left to chance.
        catalogue: Classes of the signs.
        length: Metres.
        drives: Number of drives that will be made.
        change: Share of the signs that come, go, change or are spoilt in the middle of them.
    """
    count = round(length / STEP)
    along = np.arange(count) * STEP
    bend = sum(
        amplitude * np.sin(2 * np.pi * along / wave + rng.uniform(0, 2 * np.pi))
        for amplitude, wave in ((1 / 260, 700.0), (1 / 400, 330.0), (1 / 500, 1500.0))
    )
    course = rng.uniform(0, 2 * np.pi) + np.cumsum(np.asarray(bend)) * STEP
    centre = np.cumsum(np.stack([np.sin(course), np.cos(course)], axis=1) * STEP, axis=0)
    bare = Street(centre, course, ())
    signs: list[StreetSign] = []
    for forward in (True, False):
        at = rng.uniform(60, 100)
        while at < length - 30:
            _erect(bare, forward, round(at / STEP), rng, catalogue, signs)
            at += rng.uniform(*SPACING)
    return Street(centre, course, tuple(_dated(sign, rng, catalogue, drives, change) for sign in signs))


def street_geojson(street: Street, drives: int) -> str:
    """Return a street's signs as GeoJSON: points with what they are in the last of some drives.

    Args:
        street: The street.
        drives: Number of drives.
    """
    features = []
    for sign in street.signs:
        latitude, longitude = place(*ORIGIN, sign.place[0], sign.place[1])
        features.append({
            "type": "Feature",
            "id": sign.number,
            "geometry": {"type": "Point", "coordinates": [round(float(longitude), 8), round(float(latitude), 8)]},
            "properties": {
                "class": sign.name_in(drives - 1), "heading": round(math.degrees(sign.facing + math.pi) % 360, 1),
                "height": round(sign.place[2], 3), "since": sign.since, "until": min(sign.until, drives),
                "changed": sign.changed < drives, "spoilt": sign.spoilt < drives,
            },
        })  # fmt: skip
    lines = ",\n".join(json.dumps(feature) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def _erect(
    street: Street, forward: bool, at: int, rng: np.random.Generator, catalogue: Catalogue, signs: list[StreetSign]
) -> None:
    """Put up a pole with its signs, and its twin across the road."""
    row = at if forward else len(street.centre) - 1 - at
    travel = street.course[row] + (0.0 if forward else np.pi)
    right = np.array([np.cos(travel), -np.sin(travel)])
    lateral = LANE + rng.uniform(*LATERAL)
    classes = [_any(rng, catalogue) for _ in range(1 + (rng.random() < STACKS))]
    scale = rng.choice(SCALES, p=SCALE_SHARES)
    sides = (1, -1) if rng.random() < PAIRS else (1,)
    for side in sides:
        foot = street.centre[row] + side * right * lateral
        facing = float((travel + np.pi + rng.normal(0, np.radians(6))) % (2 * np.pi))
        bottom = CLEARANCE + rng.normal(0, 0.1)
        for sign in classes:
            width, height = sign.width * scale, sign.height * scale
            place = (float(foot[0]), float(foot[1]), float(bottom + height / 2))
            signs.append(StreetSign(len(signs), sign.name, place, facing, (float(width), float(height))))
            bottom += height + 0.06


def _any(rng: np.random.Generator, catalogue: Catalogue) -> SignClass:
    return catalogue[int(rng.integers(len(catalogue)))]


def _dated(sign: StreetSign, rng: np.random.Generator, catalogue: Catalogue, drives: int, change: float) -> StreetSign:
    """Return a sign with what happens to it between the drives."""
    if drives < 2 or rng.random() >= change:
        return sign
    when = drives // 2
    fields = {name: getattr(sign, name) for name in ("number", "name", "place", "facing", "size")}
    match rng.integers(4):
        case 0:
            return StreetSign(**fields, since=when)
        case 1:
            return StreetSign(**fields, until=when)
        case 2:
            alike = [other.name for other in catalogue if other.shape is catalogue.by_name(sign.name).shape]
            other = str(rng.choice([name for name in alike if name != sign.name] or [sign.name]))
            return StreetSign(**fields, later=other, changed=when)
        case _:
            return StreetSign(**fields, spoilt=when)
