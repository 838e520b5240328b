"""A cluster: Ray places workers on cores or GPUs, starts those again that are lost, and asks for more machines."""

from __future__ import annotations

import logging
import os
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from signpipe.batch.engines import LOST
from signpipe.batch.work import Outcome, Work, run_task
from signpipe.errors import SettingsError

_READY = 0.0  # seconds to ask whether a worker is there


class RayWorker:
    """What runs on a core or a GPU of the cluster; its models stay open from task to task."""

    def ready(self) -> bool:
        """Return True: whoever answers is there."""
        return True

    def run(self, task: Work) -> Outcome:
        """Do a task."""
        return run_task(task)


class RayEngine:
    """Gives tasks to actors of a Ray cluster, one at a time to each.

    Everything that a task needs and leaves lies where the results go, so that a node that is lost costs no more than
    the tasks that it was working on. Actors that Ray can't place yet make its autoscaler ask for machines; work begins
    with those that are there.

    Args:
        workers: How many actors; 0 is one for each core, or GPU, that the cluster has now.
        address: Of the cluster, or None for one of its own on this machine.
        gpus: GPUs an actor, 0 for a core each.

    Raises:
        SettingsError: There is no cluster at the address.
    """

    def __init__(self, workers: int, address: str | None, gpus: float) -> None:
        self._own = not ray.is_initialized()
        if self._own:
            _connect(workers, address)
        resources = ray.cluster_resources()
        there = int(resources.get("GPU", 0) / gpus) if gpus else int(resources.get("CPU", 1))
        options: dict[str, Any] = {"num_gpus": gpus} if gpus else {"num_cpus": 1}
        actor = ray.remote(**options, max_restarts=-1, max_task_retries=0)(RayWorker)
        self._actors = [actor.remote() for _ in range(workers or max(there, 1))]
        self._idle: list[Any] = []
        # An actor that isn't placed yet, or is being started again, is asked whether it is there.
        self._asked: dict[Any, Any] = {each.ready.remote(): each for each in self._actors}
        self._busy: dict[Any, tuple[Any, Work]] = {}

    @property
    def workers(self) -> int:
        """How many tasks it can do at a time: as many as there are workers placed."""
        return len(self._idle) + len(self._busy)

    def submit(self, task: Work) -> None:
        """Begin with a task."""
        worker = self._idle.pop()
        self._busy[worker.run.remote(task)] = (worker, task)

    def wait(self, seconds: float) -> list[tuple[Work, Outcome]]:
        """Return what has ended, and take in workers that are there now."""
        waiting = [*self._busy, *self._asked]
        done, _ = ray.wait(waiting, num_returns=1, timeout=seconds)
        more, _ = ray.wait(waiting, num_returns=len(waiting), timeout=_READY)
        return [ended for one in dict.fromkeys([*done, *more]) if (ended := self._take(one)) is not None]

    def _take(self, one: Any) -> tuple[Work, Outcome] | None:
        if one in self._asked:
            worker = self._asked.pop(one)
            try:
                ray.get(one)
                self._idle.append(worker)
            except RayError:
                self._asked[worker.ready.remote()] = worker
            return None
        worker, task = self._busy.pop(one)
        try:
            outcome: Outcome = ray.get(one)
            self._idle.append(worker)
        except RayActorError:
            outcome = Outcome(f"Work on {task} stopped: {LOST}.")
            self._asked[worker.ready.remote()] = worker
        except RayError as error:
            outcome = Outcome(f"Work on {task} stopped: {str(error).strip().splitlines()[0]}.")
            self._asked[worker.ready.remote()] = worker
        return task, outcome

    def close(self, *, kill: bool = False) -> None:
        """End the workers, and the cluster if it is one of its own."""
        for actor in self._actors if kill or not self._own else ():
            ray.kill(actor)
        if self._own:
            ray.shutdown()


def _connect(workers: int, address: str | None) -> None:
    """Connect to a cluster, or start one on this machine."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's own default of tomorrow
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    try:
        if address is None:
            ray.init(num_cpus=workers or None, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = f"There is no Ray cluster at {address}" if address else "Ray can't be started on this machine"
        raise SettingsError(f"{where} ({str(error).strip().splitlines()[0]}); see `ray start --head`.") from None
