"""A cluster as a queue of events: recordings, pieces, failures, and one driver that hands out the work.

The driver, the workers and the store are the resources that tasks wait for. Service times are measured ones; the
lengths of recordings are lognormal, the times between failures of a node exponential, and a share of the tasks are
stragglers. So that a million hours take a minute to simulate, all that happens within half a minute is simulated at
once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from signpipe.geodesy import Values

HOUR = 3600.0
AT_ONCE = 30.0  # seconds, within which the order of events is no matter
FILES = 9  # of a recording that is done

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plant:
    """What is simulated.

    Attributes:
        nodes: Machines.
        cores: Of each; a task takes one.
        hours: Of video, of all recordings.
        median_hours: Of a recording.
        skew: Standard deviation of the logarithm of a recording's length.
        longest: Hours; what is longer is cut into files of so many beforehand.
        piece: Seconds of a piece.
        perceive: Seconds of a core for a second of video, in pieces.
        join: The same, for what is done once over the whole recording.
        start: Seconds to start a worker: import, models.
        driver: Seconds of the driver for a task.
        write: Seconds of the store for a file.
        store: Files that the store takes at a time.
        life: Hours between failures of a node.
        repair: Seconds until a node is back.
        slow: Share of tasks that are stragglers, and by how much these take longer.
        cells: Cells that a recording touches for each hour of it.
        spread: Cells in which there is anything at all.
        merge: Seconds to read a recording for a cell and merge it.
        held: Megabytes that a recording takes in memory meanwhile.
    """

    nodes: int = 1000
    cores: int = 16
    hours: float = 1e6
    median_hours: float = 0.7
    skew: float = 1.0
    longest: float = 1e9
    piece: float = 600.0
    perceive: float = 0.6
    join: float = 0.12
    start: float = 8.0
    driver: float = 0.0015
    write: float = 0.05
    store: int = 3500
    life: float = 2000.0
    repair: float = 600.0
    slow: tuple[float, float] = (0.01, 5.0)
    cells: float = 20.0
    spread: int = 250_000
    merge: float = 0.05
    held: float = 0.3


@dataclass(frozen=True, slots=True)
class Course:
    """How it went.

    Attributes:
        hours: On the clock, until all recordings are done.
        merge_hours: On the clock, for the merge.
        ideal_hours: All work, spread over all cores.
        busy: Share of the cores' time that was work that counts.
        tasks: Handed out.
        lost: Of them, tasks that were lost with their node.
        lost_share: Share of the work that was done in vain.
        driver: Share of the time that the driver was busy.
        waited: Mean seconds that a free core waited for the driver.
        store: Share of the time that the store was busy.
        files: Written.
        tail_hours: From when there is nothing left to hand out to the end.
        longest_hours: Of a recording.
        largest_cell: Recordings in the fullest cell.
        largest_cell_hours: On the clock, to merge it, which one core does.
        largest_cell_gb: Gigabytes of memory that this takes.
    """

    hours: float
    merge_hours: float
    ideal_hours: float
    busy: float
    tasks: int
    lost: int
    lost_share: float
    driver: float
    waited: float
    store: float
    files: int
    tail_hours: float
    longest_hours: float
    largest_cell: int
    largest_cell_hours: float
    largest_cell_gb: float


def lengths(plant: Plant, rng: np.random.Generator) -> Values:
    """Return the seconds of each recording, the longest first; together they are `hours`."""
    mean = plant.median_hours * np.exp(plant.skew**2 / 2)
    count = max(round(plant.hours / mean), 1)
    drawn = rng.lognormal(np.log(plant.median_hours), plant.skew, count)
    hours = drawn * plant.hours / drawn.sum()
    files = np.ceil(hours / plant.longest).astype(np.int64)
    return np.asarray(np.sort(np.repeat(hours / files, files) * HOUR)[::-1], np.float64)


def simulate(plant: Plant, seed: int = 1) -> Course:
    """Let a cluster work on recordings.

    Args:
        plant: The cluster and the work.
        seed: Another one gives other lengths and failures.
    """
    rng = np.random.default_rng(seed)
    seconds = lengths(plant, rng)
    run = _Run(plant, rng, seconds)
    run.go()
    work = float(seconds.sum()) * (plant.perceive + plant.join)
    merge, largest = _merge(plant, seconds, rng)
    cores = plant.nodes * plant.cores
    return Course(
        hours=run.now / HOUR,
        merge_hours=merge / HOUR,
        ideal_hours=work / cores / HOUR,
        busy=work / cores / run.now,
        tasks=run.tasks,
        lost=run.lost,
        lost_share=run.vain / (work + run.vain),
        driver=run.tasks * plant.driver / run.now,
        waited=run.waited / max(run.tasks, 1),
        store=run.files * plant.write / plant.store / run.now,
        files=run.files,
        tail_hours=(run.now - run.last_begun) / HOUR,
        longest_hours=float(seconds[0]) / HOUR,
        largest_cell=largest,
        largest_cell_hours=largest * plant.merge / HOUR,
        largest_cell_gb=largest * plant.held / 1e3,
    )


class _Stream:
    """What is to be handed out: what is ready or was lost first, then the recordings' pieces, the longest first."""

    def __init__(self, plant: Plant, seconds: Values) -> None:
        self.pieces = np.where(seconds > 1.5 * plant.piece, np.ceil(seconds / plant.piece), 1).astype(np.int64)
        self._each = seconds * (plant.perceive + np.where(self.pieces == 1, plant.join, 0.0)) / self.pieces
        self._ends = np.cumsum(self.pieces)
        self._next = 0
        self._urgent: list[tuple[int, float]] = []  # recording and seconds of core

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(self._urgent) or self._next < int(self._ends[-1])

    def put(self, recordings: Rows, work: Values) -> None:
        """Put tasks before all others."""
        self._urgent += zip(recordings.tolist(), work.tolist(), strict=True)

    def take(self, count: int) -> tuple[Rows, Values]:
        """Return recording and seconds of core of the next tasks, so many at most."""
        first, self._urgent = self._urgent[:count], self._urgent[count:]
        begin = self._next
        self._next = min(begin + count - len(first), int(self._ends[-1]))
        rows = np.searchsorted(self._ends, np.arange(begin, self._next), side="right")
        recordings = np.concatenate([np.array([row for row, _ in first], np.int64), rows])
        return recordings, np.concatenate([np.array([work for _, work in first]), self._each[rows]])


class _Run:
    """The course of one simulation: cores that end within the same half minute are given their next tasks at once."""

    def __init__(self, plant: Plant, rng: np.random.Generator, seconds: Values) -> None:
        self._plant, self._rng, self._seconds = plant, rng, seconds
        self._stream = _Stream(plant, seconds)
        self._missing = self._stream.pieces.copy()
        cores = plant.nodes * plant.cores
        # Of each core: when it is free, whose task it is on (-1: none), and the work of it.
        self._free = np.full(cores, plant.start)
        self._task = np.full(cores, -1)
        self._work = np.zeros(cores)
        self._fails = rng.exponential(plant.life * HOUR, plant.nodes)  # when each node fails next
        self._driver_free = 0.0
        self.now = self.last_begun = self.waited = self.vain = 0.0
        self.tasks = self.lost = self.files = 0

    def go(self) -> None:
        """Go from half minute to half minute until all is done."""
        left = len(self._seconds)
        while left:
            busy = self._task >= 0
            begin = max(float((self._free if self._stream else self._free[busy]).min()), self.now)
            failing = int(np.argmin(self._fails))
            if self._fails[failing] <= begin:
                self._fail(failing)
                continue
            end = min(begin + AT_ONCE, float(self._fails[failing]))
            ended = np.flatnonzero(busy & (self._free <= end))
            left -= self._end(ended)
            self._begin(np.flatnonzero((self._task < 0) & (self._free <= end)), begin)

    def _end(self, cores: Rows) -> int:
        """Note the ends of tasks; return how many recordings are done with them."""
        if not len(cores):
            return 0
        self.now = float(self._free[cores].max())
        recordings = self._task[cores]
        self._task[cores] = -1
        joined = (self._missing[recordings] == 0) | (self._stream.pieces[recordings] == 1)
        perceived, counts = np.unique(recordings[~joined], return_counts=True)
        self._missing[perceived] -= counts
        ready = perceived[self._missing[perceived] == 0]
        self._stream.put(ready, self._seconds[ready] * self._plant.join)
        done = int(joined.sum())
        self.files += FILES * done + len(recordings) - done
        return done

    def _begin(self, cores: Rows, now: float) -> None:
        """Give free cores their next tasks, in the order in which they ask the driver."""
        recordings, work = self._stream.take(len(cores))
        if not len(recordings):
            return
        plant = self._plant
        cores = cores[np.argsort(self._free[cores], kind="stable")][: len(recordings)]
        ready = np.maximum(self._free[cores], now)
        turn = np.arange(len(cores)) * plant.driver
        told = np.maximum(np.maximum.accumulate(ready - turn), self._driver_free) + turn + plant.driver
        self._driver_free = float(told[-1])
        share, factor = plant.slow
        longer = np.where(self._rng.random(len(cores)) < share, factor, 1.0)
        self._task[cores], self._work[cores] = recordings, work
        self._free[cores] = told + work * longer + plant.write
        self.tasks += len(cores)
        self.waited += float((told - ready).sum())
        self.last_begun = float(told[-1])

    def _fail(self, node: int) -> None:
        """Lose the tasks of a node, which is back after its repair."""
        plant, moment = self._plant, float(self._fails[node])
        cores = np.arange(node * plant.cores, (node + 1) * plant.cores)
        lost = cores[self._task[cores] >= 0]
        self._stream.put(self._task[lost], self._work[lost])
        self.lost += len(lost)
        self.vain += float(self._work[lost].sum()) / 2  # on average, it was half done
        self._task[cores] = -1
        self._free[cores] = moment + plant.repair + plant.start
        self._fails[node] = moment + plant.repair + float(self._rng.exponential(plant.life * HOUR))
        self.now = max(self.now, moment)


def _merge(plant: Plant, seconds: Values, rng: np.random.Generator) -> tuple[float, int]:
    """Return the seconds that the merge takes, and the recordings in the fullest cell.

    Cells are driven through as roads are: a few by very many recordings (Zipf's law).
    """
    touches = int(seconds.sum() / HOUR * plant.cells)
    weights = 1.0 / np.arange(1, plant.spread + 1) ** 0.6
    members = rng.multinomial(touches, weights / weights.sum())
    work = members * plant.merge + plant.driver
    cores = plant.nodes * plant.cores
    return float(max(work.sum() / cores, work.max(), len(members) * plant.driver)), int(members.max())


def variants(plant: Plant) -> dict[str, Plant]:
    """Return the plants that the document compares, by what differs."""
    return {
        "as planned": plant,
        "nothing split": replace(plant, piece=1e9),
        "pieces of a minute": replace(plant, piece=60.0),
        "no failures, no stragglers": replace(plant, life=1e9, slow=(0.0, 1.0)),
        "a node fails every 100 h": replace(plant, life=100.0),
        "one task in ten is a straggler": replace(plant, slow=(0.1, 5.0)),
        "very unequal recordings": replace(plant, skew=2.0),
        "the same, cut into files of half a day": replace(plant, skew=2.0, longest=12.0),
        "a driver ten times as slow": replace(plant, driver=plant.driver * 10),
        "a driver a hundred times as slow": replace(plant, driver=plant.driver * 100),
        "a store a hundred times as slow": replace(plant, store=max(plant.store // 100, 1)),
        "a third of the nodes": replace(plant, nodes=plant.nodes // 3),
        "three times the nodes": replace(plant, nodes=plant.nodes * 3),
        "ten times the nodes": replace(plant, nodes=plant.nodes * 10),
    }
