"""Which sightings of several drives are of one sign: by place, height, side, facing and class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from signpipe.geodesy import Values, offset
from signpipe.mapping.belief import Fusion, agreement, fuse
from signpipe.mapping.placed import PlacedSign

LEG = 180.0  # seconds of a drive that count as one pass: after them it may come by again
PAUSE = 4.0  # seconds without a sign, at which a leg may end
FARTHEST = 25.0  # metres between two sightings of one sign
# Spreads of what sightings of one sign differ by, besides what their places err.
DRIFT, HEIGHT, ASIDE, FACING = 0.5, 0.3, 1.5, 25.0  # metres, metres, metres, degrees
TURNED = 70.0  # degrees, between faces of different signs whatever else they have in common
COST = 7.0  # half a squared distance, less the agreement in class, from which sightings are of two signs
AGAIN = 4.0  # the same for two tracks of one pass, which one sign rarely has
SHIFT = 1.2  # metres, within which shifts of neighbouring signs agree
LIKENESS = 4.0  # weight of what two embeddings have in common
ENOUGH = 50  # sightings that tell how an entry stands and looks; by those after them nothing changes any more


@dataclass(slots=True, eq=False)
class Sighting:
    """A sign as one pass saw it: one track, or several that one sign was torn into.

    Attributes:
        sign: The track; with several, what they make together.
        leg: Number of the pass.
        place: float64 (2,), metres east and north.
        own: float64 (2, 2), covariance without what the pass's signs share.
        members: Drive and track of each.
        entry: Number of the entry that it belongs to, once known.
    """

    sign: PlacedSign
    leg: int
    place: Values
    own: Values
    members: list[tuple[str, int]]
    entry: int = -1


@dataclass(slots=True, eq=False)
class _Draft:
    """An entry while sightings are gathered; its place is that of the first, and later ones are shifted to it."""

    place: Values
    own: Values
    shared: float
    first: list[PlacedSign] = field(default_factory=list)
    embeddings: Values | None = None
    fusion: Fusion = field(default_factory=Fusion)
    belief: dict[str, float] = field(default_factory=dict)
    height: float = 0.0
    aside: float = 0.0
    facing: float = 0.0

    def add(self, sighting: Sighting, place: Values) -> None:
        if self.first:
            inverse = [np.linalg.inv(own) for own in (self.own, sighting.own)]
            own = np.linalg.inv(inverse[0] + inverse[1])
            self.place = own @ (inverse[0] @ self.place + inverse[1] @ place)
            self.own = own
        self.fusion.add(sighting.sign.belief)
        self.belief = self.fusion.belief
        if len(self.first) == ENOUGH:
            return
        self.first.append(sighting.sign)
        self.height = float(np.median([sign.height for sign in self.first]))
        self.aside = float(np.median([sign.aside for sign in self.first]))
        self.facing = mean_direction([sign.facing for sign in self.first])
        if sighting.sign.embedding is not None:
            one = np.asarray(sighting.sign.embedding)[None]
            self.embeddings = one if self.embeddings is None else np.concatenate([self.embeddings, one])


def find_sightings(signs: Sequence[PlacedSign], origin: tuple[float, float]) -> list[list[Sighting]]:
    """Return the sightings of each pass, in a plane of metres.

    Args:
        signs: Of any number of drives, in any order.
        origin: Latitude and longitude of the plane's zero.
    """
    legs: list[list[Sighting]] = []
    ordered = sorted(signs, key=lambda sign: (sign.drive, sign.last, sign.track))
    begun, before = 0.0, None
    for sign in ordered:
        new = before is None or sign.drive != before.drive
        if new or (before is not None and sign.last - begun > LEG and sign.first - before.last > PAUSE):
            legs.append([])
            begun = sign.last
        east, north = offset(*origin, sign.latitude, sign.longitude)
        place = np.array([float(east), float(north)])
        legs[-1].append(Sighting(sign, len(legs) - 1, place, sign.own, [(sign.drive, sign.track)]))
        before = sign
    return [_mended(leg) for leg in legs]


def associate(legs: Sequence[Sequence[Sighting]]) -> int:
    """Give each sighting the number of its entry.

    Passes are taken in by how well their receiver knows its place. Each is first shifted to what is there already: its
    error is the same for neighbouring signs, so that many of them tell it together.

    Returns:
        The number of entries.
    """
    drafts: list[_Draft] = []
    order = sorted(
        range(len(legs)), key=lambda leg: (float(np.median([one.sign.shared for one in legs[leg]])), legs[leg][0].leg)
    )
    for leg in order:
        _take_in(legs[leg], drafts)
    return len(drafts)


def mean_direction(degrees: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Return the mean of directions in degrees."""
    angles = np.radians(degrees)
    weight = np.ones(len(angles)) if weights is None else np.asarray(weights, np.float64)
    return float(np.degrees(np.arctan2((weight * np.sin(angles)).sum(), (weight * np.cos(angles)).sum())) % 360)


def _mended(leg: list[Sighting]) -> list[Sighting]:
    """Return the sightings of a pass with the tracks joined that one sign was torn into."""
    whole: list[Sighting] = []
    for sighting in sorted(leg, key=lambda one: one.sign.first):
        twins = [(_cost(one, sighting), one) for one in whole if one.sign.last <= sighting.sign.first + 0.05]
        cost, twin = min(twins, key=lambda pair: pair[0], default=(np.inf, None))
        if twin is None or cost > AGAIN:
            whole.append(sighting)
        else:
            _join(twin, sighting)
    return sorted(whole, key=lambda one: (one.sign.last, one.sign.track))


def _join(one: Sighting, other: Sighting) -> None:
    """Take a second track of the same sign in."""
    inverse = np.linalg.inv(one.own), np.linalg.inv(other.own)
    own = np.linalg.inv(inverse[0] + inverse[1])
    one.place = own @ (inverse[0] @ one.place + inverse[1] @ other.place)
    one.own = own
    larger = max(one.sign, other.sign, key=lambda sign: sign.side)
    one.sign = replace(
        larger,
        belief=fuse([one.sign.belief, other.sign.belief]),
        sure=one.sign.sure or other.sign.sure,
        first=min(one.sign.first, other.sign.first),
        last=max(one.sign.last, other.sign.last),
        looks=one.sign.looks + other.sign.looks,
    )
    one.members += other.members


def _cost(one: Sighting | _Draft, other: Sighting, apart: Values | None = None) -> float:
    """Return what speaks against two sightings being of one sign, infinite where it can't be.

    Args:
        one: A sighting, or an entry.
        other: A sighting.
        apart: float64 (2,), metres from the first to the second; None if neither has to be shifted.
    """
    first = one.sign if isinstance(one, Sighting) else one
    second = other.sign
    turned = abs((first.facing - second.facing + 180) % 360 - 180)
    away = other.place - one.place if apart is None else apart
    if turned > TURNED or np.hypot(*away) > FARTHEST:
        return np.inf
    spread = one.own + other.own + DRIFT**2 * np.eye(2)
    distance = float(away @ np.linalg.solve(spread, away))
    loose = float(np.trace(one.own + other.own)) / 2  # a sign that was seen badly isn't known to stand aside either
    distance += (first.height - second.height) ** 2 / (HEIGHT**2 + second.height_sigma**2)
    distance += (first.aside - second.aside) ** 2 / (ASIDE**2 + loose)
    return (distance + (turned / FACING) ** 2) / 2 - agreement(first.belief, second.belief) - _likeness(one, other)


def _likeness(one: Sighting | _Draft, other: Sighting) -> float:
    """Return what the embeddings of two signs say for their being one; 0 where there are none."""
    if other.sign.embedding is None:
        return 0.0
    if isinstance(one, _Draft):
        known = one.embeddings
    else:
        known = None if one.sign.embedding is None else np.asarray(one.sign.embedding)[None]
    if known is None:
        return 0.0
    best = float((known @ np.asarray(other.sign.embedding)).max())
    return LIKENESS * (best - 0.5) if best < 0.5 else 0.0


def _take_in(leg: Sequence[Sighting], drafts: list[_Draft]) -> None:
    """Assign a pass's sightings to entries, or make new ones of them."""
    shifts = _shifts(leg, drafts)
    costs = np.full((len(leg), len(drafts) + len(leg)), COST)
    for row, (sighting, shift) in enumerate(zip(leg, shifts, strict=True)):
        near = _near(sighting, drafts)
        costs[row, : len(drafts)] = 1e6
        for column in near:
            cost = _cost(drafts[column], sighting, sighting.place + shift - drafts[column].place)
            costs[row, column] = min(cost, 1e6)
    rows, columns = linear_sum_assignment(costs)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        sighting, place = leg[row], leg[row].place + shifts[row]
        if column >= len(drafts) or costs[row, column] > COST:
            drafts.append(_Draft(place, sighting.own, sighting.sign.shared))
            column = len(drafts) - 1
        sighting.entry = column
        drafts[column].add(sighting, place)


def _near(sighting: Sighting, drafts: Sequence[_Draft]) -> list[int]:
    """Return the entries that a sighting may be of, by number."""
    if not drafts:
        return []
    places = np.array([draft.place for draft in drafts])
    return np.flatnonzero(np.hypot(*(places - sighting.place).T) <= FARTHEST).tolist()


def _shifts(leg: Sequence[Sighting], drafts: Sequence[_Draft]) -> Values:
    """Return by how much each sighting of a pass has to be shifted (N, 2): what its neighbours agree on most."""
    differences: list[Values] = []
    weights: list[float] = []
    times: list[float] = []
    for sighting in leg:
        for number in _near(sighting, drafts):
            draft = drafts[number]
            turned = abs((draft.facing - sighting.sign.facing + 180) % 360 - 180)
            alike = agreement(draft.belief, sighting.sign.belief)
            if turned > TURNED or alike <= 0 or abs(draft.aside - sighting.sign.aside) > 3 * ASIDE:
                continue
            differences.append(draft.place - sighting.place)
            weights.append(min(alike, 4.0))
            times.append(sighting.sign.last)
    if not differences:
        return np.zeros((len(leg), 2))
    away, weight, when = np.array(differences), np.array(weights), np.array(times)
    tried = np.concatenate([away, np.zeros((1, 2))])
    close = np.exp(-((tried[:, None] - away[None]) ** 2).sum(axis=2) / (2 * SHIFT**2))
    shifts = np.zeros((len(leg), 2))
    for row, sighting in enumerate(leg):
        sigma = np.hypot(sighting.sign.shared, np.median([draft.shared for draft in drafts]))
        near = weight * np.exp(-np.abs(when - sighting.sign.last) / (sighting.sign.reach / 2))
        votes = close @ near - 0.5 * (tried**2).sum(axis=1) / (sigma + 0.5) ** 2
        best = close[int(np.argmax(votes))] * near
        shifts[row] = (best[:, None] * away).sum(axis=0) / max(best.sum(), 1e-9) * min(best.sum(), 1.0)
    return shifts
