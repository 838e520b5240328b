"""How soon a change is found, and how often nothing is taken for one, against tests without correction.

    python benchmarks/drift.py --data DATA --json benchmarks/results/drift.json [--hours 800] [--drives 20]

The pipeline looks at real photographs, as they are and changed: fog, a lens that gets dirty, a camera that was knocked
by 5 degrees, another country, a firmware that sharpens. From what it measured, drives are put together second by
second: a stretch of some ten seconds is one photograph's values with a little noise, and for minutes the photographs
are of one light. Reference and drives are of the same photographs: a camera that stays on its roads. (With photographs
of other places the mix of classes and the embeddings drift, and rightly so.) What was measured is kept in --cache and
not measured again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import chi2, ks_2samp

from signpipe import Pipeline
from signpipe.cli.measuring import write_json
from signpipe.drift import Observer, Reference, Sample, make_reference
from signpipe.drift.comparing import LEAST, Verdict, values_of
from signpipe.drift.features import PICTURE, SIGN
from signpipe.drift.monitor import Monitor
from signpipe.drift.reference import PICTURES, SIGNS
from signpipe.lab.augmentation.weather import fog
from signpipe.lab.data import ClassMap, find_data, open_dataset
from signpipe.runtime.machine import describe_machine
from signpipe.types import Frame, Image

Change = Callable[[Image, np.random.Generator], Image]
LEVELS = (1 / 3, 2 / 3, 1.0)
HOURS, BASELINE = 12, 4  # of the reference; without a change that the plain tests are shown
GROWS = 600.0  # seconds from nothing to all of it, of what comes by and by
BEFORE, AFTER = 900, 5400  # seconds of a drive before the change, and after it at most
STRETCH, LIGHT = 10.0, 600  # seconds: mean of a stretch, and of one light
QUIET = 4 * 3600  # seconds of a drive without a change
WEEK = 168  # hours
CHANGES = ("fog", "dirt", "knocked", "country", "sharpened")
OURS = "signpipe"
FRAMES = 10  # frames a second, in which the time to detection is told too


@dataclass(frozen=True)
class Look:
    """What one photograph gives: its values, and the signs in it."""

    scene: Sample
    signs: list[Sample]


def dirt(level: float) -> Change:
    """Return drops of dirt on the lens, the same in each picture, out of focus."""

    def change(image: Image, _: np.random.Generator) -> Image:
        rng = np.random.default_rng(7)
        height, width = image.shape[:2]
        cover = np.zeros((height, width), np.float32)
        for _number in range(round(40 * level)):
            centre = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.circle(cover, centre, int(rng.uniform(0.02, 0.07) * width), float(rng.uniform(0.5, 0.9)), -1)
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.012 * width), np.float32)[..., None]
        behind = cv2.GaussianBlur(image, (0, 0), 0.02 * width)
        return np.asarray(image * (1 - cover) + (0.7 * behind + 0.3 * np.array([60, 80, 95])) * cover, np.uint8)

    return change


def foggy(level: float) -> Change:
    """Return fog of up to severity 4."""
    return lambda image, rng: fog(image, 4 * level, rng)


def knocked(image: Image, _: np.random.Generator) -> Image:
    """Turn the camera by 5 degrees about its axis."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 5.0, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def sharpened(image: Image, _: np.random.Generator) -> Image:
    """Sharpen as a camera's firmware does."""
    return np.asarray(cv2.addWeighted(image, 1.6, cv2.GaussianBlur(image, (0, 0), 1.5), -0.6, 0), np.uint8)


def looks(pipeline: Pipeline, paths: Sequence[Path], change: Change | None, what: str) -> list[Look]:
    """Run the pipeline over photographs."""
    observer, rng, found = Observer(pipeline.catalogue, every=0), np.random.default_rng(1), []
    for index, path in enumerate(track(paths, what)):
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        image = change(image, rng) if change else image
        result = pipeline.process(Frame(image, index, media_time=float(index), independent=True))
        samples = [*observer.add(result), *observer.finish()]
        found.append(Look(samples[0], samples[1:]))
    return found


def measure(data: Path, count: int, changed: int, cache: Path) -> dict[str, list[Look]]:
    """Return what the pipeline makes of each condition's photographs, by its name."""
    pools: dict[str, list[Look]] = pickle.loads(cache.read_bytes()) if cache.exists() else {}
    paths = [image.path for image in open_dataset(data, "gtsdb")]
    rng = np.random.default_rng(0)
    rng.shuffle(paths)
    then, now = paths[:count], paths[count : 2 * count]
    abroad = [image.path for image in open_dataset(data, "btsd", "all", ClassMap(one_class=True))][:count]
    wanted: dict[str, tuple[Sequence[Path], Change | None]] = {"reference": (then, None), "same": (now, None)}
    rng.shuffle(abroad)
    for level in LEVELS:
        wanted[f"fog {level:.2f}"] = now[:changed], foggy(level)
        wanted[f"dirt {level:.2f}"] = now[:changed], dirt(level)
    wanted |= {"knocked": (now[:changed], knocked), "country": (abroad[:changed], None)}
    wanted["sharpened"] = now[:changed], sharpened
    with Pipeline() as pipeline:
        for name, (chosen, change) in wanted.items():
            if name not in pools:
                pools[name] = looks(pipeline, chosen, change, name)
                cache.parent.mkdir(parents=True, exist_ok=True)
                cache.write_bytes(pickle.dumps(pools))
    return pools


def drive(pool_at: Callable[[float], list[Look]], seconds: int, seed: int) -> Iterator[Sample]:
    """Yield the samples of a drive, a picture a second; a sign comes with each stretch that has one."""
    rng = np.random.default_rng(seed)
    spread: dict[str, float] = {}
    index, left, light, bright = 0, 0, 0, 0.0
    for second in range(seconds):
        pool = pool_at(second)
        if not spread:
            spread = {name: float(np.std([one.scene.values[name] for one in pool])) for name in PICTURE}
        if light <= 0:
            light, bright = int(rng.exponential(LIGHT)) + 60, float(rng.random())
        if left <= 0:
            left = int(rng.exponential(STRETCH)) + 1
            order = np.argsort([one.scene.values["brightness"] for one in pool])
            place = int(
                np.clip(rng.normal(bright, 0.25), 0, 0.999) * len(pool)
            )  # photographs of this light, most often
            index = int(order[place])
            for sign in pool[index].signs:
                yield sign.model_copy(update={"at": float(second)})
        light, left = light - 1, left - 1
        scene = pool[index % len(pool)].scene  # a change may have another number of photographs
        values = {name: value + 0.1 * spread[name] * rng.normal() for name, value in scene.values.items()}
        yield scene.model_copy(update={"at": float(second), "values": values})


class Plain:
    """One test a feature on the same windows at the same times; every value counts as independent."""

    def __init__(self, reference: Reference, every: float, level: float) -> None:
        self._reference, self._every, self._level = reference, every, level
        self._scenes: list[Sample] = []
        self._signs: list[Sample] = []
        self._due: float | None = None
        self.verdict = Verdict.NONE

    def add(self, sample: Sample) -> None:
        """Take a sample."""
        (self._scenes if sample.kind == "picture" else self._signs).append(sample)
        if self._due is None or sample.at > self._due:
            if self._due is not None:
                self._compare()
            self._due = sample.at + self._every

    def _compare(self) -> None:
        self._scenes, self._signs = self._scenes[-PICTURES:], self._signs[-SIGNS:]
        self.verdict = Verdict.NONE
        for names, samples in ((PICTURE, self._scenes), (SIGN, self._signs)):
            for name in names:
                values = values_of(self._reference, name, samples)
                if len(values) >= LEAST and ks_2samp(values, self._reference.values[name]).pvalue < self._level:
                    self.verdict = Verdict.DRIFT


def alarms(monitor: Any, samples: Iterator[Sample], start: float = 0.0) -> tuple[int, int, float | None]:
    """Return how often drift began, for how many pictures it was told, and when first from a `start` on."""
    count, ringing, first, before = 0, 0, None, Verdict.NONE
    for sample in samples:
        monitor.add(sample)
        if monitor.verdict is Verdict.DRIFT and before is not Verdict.DRIFT:
            count += 1
        ringing += monitor.verdict is Verdict.DRIFT and sample.kind == "picture"
        if start and monitor.verdict is Verdict.DRIFT and sample.at >= start:
            first = sample.at
            break
        before = monitor.verdict
    return count, ringing, first


def onset(pools: dict[str, list[Look]], name: str) -> Callable[[float], list[Look]]:
    """Return which photographs a drive is made of at a time."""
    if name not in ("fog", "dirt"):
        return lambda second: pools["same" if second < BEFORE else name]

    def at(second: float) -> list[Look]:
        share = (second - BEFORE) / GROWS
        reached = [level for level in LEVELS if share >= level]
        return pools[f"{name} {reached[-1]:.2f}" if reached else "same"]

    return at


@dataclass(frozen=True)
class Task:
    """One drive under one monitor.

    Attributes:
        monitor: Name of the monitor.
        change: What changes on the drive; None is nothing, for `QUIET` seconds.
        seed: Of the drive; the same for all monitors.
    """

    monitor: str
    change: str | None
    seed: int


@dataclass
class Told:
    """What was told of the drives so far.

    Attributes:
        false: False alarms, by monitor.
        ringing: Seconds for which it was told without a change, by monitor.
        seconds: Seconds of drives without a change, by monitor.
        found: Seconds from a change to drift of each drive, None where it wasn't told; by monitor and change.
    """

    false: Counter[str]
    ringing: Counter[str]
    seconds: Counter[str]
    found: dict[str, dict[str, list[float | None]]]

    def add(self, task: Task, count: int, ringing: int, when: float | None) -> None:
        """Take what a drive gave."""
        if task.change is None:
            self.false[task.monitor] += count
            self.ringing[task.monitor] += ringing
            self.seconds[task.monitor] += QUIET
        else:
            self.found.setdefault(task.monitor, {}).setdefault(task.change, []).append(when)

    def summary(self) -> dict[str, Any]:
        """Return false alarms with the upper end of their rate, and how soon each change was told."""
        rows = {}
        for name in {**self.seconds, **self.found}:
            hours, count = self.seconds[name] / 3600, self.false[name]
            upper = float(chi2.ppf(0.95, 2 * (count + 1))) / 2  # of a Poisson distribution's mean, 95 % one-sided
            rows[name] = {
                "hours": hours, "false_alarms": count,
                "false_alarms_a_week": round(count / hours * WEEK, 2) if hours else None,
                "upper_a_week": round(upper / hours * WEEK, 2) if hours else None,
                "share_ringing": round(self.ringing[name] / self.seconds[name], 4) if hours else None,
                "changes": {change: _times(times) for change, times in self.found.get(name, {}).items()},
            }  # fmt: skip
        return rows


def _times(times: list[float | None]) -> dict[str, Any]:
    known = sorted(time for time in times if time is not None)
    middle = known[len(known) // 2] if len(known) > len(times) / 2 else None
    return {
        "drives": len(times), "found": len(known), "median_seconds": middle,
        "median_frames": None if middle is None else middle * FRAMES,
        "longest_seconds": known[-1] if known else None,
    }  # fmt: skip


class Drives:
    """Puts drives together and lets monitors watch them; each process has a copy.

    Args:
        pools: What the pipeline made of the photographs.
        every: Seconds between two comparisons.
    """

    def __init__(self, pools: dict[str, list[Look]], every: float) -> None:
        self._pools = pools
        self.reference = reference = make_reference(drive(lambda _: pools["same"], HOURS * 3600, 1))
        corrected = 0.001 / len((*PICTURE, *SIGN))
        self.monitors: dict[str, Callable[[], Any]] = {
            OURS: lambda: Monitor(reference, every),
            "one test a feature, p < 0.01": lambda: Plain(reference, every, 0.01),
            "one test a feature, p < 0.001, all features together": lambda: Plain(reference, every, corrected),
        }

    def __call__(self, task: Task) -> tuple[int, int, float | None]:
        """Return the alarms of a drive, for how long they lasted, and how long after its change drift was told."""
        monitor = self.monitors[task.monitor]()
        if task.change is None:
            return alarms(monitor, drive(lambda _: self._pools["same"], QUIET, 1000 + task.seed))
        samples = drive(onset(self._pools, task.change), BEFORE + AFTER, 5000 + task.seed)
        count, ringing, when = alarms(monitor, samples, BEFORE)
        return count, ringing, None if when is None else when - BEFORE


def plan(monitors: Sequence[str], hours: int, drives: int) -> list[Task]:
    """Return all drives: those with a change first."""
    tasks = [Task(name, change, seed) for seed in range(drives) for change in CHANGES for name in monitors]
    for number in range(hours * 3600 // QUIET):
        # The others ring all the time.
        tasks += [Task(name, None, number) for name in monitors if name == OURS or number * QUIET < BASELINE * 3600]
    return tasks


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("out/drift-looks.pickle"))
    parser.add_argument("--photographs", type=int, default=150)
    parser.add_argument("--changed", type=int, default=40, help="photographs a change")
    parser.add_argument("--hours", type=int, default=800)
    parser.add_argument("--drives", type=int, default=20)
    parser.add_argument("--every", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    pools = measure(find_data(options.data), options.photographs, options.changed, options.cache)
    pools["same"] = pools["reference"] + pools["same"]
    drives = Drives(pools, options.every)
    told = Told(Counter(), Counter(), Counter(), {})
    machine = asdict(describe_machine())

    def result() -> dict[str, Any]:
        return {
            "machine": machine, "photographs": options.photographs, "changed": options.changed,
            "every": options.every, "effective": drives.reference.effective, "frames_a_second": FRAMES,
            "monitors": told.summary(),
        }  # fmt: skip

    tasks = plan(list(drives.monitors), options.hours, options.drives)
    context = multiprocessing.get_context("fork")  # the drives are too large to be sent
    with ProcessPoolExecutor(options.processes, context, initializer=_take, initargs=(drives,)) as processes:
        for task, found in track(zip(tasks, processes.map(_watch, tasks)), "drives", total=len(tasks)):  # noqa: B905
            told.add(task, *found)
            if options.json:
                write_json(options.json, result())
    _print(result()["monitors"])


_drives: list[Drives] = []  # of this process


def _take(drives: Drives) -> None:
    _drives[:] = [drives]


def _watch(task: Task) -> tuple[int, int, float | None]:
    return _drives[0](task)


def _print(monitors: dict[str, Any]) -> None:
    table = Table("monitor", "false alarms", "hours", "a week at most", *CHANGES)
    for name, one in monitors.items():
        told = [one["changes"].get(change, {"found": 0, "drives": 0, "median_seconds": None}) for change in CHANGES]
        cells = [f"{cell['found']}/{cell['drives']}, {cell['median_seconds']} s" for cell in told]
        table.add_row(name, str(one["false_alarms"]), f"{one['hours']:g}", str(one["upper_a_week"]), *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
