"""From the signs of many drives to one entry a sign."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from signpipe.geodesy import Values, place
from signpipe.mapping.adjusting import adjust
from signpipe.mapping.association import Sighting, associate, find_sightings, mean_direction
from signpipe.mapping.belief import agreement, fuse
from signpipe.mapping.entry import Entry, Side, State
from signpipe.mapping.placed import PlacedSign, Waypoint
from signpipe.mapping.states import FARTHEST, GONE_AFTER, Fate, Pass, Ways, find_passes, judge, lay_ways, usual_share

ABOVE = 4.2  # metres over the road, from which a sign that isn't aside hangs over it
BESIDE = 2.0  # metres aside, from which a sign stands beside the road
SURE = 0.9  # probability over all drives, from which a class is told
# Metres, and degrees of facing, from which two entries are two signs even if no pass saw both.
TWINS, TWIN_HEIGHT, TWIN_TURN = 2.5, 0.5, 45.0
SAME = 1.5  # metres, within which even entries of different classes are one: else a pass would have seen both
DIGITS = 7  # of a degree: a centimetre


def merge(signs: Sequence[PlacedSign], waypoints: Sequence[Waypoint], gone_after: int = GONE_AFTER) -> list[Entry]:
    """Make one entry of all sightings of a sign; the order of what is given doesn't matter.

    Args:
        signs: Placed signs of any number of drives.
        waypoints: From where these drives looked.
        gone_after: Number of passes in plain view without a sign that make it gone.

    Returns:
        The entries, from south to north.
    """
    if not signs:
        return []
    origin = float(np.mean([sign.latitude for sign in signs])), _middle([sign.longitude for sign in signs])
    legs = find_sightings(signs, origin)
    sightings = [one for leg in legs for one in leg]
    count = associate(legs)
    places, covariances = adjust(sightings, count)
    if _join_twins(sightings, places, count):
        count = _renumbered(sightings)
        places, covariances = adjust(sightings, count)
    members: list[list[Sighting]] = [[] for _ in range(count)]
    for one in sightings:
        members[one.entry].append(one)
    all_passes = _passes(members, places, lay_ways(waypoints, origin))
    usual = usual_share(all_passes)
    entries = [
        _entry(group, where, covariance, origin, judge(passes, usual, gone_after))
        for group, where, covariance, passes in zip(members, places, covariances, all_passes, strict=True)
    ]
    return sorted(entries, key=lambda entry: (entry.latitude, entry.longitude, entry.id))


def _middle(longitudes: Sequence[float]) -> float:
    """Return the mean of longitudes, across the antimeridian too."""
    return (mean_direction(longitudes) + 180) % 360 - 180


def _join_twins(sightings: Sequence[Sighting], places: Values, count: int) -> bool:
    """Give entries of one sign that no pass saw both one number; return whether there were any."""
    members: list[list[Sighting]] = [[] for _ in range(count)]
    for one in sightings:
        members[one.entry].append(one)
    joined = False
    for first, second in sorted(cKDTree(places).query_pairs(TWINS)):
        ones, others = members[first], members[second]
        if ones and others and _are_twins(ones, others, float(np.hypot(*(places[first] - places[second])))):
            for sighting in others:
                sighting.entry = first
            ones += others
            members[second] = []
            joined = True
    return joined


def _are_twins(ones: Sequence[Sighting], others: Sequence[Sighting], apart: float) -> bool:
    """Return whether two entries, so many metres apart, are one sign: which was misread, or was replaced."""
    if {one.leg for one in ones} & {one.leg for one in others}:
        return False
    pairs = [
        [float(np.median([getattr(one.sign, name) for one in group])) for group in (ones, others)]
        for name in ("height", "aside")
    ]
    height, aside = (abs(one - other) for one, other in pairs)
    facing = [mean_direction([one.sign.facing for one in group]) for group in (ones, others)]
    if height > TWIN_HEIGHT or abs((facing[0] - facing[1] + 180) % 360 - 180) > TWIN_TURN:
        return False
    beliefs = [fuse(one.sign.belief for one in group) for group in (ones, others)]
    alike = agreement(*beliefs) > 0 or _succeed(ones, others)
    return alike or (apart <= SAME and aside <= SAME)


def _succeed(ones: Sequence[Sighting], others: Sequence[Sighting]) -> bool:
    """Return whether one sign was last seen before the other was first seen, as when it is replaced."""
    times = [[one.sign.utc for one in group if one.sign.utc is not None] for group in (ones, others)]
    if any(len(clocks) != len(group) for clocks, group in zip(times, (ones, others), strict=True)):
        return False
    return max(times[0]) < min(times[1]) or max(times[1]) < min(times[0])


def _renumbered(sightings: Sequence[Sighting]) -> int:
    """Number the entries that are left from 0; return how many there are."""
    numbers = {old: new for new, old in enumerate(sorted({one.entry for one in sightings}))}
    for one in sightings:
        one.entry = numbers[one.entry]
    return len(numbers)


def _passes(members: Sequence[Sequence[Sighting]], places: Values, ways: Ways) -> list[list[Pass]]:
    """Return the passes of each entry."""
    tree = cKDTree(ways.place) if len(ways.points) else None
    passes = []
    for group, where in zip(members, places, strict=True):
        near = sorted(tree.query_ball_point(where, FARTHEST)) if tree is not None else []
        facing = mean_direction([one.sign.facing for one in group])
        passes.append(find_passes(where, facing, group, ways, np.array(near, np.int64)))
    return passes


def _entry(
    group: Sequence[Sighting], where: Values, covariance: Values, origin: tuple[float, float], fate: Fate
) -> Entry:
    signs = [one.sign for one in group]
    valid = [one.sign for one in fate.valid]
    belief = fuse(sign.belief for sign in valid)
    name = max(sorted(belief), key=lambda key: belief[key])
    weights = [1 / sign.facing_sigma**2 for sign in signs]
    heights = np.array([1 / sign.height_sigma**2 for sign in signs])
    latitude, longitude = (round(float(value), DIGITS) for value in place(*origin, where[0], where[1]))
    height = float(np.average([sign.height for sign in signs], weights=heights))
    aside = float(np.median([sign.aside for sign in signs]))
    clocks = [sign.utc for sign in signs if sign.utc is not None]
    largest = max(valid, key=lambda sign: (sign.crop is not None, sign.side, sign.drive))
    categories = [sign.category for sign in valid if sign.category is not None]
    members = sorted(member for one in group for member in one.members)
    return Entry(
        id=_id(members, name), latitude=latitude, longitude=(longitude + 180) % 360 - 180,
        east_variance=float(covariance[0, 0]), north_variance=float(covariance[1, 1]),
        covariance=float(covariance[0, 1]), height=height, height_sigma=float(1 / math.sqrt(heights.sum())),
        facing=mean_direction([sign.facing for sign in signs], weights), facing_sigma=float(sum(weights) ** -0.5),
        side=_side(aside, height), aside=aside, scale=float(np.median([sign.scale for sign in signs])),
        class_name=name, probability=belief[name],
        sure=belief[name] >= SURE and any(sign.sure for sign in valid) and fate.state is not State.DAMAGED,
        category=max(sorted(set(categories)), key=categories.count) if categories else None,
        state=fate.state, before=fate.before, first_seen=min(clocks, default=None),
        last_seen=max(clocks, default=None), seen=len(group), passed=fate.passed, missed=fate.missed,
        looks=sum(sign.looks for sign in signs), members=members, crop=largest.crop,
    )  # fmt: skip


def _side(aside: float, height: float) -> Side:
    if abs(aside) < BESIDE and height > ABOVE:
        return Side.ABOVE
    return Side.RIGHT if aside >= 0 else Side.LEFT


def _id(members: Sequence[tuple[str, int]], name: str) -> str:
    text = "|".join(f"{drive}:{track}" for drive, track in members)
    return hashlib.sha256(f"{name}|{text}".encode()).hexdigest()[:12]
