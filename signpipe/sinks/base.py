"""What every sink has in common."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from signpipe.settings import OUTPUTS
from signpipe.types import FrameResult


class ReaderGoneError(BrokenPipeError):
    """Who read the standard output of a run has left: the run should end, and quietly."""


@runtime_checkable
class Sink(Protocol):
    """Somewhere that results go: whatever has these two methods. If it has a `name`, messages call it by that.

    Each sink has a thread of its own, which alone calls it, and a bounded queue before it: a slow one can't stall
    perception, and what it raises is reported once, while the run goes on.

        class Teller:
            def write(self, result):
                for event in result.events:
                    print(event.message)

            def close(self):
                pass

        signpipe.watch(0, sinks=[Teller()])
    """

    def write(self, result: FrameResult) -> None:
        """Take the result of one frame or gap.

        The result is shared with the other sinks: nothing in it may be changed.

        Raises:
            OSError: It can't be written, for instance because the disk is full.
        """

    def close(self) -> None:
        """Finish what was written; a second call does nothing."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is known of a run before its first frame.

    Attributes:
        source: Name of the source without credentials.
        live: True if the source can't wait (a camera or a stream).
        width: Width of the source's pictures in pixels, or None where unknown.
        height: Their height in pixels, or None where unknown.
        fps: Nominal frames per second, or None where unknown.
        models: SHA-256 of each model's file by the model's name, or None where no manifest lists it.
        providers: Execution providers that really run the models.
        classifier: SHA-256 of the classifier among them, or None.
        country: Code of the country whose signs they are, or None with a catalogue of one's own.
        settings_digest: `settings_digest` of the settings in force.
        inputs: Files, folders and patterns that the run reads, which no output may overwrite.
        started: When the run began, with a time zone.
    """

    source: str
    live: bool = False
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    models: dict[str, str | None] = field(default_factory=dict)
    providers: tuple[str, ...] = ()
    classifier: str | None = None
    country: str | None = None
    settings_digest: str = ""
    inputs: tuple[str, ...] = ()
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


def settings_digest(settings: BaseModel) -> str:
    """Return the SHA-256 of all settings but where the outputs go, so that two runs can be compared."""
    tree = settings.model_dump(mode="json", exclude=set(OUTPUTS))
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()
