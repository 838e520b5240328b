"""How good a map of signs is that is made of simulated drives, beside the exact truth."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.geodesy import Values, offset
from signpipe.lab.evaluation.metric import Progress
from signpipe.lab.evaluation.receivers import BestPath, best_path, least_errors
from signpipe.lab.simulation.drives import FOCAL, Errors, record_drive
from signpipe.lab.simulation.streets import ORIGIN, Street, StreetSign, make_street
from signpipe.mapping.driven import place_recording, sizes_of
from signpipe.mapping.entry import Entry, State
from signpipe.mapping.merging import merge
from signpipe.mapping.placed import DrivenRoad
from signpipe.mapping.recording import gather
from signpipe.settings import CameraSettings

METRES = 1500.0  # of a street
CHANGED = 0.1  # of its signs, the share that come, go, change or are spoilt
CHI_SQUARED = 5.991  # of two degrees of freedom, at 95 %
REACH = 12.0  # metres from a sign, within which an entry can be meant for it
CALIBRATED = Errors(focal=(1.0, 1.0))  # a camera that is calibrated with a LiDAR, whose focal length is known
LIDAR = 0.06  # metres that the ranges of the LiDAR err by
NEIGHBOURS = 8  # signs nearby, whose errors are the receiver's: what a sign is off besides is its own
GRADES = ((1.5, 2.5), (2.5, 3.5), (3.5, 5.0))  # metres, receivers by the radius that holds 68 % of their positions


@dataclass(slots=True)
class Tally:
    """What was counted on streets.

    Attributes:
        signs: Signs that stood there in the last drive.
        errors: Metres that each sign found is off.
        least: Metres that each sign would be off on the best map that the same receivers allow.
        owns: Metres that it is off besides what its neighbours are.
        heights: Metres that its height is off.
        facings: Degrees that its facing is off.
        right: Signs found whose likeliest class is right, of those that can be read.
        readable: Signs found that can be read.
        told: Those whose class the map tells.
        told_right: Those of them of which it is right.
        within: Signs found that are off by no more than the ellipse which should hold 95 %.
        doubled: Further entries for a sign that has one.
        missed: Signs without an entry.
        stray: Entries where no sign ever stood.
        gone_wrong: Signs that stand there and are called gone.
        gone: Signs that went, and were passed by at least three drives since.
        gone_right: Those of them that are called gone.
        changes: Signs that came, changed or were spoilt, by what happened.
        changes_right: Those of them whose state says so.
    """

    signs: int = 0
    errors: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    owns: list[float] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    facings: list[float] = field(default_factory=list)
    right: int = 0
    readable: int = 0
    told: int = 0
    told_right: int = 0
    within: int = 0
    doubled: int = 0
    missed: int = 0
    stray: int = 0
    gone_wrong: int = 0
    gone: int = 0
    gone_right: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    changes_right: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what was counted elsewhere."""
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, dict):
                for key, count in theirs.items():
                    mine[key] = mine.get(key, 0) + count
            else:
                setattr(self, name, mine + theirs)

    def summary(self) -> dict[str, Any]:
        """Return the numbers, with what they are of."""
        signs, found = max(self.signs, 1), max(len(self.errors), 1)
        return {
            "error_median": _percentile(self.errors, 50, 3),
            "error_p95": _percentile(self.errors, 95, 3),
            "least_error_median": _percentile(self.least, 50, 3),
            "least_error_p95": _percentile(self.least, 95, 3),
            "own_error_median": _percentile(self.owns, 50, 3),
            "height_error_median": _percentile(self.heights, 50, 3),
            "facing_error_median": _percentile(self.facings, 50, 2),
            "in_95_ellipse": round(self.within / found, 4),
            "right_class": round(self.told_right / max(self.told, 1), 4),
            "told": round(self.told / max(self.readable, 1), 4),
            "likeliest_right": round(self.right / max(self.readable, 1), 4),
            "doubled": round(self.doubled / signs, 4),
            "missed": round(self.missed / signs, 4),
            "stray": round(self.stray / signs, 4),
            "gone_wrong": round(self.gone_wrong / signs, 4),
            "gone_found": round(self.gone_right / self.gone, 4) if self.gone else None,
            "changes_found": {
                kind: f"{self.changes_right.get(kind, 0)}/{count}" for kind, count in sorted(self.changes.items())
            },
            "n": {"signs": self.signs, "found": found, "readable": self.readable, "gone": self.gone},
        }


def evaluate_map(
    streets: int, drives: int, progress: Progress, seed: int = 1, keep: Path | None = None, lidar: bool = False
) -> dict[str, Any]:
    """Measure maps of simulated streets, of one drive and of several.

    Args:
        streets: Number of streets, each with its own signs.
        drives: Drives along each.
        progress: Told how many drives are done, of how many.
        seed: Of the first street.
        keep: File to which each street's numbers are added, and from which those that are there are taken.
        lidar: True to place the signs of single drives by the ranges of a LiDAR, and once more without them; the camera
            is calibrated with it.

    Returns:
        The numbers by number of drives, and those of single drives by the receiver's grade.
    """
    catalogue, usual = load_catalogue(), CALIBRATED if lidar else Errors()
    kept = _kept(keep)
    totals: dict[str, Tally] = {}
    for number in range(streets):
        key = f"{seed + number}/{drives}{'/lidar' * lidar}"
        if key not in kept:
            done = number * drives
            kept[key] = (_measure_ranges if lidar else _measure_street)(
                seed + number,
                drives,
                catalogue,
                lambda one, before=done: progress(before + one, streets * drives),
            )
            if keep is not None:
                with keep.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"key": key, "tallies": kept[key]}) + "\n")
        for name, tally in kept[key].items():
            totals.setdefault(name, Tally()).add(Tally(**tally))
    return {
        "streets": streets,
        "drives": drives,
        "metres": METRES,
        "errors": asdict(usual),
        "maps": {name: tally.summary() for name, tally in sorted(totals.items())},
    }


def _kept(path: Path | None) -> dict[str, dict[str, Any]]:
    """Return what was measured before; a last line that was cut off is measured again."""
    found: dict[str, dict[str, Any]] = {}
    if path is not None and path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            found[record["key"]] = record["tallies"]
    return found


def _measure_street(seed: int, drives: int, catalogue: Catalogue, progress: Any) -> dict[str, Any]:
    """Return what is counted on one street: of one drive, of all, and of single drives by receiver."""
    street = make_street(np.random.default_rng(seed), catalogue, METRES, drives, CHANGED)
    sizes = sizes_of(catalogue)
    roads: list[DrivenRoad] = []
    receivers: list[float] = []
    paths: list[BestPath] = []
    for number in range(drives):
        rng = np.random.default_rng((seed, number))
        radius = float(rng.uniform(*Errors().receiver))
        errors = Errors(receiver=(radius, radius))
        paths.append(best_path(street, copy.deepcopy(rng), errors))
        recording = gather(f"drive-{number + 1}", record_drive(street, catalogue, number, rng, errors))
        roads.append(place_recording(recording, CameraSettings(), sizes))
        receivers.append(radius)
        progress(number + 1)
    tallies: dict[str, Tally] = {}
    for number, (road, radius) in enumerate(zip(roads, receivers, strict=True)):
        grade = next(f"1, receiver of {low:g} to {high:g} m" for low, high in GRADES if radius <= high)
        counted = compare(street, _merged([road]), number, number)
        counted.least = least_errors(_standing(street, number), [paths[number]], number)
        for name in ("1", grade):
            tallies.setdefault(name, Tally()).add(counted)
    if drives > 1:
        tallies[str(drives)] = compare(street, _merged(roads), 0, drives - 1)
        tallies[str(drives)].least = least_errors(_standing(street, drives - 1), paths, 0)
    return {name: asdict(tally) for name, tally in tallies.items()}


def _measure_ranges(seed: int, drives: int, catalogue: Catalogue, progress: Any) -> dict[str, Any]:
    """Return what is counted on one street of single drives, with a LiDAR and, all else alike, without."""
    street = make_street(np.random.default_rng(seed), catalogue, METRES, drives, CHANGED)
    camera, sizes = CameraSettings(focal=FOCAL), sizes_of(catalogue)
    tallies = {"1, calibrated": Tally(), "1, calibrated, LiDAR": Tally()}
    for number in range(drives):
        for tally, errors in zip(tallies.values(), (CALIBRATED, replace(CALIBRATED, lidar=LIDAR)), strict=True):
            records = record_drive(street, catalogue, number, np.random.default_rng((seed, number)), errors)
            road = place_recording(gather(f"drive-{number + 1}", records), camera, sizes)
            tally.add(compare(street, _merged([road]), number, number))
        progress(number + 1)
    return {name: asdict(tally) for name, tally in tallies.items()}


def _merged(roads: Sequence[DrivenRoad]) -> list[Entry]:
    return merge([sign for road in roads for sign in road.signs], [point for road in roads for point in road.waypoints])


def _standing(street: Street, drive: int) -> list[StreetSign]:
    """Return the signs that stand there in a drive."""
    return [sign for sign in street.signs if sign.since <= drive < sign.until]


def compare(street: Street, entries: Sequence[Entry], first: int, last: int) -> Tally:
    """Return what is counted on a map, of drives from `first` to `last`."""
    stood = [sign for sign in street.signs if sign.since <= last and sign.until > first]
    found, places, costs = _matched(stood, entries, last)
    taken, tally = set(found.values()), Tally(owns=_own(stood, found, places))
    for row, sign in enumerate(stood):
        entry = entries[found[row]] if row in found else None
        if sign.until <= last:
            since = last + 1 - sign.until
            if since >= 3 and entry is not None:
                tally.gone += 1
                tally.gone_right += entry.state is State.GONE
            continue
        tally.signs += 1
        if entry is None:
            tally.missed += 1
            continue
        _count(tally, sign, entry, places[found[row]], first, last)
    for column in set(range(len(entries))) - taken:
        near = costs[:, column].min() < REACH if len(stood) else False
        if entries[column].state is State.GONE:
            continue  # nobody is told that it stands there
        tally.doubled += bool(near)
        tally.stray += not near
    return tally


def _matched(stood: Sequence[StreetSign], entries: Sequence[Entry], last: int) -> tuple[dict[int, int], Values, Values]:
    """Return which entry each sign has, by numbers, the entries' places (E, 2), and the costs (S, E)."""
    places = np.stack(offset(*ORIGIN, *np.array([(e.latitude, e.longitude) for e in entries]).reshape(-1, 2).T), axis=1)
    costs = _costs(stood, entries, places, last)
    rows, columns = linear_sum_assignment(np.minimum(costs, 1e3))
    found = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if costs[row, column] < REACH}
    return found, places, costs


def _own(stood: Sequence[StreetSign], found: Mapping[int, int], places: Values) -> list[float]:
    """Return by how much each sign found is off besides what its neighbours that face as it does are."""
    true = np.array([[*stood[row].place[:2], 200.0 * np.cos(stood[row].facing)] for row in found]).reshape(-1, 3)
    if len(true) <= NEIGHBOURS:
        return []
    off = places[list(found.values())] - true[:, :2]
    near = np.asarray(cKDTree(true).query(true, NEIGHBOURS + 1)[1])[:, 1:]
    alone = (off - off[near].mean(axis=1)) * np.sqrt(NEIGHBOURS / (NEIGHBOURS + 1))
    return [float(metres) for metres in np.hypot(*alone.T)]


def _count(tally: Tally, sign: StreetSign, entry: Entry, place: Values, first: int, last: int) -> None:
    """Count a sign that was found."""
    off = place - np.array(sign.place[:2])
    spread = np.array([[entry.east_variance, entry.covariance], [entry.covariance, entry.north_variance]])
    tally.errors.append(float(np.hypot(*off)))
    tally.within += bool(off @ np.linalg.solve(spread, off) <= CHI_SQUARED)
    tally.heights.append(abs(entry.height - sign.place[2]))
    tally.facings.append(float(abs((entry.facing - np.degrees(sign.facing) + 180) % 360 - 180)))
    if sign.spoilt > first:  # at least one drive could read it
        tally.readable += 1
        tally.right += entry.class_name == sign.name_in(last)
        tally.told += entry.sure
        tally.told_right += entry.sure and entry.class_name == sign.name_in(last)
    tally.gone_wrong += entry.state is State.GONE
    happened: Mapping[str, bool] = {
        State.NEW.value: first < sign.since <= last,
        State.CHANGED.value: first < sign.changed <= last and sign.later != sign.name,
        State.DAMAGED.value: first < sign.spoilt <= last,
    }
    for kind, did in happened.items():
        if did:
            tally.changes[kind] = tally.changes.get(kind, 0) + 1
            tally.changes_right[kind] = tally.changes_right.get(kind, 0) + (entry.state.value == kind)


def _costs(signs: Sequence[StreetSign], entries: Sequence[Entry], places: Values, last: int) -> Values:
    """Return how far (S, E) entries are from signs in metres; more where height, class or facing differ."""
    if not signs or not entries:
        return np.zeros((len(signs), len(entries)))
    true = np.array([sign.place for sign in signs])
    away = np.hypot(*(true[:, None, :2] - places[None]).transpose(2, 0, 1))
    height = np.abs(true[:, None, 2] - np.array([entry.height for entry in entries])[None])
    facing = np.degrees([sign.facing for sign in signs])[:, None] - np.array([entry.facing for entry in entries])[None]
    turned = np.abs((facing + 180) % 360 - 180) > 90
    other = np.array([[sign.name_in(last) != entry.class_name for entry in entries] for sign in signs])
    return np.asarray(np.where(turned, 1e3, away + height + 1.5 * other))


def _percentile(values: list[float], percent: float, digits: int) -> float | None:
    """Return a percentile, rounded; None of no values, which JSON can say and NaN can't."""
    return round(float(np.percentile(values, percent)), digits) if values else None
