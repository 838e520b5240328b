"""What a person says of the events of a drive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError, SourceError
from signpipe.shadow.store import VERDICTS, Drive, write_json


class Verdict(StrEnum):
    """Who was right."""

    FAULT = "fault"  # signpipe was wrong
    NO_FAULT = "no_fault"  # signpipe was right: the driver or the map wasn't
    UNCLEAR = "unclear"  # it can't be told; counts as a fault


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a page saved.

    Attributes:
        by: Who gave them, or nothing.
        said: By the event's id: the verdict, and a note.
    """

    by: str
    said: dict[str, tuple[Verdict, str]]


def read_verdicts(file: Path) -> Verdicts:
    """Read what the page of a drive saved.

    Raises:
        SourceError: The file is missing, or holds no verdicts.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        said = {
            str(event_id): (Verdict(one["verdict"]), str(one.get("note", "")))
            for event_id, one in content["verdicts"].items()
        }
        return Verdicts(str(content.get("by", "")), said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise SourceError(
            f"{file} is missing or holds no verdicts; give the JSON file that the page of a drive in shadow mode saved."
        ) from None


def take_in(drive: Drive, given: Verdicts, by: str | None, user: str) -> tuple[int, int]:
    """Add verdicts to those of a drive; a later one of the same event replaces an earlier one.

    Args:
        drive: The drive.
        given: What was said.
        by: Who says so, before the name on the page.
        user: Who is taken where nobody is named.

    Returns:
        How many were taken, and how many were of events that aren't there.

    Raises:
        SourceError: The verdicts that are kept can't be read.
        OutputError: They can't be written.
    """
    kept = stored(drive.folder)
    there = {event.id for event in drive.events}
    taken = {event_id: said for event_id, said in given.said.items() if event_id in there}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for event_id, (verdict, note) in taken.items():
        kept[event_id] = {"verdict": str(verdict), "note": note, "by": by or given.by or user, "at": now}
    try:
        write_json(drive.folder / VERDICTS, {"verdicts": kept})
    except OSError as error:
        raise OutputError(f"The verdicts can't be written to {drive.folder}: {error.strerror}.") from None
    return len(taken), len(given.said) - len(taken)


def stored(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the verdicts that a drive has: by the event's id, with `verdict`, `note`, `by` and `at`.

    Raises:
        SourceError: They can't be read.
    """
    file = folder / VERDICTS
    if not file.exists():
        return {}
    read_verdicts(file)
    content: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["verdicts"]
    return content
