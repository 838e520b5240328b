"""The order of the work, whatever is lost on the way: every recording ends once, and no task is tried for ever."""

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from signpipe.batch.engines import LOST
from signpipe.batch.recordings import Recording
from signpipe.batch.schedule import Report, Runner, Schedule
from signpipe.batch.work import Job, Outcome, Task, Work


class Unreliable:
    """An engine that loses some of its tasks.

    Args:
        workers: How many tasks it takes at a time.
        pieces: Pieces of each recording by its name; 1 for one that isn't split.
        fates: What becomes of one task after the other: "done", "lost" or "bad"; done, once there is no more of it.
    """

    def __init__(self, workers: int, pieces: dict[str, int], fates: list[str]) -> None:
        self.workers = workers
        self._pieces, self._fates = pieces, fates
        self._busy: list[Work] = []
        self.begun: Counter[str] = Counter()
        self.perceived: Counter[str] = Counter()

    def submit(self, task: Work) -> None:
        self._busy.append(task)
        assert len(self._busy) <= self.workers
        self.begun[str(task)] += 1

    def wait(self, seconds: float) -> list[tuple[Work, Outcome]]:
        assert seconds > 0
        task, fate = self._busy.pop(), self._fates.pop() if self._fates else "done"
        assert isinstance(task, Task)
        name = task.job.recording.name
        if fate != "done":
            return [(task, Outcome(LOST, lasting=fate == "bad"))]
        if task.piece is not None:
            self.perceived[name] += 1
        if task.piece is None and self._pieces[name] > 1 and not task.pieces:
            return [(task, Outcome(pieces=self._pieces[name]))]
        return [(task, Outcome(seconds=1.0))]

    def close(self, *, kill: bool = False) -> None:
        assert not self._busy or kill


def job(number: int) -> Job:
    return Job(Recording(f"r{number}", f"/r{number}.mp4", 1), "/out", {}, "identity", 600.0)


@given(
    pieces=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    workers=st.integers(1, 4),
    fates=st.lists(st.sampled_from(["done", "lost", "bad"]), max_size=60),
    retries=st.integers(0, 3),
)
def test_every_recording_ends_once(pieces: list[int], workers: int, fates: list[str], retries: int) -> None:
    jobs = [job(number) for number in range(len(pieces))]
    engine = Unreliable(workers, {each.recording.name: count for each, count in zip(jobs, pieces, strict=True)}, fates)
    ended: list[str] = []
    report = Report()
    runner = Runner(engine, retries, threading.Event(), report)
    Schedule(runner, lambda one, _: ended.append(one.recording.name)).run(jobs)
    assert sorted(ended) == sorted(each.recording.name for each in jobs)
    assert report.done + len(report.failed) == len(jobs)
    assert report.left == report.skipped == 0
    # A recording that is split is begun twice: to find that, and to be joined.
    assert max(engine.begun.values()) <= 2 * (retries + 1)
    assert not set(report.failed) & {each.recording.name for each in jobs if ended.count(each.recording.name) > 1}


@given(workers=st.integers(1, 4), count=st.integers(1, 9), after=st.integers(0, 9))
def test_nothing_is_begun_after_the_run_is_ended(workers: int, count: int, after: int) -> None:
    jobs = [job(number) for number in range(count)]
    engine = Unreliable(workers, {each.recording.name: 1 for each in jobs}, [])
    drain = threading.Event()
    if not after:
        drain.set()
    ended: list[str] = []

    def told(one: Job, _: Outcome) -> None:
        ended.append(one.recording.name)
        if len(ended) >= after:
            drain.set()

    report = Report()
    Schedule(Runner(engine, 2, drain, report), told).run(jobs)
    assert len(ended) == report.done == sum(engine.begun.values())
    assert report.done <= after + workers - 1 if after else report.done == 0
    assert report.left == count - report.done
