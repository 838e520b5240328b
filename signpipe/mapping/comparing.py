"""The map that drives made beside a map that is there: what agrees, what is missing, wrong or gone, and the limits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from signpipe.catalogue import Catalogue, Effect, SignClass
from signpipe.geodesy import Values, bearing, offset
from signpipe.mapping.entry import Entry, State
from signpipe.mapping.placed import LimitStretch, Waypoint
from signpipe.mapping.states import FARTHEST, GONE_AFTER, find_passes, lay_ways
from signpipe.maps import MapKind, MapSign

REACH = 30.0  # metres; mappers put signs on the road, and where they think that they stand
TURNED = 60.0  # degrees
OTHER = 15.0  # metres that another class counts as
ROAD, ALONG = 15.0, 45.0  # metres and degrees, within which a limit of the map is of the road that is driven
THERE = (State.PRESENT, State.NEW, State.CHANGED)
LIMITS = frozenset({Effect.LIMIT, Effect.ZONE_LIMIT})


class Verdict(StrEnum):
    """What a comparison finds."""

    AGREES = "agrees"
    MISSING = "missing"  # the drives saw it, and the map doesn't have it
    WRONG = "wrong"  # the map has another sign there
    GONE = "gone"  # the map has it, and it isn't there any more


@dataclass(frozen=True, slots=True)
class Finding:
    """One sign of the drives, of the map, or of both.

    Attributes:
        verdict: What the comparison finds.
        entry: What the drives know, or None.
        mapped: What the map says, or None.
        passes: Passes that had the place in plain view.
    """

    verdict: Verdict
    entry: Entry | None
    mapped: MapSign | None
    passes: int


@dataclass(frozen=True, slots=True)
class LimitFinding:
    """A stretch of a drive with its limit, and what the map says of it.

    Attributes:
        stretch: The stretch.
        mapped: km/h by the map, or None where it doesn't say.
        agrees: Whether both are the same; None where one of them isn't known.
    """

    stretch: LimitStretch
    mapped: float | None
    agrees: bool | None


def compare_signs(
    entries: Sequence[Entry], mapped: Iterable[MapSign], waypoints: Sequence[Waypoint], catalogue: Catalogue,
    gone_after: int = GONE_AFTER,
) -> list[Finding]:  # fmt: skip
    """Compare signs with those of a map; where no drive looked, nothing is said.

    Args:
        entries: What the drives know.
        mapped: What the map says; its limits are passed over.
        waypoints: From where the drives looked.
        catalogue: The map's classes.
        gone_after: Passes in plain view without a sign that make it gone.
    """
    signs = [sign for sign in mapped if sign.kind is MapKind.SIGN]
    if not waypoints:
        return []
    origin = waypoints[0].latitude, waypoints[0].longitude
    ours = _places([(entry.latitude, entry.longitude) for entry in entries], origin)
    theirs = _places([(sign.latitude, sign.longitude) for sign in signs], origin)
    ways = lay_ways(waypoints, origin)
    tree = cKDTree(ways.place)
    pairs = _pairs(entries, signs, ours, theirs, catalogue)
    findings = []
    for number, entry in enumerate(entries):
        sign = signs[pairs[number]] if number in pairs else None
        verdict = _verdict(entry, sign, catalogue)
        if verdict is not None:
            findings.append(Finding(verdict, entry, sign, entry.passed))
    matched = set(pairs.values())
    for number, sign in enumerate(signs):
        if number in matched or sign.heading is None:
            continue
        near = np.array(sorted(tree.query_ball_point(theirs[number], FARTHEST)), np.int64)
        passes = len(find_passes(theirs[number], (sign.heading + 180) % 360, (), ways, near))
        if passes >= gone_after:
            findings.append(Finding(Verdict.GONE, None, sign, passes))
    return findings


def compare_limits(
    stretches: Sequence[LimitStretch], mapped: Iterable[MapSign], catalogue: Catalogue
) -> list[LimitFinding]:
    """Return the stretches with the limits that a map has for them."""
    limits = [sign for sign in mapped if sign.kind is MapKind.LIMIT]
    origin = stretches[0].path[0] if stretches else (0.0, 0.0)
    places = _places([(one.latitude, one.longitude) for one in limits], origin)
    tree = cKDTree(places) if limits else None
    findings = []
    for stretch in stretches:
        path = _places(stretch.path, origin)
        told: Counter[float] = Counter()
        for before, after in pairwise(path):
            course = float(bearing(*(after - before)))
            for number in tree.query_ball_point(after, ROAD) if tree is not None else ():
                limit = catalogue[limits[number].class_id].limit
                heading = limits[number].heading
                if limit is not None and heading is not None and _turned(heading, course) <= ALONG:
                    told[limit] += 1
        value = told.most_common(1)[0][0] if told else None
        known = value is not None and stretch.value is not None and stretch.sure
        findings.append(LimitFinding(stretch, value, math.isclose(value or 0, stretch.value or 0) if known else None))
    return findings


def _places(degrees: Sequence[tuple[float, float]], origin: tuple[float, float]) -> Values:
    latitude, longitude = np.array(degrees, np.float64).reshape(-1, 2).T
    return np.stack(offset(*origin, latitude, longitude), axis=1)


def _turned(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def _pairs(
    entries: Sequence[Entry], signs: Sequence[MapSign], ours: Values, theirs: Values, catalogue: Catalogue
) -> dict[int, int]:
    """Return which entry is which sign of the map, by number."""
    if not entries or not signs:
        return {}
    costs = np.full((len(entries), len(signs)), 1e6)
    tree = cKDTree(theirs)
    for number, entry in enumerate(entries):
        for other in tree.query_ball_point(ours[number], REACH):
            heading = signs[other].heading
            if heading is not None and _turned(heading, entry.facing + 180) > TURNED:
                continue
            apart = float(np.hypot(*(ours[number] - theirs[other])))
            known = catalogue[signs[other].class_id]
            if known.name == entry.class_name:
                costs[number, other] = apart
            elif _akin(known, entry, catalogue):
                costs[number, other] = apart + OTHER
    rows, columns = linear_sum_assignment(costs)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if costs[r, c] < REACH}


def _akin(known: SignClass, entry: Entry, catalogue: Catalogue) -> bool:
    """Return whether a sign of the map may stand for another class that was seen: both are limits, or of one kind."""
    seen = next((sign for sign in catalogue if sign.name == entry.class_name), None)
    if seen is None:
        return False
    return (known.effect in LIMITS and seen.effect in LIMITS) or known.effect is seen.effect


def _verdict(entry: Entry, sign: MapSign | None, catalogue: Catalogue) -> Verdict | None:
    """Return what is found of an entry; None where there is nothing to tell."""
    same = sign is not None and catalogue[sign.class_id].name == entry.class_name
    if entry.state is State.GONE:
        return Verdict.GONE if same else None
    if same:
        return Verdict.AGREES
    if not entry.sure or entry.state not in THERE:
        return None
    return Verdict.MISSING if sign is None else Verdict.WRONG
