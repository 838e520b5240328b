"""Drives along a street as a detector, a classifier and a receiver would record them, each with its errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.geodesy import Values, place
from signpipe.lab.simulation.streets import ORIGIN, STEP, Street, StreetSign
from signpipe.mapping.optics import project, seen_width
from signpipe.mapping.recording import Rows
from signpipe.mapping.trajectory import RADIUS_68
from signpipe.position.fix import Fix
from signpipe.position.recorded import RecordedPositions

SIZE = (1280, 720)  # pixels
FOCAL = 1372.0  # pixels, of 50 degrees, which is what signpipe takes for granted
RATE = 5.0  # pictures a second
SMALLEST, LARGEST = 14.0, 400.0  # pixels of a side that the detector finds
LIDAR_REACH = 40.0  # metres to which a scanner of 64 rings has five points and more on a sign's face
CAMERA = 1.4  # metres over the road
DAY = 86400.0
# A receiver's slow errors: their share of its variance, and seconds for which they and the quick ones last.
SLOW_SHARES, SLOW_TIME, QUICK_TIMES = (0.2, 0.6), 600.0, (15.0, 60.0)
START = 1767268800.0  # 1 January 2026, noon, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Errors:
    """What goes wrong in a drive.

    Attributes:
        receiver: Least and greatest radius in metres of the circle with 68 % of a receiver's positions.
        jitter: Metres, from fix to fix.
        doppler: m/s, spread of the receiver's speed, and across it.
        focal: Least and greatest true focal length as a share of the one that is taken for granted.
        mounting: Spread in degrees of the camera's directions.
        shake: Degrees to the side and up, within a second.
        missed: Share of looks that are missed.
        hidden: Share of approaches of which a part is hidden.
        unseen: Share of approaches that aren't seen at all.
        wrong: Share of approaches that end in a wrong class of which it is sure.
        unsure: Share of approaches that end without a sure class.
        torn: Share of tracks that are torn in two.
        strays: Share of boxes that are far off.
        ahead: Seconds by which positions are ahead of the pictures.
        boxes: Errors of the other boxes, as a share of a detector's usual ones.
        lidar: Metres that a LiDAR's ranges err by; None where the vehicle has none.
    """

    receiver: tuple[float, float] = (1.5, 5.0)
    jitter: float = 0.3
    doppler: float = 0.1
    focal: tuple[float, float] = (0.85, 1.2)
    mounting: float = 1.5
    shake: tuple[float, float] = (0.08, 0.25)
    missed: float = 0.1
    hidden: float = 0.1
    unseen: float = 0.01
    wrong: float = 0.006
    unsure: float = 0.04
    torn: float = 0.03
    strays: float = 0.01
    boxes: float = 1.0
    ahead: float = 0.0
    lidar: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A drive as it truly was, at each picture.

    Attributes:
        time: float64 (F,), seconds.
        position: float64 (F, 2), metres east and north of the street's origin.
        course: float64 (F,), radians clockwise from north.
        speed: float64 (F,), m/s.
    """

    time: Values
    position: Values
    course: Values
    speed: Values


@dataclass(frozen=True, slots=True, eq=False)
class Receiver:
    """How a receiver errs in a drive, and what of that can be known.

    Attributes:
        radius: Metres of the circle with 68 % of its positions.
        slow_share: Share of its variance that lasts for `SLOW_TIME`.
        quick_time: Seconds for which the rest lasts.
        off: float64 (S, 2), metres that the position of each second is off to the east and north.
        along: float64 (S,), m/s that the speed is off.
        across: float64 (S,), m/s that the velocity is off to the right.
    """

    radius: float
    slow_share: float
    quick_time: float
    off: Values
    along: Values
    across: Values


def record_drive(
    street: Street, catalogue: Catalogue, number: int, rng: np.random.Generator, errors: Errors | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the records of a drive there and back, as `signpipe run --jsonl` would write them.

    Args:
        street: Where it goes.
        catalogue: The classes.
        number: Of the drive, which is made on the day of this number.
        rng: Decides what is left to chance.
        errors: What goes wrong.
    """
    errors = errors or Errors()
    run, receiver = drive_along(street, rng, errors)
    positions = _received(run, receiver, rng, START + number * DAY)
    boxes = _seen(street, catalogue, run, number, rng, errors)
    yield {"schema": "signpipe/1", "type": "run", "country": None, "source": f"drive-{number + 1}",
           "width": SIZE[0], "height": SIZE[1], "classes": list(catalogue.names)}  # fmt: skip
    for row, time in enumerate(run.time.tolist()):
        pose = positions.at(time + errors.ahead, 0.0)
        told = None if pose is None else {
            "latitude": round(pose.latitude, 7), "longitude": round(pose.longitude, 7), "heading": pose.heading,
            "speed": pose.speed, "sigma": pose.sigma, "utc": pose.utc,
        }  # fmt: skip
        yield {
            "schema": "signpipe/1", "type": "frame", "index": row, "media_time": round(time, 4), "width": SIZE[0],
            "height": SIZE[1], "pose": told, "detections": [box for box, _ in boxes[row]],
            "tracks": [track for _, track in boxes[row]], "advisories": [],
        }  # fmt: skip


def drive_along(street: Street, rng: np.random.Generator, errors: Errors) -> tuple[Run, Receiver]:
    """Return a drive there and back as it truly is, and how its receiver errs; see `record_drive`."""
    run = _drive(street, rng)
    return run, _receiver(run, rng, errors)


def _drive(street: Street, rng: np.random.Generator) -> Run:
    """Return a drive there and back, with a turn at the end, changing speed, and some wandering in the lane."""
    there, back = street.lane(True), street.lane(False)
    across = back[0] - there[-1]
    ahead = (there[-1] - there[-2]) / STEP
    arc = np.linspace(0, np.pi, 12)[1:-1, None]
    turn = there[-1] + across * (1 - np.cos(arc)) / 2 + ahead * np.linalg.norm(across) / 2 * np.sin(arc)
    points = np.concatenate([there, turn, back])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    usual, phases = rng.uniform(10, 18), rng.uniform(0, 2 * np.pi, 3)
    distances, time, moment = [0.0], [0.0], 0.0
    turning = along[len(there) - 1], along[len(there) + len(turn)]
    while distances[-1] < along[-1] - 1:
        speed = usual * (1 + 0.25 * np.sin(moment / 17 + phases[0]) + 0.1 * np.sin(moment / 5 + phases[1]))
        near = max(turning[0] - distances[-1], distances[-1] - turning[1], 0.0)
        speed = min(speed, float(np.sqrt(2.0**2 + 2 * 1.5 * near)))
        moment += 1 / RATE
        distances.append(distances[-1] + speed / RATE)
        time.append(moment)
    where = np.stack([np.interp(distances, along, axis) for axis in points.T], axis=1)
    velocity = np.gradient(where, np.array(time), axis=0)
    course = np.unwrap(np.arctan2(velocity[:, 0], velocity[:, 1]))
    wander = 0.3 * np.sin(np.array(time) / 4 + phases[2])
    where += np.stack([np.cos(course), -np.sin(course)], axis=1) * wander[:, None]
    velocity = np.gradient(where, np.array(time), axis=0)
    return Run(
        np.array(time), where, np.unwrap(np.arctan2(velocity[:, 0], velocity[:, 1])), np.hypot(*velocity.T)
    )  # fmt: skip


def _receiver(run: Run, rng: np.random.Generator, errors: Errors) -> Receiver:
    """Return how a receiver errs in each second of a drive."""
    radius = rng.uniform(*errors.receiver)
    sigma, slow_share = radius / RADIUS_68, rng.uniform(*SLOW_SHARES)
    seconds = len(np.arange(0.0, run.time[-1] + 1, 1.0))
    off = errors.jitter * rng.normal(size=(seconds, 2))
    quick_time = rng.uniform(*QUICK_TIMES)
    for share, lasting in ((slow_share, SLOW_TIME), (1 - slow_share, quick_time)):
        off += sigma * np.sqrt(share) * _wandering(seconds, lasting, rng)
    along, across = rng.normal(0, errors.doppler, (2, seconds))
    return Receiver(radius, slow_share, quick_time, off, along, across)


def _received(run: Run, receiver: Receiver, rng: np.random.Generator, start: float) -> RecordedPositions:
    """Return what a receiver tells, once a second, interpolated as that of any recording is."""
    seconds = np.arange(float(len(receiver.off)))
    where = np.stack([np.interp(seconds, run.time, axis) for axis in run.position.T], axis=1) + receiver.off
    speed = np.abs(np.interp(seconds, run.time, run.speed) + receiver.along)
    course = np.interp(seconds, run.time, run.course) + receiver.across / np.maximum(speed, 1.0)
    latitude, longitude = place(*ORIGIN, where[:, 0], where[:, 1])
    stated = receiver.radius * rng.uniform(0.8, 1.25)
    fixes = [
        Fix(start + second, lat, lon, fast, heading, stated)
        for second, lat, lon, fast, heading in zip(
            seconds.tolist(), latitude.tolist(), longitude.tolist(), speed.tolist(),
            (np.degrees(course) % 360).tolist(), strict=True,
        )
    ]  # fmt: skip
    return RecordedPositions(fixes, start)


def _wandering(count: int, lasting: float, rng: np.random.Generator) -> Values:
    """Return (count, 2) errors of spread 1 that last for so many steps (Ornstein and Uhlenbeck)."""
    kept = np.exp(-1 / lasting)
    values = rng.normal(size=(count, 2))
    for before, after in pairwise(range(count)):
        values[after] = kept * values[before] + np.sqrt(1 - kept**2) * values[after]
    return values


def _seen(
    street: Street, catalogue: Catalogue, run: Run, drive: int, rng: np.random.Generator, errors: Errors
) -> list[list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Return the detections and tracks of each picture."""
    focal = FOCAL * rng.uniform(*errors.focal)
    mounting = np.radians(rng.normal(0, errors.mounting, 2))
    shake = np.radians(errors.shake) * rng.normal(size=(len(run.time), 2))
    axis, pitch = run.course + mounting[0] + shake[:, 0], mounting[1] + shake[:, 1]
    pictures: list[list[tuple[dict[str, Any], dict[str, Any]]]] = [[] for _ in run.time]
    track, ranging = 0, np.random.default_rng(drive)  # by itself, so that with and without a LiDAR all else is alike
    for sign in street.signs:
        if not sign.since <= drive < sign.until:
            continue
        rows, boxes, depths = _approach(sign, run, axis, pitch, focal)
        for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 5 * RATE) + 1):
            for looks in _kept(part, rng, errors):
                track += 1
                told = _told(sign, catalogue, drive, rng, errors)
                noisy = _noisy(boxes[looks], rng, errors)
                ranges = _ranges(depths[looks], run.time[rows[looks]], ranging, errors)
                for row, box, said in zip(rows[looks].tolist(), noisy.tolist(), ranges, strict=True):
                    pictures[row].append(_record(track, box, told | {"opinions": said}))
    return pictures


def _approach(sign: StreetSign, run: Run, axis: Values, pitch: Values, focal: float) -> tuple[Rows, Values, Values]:
    """Return the pictures in which a sign could be found, its true boxes (N, 4), and how far it is (N,)."""
    away = np.array(sign.place[:2]) - run.position
    near = np.flatnonzero(np.hypot(*away.T) < 120)
    ahead = away[near, 0] * np.sin(axis[near]) + away[near, 1] * np.cos(axis[near])
    turned = np.cos(np.arctan2(-away[near, 0], -away[near, 1]) - sign.facing)
    near = near[(ahead > 2) & (turned > 0.35)]
    above = np.full(len(near), sign.place[2] - CAMERA)
    right, down, depth = project(np.column_stack([away[near], above]), axis[near], pitch[near])
    width = focal * sign.size[0] * seen_width(right, depth, axis[near], np.full(len(near), sign.facing))
    height = focal * sign.size[1] / depth
    x, y = SIZE[0] / 2 + focal * right, SIZE[1] / 2 + focal * down
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    side = np.sqrt(width * height)
    inside = (boxes[:, 0] > -width / 3) & (boxes[:, 2] < SIZE[0] + width / 3) & (boxes[:, 1] > -height / 3)
    found = inside & (side > SMALLEST) & (side < LARGEST)
    clipped = np.clip(boxes[found], 0, (*SIZE, *SIZE))
    return near[found], clipped, depth[found]


def _kept(looks: Rows, rng: np.random.Generator, errors: Errors) -> Sequence[Rows]:
    """Return the looks of an approach that are found, as tracks."""
    if len(looks) < 2 or rng.random() < errors.unseen:
        return []
    keep = rng.random(len(looks)) >= errors.missed
    if rng.random() < errors.hidden:
        first = rng.integers(len(looks))
        keep[first : first + max(round(len(looks) * rng.uniform(0.3, 0.6)), 1)] = False
    kept = looks[keep]
    if len(kept) > 6 and rng.random() < errors.torn:
        cut = int(rng.integers(3, len(kept) - 2))
        return [kept[:cut], kept[cut:]]
    return [kept] if len(kept) > 1 else []


def _noisy(boxes: Values, rng: np.random.Generator, errors: Errors) -> Values:
    """Return boxes as a detector gives them: off by a share of their size in all looks, and by pixels in each."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    off = size * rng.normal(0, 0.015, 4) + rng.normal(size=boxes.shape) * (0.5 + 0.02 * size)
    noisy = boxes + errors.boxes * off
    stray = rng.random(len(boxes)) < errors.strays
    noisy[stray] += np.tile(rng.normal(0, 20, (int(stray.sum()), 2)), 2)
    return np.clip(noisy, 0, (*SIZE, *SIZE))


def _ranges(depths: Values, times: Values, rng: np.random.Generator, errors: Errors) -> list[list[dict[str, Any]]]:
    """Return what a LiDAR says in each look: how far the sign is, where it is near enough for points on its face."""
    if errors.lidar is None:
        return [[] for _ in depths]
    measured = depths + errors.lidar * rng.normal(size=len(depths))
    return [
        [{"source": "lidar", "class_name": None, "impossible": False, "text": f"at {depth:.1f} m",
          "range": {"depth": round(depth, 3), "sigma": errors.lidar, "media_time": round(time, 4)}}]
        * (depth < LIDAR_REACH)
        for depth, time in zip(measured.tolist(), times.tolist(), strict=True)
    ]  # fmt: skip


def _told(
    sign: StreetSign, catalogue: Catalogue, drive: int, rng: np.random.Generator, errors: Errors
) -> dict[str, Any]:
    """Return what is made of a track at its end."""
    true = catalogue.by_name(sign.name_in(drive))
    spoilt = drive >= sign.spoilt
    chance = rng.random()
    name, probability, verdict, novelty = true.name, rng.uniform(0.97, 0.9995), "confirmed", rng.uniform(0, 0.2)
    if spoilt or chance < errors.wrong + errors.unsure:
        alike = [other.name for other in catalogue if other.category is true.category and other.id != true.id]
        if not spoilt and chance < errors.wrong:
            name = str(rng.choice(alike))
        else:
            verdict, probability = "uncertain", rng.uniform(0.3, 0.8)
            novelty = rng.uniform(0.4, 0.9) if spoilt else novelty
            name = str(rng.choice(alike)) if rng.random() < 0.3 else name
    return {"best_class_name": name, "best_probability": probability, "category": true.category.value,
            "verdict": verdict, "novelty": novelty, "state": "confirmed"}  # fmt: skip


def _record(track: int, box: list[float], told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    rounded = [round(edge, 2) for edge in box]
    return {"xyxy": rounded, "score": 0.9, "track_id": track}, {"id": track, "xyxy": rounded, **told}
