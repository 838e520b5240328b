"""Who does the tasks: processes of this machine, or a cluster."""

from __future__ import annotations

from typing import Protocol

from signpipe.batch.work import Outcome, Work

LOST = "the process that worked on it was killed, or its machine was lost"


class Engine(Protocol):
    """Does tasks, each in a process of its own; one that dies costs its task alone."""

    @property
    def workers(self) -> int:
        """How many tasks it can do at a time; may change while it runs."""

    def submit(self, task: Work) -> None:
        """Begin with a task; at most `workers` may be under way."""

    def wait(self, seconds: float) -> list[tuple[Work, Outcome]]:
        """Return what has ended since the last call; wait for something to end, but no longer than so many seconds."""

    def close(self, *, kill: bool = False) -> None:
        """End all processes.

        Args:
            kill: At once; otherwise none may be working any more.
        """
