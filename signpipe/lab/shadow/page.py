"""The page of a drive: its events with their clips, each for a verdict with one key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signpipe.html import Html, Section, data_uri, templates, write_page
from signpipe.lab.shadow.verdicts import Verdict, stored
from signpipe.shadow.store import EVENTS, STILL, Drive, Event, event_folder

_KEYS = {Verdict.FAULT: "1", Verdict.NO_FAULT: "2", Verdict.UNCLEAR: "3"}
_MEANINGS = {
    Verdict.FAULT: "signpipe was wrong",
    Verdict.NO_FAULT: "signpipe was right: the driver or the map wasn't",
    Verdict.UNCLEAR: "can't be told",
}


def write_review_page(path: Path, drive: Drive) -> None:
    """Write the page beside the drive's events. It has a still of each; the clips play where they lie beside it.

    Args:
        path: The HTML file, in the drive's folder.
        drive: The drive.

    Raises:
        OutputError: The file can't be written.
        SourceError: The verdicts that there are can't be read.
    """
    verdicts = stored(drive.folder)
    cards = [_card(drive, event, verdicts.get(event.id)) for event in drive.events]
    choices = [(str(verdict), key, _MEANINGS[verdict]) for verdict, key in _KEYS.items()]
    body = Html(templates(__package__).get_template("review.html").render(cards=cards, choices=choices))
    km = sum(row["kilometres"] for row in drive.facts.get("exposure", ()))
    note = f"{len(cards)} disagreements in {km:.2f} km of {Path(str(drive.facts.get('source'))).name}"
    write_page(path, "Shadow mode: verdicts", [Section("Events", body)], note)


def _card(drive: Drive, event: Event, said: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the page shows of an event."""
    where = f"{event.road}, {event.light}, weather {event.weather}"
    speed = "unknown" if event.speed is None else f"{event.speed:.0f} km/h"
    facts = [
        f"at {event.at:.1f} s, since {event.since:.1f} s; {where}",
        f"driver {speed}; told {event.told if event.told is not None else 'nothing'}; map "
        f"{event.mapped if event.mapped is not None else 'unknown'}",
        *([event.conflict] if event.conflict else []),
        *([f"{event.latitude:.5f}, {event.longitude:.5f}"] if event.latitude and event.longitude else []),
    ]
    clip = f"{EVENTS}/{event.id}/{event.clip}" if event.clip else None
    picture = event_folder(drive.folder, event.id) / STILL
    still = picture.read_bytes() if picture.is_file() else None
    return {
        "id": event.id, "kind": event.kind.replace("_", " "), "reason": event.reason, "facts": facts, "clip": clip,
        "still": data_uri(still) if still else None, "said": said,
    }  # fmt: skip
