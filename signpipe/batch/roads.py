"""What a batch's recordings tell a map, read from their tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from signpipe.batch.store import MARKER, Store
from signpipe.batch.tables import LEARNED, read_table
from signpipe.batch.work import RESULTS
from signpipe.errors import SourceError
from signpipe.mapping.driven import lay_limits
from signpipe.mapping.placed import DrivenRoad, PlacedSign, Waypoint
from signpipe.mapping.recording import LimitChange, note_limit

ACTIVE = "active"  # status of a limit that isn't the last known one only


def recordings_in(path: Path) -> list[Path]:
    """Return the folders of the recordings that are done, of a batch or of one recording.

    Raises:
        SourceError: None is.
    """
    folders = (
        [path] if (path / MARKER).is_file() else sorted(each.parent for each in (path / RESULTS).glob(f"*/{MARKER}"))
    )
    if not folders:
        raise SourceError(f"No recording of the batch {path} is done yet; give `signpipe batch` again.")
    return folders


def read_road(folder: Path) -> tuple[DrivenRoad, str | None]:
    """Return what a recording tells a map, and the code of its country.

    Raises:
        SourceError: A table can't be read, or the recording has no positions.
    """
    name = folder.name
    try:
        store = Store(str(folder))
        signs = [PlacedSign(**row | {"belief": dict(row["belief"])}) for row in _rows(store, "places")]
        waypoints = [Waypoint(**row) for row in _rows(store, "waypoints")]
        (run,) = _rows(store, "run")
        changes = _changes(_rows(store, "frames"))
    except (OSError, ValueError, TypeError) as error:  # those of pyarrow are among them
        raise SourceError(
            f"The tables of {name} can't be read ({str(error).splitlines()[0]}); make them again."
        ) from None
    if not waypoints:
        why = "; ".join(run["warnings"]) or "it has no positions"
        raise SourceError(f"The recording {name} tells a map nothing: {why.rstrip('.')}.")
    focal, focal_sigma, *mounting = (_number(run[column]) for column in LEARNED[:6])
    delay = None if run["ahead"] is None else (run["ahead"], run["ahead_sigma"])
    limits = lay_limits(changes, waypoints)
    return DrivenRoad(
        name,
        signs,
        waypoints,
        limits,
        (focal, focal_sigma),
        (mounting[0], mounting[1], mounting[2], mounting[3]),
        delay,
    ), run["country"]


def _number(value: float | None) -> float:
    """Return a number; nan where an older batch doesn't tell it."""
    return math.nan if value is None else value


def _rows(store: Store, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(store, table).to_pylist()
    return rows


def _changes(frames: list[dict[str, Any]]) -> list[LimitChange]:
    """Return from when on which limit held."""
    changes: list[LimitChange] = []
    for frame in frames:
        if frame["limit_status"] is not None:
            value = frame["limit_kmh"]
            message = "no limit" if value is None else f"limit {value:g} km/h"
            note_limit(changes, LimitChange(frame["media_time"], value, message, frame["limit_status"] == ACTIVE))
    return changes
