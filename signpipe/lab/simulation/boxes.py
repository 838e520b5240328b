"""Drives as a detector would see them, with exact truth: no pictures, only boxes, misses, false alarms, and looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.types import Classifications, Detections, FloatArray

Array = npt.NDArray[np.float64]

PICTURE = (720, 1280)  # height and width in pixels
FOCAL = 1372.0  # pixels, a field of view of 50 degrees
EYE = 1.3  # metres of the camera over the road
STEP = 1 / 60  # seconds, by which the car moves
NEAREST = 2.0  # metres, a sign beside the camera
FACING = 0.45  # cosine of the steepest angle under which a sign can be read
FORGOTTEN = 2.0  # seconds out of sight, in a bend or behind a lorry, after which a sign counts as another
SHAKE_TIME = 0.15  # seconds within which the camera's shaking swings
SMALLEST = 12.0  # pixels of the side from which a sign belongs to the truth
# A detector's errors, near to those on GTSDB: share found by side; noise of an edge, a share of the side and pixels.
FOUND = ((12, 16, 24, 40), (0.72, 0.89, 0.96, 0.985))
EDGE_NOISE, EDGE_NOISE_PIXELS = 0.025, 0.5
FALSE_ALARMS = 0.03  # a frame


@dataclass(frozen=True, slots=True)
class Post:
    """A sign beside the road.

    Attributes:
        class_id: Its class.
        station: Metres along the road.
        right: Metres to the right of the car's path.
        height: Metres of its middle over the road.
        side: Root of its area in metres.
    """

    class_id: int
    station: float
    right: float
    height: float
    side: float


@dataclass(frozen=True, slots=True)
class Course:
    """How the road lies and how the car drives.

    Attributes:
        kind: One of `KINDS`.
        seconds: How long it lasts.
        speed: Metres a second by seconds.
        curvature: 1/m by metres along the road, positive to the right.
        elevation: Metres over sea level by metres along the road.
        shake: Degrees by which a rough road shakes the camera.
        hidden: Share of the time for which a sign is hidden by another car.
        posts: The signs.
    """

    kind: str
    seconds: float
    speed: Callable[[float], float]
    curvature: Callable[[float], float]
    elevation: Callable[[float], float]
    shake: float
    hidden: float
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class BoxFrame:
    """One frame of such a drive.

    Attributes:
        time: Media time in seconds.
        speed: The car's, in metres a second.
        signs: int64 (G,), numbers of the signs in view: positions among the drive's posts; one that comes back after
            `FORGOTTEN` seconds out of sight has another number, that of its post plus a multiple of their count.
        boxes: float32 (G, 4), their true boxes in pixels.
        ahead: float64 (G,), metres of road to each.
        detections: What the detector finds.
        shown: int64 (N,), the sign that each detection shows, or -1 for a false alarm.
    """

    time: float
    speed: float
    signs: npt.NDArray[np.int64]
    boxes: FloatArray
    ahead: Array
    detections: Detections
    shown: npt.NDArray[np.int64]


KINDS = ("straight", "bends", "hills", "town", "shake", "traffic", "gantries")


def course(kind: str, seed: int, classes: Sequence[int], seconds: float = 40.0) -> Course:
    """Return a drive of a kind, drawn by chance.

    Args:
        kind: One of `KINDS`.
        seed: Of the chance.
        classes: The classes that its signs may have.
        seconds: How long it lasts.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    fast = {"straight": (14, 33), "bends": (8, 20), "town": (5, 14), "gantries": (22, 36)}.get(kind, (10, 25))
    mean = float(rng.uniform(*fast))
    swing, period = float(rng.uniform(0, 0.35)) * mean, float(rng.uniform(8, 20))
    bend = float(rng.uniform(1 / 140, 1 / 45)) if kind == "bends" else float(rng.uniform(0, 1 / 800))
    length = float(rng.uniform(120, 260))
    hill = float(rng.uniform(2, 7)) if kind == "hills" else 0.3
    posts = _posts(kind, rng, classes, mean * seconds + 150)
    return Course(
        kind,
        seconds,
        lambda time: mean + swing * math.sin(2 * math.pi * time / period),
        lambda way: bend * math.sin(2 * math.pi * way / length),
        lambda way: hill * math.sin(2 * math.pi * way / (1.3 * length)),
        {"shake": 0.6}.get(kind, 0.12),
        {"traffic": 0.25, "town": 0.08}.get(kind, 0.0),
        posts,
    )


def drive(course: Course, fps: float, seed: int) -> list[BoxFrame]:
    """Drive a course, and return what the detector makes of it.

    Args:
        course: The road.
        fps: Frames a second.
        seed: Of the detector's errors and of the shaking.
    """
    rng = np.random.default_rng([seed, round(fps * 1000)])
    path = _path(course)
    at = _along(path, np.array([post.station for post in course.posts]))
    hidden = _hidden(course, np.random.default_rng(seed))
    mount = np.random.default_rng(seed).normal(0, [0.8, 1.0])  # degrees, the camera isn't mounted exactly
    shaken = rng.normal(0, course.shake, 2)
    kept = math.exp(-1 / fps / SHAKE_TIME)
    last, again = np.full(len(course.posts), np.inf), np.zeros(len(course.posts), np.int64)
    frames = []
    for time in np.arange(0, course.seconds, 1 / fps).tolist():
        row = path[min(round(time / STEP), len(path) - 1)]
        shaken = kept * shaken + rng.normal(0, course.shake * math.sqrt(1 - kept**2), 2)
        yaw, pitch = np.radians(mount + shaken)
        boxes = _project(course.posts, at, row, yaw, pitch)
        side = np.sqrt(np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 0))
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((middle > 0) & (middle < np.array(PICTURE[::-1]))).all(axis=1)
        seen = inside & (side >= SMALLEST) & ~_is_hidden(hidden, time)
        seen[_covered(boxes, side, seen)] = False
        posts = np.flatnonzero(seen)
        again[posts] += time - last[posts] > FORGOTTEN
        last[posts] = time
        signs = posts + again[posts] * len(course.posts)
        true = np.clip(boxes[posts], 0, np.array(PICTURE[::-1] * 2)).astype(np.float32)
        detections, shown = _detect(true, signs, rng)
        frames.append(BoxFrame(time, course.speed(time), signs, true, at[posts, 5] - row[5], detections, shown))
    return frames


class Looks:
    """What the classifier says of simulated boxes: readings of real signs of the class at about that size.

    Args:
        by_class: For each class, sides float32 (F,) and observations of real approaches.
        posts: The signs; each is one of the real ones for the whole drive.
        seed: Of the chance.
    """

    def __init__(
        self, by_class: dict[int, list[tuple[FloatArray, Classifications]]], posts: Sequence[Post], seed: int
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._any = [one for ones in by_class.values() for one in ones]
        self._real = [ones[self._rng.integers(len(ones))] for ones in (by_class[post.class_id] for post in posts)]

    def of(self, frame: BoxFrame) -> Classifications:
        """Return what is read of each detection of a frame; a false alarm reads as any sign, and unfamiliar."""
        rows = []
        for box, sign in zip(frame.detections.xyxy, frame.shown.tolist(), strict=True):
            sides, said = (
                self._real[sign % len(self._real)] if sign >= 0 else self._any[self._rng.integers(len(self._any))]
            )
            side = math.sqrt(float((box[2:] - box[:2]).prod())) * math.exp(self._rng.normal(0, 0.1))
            row = int(np.abs(np.log(sides / side)).argmin())
            probability, novelty = said.probability[row], said.novelty[row]
            if sign < 0:
                probability, novelty = _doubt(probability, self._rng), np.float32(self._rng.uniform(0.5, 1))
            rows.append((probability, said.embedding[row], novelty))
        if not rows:
            return Classifications.empty(*(self._any[0][1].probability.shape[1], self._any[0][1].embedding.shape[1]))
        probability, embedding, novelty = (np.stack(column).astype(np.float32) for column in zip(*rows, strict=True))
        return Classifications(probability, embedding, novelty)


def _doubt(probability: FloatArray, rng: np.random.Generator) -> FloatArray:
    share = np.float32(rng.uniform(0.2, 0.7))
    return np.asarray(share * probability + (1 - share) * rng.dirichlet(np.full(len(probability), 0.3)), np.float32)


def _posts(kind: str, rng: np.random.Generator, classes: Sequence[int], length: float) -> tuple[Post, ...]:
    spacing = {"town": 14.0, "gantries": 90.0}.get(kind, 45.0)
    posts, station = [], float(rng.uniform(30, 60))
    while station < length:
        side = float(rng.uniform(0.55, 0.95))
        chosen = [int(rng.choice(classes)) for _ in range(3)]
        beside = float(rng.uniform(2.2, 6.0))
        height = float(rng.uniform(1.9, 2.9))
        if kind == "gantries" and rng.random() < 0.5:  # three equal limits over the lanes
            posts += [Post(chosen[0], station, 3.6 * lane, 5.6, side) for lane in (-1, 0, 1)]
        elif rng.random() < 0.3:  # two or three on one pole
            for place in range(int(rng.integers(2, 4))):
                posts.append(Post(chosen[place], station, beside, height + 1.1 * side * place, side))
        elif rng.random() < 0.3:  # the same on both sides
            posts += [Post(chosen[0], station, right, height, side) for right in (beside, -beside - 3)]
        else:
            left = kind == "town" and rng.random() < 0.4
            posts.append(Post(chosen[0], station, -beside - 3 if left else beside, height, side))
        station += float(rng.exponential(spacing)) + 4
    return tuple(posts)


def _path(course: Course) -> Array:
    """Return x, y, height, heading, pitch and way at every step, float64 (K, 6), until behind the last sign."""
    rows, x, y, heading, way = [], 0.0, 0.0, 0.0, 0.0
    end = max((post.station for post in course.posts), default=0.0) + 1
    time = 0.0
    while time < course.seconds + STEP or way < end:
        climb = (course.elevation(way + 1) - course.elevation(way)) / 1.0
        rows.append((x, y, course.elevation(way), heading, math.atan(climb), way))
        moved = max(course.speed(time), 0.5) * STEP
        heading += course.curvature(way) * moved
        x, y, way, time = x + moved * math.sin(heading), y + moved * math.cos(heading), way + moved, time + STEP
    return np.array(rows)


def _along(path: Array, stations: Array) -> Array:
    """Return the rows of the path at stations (P,), interpolated, float64 (P, 6)."""
    return np.stack([np.interp(stations, path[:, 5], column) for column in path.T], axis=1)


def _project(posts: Sequence[Post], at: Array, car: Array, yaw: float, pitch: float) -> Array:
    """Return the boxes of signs (P, 4) in pixels, NaN-free; those behind or turned away lie outside the picture."""
    right = np.array([post.right for post in posts])
    x = at[:, 0] + right * np.cos(at[:, 3]) - car[0]
    y = at[:, 1] - right * np.sin(at[:, 3]) - car[1]
    up = at[:, 2] + np.array([post.height for post in posts]) - car[2] - EYE
    heading, tilt = car[3] + yaw, car[4] + pitch
    ahead, aside = x * np.sin(heading) + y * np.cos(heading), x * np.cos(heading) - y * np.sin(heading)
    depth, rise = ahead * np.cos(tilt) + up * np.sin(tilt), up * np.cos(tilt) - ahead * np.sin(tilt)
    facing = np.cos(at[:, 3] - np.arctan2(x, y))
    seen = (depth > NEAREST) & (facing > FACING)
    scale = FOCAL / np.maximum(depth, NEAREST)
    half = np.array([post.side for post in posts]) * scale / 2
    middle = np.stack([PICTURE[1] / 2 + aside * scale, PICTURE[0] / 2 - rise * scale], axis=1)
    extent = np.stack([half * np.clip(facing, FACING, 1), half], axis=1)
    boxes = np.concatenate([middle - extent, middle + extent], axis=1)
    boxes[~seen] = -1e4
    return boxes


def _covered(boxes: Array, side: Array, seen: npt.NDArray[np.bool_]) -> list[int]:
    """Return the signs of which more than a third is behind another that looks larger, and so is nearer."""
    covered = []
    order = np.flatnonzero(seen)[np.argsort(-side[seen], kind="stable")]
    for place, sign in enumerate(order.tolist()):
        nearer = boxes[order[:place]]
        shared = np.minimum(boxes[sign, 2:], nearer[:, 2:]) - np.maximum(boxes[sign, :2], nearer[:, :2])
        if len(nearer) and np.maximum(shared, 0).prod(axis=1).max() > side[sign] ** 2 / 3:
            covered.append(sign)
    return covered


def _hidden(course: Course, rng: np.random.Generator) -> list[Array]:
    """Return for each sign the intervals (K, 2) in which another car stands before it."""
    intervals = []
    for _ in course.posts:
        count = rng.poisson(course.hidden * course.seconds / 0.7)
        start = rng.uniform(0, course.seconds, count)
        intervals.append(np.stack([start, start + rng.uniform(0.3, 1.1, count)], axis=1))
    return intervals


def _is_hidden(hidden: Sequence[Array], time: float) -> npt.NDArray[np.bool_]:
    return np.array([bool(((one[:, 0] <= time) & (time < one[:, 1])).any()) for one in hidden], bool)


def _detect(
    true: FloatArray, signs: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Detections, npt.NDArray[np.int64]]:
    side = np.sqrt((true[:, 2:] - true[:, :2]).prod(axis=1))
    found = rng.random(len(true)) < np.interp(side, *FOUND)
    noise = rng.normal(0, 1, true.shape) * (EDGE_NOISE * side + EDGE_NOISE_PIXELS)[:, None]
    boxes = (true + noise)[found]
    shown = signs[found]
    for _ in range(rng.poisson(FALSE_ALARMS)):
        half = math.exp(rng.uniform(math.log(7), math.log(40)))
        x, y = rng.uniform(half, PICTURE[1] - half), rng.uniform(half, PICTURE[0] - half)
        boxes = np.concatenate([boxes, [[x - half, y - half, x + half, y + half]]])
        shown = np.append(shown, -1)
    score = np.where(shown >= 0, rng.beta(12, 2, len(shown)), rng.uniform(0.25, 0.6, len(shown)))
    boxes = np.clip(boxes, 0, np.array(PICTURE[::-1] * 2))
    return Detections(boxes.astype(np.float32), score.astype(np.float32)), shown.astype(np.int64)
