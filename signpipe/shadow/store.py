"""The folder of a drive in shadow mode: what is in it, and when it is removed."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError, SourceError

SCHEMA = 1
DRIVE, TIMELINE, EVENTS, VERDICTS = "drive.json", "timeline.jsonl", "events", "verdicts.json"
CLIP, STILL = "clip.mp4", "still.jpg"
_EVENT, _DAY = "event.json", 86400.0


@dataclass(slots=True)
class Event:
    """A disagreement as it is kept.

    Attributes:
        id: Such as "0003-sign_missed"; its folder is called so.
        kind: Such as "sign_missed".
        reason: In one sentence.
        at: Media time in seconds at which it counts.
        since: Media time at which it began.
        road: Where: "town", "country", "motorway" or "unknown".
        light: "day", "dusk", "night" or "unknown".
        weather: "clear", "rain", "snow", "fog" or "unknown".
        speed: The driver's, in km/h, or None where unknown.
        braking: Deceleration in m/s2, or None where unknown.
        told: Limit in km/h that the car would have been told, "none" for no limit, or None.
        mapped: Limit in km/h by the map, or None.
        conflict: What signpipe itself says was overruled, or None.
        latitude: WGS 84 degrees, or None.
        longitude: WGS 84 degrees, or None.
        utc: Seconds since 1970, or None.
        clip: File name of its video, or None while there is none.
    """

    id: str
    kind: str
    reason: str
    at: float
    since: float
    road: str = "unknown"
    light: str = "unknown"
    weather: str = "unknown"
    speed: float | None = None
    braking: float | None = None
    told: float | str | None = None
    mapped: float | None = None
    conflict: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    utc: float | None = None
    clip: str | None = None


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive that was recorded in shadow mode.

    Attributes:
        folder: Where it lies.
        facts: What `drive.json` says: source, models, settings, version, start, rows of exposure.
        events: In order.
    """

    folder: Path
    facts: dict[str, Any]
    events: list[Event]


def create(folder: Path) -> None:
    """Make the folder of a new drive.

    Raises:
        OutputError: There is a drive or something else already, or it can't be written.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputError(f"The folder {folder} isn't empty; give each drive in shadow mode a folder of its own.")
        (folder / EVENTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The drive can't be written to {folder}: {error.strerror}.") from None


def event_folder(folder: Path, event_id: str) -> Path:
    """Return where an event of a drive lies."""
    return folder / EVENTS / event_id


def write_event(folder: Path, event: Event) -> None:
    """Write an event, whole or not at all.

    Raises:
        OSError: It can't be written.
    """
    place = event_folder(folder, event.id)
    place.mkdir(parents=True, exist_ok=True)
    write_json(place / _EVENT, asdict(event))


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file under another name and rename it, so that it is there whole or not at all.

    Raises:
        OSError: It can't be written.
    """
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)


def read_drive(folder: Path) -> Drive:
    """Read what is kept of a drive.

    Raises:
        SourceError: There is none, or a file of it is damaged.
    """
    try:
        facts = json.loads((folder / DRIVE).read_text(encoding="utf-8"))
        files = sorted((folder / EVENTS).glob(f"*/{_EVENT}"))
        events = [Event(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
        if facts["schema"] != SCHEMA:
            raise ValueError(f"schema {facts['schema']} isn't {SCHEMA}")
        return Drive(folder, facts, events)
    except OSError as error:
        raise SourceError(
            f"There is no drive of shadow mode in {folder}: {error.strerror}; `signpipe shadow SOURCE --out` makes one."
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"The drive in {folder} is damaged: {' '.join(str(error).split())}.") from None


def prune(folder: Path, days: float, now: float | None = None) -> int:
    """Remove clips and places of a drive that is older than it may be kept; what was counted stays.

    Args:
        folder: Of the drive.
        days: From its end on.
        now: Seconds since 1970; the default is the clock.

    Returns:
        How many files were removed.

    Raises:
        SourceError: There is no drive.
        OutputError: A file can't be removed.
    """
    drive = read_drive(folder)
    ended = drive.facts.get("ended") or drive.facts["started"]
    if ((time.time() if now is None else now) - float(ended)) / _DAY < days:
        return 0
    removed = 0
    try:
        for file in (folder / TIMELINE, folder / "review.html", *(folder / EVENTS).glob("*/*.*")):
            if file.name != _EVENT and file.exists():
                file.unlink()
                removed += 1
        for event in drive.events:
            event.clip = event.latitude = event.longitude = event.utc = None
            write_event(folder, event)
    except OSError as error:
        raise OutputError(f"What is too old in {folder} can't be removed: {error.strerror}.") from None
    return removed
