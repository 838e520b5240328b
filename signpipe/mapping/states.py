"""What has become of a sign: which drives had it in plain view, which of them saw it, and as what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signpipe.geodesy import Values, offset
from signpipe.mapping.association import Sighting
from signpipe.mapping.entry import State
from signpipe.mapping.placed import Waypoint
from signpipe.mapping.recording import Rows

NEAREST, FARTHEST = 8.0, 60.0  # metres, from which a sign is in plain view
ACROSS = 25.0  # metres to each side that the picture then shows at most: a sign of 60 cm takes 1.2 % of its width
WITHIN = 0.85  # of the camera's half view, the share in which it is
SQUARE = 55.0  # degrees from straight before its face
FEWEST = 3  # waypoints from which it is, for a pass to count
APART = 20.0  # seconds between two passes
SLACK = 12.0  # seconds around a pass, within which a look is of it
GONE_AFTER = 3  # passes in plain view without it
CHANCE = 0.003  # of having missed it each time, below which it is gone; a new one's likewise
USUAL, STRENGTH = 0.95, 4.0  # share of passes that see a sign, and so many passes' worth of that belief
RUN = 2  # sightings before and after that make a change
LARGE = 30.0  # pixels, at which a sign that is in order can be read
UNFAMILIAR = 0.35  # novelty


@dataclass(frozen=True, slots=True)
class Pass:
    """A drive that had a sign in plain view, or saw it.

    Attributes:
        when: Seconds since 1970, or in the recording where no clock is known.
        drive: Name of the recording.
        seen: What it saw, or None.
    """

    when: float
    drive: str
    seen: Sighting | None


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Where all drives looked from.

    Attributes:
        points: The waypoints, by drive and time.
        place: float64 (W, 2), metres.
        course: float64 (W,), radians clockwise from north.
        half_view: float64 (W,), radians.
    """

    points: Sequence[Waypoint]
    place: Values
    course: Values
    half_view: Values


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a sign, and the sightings that tell its class today.

    Attributes:
        state: What has become of it.
        valid: The sightings that count for its class: of a changed sign, those since the change.
        before: Of a changed sign, the class that stood there before.
        passed: Number of passes.
        missed: Number of the last ones that didn't see it.
    """

    state: State
    valid: list[Sighting]
    before: str | None
    passed: int
    missed: int


def lay_ways(waypoints: Sequence[Waypoint], origin: tuple[float, float]) -> Ways:
    """Return where drives looked from, in a plane of metres.

    Args:
        waypoints: In any order.
        origin: Latitude and longitude of the plane's zero.
    """
    points = sorted(waypoints, key=lambda point: (point.drive, point.time))
    latitude, longitude = np.array([(point.latitude, point.longitude) for point in points]).reshape(-1, 2).T
    return Ways(
        points,
        np.stack(offset(*origin, latitude, longitude), axis=1),
        np.radians([point.course for point in points]),
        np.radians([point.half_view for point in points]),
    )


def find_passes(place: Values, facing: float, sightings: Sequence[Sighting], ways: Ways, near: Rows) -> list[Pass]:
    """Return the passes of one sign, in order of time.

    Args:
        place: float64 (2,), metres.
        facing: Degrees in which its face looks.
        sightings: Those of this sign.
        ways: Where all drives looked from.
        near: Numbers of the waypoints around it, in order.
    """
    away = place - ways.place[near]
    distance = np.hypot(*away.T)
    direction = np.arctan2(away[:, 0], away[:, 1])
    turned = np.abs(_wrapped(direction - ways.course[near]))
    square = np.abs(_wrapped(direction + math.pi - math.radians(facing)))
    plain = (distance >= NEAREST) & (distance <= FARTHEST) & (square <= math.radians(SQUARE))
    plain &= turned <= WITHIN * ways.half_view[near]
    plain &= distance * np.tan(ways.half_view[near]) <= ACROSS
    left = list(sightings)
    passes: list[Pass] = []
    for group in _groups([ways.points[number] for number in near[plain].tolist()]):
        drive, begin, end = group[0].drive, group[0].time - SLACK, group[-1].time + SLACK
        found = [one for one in left if one.sign.drive == drive and begin <= one.sign.last <= end]
        if not found and len(group) < FEWEST:
            continue
        left = [one for one in left if one not in found]
        passes.append(Pass(_clock(group[-1].utc, group[-1].time), drive, found[0] if found else None))
    passes += [Pass(_clock(one.sign.utc, one.sign.last), one.sign.drive, one) for one in left]
    return sorted(passes, key=lambda one: (one.when, one.drive))


def judge(passes: Sequence[Pass], usual: float = USUAL, gone_after: int = GONE_AFTER) -> Fate:
    """Return what has become of a sign.

    Args:
        passes: In order of time; at least one saw it.
        usual: Share of passes that see a sign that is there.
        gone_after: Least number of passes without it that make it gone.
    """
    seen = [one.seen is not None for one in passes]
    sightings = [one.seen for one in passes if one.seen is not None]
    first, last = seen.index(True), len(seen) - 1 - seen[::-1].index(True)
    missed = len(seen) - 1 - last
    between = seen[first : last + 1]
    share = (sum(between) - 1 + STRENGTH * usual) / (len(between) - 1 + STRENGTH)
    chance = 1 - min(share, 0.99)
    if missed:
        gone = missed >= gone_after and chance**missed < CHANCE
        return Fate(State.GONE if gone else State.HIDDEN, sightings, None, len(passes), missed)
    change = _change(sightings)
    if change is not None:
        before, valid = change
        return Fate(State.CHANGED, valid, before, len(passes), 0)
    if _spoilt(sightings):
        return Fate(State.DAMAGED, sightings, None, len(passes), 0)
    new = first >= RUN and chance**first < 3 * CHANCE and sum(seen) > 1
    return Fate(State.NEW if new else State.PRESENT, sightings, None, len(passes), 0)


def usual_share(all_passes: Sequence[Sequence[Pass]]) -> float:
    """Return the share of passes that see a sign between its first and its last sighting."""
    saw = total = 0
    for passes in all_passes:
        seen = [one.seen is not None for one in passes]
        first, last = seen.index(True), len(seen) - 1 - seen[::-1].index(True)
        saw += sum(seen[first + 1 : last])
        total += max(last - first - 1, 0)
    return min(max((saw + STRENGTH * USUAL) / (total + STRENGTH), 0.7), 0.99)


def _change(sightings: Sequence[Sighting]) -> tuple[str, list[Sighting]] | None:
    """Return the class before a change and the sightings since, if all since some time say another class.

    What a sighting that isn't sure takes the sign for counts as well, but not alone.
    """
    sure = [number for number, one in enumerate(sightings) if one.sign.sure]
    if not sure:
        return None
    today = sightings[sure[-1]].sign.best
    others = [number for number in sure if sightings[number].sign.best != today]
    if not others or others[-1] != sure[len(others) - 1]:  # a class that came and went was misread
        return None
    since = others[-1] + 1
    before = [one.sign.best for one in sightings[:since]]
    after = [one for one in sightings[since:] if one.sign.sure]
    names = [sightings[number].sign.best for number in others]
    usual = max(sorted(set(names)), key=names.count)
    return (usual, after) if len(after) >= RUN and before.count(usual) >= RUN else None


def _spoilt(sightings: Sequence[Sighting]) -> bool:
    """Return whether the last sightings, near as they were, couldn't read the sign."""
    last = [one.sign for one in sightings if one.sign.side >= LARGE][-RUN:]
    return len(last) == RUN and all(not sign.sure and sign.novelty >= UNFAMILIAR for sign in last)


def _groups(points: Sequence[Waypoint]) -> list[list[Waypoint]]:
    groups: list[list[Waypoint]] = []
    for point in points:
        last = groups[-1][-1] if groups else None
        if last is None or last.drive != point.drive or point.time - last.time > APART:
            groups.append([])
        groups[-1].append(point)
    return groups


def _clock(utc: float | None, time: float) -> float:
    return time if utc is None else utc


def _wrapped(angle: Values) -> Values:
    return np.asarray((angle + math.pi) % (2 * math.pi) - math.pi)
