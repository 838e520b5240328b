"""The closed loop: how a car drives that obeys the CAN messages, beside a driver who sees all; with faults."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.lab.evaluation.driving.evaluate import Leg, Progress, largest_first
from signpipe.lab.evaluation.driving.loop import STEP, Fault, Sample, drive, in_force, stops_of
from signpipe.lab.evaluation.driving.score import Judge, gain
from signpipe.lab.evaluation.driving.seer import Stories, TableSeer
from signpipe.lab.evaluation.driving.vehicle import CREEPS
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.simulation.perception import Table
from signpipe.lab.simulation.render.record import scene_map
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.lab.simulation.world.limits import limits_of
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.settings import Settings, override_settings
from signpipe.types import Classifications, Detections, FrameResult, Gap

SLACK = 3.0 / 3.6  # m/s over a limit that aren't counted yet
STOPPED = (CREEPS + 4) / 3.6  # m/s with which a stop sign may be passed
NEEDLESS = 2.0 / 3.6  # m/s under the seeing driver's speed, from which braking is needless
SLOW = 10.0 / 3.6  # m/s under it, from which the car holds up
BRAKING = -0.5  # m/s2
WRONG_ENTRIES = 0.3  # share of a wrong map's limits


@dataclass(slots=True)
class Behaviour:
    """How a car drove.

    Attributes:
        metres: Driven where a limit is known.
        seconds: It took.
        over_metres: Metres over the limit.
        over_seconds: Seconds over the limit.
        most_over: km/h over the limit at most.
        stops: Stop signs that were passed.
        stops_missed: Those that were passed too fast.
        needless: Seconds of braking without need.
        slow_metres: Metres more than 10 km/h slower than who sees all.
        unavailable: Seconds without a limit to go by.
        blame: Metres over the limit, by who is to blame.
    """

    metres: float = 0.0
    seconds: float = 0.0
    over_metres: float = 0.0
    over_seconds: float = 0.0
    most_over: float = 0.0
    stops: int = 0
    stops_missed: int = 0
    needless: float = 0.0
    slow_metres: float = 0.0
    unavailable: float = 0.0
    blame: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        names = (
            "metres", "seconds", "over_metres", "over_seconds", "most_over", "needless", "slow_metres", "unavailable",
        )  # fmt: skip
        found: dict[str, Any] = {name: round(float(getattr(self, name)), 2) for name in names}
        blame = {name: round(metres, 1) for name, metres in largest_first(self.blame)}
        return found | {"stops": self.stops, "stops_missed": self.stops_missed, "blame": blame}

    def add(self, plain: dict[str, Any]) -> None:
        """Take the plain values of another."""
        for name, value in plain.items():
            if name == "blame":
                gain(self.blame, value)
            elif name == "most_over":
                self.most_over = max(self.most_over, value)
            else:
                setattr(self, name, getattr(self, name) + value)


def evaluate_closed(
    legs: Sequence[Leg], faults: Sequence[Fault], table: Table, settings: Settings, resume: Resume, progress: Progress
) -> dict[str, Any]:
    """Let a car obey the CAN messages on each leg, with and without faults, beside a driver who sees all.

    Returns:
        By what went wrong, and for the driver who sees all, how it drove.
    """
    found: dict[str, Behaviour] = {}
    todo = [(leg, fault) for leg in legs for fault in faults]
    for done, (leg, fault) in enumerate(todo, 1):
        name = f"closed, {fault}: {leg.name}"
        piece = resume.get(name)
        if piece is None:
            piece = closed(leg, fault, table, settings)
            resume.put(name, piece)
        for who, plain in piece.items():
            if who == "obeys" or fault is Fault.NONE:
                found.setdefault(fault.value if who == "obeys" else "who sees all", Behaviour()).add(plain)
        progress(done, len(todo))
    return {name: behaviour.plain() for name, behaviour in found.items()}


def closed(leg: Leg, fault: Fault, table: Table, settings: Settings) -> dict[str, Any]:
    """Drive a leg twice: by who sees all, and by a car that obeys the messages."""
    scene = leg.scene()
    with tempfile.TemporaryDirectory() as folder:
        if fault is Fault.WRONG_MAP:
            file = Path(folder) / "map.geojson"
            file.write_text(scene_map(_with_wrong_limits(scene, leg.seed)), encoding="utf-8")
            settings = override_settings(settings, {"map.file": str(file)})
        reference = list(drive(scene, _Nobody()))
        profile = _profile(reference)
        seer = TableSeer(scene, table, settings, leg.seed)
        judge = Judge(scene, seer.stories, seer.catalogue)
        obeyed = behaviour(scene, drive(scene, seer, True, fault), profile, judge)
    return {"obeys": obeyed.plain(), "sees": behaviour(scene, iter(reference), profile, None).plain()}


class _Nobody:
    """Sees nothing: for a driver who doesn't need it."""

    def __init__(self) -> None:
        self.stories = Stories()
        self.catalogue = roadside_catalogue()

    def see(self, station: float, time: float, speed: float) -> FrameResult:  # noqa: ARG002
        """Return a result that says nothing."""
        return self.miss(time, 0.0)

    def miss(self, time: float, since: float) -> FrameResult:
        """Return a result that says nothing."""
        gap = Gap(time, time, "simulation", "nobody looks", since)
        return FrameResult(gap, Detections.empty(), Classifications.empty(0), [], [], [])

    def sees_nothing(self, station: float) -> bool:  # noqa: ARG002
        """Return False: it is driven as finely as a car that obeys."""
        return False

    def close(self) -> None:
        """Do nothing."""


def behaviour(
    scene: RoadScene, samples: Iterator[Sample], profile: Callable[[float], float], judge: Judge | None
) -> Behaviour:
    """Return how a car drove, beside the speeds of who sees all.

    Args:
        scene: The road.
        samples: The drive.
        profile: The speed in m/s with which who sees all passes a station.
        judge: Says who is to blame where the car is too fast; None for who sees all.
    """
    limits = limits_of(scene)
    stops, found = stops_of(scene), Behaviour()
    for sample in samples:
        if judge is not None:
            judge.take(sample)
        truth = in_force(limits, sample.station)
        for stop in stops:
            if sample.station <= stop < sample.station + sample.metres:
                found.stops += 1
                found.stops_missed += sample.speed > STOPPED
        if truth.limit is None:
            continue
        found.metres += sample.metres
        found.seconds += STEP
        found.unavailable += 0.0 if sample.available else STEP
        over = sample.speed - truth.limit / 3.6
        if over > SLACK:
            found.over_metres += sample.metres
            found.over_seconds += STEP
            found.most_over = max(found.most_over, over * 3.6)
            if judge is not None:
                found.blame[judge.blame(sample)] += sample.metres
        slower = profile(sample.station) - sample.speed
        found.needless += STEP if sample.acceleration < BRAKING and slower > NEEDLESS else 0.0
        found.slow_metres += sample.metres if slower > SLOW else 0.0
    return found


def _profile(samples: Sequence[Sample]) -> Callable[[float], float]:
    stations = np.array([sample.station for sample in samples])
    speeds = np.array([sample.speed for sample in samples])
    return lambda station: float(np.interp(station, stations, speeds))


def _with_wrong_limits(scene: RoadScene, seed: int) -> RoadScene:
    """Return a copy of a scene in which some limits are others: what a stale map says."""
    rng = np.random.default_rng([seed, 61])
    catalogue = roadside_catalogue()
    others = [catalogue.by_name(f"speed_limit_{value}") for value in (30, 50, 70, 80, 100, 120)]
    signs = []
    for sign in scene.signs:
        if sign.sign.name.startswith("speed_limit_") and rng.random() < WRONG_ENTRIES:
            choice = [one for one in others if one.id != sign.sign.id]
            signs.append(replace(sign, sign=choice[int(rng.integers(len(choice)))]))
        else:
            signs.append(sign)
    return replace(scene, signs=tuple(signs))
