"""How often the right limit is told where plates, zones, kinds of road and lanes decide it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import read_rules
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.rule_scenes import KINDS, PICTURE, SPEED, RuleScene, Stretch, drive
from signpipe.settings import DecideSettings
from signpipe.stages.decide import Decide
from signpipe.stages.plates import Plates
from signpipe.types import Advisory

RIGHT_SCENE = 0.95  # share of a drive's metres on which the right limit must be told for the drive to count as right
TOLERANCE = 0.5  # km/h


def evaluate_rules(scenes: int, settings: DecideSettings, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Drive past scripted signs, and compare the limit that is told with the one in force at every place.

    A limit may be told from the sight of its sign on, and must be two seconds after it. Where a condition isn't known,
    the limit without it is right if the other is named; where a plate can't be read, the lower limit is.

    Args:
        scenes: How many drives of each kind.
        settings: How long each kind of advisory stays valid.
        progress: Told how many drives are done, and how many there are.

    Returns:
        By kind: how many drives, the share of places with the right limit, of drives that are right, of places at which
        a higher limit was told than holds, and how many places are counted.
    """
    kinds: dict[str, Any] = {}
    for number, (name, make) in enumerate(KINDS.items()):
        told, drives = [], []
        for index in range(scenes):
            rng = seeded("rules", name, index)
            right, higher = _drive(make(rng), settings, rng)
            told.append((right, higher))
            drives.append(bool(np.mean(right) >= RIGHT_SCENE))
            progress(number * scenes + index + 1, scenes * len(KINDS))
        right, higher = (np.concatenate(part) for part in zip(*told, strict=True))
        kinds[name] = {
            "scenes": scenes,
            "right": float(right.mean()),
            "scenes_right": float(np.mean(drives)),
            "higher": float(higher.mean()),
            "places": len(right),
        }
    return {"kinds": kinds, "right": float(np.mean([kind["right"] for kind in kinds.values()]))}


def _drive(
    scene: RuleScene, settings: DecideSettings, rng: np.random.Generator
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return for each frame whether the right limit was told, and whether a higher one was."""
    country = load_country(scene.country)
    rules = read_rules(country.rules, country.unit, country.languages)
    decide = Decide(settings, country.catalogue, rules, scene.vehicle)
    plates = Plates(country.catalogue, country.languages)
    right, higher = [], []
    for z, tracks in drive(scene, country.catalogue, rng):
        advisories, _ = decide.update(plates(tracks), z / SPEED, PICTURE, scene.speed)
        allowed = scene.allowed(z)
        right.append(any(_tells(advisories[0], stretch) for stretch in allowed))
        most = max(math.inf if stretch.limit is None else stretch.limit for stretch in allowed)
        says = advisories[0].value is not None or advisories[0].origin is not None
        higher.append(says and _told(advisories[0]) > most + TOLERANCE)
    return np.array(right), np.array(higher)


def _tells(advisory: Advisory, stretch: Stretch) -> bool:
    """Return whether an advisory says what is true."""
    if stretch.limit is None:
        return advisory.value is None
    if stretch.limit == math.inf:
        is_right = advisory.value is None and advisory.origin is not None
    else:
        is_right = abs(_told(advisory) - stretch.limit) <= TOLERANCE
    if stretch.other is None:
        return is_right
    return is_right and any(one.value == stretch.other and one.applies is None for one in advisory.alternatives)


def _told(advisory: Advisory) -> float:
    return float(advisory.value) if isinstance(advisory.value, int | float) else math.inf
