"""`signpipe evaluate drive`: hundreds of kilometres by table, some of them in pictures, and a car that obeys."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from signpipe.lab.evaluation.driving.loop import drive
from signpipe.lab.evaluation.driving.score import OUTCOMES, RIGHT, Judge, Score, share_interval
from signpipe.lab.evaluation.driving.seer import PixelSeer, Seer, TableSeer
from signpipe.lab.evaluation.interval import wilson
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.simulation.perception import Table
from signpipe.lab.simulation.world.routes import KINDS, route
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.settings import Settings

LEG = 5000.0  # metres of a drive
FAILURES, ALL_FAILURES = 5, 40  # that are told of each group of drives, and of all
# Share of the kilometres by condition: a fifth of them dark, as the regulation's 60 of 400 km.
SHARES = {"clear": 0.4, "night": 0.12, "rain": 0.16, "night rain": 0.08, "low sun": 0.08, "fog": 0.08, "snow": 0.08}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Leg:
    """One drive.

    Attributes:
        kind: Of the road.
        condition: Weather and light.
        seed: Of the road and of all chance.
        length: Metres.
    """

    kind: str
    condition: str
    seed: int
    length: float = LEG

    @property
    def name(self) -> str:
        """For reports and for going on with an interrupted run."""
        return f"{self.kind} {self.seed}, {self.condition}"

    def scene(self) -> RoadScene:
        """Return its road."""
        return route(self.kind, self.seed, self.length, self.condition)


def plan(kilometres: float, seed: int, length: float = LEG, conditions: Collection[str] = tuple(SHARES)) -> list[Leg]:
    """Return drives of so many kilometres in all, a third on each kind of road, and of each condition its share.

    Each condition has all three kinds. The drives are in an order in which a run that is cut off has some of each.

    Args:
        kilometres: In all; with few, there are more, for every condition needs its three drives.
        seed: Of the first roads.
        length: Metres of a drive.
        conditions: In which weather and light, of those in `SHARES`.
    """
    legs, whole = [], sum(share for condition, share in SHARES.items() if condition in conditions)
    for condition, share in SHARES.items():
        if condition not in conditions:
            continue
        count = max(math.ceil(kilometres * 1000 / length * share / whole - 1e-9), len(KINDS))
        legs += [(number, Leg(KINDS[number % len(KINDS)], condition, seed + number, length)) for number in range(count)]
    return [leg for _, leg in sorted(legs, key=lambda one: (one[0], list(SHARES).index(one[1].condition)))]


def evaluate_open(
    legs: Sequence[Leg], table: Table, settings: Settings, resume: Resume, progress: Progress
) -> dict[str, Any]:
    """Let a driver who sees all drive each leg, and compare what is told with what is true.

    Args:
        legs: The drives.
        table: Stands for detector and classifier.
        settings: The configuration.
        resume: What an interrupted run left.
        progress: Told how many drives are done, and how many there are.
    """
    scores: dict[tuple[str, str], Score] = defaultdict(Score)
    for done, leg in enumerate(legs, 1):
        piece = resume.get(leg.name)
        if piece is None:
            scene = leg.scene()
            piece = scored(scene, TableSeer(scene, table, settings, leg.seed))
            resume.put(leg.name, piece)
        for kind, plain in piece.items():
            scores[kind, leg.condition].add(plain)
        progress(done, len(legs))
    return summary(scores)


def scored(scene: RoadScene, seer: Seer, begin: float = 0.0, end: float | None = None) -> dict[str, Any]:
    """Drive a road, or a part of it, and return its scores by kind of road as plain values."""
    judge = Judge(scene, seer.stories, seer.catalogue)
    for sample in drive(scene, seer, begin=begin, end=end):
        judge.take(sample)
    seer.close()
    return {kind: score.plain() for kind, score in judge.end().items()}


def evaluate_pixels(
    legs: Sequence[Leg], metres: float, table: Table, settings: Settings, resume: Resume, progress: Progress
) -> dict[str, Any]:
    """Drive the begin of some legs in pictures, and by table, to see how far the table can be trusted.

    Args:
        legs: The drives.
        metres: Of each.
        table: Stands for detector and classifier.
        settings: The configuration.
        resume: What an interrupted run left.
        progress: Told how many drives are done, and how many there are.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
    """
    both: dict[str, dict[tuple[str, str], Score]] = {"pictures": defaultdict(Score), "table": defaultdict(Score)}
    for done, leg in enumerate(legs, 1):
        for how, scores in both.items():
            name = f"{how}: {leg.name}"
            piece = resume.get(name)
            if piece is None:
                scene = leg.scene()
                seer: Seer = (
                    PixelSeer(scene, settings, leg.seed)
                    if how == "pictures"
                    else TableSeer(scene, table, settings, leg.seed)
                )
                piece = scored(scene, seer, end=metres)
                resume.put(name, piece)
            for kind, plain in piece.items():
                scores[kind, leg.condition].add(plain)
        progress(done, len(legs))
    return {how: summary(scores) for how, scores in both.items()} | {
        "drives": [leg.name for leg in legs],
        "metres": metres,
    }


def summary(scores: dict[tuple[str, str], Score]) -> dict[str, Any]:
    """Return shares with their intervals, by kind of road and condition, for each condition, and for all."""
    groups: dict[str, Score] = {}
    for (kind, condition), score in scores.items():
        for name in (f"{kind}, {condition}", condition, kind, "all"):
            groups.setdefault(name, Score()).add(score.plain())
    return {name: _shares(score, ALL_FAILURES if name == "all" else FAILURES) for name, score in sorted(groups.items())}


def largest_first(sums: dict[str, float]) -> list[tuple[str, float]]:
    """Return names and sums, the largest first."""
    return sorted(sums.items(), key=lambda one: -one[1])


def _shares(score: Score, failures: int) -> dict[str, Any]:
    whole, events = sum(score.metres.values()), sum(score.events.values())
    found: dict[str, Any] = {
        "km": round(whole / 1000, 2),
        "by_distance": {name: score.metres[name] / whole if whole else 0.0 for name in OUTCOMES},
        "early": score.early / whole if whole else 0.0,
        "published_wrong": score.published_wrong / whole if whole else 0.0,
        "events": events,
        "by_event": {name: score.events[name] / events if events else 0.0 for name in OUTCOMES},
        "delay_median": float(np.median(score.delays)) if score.delays else None,
        "blame_km": {name: round(metres / 1000, 2) for name, metres in largest_first(score.blame)},
        "failures": sorted(score.failures, key=lambda one: -one["metres"])[:failures],
    }
    if whole:
        found["by_distance_interval_95"] = list(share_interval(score.drives))
    if events:
        found["by_event_interval_95"] = list(wilson(score.events[RIGHT], events))
    return found
