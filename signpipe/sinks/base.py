"""What every sink has in common."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from signpipe.errors import OutputError
from signpipe.types import FrameResult


class Sink(Protocol):
    """Somewhere that results go: whatever has these two methods. If it has a `name`, messages call it by that."""

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
        fps: Nominal frames a second, or None where unknown.
        models: SHA-256 of each model's file by the model's name, or None where no manifest lists it.
        providers: Execution providers that really run the models.
        classifier: SHA-256 of the classifier among them, or None.
        settings_digest: `settings_digest` of the settings in force.
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
    settings_digest: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


def settings_digest(settings: BaseModel) -> str:
    """Return the SHA-256 of all settings but where the outputs go, so that two runs can be compared."""
    return hashlib.sha256(settings.model_dump_json(exclude={"output", "review"}).encode()).hexdigest()


def prepare_file(path: Path, what: str, source: str) -> None:
    """Make sure that a file can be written, and create the folders above it.

    Args:
        path: The file; what it holds isn't touched.
        what: What the file is for, for the message.
        source: Name of the run's source, which must not be overwritten.

    Raises:
        OutputError: It can't be written there, or it is the source itself.
    """
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise OutputError(f"The {what} would overwrite its own source {path}; choose another name for it.")
    existed = path.exists()
    if path.is_fifo() or path.is_char_device():
        return  # its reader would take a first look for the end
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise OutputError(
            f"The {what} can't be written to {path} ({error.strerror}); choose a folder that you may write to."
        ) from None
