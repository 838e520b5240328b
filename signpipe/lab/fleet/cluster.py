"""A cluster as a queue of events: recordings, pieces, failures, and one driver that hands out the work.

The driver, the workers and the store are the resources that tasks wait for. Service times are measured ones; the
lengths of recordings are lognormal, the times between failures of a node exponential, and a share of the tasks are
stragglers. So that a million hours take minutes to simulate, nodes are simulated, not their cores: a node works on as
many tasks as it has cores.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from signpipe.geodesy import Values

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Plant:
    """What is simulated.

    Attributes:
        nodes: Machines.
        cores: Of each; a task takes one.
        hours: Of video, of all recordings.
        median_hours: Of a recording.
        skew: Standard deviation of the logarithm of a recording's length.
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
    """

    nodes: int = 1000
    cores: int = 16
    hours: float = 1e6
    median_hours: float = 0.7
    skew: float = 1.0
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


def lengths(plant: Plant, rng: np.random.Generator) -> Values:
    """Return the seconds of each recording, the longest first; together they are `hours`."""
    mean = plant.median_hours * np.exp(plant.skew**2 / 2)
    count = max(round(plant.hours / mean), 1)
    drawn = rng.lognormal(np.log(plant.median_hours), plant.skew, count)
    return np.asarray(np.sort(drawn * plant.hours / drawn.sum() * HOUR)[::-1], np.float64)


@dataclass(slots=True)
class _Node:
    failures: int = 0  # tasks that were begun before the last one are lost
    down_until: float = 0.0


def simulate(plant: Plant, seed: int = 1) -> Course:
    """Let a cluster work on recordings.

    Args:
        plant: The cluster and the work.
        seed: Another one gives other lengths and failures.
    """
    rng = np.random.default_rng(seed)
    seconds = lengths(plant, rng)
    pieces = np.where(seconds > 1.5 * plant.piece, np.ceil(seconds / plant.piece), 1).astype(np.int64)
    run = _Run(plant, rng, seconds, pieces)
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
        driver=run.driver_busy / run.now,
        waited=run.waited / max(run.tasks, 1),
        store=run.files * plant.write / plant.store / run.now,
        files=run.files,
        tail_hours=(run.now - run.last_begun) / HOUR,
        longest_hours=float(seconds[0]) / HOUR,
        largest_cell=largest,
    )


class _Run:
    """The events of one simulation."""

    def __init__(self, plant: Plant, rng: np.random.Generator, seconds: Values, pieces: npt.NDArray[np.int64]) -> None:
        self._plant, self._rng = plant, rng
        self._seconds, self._pieces = seconds, pieces
        self._missing = pieces.copy()
        self._next = 0  # recording that is split next
        self._urgent: list[tuple[int, float]] = []  # recording and seconds of core, of what is ready
        self._events: list[tuple[float, int, int, int, float, int]] = []  # end, number, node, recording, work, failures
        self._nodes = [_Node() for _ in range(plant.nodes)]
        self._number = 0
        self._free_at = 0.0  # when the driver is free
        self.now = self.last_begun = self.driver_busy = self.waited = self.vain = 0.0
        self.tasks = self.lost = self.files = 0

    def go(self) -> None:
        """Go from event to event until all is done."""
        plant = self._plant
        for node in range(plant.nodes):
            self._push(float(self._rng.exponential(plant.life * HOUR)), node, -1, 0.0)
            for _ in range(plant.cores):
                self._begin(node, plant.start)
        left = len(self._seconds)
        waiting: list[int] = []  # nodes of cores that have nothing to do
        while left:
            end, _, node, recording, work, failures = heapq.heappop(self._events)
            self.now = end
            if recording == -1:
                self._fail(node)
                continue
            if failures != self._nodes[node].failures:
                self._lose(recording, work)
                waiting = self._wake(waiting)
                if not self._begin(node, max(self._nodes[node].down_until, end) + plant.start):
                    waiting.append(node)
                continue
            left -= self._done(recording)
            waiting = self._wake(waiting)
            if not self._begin(node, end):
                waiting.append(node)

    def _done(self, recording: int) -> bool:
        """Note the end of a task; return whether the recording is done with it."""
        pieces = int(self._pieces[recording])
        if pieces == 1:
            self.files += 9
            return True
        if self._missing[recording] == 0:
            self.files += 9
            return True
        self.files += 1
        self._missing[recording] -= 1
        if self._missing[recording] == 0:
            self._urgent.append((recording, float(self._seconds[recording]) * self._plant.join))
        return False

    def _wake(self, waiting: list[int]) -> list[int]:
        while waiting and self._urgent:
            self._begin(waiting.pop(), self.now)
        return waiting

    def _lose(self, recording: int, work: float) -> None:
        self.lost += 1
        self.vain += work / 2  # on average, it was half done
        self._urgent.append((recording, work))

    def _fail(self, node: int) -> None:
        plant = self._plant
        self._nodes[node].failures += 1
        self._nodes[node].down_until = self.now + plant.repair
        self._push(self.now + plant.repair + float(self._rng.exponential(plant.life * HOUR)), node, -1, 0.0)

    def _begin(self, node: int, ready: float) -> bool:
        """Give a core its next task; return whether there was one."""
        plant = self._plant
        if not self._urgent:
            if self._next == len(self._seconds):
                return False
            length, pieces = float(self._seconds[self._next]), int(self._pieces[self._next])
            each = length * (plant.perceive + (plant.join if pieces == 1 else 0.0)) / pieces
            self._urgent += [(self._next, each)] * pieces
            self._next += 1
        recording, work = self._urgent.pop()
        told = max(ready, self._free_at) + plant.driver
        self.waited += told - ready
        self.driver_busy += plant.driver
        self._free_at = max(ready, self._free_at) + plant.driver if ready <= self.now else self._free_at + plant.driver
        share, factor = plant.slow
        longer = factor if self._rng.random() < share else 1.0
        self.tasks += 1
        self.last_begun = max(self.last_begun, told)
        self._push(told + work * longer + plant.write, node, recording, work)
        return True

    def _push(self, end: float, node: int, recording: int, work: float) -> None:
        self._number += 1
        entry = (end, self._number, node, recording, work, self._nodes[node].failures)
        heapq.heappush(self._events, entry)


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
        "a driver ten times as slow": replace(plant, driver=plant.driver * 10),
        "a driver a hundred times as slow": replace(plant, driver=plant.driver * 100),
        "a store a hundred times as slow": replace(plant, store=max(plant.store // 100, 1)),
        "a third of the nodes": replace(plant, nodes=plant.nodes // 3),
        "three times the nodes": replace(plant, nodes=plant.nodes * 3),
    }
