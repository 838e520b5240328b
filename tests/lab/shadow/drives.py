"""Drives in shadow mode for the tests, written as the recorder writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signpipe.shadow import store
from signpipe.shadow.store import Event


def write_drive(folder: Path, kilometres: float = 50.0, kinds: tuple[str, ...] = (), **row: Any) -> Path:
    """Write a drive with events of some kinds; without clips."""
    store.create(folder)
    exposure = {
        "road": "country",
        "light": "day",
        "weather": "clear",
        "kilometres": kilometres,
        "hours": kilometres / 60,
    }
    for number, kind in enumerate(kinds, 1):
        store.write_event(folder, Event(f"{number:04d}-{kind}", kind, f"reason {number}", 10.0 * number, 9.0))
    facts = {"schema": store.SCHEMA, "started": 1.7e9, "ended": 1.7e9, "source": "drive.mp4", "version": "1"}
    store.write_json(folder / store.DRIVE, facts | {"exposure": [exposure | row], "blind_hours": 0.0})
    return folder
