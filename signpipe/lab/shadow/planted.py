"""Simulated drives with planted faults: whether shadow mode finds each, and how often it cries wolf.

A road with signs, a driver with a driver's habits, a receiver with its errors, and tracks as vision would give them go
through the real decisions and the real comparison; no picture is rendered and no model runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import read_rules
from signpipe.geodesy import place
from signpipe.lab.evaluation.interval import poisson
from signpipe.maps import MapSign, SignMap
from signpipe.settings import Settings
from signpipe.shadow.compare import Comparer
from signpipe.shadow.judge import Kind
from signpipe.stages.decide import Decide
from signpipe.types import (
    Certainty,
    Classifications,
    Detections,
    Frame,
    FrameResult,
    Motion,
    Pose,
    SignTrack,
    TrackState,
    Verdict,
)

FPS: Final = 5.0
LIMITS: Final = (50, 70, 80, 100, 120)  # km/h
APART: Final = (600.0, 1000.0)  # metres from one sign to the next
SEEN_FROM, READ_FROM, LOST_AT = 60.0, 45.0, 8.0  # metres to a sign
FOCAL, PICTURE = 1370.0, (720, 1280)
ASIDE, UP = 4.0, 1.5  # metres of a sign to the right of the camera and over it
BRAKES, PULLS = 1.4, 1.0  # m/s2 with which the driver comes down and goes up
HABIT, LATE = 2.0, 15.0  # km/h spread by which a driver keeps a limit, and metres by which he comes down after a sign
WANDER = 2.0  # metres, spread of the receiver's slow error
QUEUES: Final = 0.3  # share of stretches with slower traffic
PLANTED: Final = 0.35  # share of signs with a fault
RESET: Final = 250.0  # metres past the next limit within which a fault's consequences end
EARLY: Final = 100.0  # metres before a sign from which what is told may be of it


class Fault(StrEnum):
    """What is planted."""

    PHANTOM = "a lower limit that isn't there"
    HIGHER = "a limit read as a higher one"
    MISSED = "a sign that isn't seen"
    SPEEDING = "a driver who is too fast"
    NO_STOP = "a driver who doesn't stop"


EXPECTED: Final = {
    Fault.PHANTOM: Kind.BRAKED,
    Fault.HIGHER: Kind.ALLOWED,
    Fault.MISSED: Kind.MISSED,
    Fault.SPEEDING: Kind.BRAKED,
    Fault.NO_STOP: Kind.BRAKED,
}


@dataclass(frozen=True, slots=True)
class Post:
    """A sign along the road.

    Attributes:
        at: Metres from the start.
        name: What it is.
        read: What vision takes it for; None if it isn't seen.
        mapped: Whether the map has it.
        fault: What is planted here, or None.
    """

    at: float
    name: str
    read: str | None
    mapped: bool = True
    fault: Fault | None = None

    @property
    def limit(self) -> float | None:
        """The limit on it in km/h, if it is one that really stands there."""
        return float(self.name.rpartition("_")[2]) if self.mapped and self.name.startswith("speed_limit_") else None


@dataclass(slots=True)
class Outcome:
    """What was found.

    Attributes:
        planted: How many faults, by what they are.
        found: How many of them were found.
        alarms: Events that no planted fault explains, by kind, with where and why.
        kilometres: How far was driven.
        clear: Kilometres of them on which nothing is planted, nor has consequences: false alarms are counted on these.
    """

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    alarms: list[tuple[str, float, str]] = field(default_factory=list)
    kilometres: float = 0.0
    clear: float = 0.0


def evaluate_shadow(
    kilometres: float, seed: int, settings: Settings, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> dict[str, Any]:
    """Drive some kilometres in drives of ten, and count what is found.

    Args:
        kilometres: How far.
        seed: Makes it repeatable.
        settings: `shadow` and `decide` count.
        progress: Told how many drives are done, and how many there are.

    Returns:
        Kilometres, and those without planted faults; planted and found by fault; false alarms, their number per 100 km
        without planted faults with its 95 % interval, and each.
    """
    total = Outcome()
    drives = max(1, round(kilometres / 10))
    for number in range(drives):
        one = drive(kilometres / drives * 1000, np.random.default_rng((seed, number)), settings)
        total.planted += one.planted
        total.found += one.found
        total.alarms += one.alarms
        total.kilometres += one.kilometres
        total.clear += one.clear
        progress(number + 1, drives)
    scale = 100 / max(total.clear, 1e-3)
    return {
        "kilometres": round(total.kilometres, 3),
        "clear_kilometres": round(total.clear, 3),
        "planted": dict(total.planted),
        "found": {name: total.found[name] for name in total.planted},
        "false_alarms": len(total.alarms),
        "false_alarms_per_100_km": len(total.alarms) * scale,
        "interval": [bound * scale for bound in poisson(len(total.alarms))],
        "alarms": [{"kind": kind, "metre": round(at), "reason": why} for kind, at, why in total.alarms],
    }


def drive(metres: float, rng: np.random.Generator, settings: Settings) -> Outcome:
    """Drive along one road, and compare what shadow mode reports with what was planted."""
    country = load_country("de")
    catalogue = country.catalogue
    posts = lay_out(metres, rng)
    signs = SignMap(
        MapSign(*_place(post.at, ASIDE), catalogue.by_name(post.name).id, 0.0, f"sign {number}")
        for number, post in enumerate(posts) if post.mapped
    )  # fmt: skip
    decide = Decide(settings.decide, catalogue, read_rules(country.rules, country.unit, country.languages))
    comparer = Comparer(settings.shadow, settings.camera, catalogue, signs)
    events: list[tuple[Kind, float, str]] = []
    wander = np.zeros(2)
    image = np.zeros((36, 64, 3), np.uint8)
    z = 0.0
    for index, (z, speed) in enumerate(_driven(posts, metres, rng)):
        time = index / FPS
        wander = 0.99 * wander + rng.normal(0, WANDER * np.sqrt(1 - 0.99**2), 2)
        latitude, longitude = _place(z + wander[1], wander[0])
        frame = Frame(image, index, time, time, pose=Pose(latitude, longitude, 0.0, speed), motion=Motion(speed))
        tracks = list(_tracks(posts, z, speed, catalogue, rng))
        advisories, told = decide.update(tracks, time, PICTURE, speed)
        result = FrameResult(
            frame, Detections.empty(), Classifications.empty(len(catalogue)), [], tracks, advisories, told
        )
        events += [(found.kind, z, found.reason) for found in comparer.update(result)[1]]
    return _compared(posts, events, z)


def lay_out(metres: float, rng: np.random.Generator) -> list[Post]:
    """Return the signs of a road, with faults planted at some."""
    posts: list[Post] = []
    limit, at = int(rng.choice(LIMITS)), 200.0
    while at < metres - 900:
        if not posts or rng.random() < 0.85:
            limit = int(rng.choice([one for one in LIMITS if one != limit]))
            posts.append(_limited(at, limit, rng, planted=len(posts) > 0 and rng.random() < PLANTED))
        else:
            fault = Fault.NO_STOP if rng.random() < PLANTED else None
            posts.append(Post(at, "stop", "stop", fault=fault))
        at += float(rng.uniform(*APART))
    return posts


def _limited(at: float, limit: int, rng: np.random.Generator, planted: bool) -> Post:
    name = f"speed_limit_{limit}"
    if not planted:
        return Post(at, name, name)
    faults = [Fault.MISSED, Fault.SPEEDING, Fault.PHANTOM, *([Fault.HIGHER] if limit < LIMITS[-1] else [])]
    fault = faults[rng.integers(len(faults))]
    if fault is Fault.MISSED:
        return Post(at, name, None, fault=fault)
    if fault is Fault.PHANTOM:  # on a lorry: the road's limit goes on, and the map knows of nothing
        return Post(at, "speed_limit_30", "speed_limit_30", mapped=False, fault=fault)
    if fault is Fault.HIGHER:
        higher = int(rng.choice([one for one in LIMITS if one > limit]))
        return Post(at, name, f"speed_limit_{higher}", fault=fault)
    return Post(at, name, name, fault=fault)


def _driven(posts: list[Post], metres: float, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield place and speed (m/s) of each frame: a driver who keeps to the signs, but for faults and slower traffic."""
    z, speed, wish = 0.0, 50 / 3.6, 50.0
    habit, queue = 0.0, (0.0, 0.0, 0.0)
    passed = 0
    while z < metres:
        while passed < len(posts) and posts[passed].at + LATE <= z:
            post = posts[passed]
            passed += 1
            if post.limit is not None:
                wish, habit = post.limit, float(np.clip(rng.normal(0, HABIT), -4, 4))
                habit += 25.0 if post.fault is Fault.SPEEDING else 0.0
            if rng.random() < QUEUES:
                begin = z + float(rng.uniform(150, 300))
                queue = begin, begin + float(rng.uniform(100, 300)), float(rng.uniform(0.6, 0.85))
        target = (wish + habit) / 3.6 * (queue[2] if queue[0] <= z < queue[1] else 1.0)
        ahead = posts[passed] if passed < len(posts) else None
        if ahead is not None and ahead.name == "stop" and ahead.fault is not Fault.NO_STOP and ahead.at > z:
            target = min(target, np.sqrt(2 * BRAKES * max(ahead.at - 3 - z, 0)) + 0.8)
        speed += float(np.clip(target - speed, -2.2 * BRAKES / FPS, PULLS / FPS))
        z += max(speed, 0.5) / FPS
        yield z, max(speed, 0.5)


def _tracks(
    posts: list[Post], z: float, speed: float, catalogue: Catalogue, rng: np.random.Generator
) -> Iterator[SignTrack]:
    for number, post in enumerate(posts):
        ahead = post.at - z
        if post.read is None or not LOST_AT <= ahead <= SEEN_FROM:
            continue
        sign = catalogue.by_name(post.read)
        scale = FOCAL / ahead
        x, y = PICTURE[1] / 2 + ASIDE * scale, PICTURE[0] / 2 - UP * scale
        half = sign.width * scale / 2
        probability = np.full(len(catalogue), 0.03 / len(catalogue), np.float32)
        probability[sign.id] += 0.97
        unseen, growth = bool(rng.random() < 0.08), speed / ahead * scale
        yield SignTrack(
            number + 1, np.array((x - half, y - half, x + half, y + half), np.float32),
            TrackState.COASTING if unseen else TrackState.CONFIRMED, 0.9, 1.0, 1 / FPS if unseen else 0.0, 8,
            np.log(probability), probability, sign.id, velocity=(ASIDE * growth, -UP * growth),
            detection=None if unseen else number,
            verdict=Verdict(Certainty.CONFIRMED if ahead <= READ_FROM else Certainty.UNKNOWN), catalogue=catalogue,
        )  # fmt: skip


def _compared(posts: list[Post], events: list[tuple[Kind, float, str]], driven: float) -> Outcome:
    """Count which faults were found, and which events none explains."""
    outcome = Outcome(kilometres=driven / 1000)
    spans: list[tuple[float, float]] = []
    for number, post in enumerate(posts):
        if post.fault is None:
            continue
        begin, end = post.at - EARLY, _end(posts, number)
        spans.append((begin, end))
        if number and post.fault is Fault.PHANTOM is posts[number - 1].fault:
            continue  # it repeats what is told already: there is one disagreement, and it is reported once
        outcome.planted[post.fault] += 1
        outcome.found[post.fault] += any(kind is EXPECTED[post.fault] and begin <= at <= end for kind, at, _ in events)
    metres = np.arange(0.0, driven)
    explained = np.zeros(len(metres), bool)
    for begin, end in spans:
        explained |= (metres >= begin) & (metres <= end)
    outcome.clear = float((~explained).sum()) / 1000
    outcome.alarms = [
        (str(kind), at, why) for kind, at, why in events if not any(begin <= at <= end for begin, end in spans)
    ]
    return outcome


def _end(posts: list[Post], number: int) -> float:
    """Return up to where a fault has consequences: past the next limit that is read as it is."""
    later = (post.at for post in posts[number + 1 :] if post.limit is not None and post.read == post.name)
    return next(later, posts[-1].at + 2000) + RESET


def _place(north: float, east: float) -> tuple[float, float]:
    latitude, longitude = place(50.0, 9.0, east, north)
    return float(latitude), float(longitude)
