"""What a drive is worth: right, wrong and missing by metre and by event, and who is to blame for what wasn't right."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from signpipe.catalogue import Catalogue
from signpipe.catalogue.rules import RoadKind
from signpipe.lab.evaluation.driving.loop import Sample, Told, in_force
from signpipe.lab.evaluation.driving.seer import SignStory, Stories
from signpipe.lab.simulation.world.limits import InForce, limits_of
from signpipe.lab.simulation.world.scene import RoadScene

WITHIN = 2.0  # seconds after its sign at which a limit has to be shown (Regulation (EU) 2021/1958)
EARLY = 120.0  # metres before its sign from which the next limit may be told already
TOLERANCE = 0.5  # km/h
FEW = 2  # pictures with a sign that are too few to be sure of it
RIGHT, WRONG, MISSING = "right", "wrong", "missing"
OUTCOMES = (RIGHT, WRONG, MISSING)
KIND_NAMES = {RoadKind.MOTORWAY: "motorway", RoadKind.TOWN: "town"}


class Blame:
    """Who is to blame; the words that reports use."""

    UNKNOWN_CLASS = "perception: no class for the sign"
    HIDDEN = "hidden from the camera"
    NOT_FOUND = "perception: not found"
    MISREAD = "perception: misread"
    FALSE_ALARM = "perception: false alarm"
    FUSION = "fusion: seen and read, not published"
    MISPUBLISHED = "fusion: published wrong"
    DECISION = "decision: published, not told"
    EXPIRY = "expiry"
    GENERAL = "decision: told that limits ended, without the general one"
    FAULT = "fault injected"


@dataclass(slots=True)
class Score:
    """What is counted over drives of one kind of road in one condition.

    Attributes:
        metres: By outcome.
        early: Metres on which the next limit was told before its sign, counted as right.
        published_wrong: Metres on which a limit was told that rests on a sign published as another one, or on none.
        events: By outcome, two seconds after each change of limit.
        delays: Seconds from each change's sign to the right limit; those never right are left out.
        blame: Metres that weren't right, by who is to blame.
        drives: Metres that were right and counted, drive by drive, for intervals over drives.
        failures: The longest stretches that weren't right.
    """

    metres: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    early: float = 0.0
    published_wrong: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    blame: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    drives: list[tuple[float, float]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, rounded to centimetres and milliseconds."""
        return {
            "metres": {key: round(value, 2) for key, value in self.metres.items()}, "early": round(self.early, 2),
            "published_wrong": round(self.published_wrong, 2),
            "events": dict(self.events), "delays": [round(one, 2) for one in self.delays],
            "blame": {key: round(value, 2) for key, value in self.blame.items()},
            "drives": [[round(right, 1), round(whole, 1)] for right, whole in self.drives],
            "failures": self.failures,
        }  # fmt: skip

    def add(self, plain: dict[str, Any]) -> None:
        """Take the plain values of another."""
        gain(self.metres, plain["metres"])
        self.early += plain["early"]
        self.published_wrong += plain["published_wrong"]
        self.events.update(plain["events"])
        self.delays += plain["delays"]
        gain(self.blame, plain["blame"])
        self.drives += [(right, whole) for right, whole in plain["drives"]]
        self.failures += plain["failures"]


class Judge:
    """Compares what is told with what is true, step by step.

    Counting begins where the first limit is known.

    Args:
        scene: The road.
        stories: What became of its signs, kept up by who looks.
        catalogue: The classes that can be read.
    """

    def __init__(self, scene: RoadScene, stories: Stories, catalogue: Catalogue) -> None:
        self._scene, self._stories, self._catalogue = scene, stories, catalogue
        self._limits = limits_of(scene)
        self._crossed: dict[int, float] = {}
        self._told_at: dict[int, float] = {}
        self._judged: set[int] = set()
        self._stretch: list[tuple[Sample, str, str]] = []
        self.scores: dict[str, Score] = defaultdict(Score)

    def take(self, sample: Sample) -> str | None:
        """Judge a step, and return its outcome, or None where nothing is known to be true yet."""
        now = in_force(self._limits, sample.station)
        if now.limit is None:
            return None
        place = self._limits.index(now)
        self._crossed.setdefault(place, sample.time)
        score = self.scores[kind_name(now.kind)]
        late = sample.time - self._crossed[place]
        outcome, early = self._outcome(sample, place, late)
        score.metres[outcome] += sample.metres
        score.early += sample.metres if early else 0.0
        self._event(sample, place, late, score)
        if outcome != RIGHT:
            blame = self._blame(sample, now)
            score.blame[blame] += sample.metres
            misled = outcome == WRONG and self._misleading(sample.told) is not None
            score.published_wrong += sample.metres if misled else 0.0
            self._stretch.append((sample, outcome, blame))
        else:
            self._close_stretch()
        return outcome

    def end(self) -> dict[str, Score]:
        """Return the scores by kind of road."""
        self._close_stretch()
        for score in self.scores.values():
            score.drives.append((score.metres[RIGHT], sum(score.metres.values())))
            score.failures.sort(key=lambda one: -one["metres"])
            del score.failures[3:]
        return dict(self.scores)

    def _outcome(self, sample: Sample, place: int, late: float) -> tuple[str, bool]:
        """Return the outcome, and whether it is right for the next limit only."""
        told, before = sample.told, self._limits[place - 1] if place else None
        if _is(told, self._limits[place]):
            return RIGHT, False
        following = self._limits[place + 1] if place + 1 < len(self._limits) else None
        if following is not None and following.begin - sample.station <= EARLY and _is(told, following):
            return RIGHT, True
        if late < WITHIN and (before is None or before.limit is None or _is(told, before)):
            return RIGHT, False
        return (MISSING if told.limit is None else WRONG), False

    def _event(self, sample: Sample, place: int, late: float, score: Score) -> None:
        if place == 0:
            return
        if place not in self._told_at and _is(sample.told, self._limits[place]):
            self._told_at[place] = late
            score.delays.append(late)
        if place not in self._judged and late >= WITHIN:
            self._judged.add(place)
            is_right = _is(sample.told, self._limits[place])
            score.events[RIGHT if is_right else MISSING if sample.told.limit is None else WRONG] += 1

    def blame(self, sample: Sample) -> str:
        """Return who is to blame if what the car believes in a step is wrong."""
        return self._blame(sample, in_force(self._limits, sample.station))

    def _blame(self, sample: Sample, now: InForce) -> str:
        if sample.faulty:
            return Blame.FAULT
        if sample.told.expired:
            return Blame.EXPIRY
        misleading = self._misleading(sample.told)
        if misleading is not None:
            return misleading
        if now.sign is None:
            return Blame.DECISION
        at = self._scene.signs[now.sign].at
        alike = [number for number, sign in enumerate(self._scene.signs)
                 if sign.at == at and sign.sign.name == self._scene.signs[now.sign].sign.name]  # fmt: skip
        if self._scene.signs[now.sign].sign.name not in self._catalogue.names:
            return Blame.UNKNOWN_CLASS
        best = max((self._stories.signs.get(number, SignStory()) for number in alike),
                   key=lambda story: (story.sure, story.right, story.found, story.seen))  # fmt: skip
        return self._of_story(best, sample.told)

    def _misleading(self, told: Told) -> str | None:
        """Return who is to blame if what is told rests on a sign that was published as another, or on none."""
        number = self._stories.tracks.get(-1 if told.track is None else told.track)
        if number is None:
            return None
        if number < 0:
            return Blame.FALSE_ALARM
        story = self._stories.signs[number]
        if story.wrong <= story.sure:
            return None
        return Blame.MISPUBLISHED if story.right > story.found / 2 else Blame.MISREAD

    def _of_story(self, story: SignStory, told: Told) -> str:
        if story.sure:
            return Blame.GENERAL if told.general else Blame.DECISION
        if story.seen <= FEW:
            return Blame.HIDDEN
        if story.found <= FEW:
            return Blame.NOT_FOUND
        return Blame.FUSION if story.right > story.found / 2 else Blame.MISREAD

    def _close_stretch(self) -> None:
        """Keep a stretch that wasn't right."""
        if self._stretch:
            first, outcome, blame = self._stretch[0]
            truth = in_force(self._limits, first.station)
            told = first.told.limit
            sign = None if truth.sign is None else self._scene.signs[truth.sign]
            self.scores[kind_name(truth.kind)].failures.append({
                "road": self._scene.name, "begin": round(first.station),
                "metres": round(sum(one.metres for one, *_ in self._stretch)),
                "outcome": outcome, "true": _plain(truth.limit), "told": _plain(told), "blame": blame,
                "sign": None if sign is None else sign.sign.name, "at": None if sign is None else round(sign.at, 1),
            })  # fmt: skip
            self._stretch = []


def gain(sums: dict[str, float], more: dict[str, float]) -> None:
    """Add numbers to sums of the same names."""
    for name, value in more.items():
        sums[name] += value


def kind_name(kind: RoadKind) -> str:
    """Return what a kind of road is called in reports."""
    return KIND_NAMES.get(kind, "country")


def _plain(limit: float | None) -> float | str | None:
    return "none" if limit is not None and math.isinf(limit) else limit


def _is(told: Told, truth: InForce) -> bool:
    """Return whether what is told is true; that all limits ended is, where the road has no general one."""
    if told.general:
        return truth.limit is not None and math.isinf(truth.limit)
    if told.limit is None or truth.limit is None:
        return False
    if math.isinf(told.limit) or math.isinf(truth.limit):
        return told.limit == truth.limit
    return abs(told.limit - truth.limit) <= TOLERANCE


def share_interval(drives: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the 95 % interval of the right share by distance, over whole drives drawn anew."""
    from signpipe.lab.evaluation.interval import bootstrap

    def of(chosen: Sequence[tuple[float, float]]) -> float:
        whole = sum(one for _, one in chosen)
        return sum(right for right, _ in chosen) / whole if whole else math.nan

    return bootstrap(drives, of, 400)
