"""Merging the signs of all recordings, one cell of the map at a time: no machine ever holds more than that.

A cell is a tile of the usual web map. Each recording tells in which cells it has something to say, its margin counted
in; a cell reads these recordings alone, merges what lies in it and its margin, and keeps the signs that stand in it. So
each sign is kept by one cell, and that one saw all sightings of it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.batch.manifest import describe
from signpipe.batch.schema import ENTRIES, SCHEMA
from signpipe.batch.store import MARKER, Store
from signpipe.batch.tables import TableFile, read_table
from signpipe.geodesy import metres_per_degree
from signpipe.mapping.entry import Entry
from signpipe.mapping.merging import merge
from signpipe.mapping.placed import PlacedSign, Waypoint
from signpipe.version import VERSION

ZOOM = 14  # tiles of about 1.5 km in the middle of Europe
# Metres around a cell whose signs and ways are merged with it: association reaches 25 m, plain view 60 m, and errors of
# receivers are evened out among signs nearby.
MARGIN = 200.0
_NORTHMOST = 85.05  # degrees: as far as the web map goes


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell to be merged.

    Attributes:
        name: Zoom, column and row.
        out: Where the results are, and go.
        recordings: Those that have something to say of it, in order, each with a digest of what that is.
    """

    name: str
    out: str
    recordings: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"cell {self.name}"

    @property
    def key(self) -> str:
        """Digest of all that the cell depends on."""
        text = json.dumps([SCHEMA, VERSION, self.name, MARGIN, self.recordings])
        return hashlib.sha256(text.encode()).hexdigest()


def cells_of(latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64], margin: float) -> set[str]:
    """Return the cells that places lie in, or within so many metres of."""
    names: set[str] = set()
    column, row, reach = _tiles(latitude, longitude, margin)
    for across in (-1, 0, 1):
        for down in (-1, 0, 1):
            columns = np.floor(column + across * reach).astype(int) % 2**ZOOM
            rows = np.floor(row + down * reach).astype(int)
            names |= {f"{ZOOM}-{x}-{y}" for x, y in zip(columns.tolist(), rows.tolist(), strict=True)}
    return names


def _tiles(
    latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64], margin: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return column and row of places, with fractions, and a margin in tiles."""
    phi = np.radians(np.clip(latitude, -_NORTHMOST, _NORTHMOST))
    column = (longitude + 180.0) / 360.0 * 2**ZOOM
    row = (1.0 - np.arcsinh(np.tan(phi)) / math.pi) / 2.0 * 2**ZOOM
    _, east = metres_per_degree(latitude)
    return column, row, margin / (east * 360.0 / 2**ZOOM)


def touched(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells that a recording has something to say of, in order.

    Args:
        tables: Its tables `places` and `waypoints`.
    """
    names: set[str] = set()
    for table in tables.values():
        latitude, longitude = (table[column].to_numpy() for column in ("latitude", "longitude"))
        names |= cells_of(latitude, longitude, MARGIN)
    return tuple(sorted(names))


def merge_cell(cell: Cell) -> bool:
    """Merge what lies in a cell, unless that is done already.

    Returns:
        Whether there was anything to do.

    Raises:
        OSError: Something can't be read or written.
    """
    store = Store(cell.out)
    folder = f"signs/{cell.name}"
    if _key(store.read(f"{folder}/{MARKER}")) == cell.key:
        return False
    signs: list[PlacedSign] = []
    waypoints: list[Waypoint] = []
    for name, _ in cell.recordings:
        signs += [PlacedSign(**row | {"belief": dict(row["belief"])}) for row in _rows(store, name, "places", cell)]
        waypoints += [Waypoint(**row) for row in _rows(store, name, "waypoints", cell)]
    entries = [entry for entry in merge(signs, waypoints) if is_in(entry, cell.name)]
    with store.scratch(cell.name) as scratch:
        path = scratch / "entries.parquet"
        table = TableFile(path, ENTRIES)
        for entry in entries:
            table.add(entry_row(entry, cell.name))
        table.close()
        told = {"schema": SCHEMA, "cell": cell.name, "key": cell.key, "files": {path.name: asdict(describe(path))}}
        (scratch / MARKER).write_text(json.dumps(told, indent=1) + "\n")
        store.commit(scratch, folder)
    return True


def is_in(entry: Entry, cell: str) -> bool:
    """Return whether a sign stands in a cell."""
    return cells_of(np.array([entry.latitude]), np.array([entry.longitude]), 0.0) == {cell}


def entry_row(entry: Entry, cell: str) -> dict[str, Any]:
    """Return a sign of the map as a row."""
    row = {name: getattr(entry, name) for name in ENTRIES.names if hasattr(entry, name)}
    drives, tracks = [drive for drive, _ in entry.members], [track for _, track in entry.members]
    return row | {
        "cell": cell, "side": entry.side.value, "state": entry.state.value, "drives": drives, "tracks": tracks,
    }  # fmt: skip


def _rows(store: Store, recording: str, table: str, cell: Cell) -> Iterable[dict[str, Any]]:
    """Return what a recording says of a cell and its margin."""
    whole = read_table(store, table, f"recordings/{recording}")
    latitude, longitude = (whole[column].to_numpy() for column in ("latitude", "longitude"))
    near = np.zeros(len(whole), bool)
    column, row, reach = _tiles(latitude, longitude, MARGIN)
    _, x, y = map(int, cell.name.split("-"))
    for across in (-1, 0, 1):
        for down in (-1, 0, 1):
            near |= (np.floor(column + across * reach) % 2**ZOOM == x) & (np.floor(row + down * reach) == y)
    rows: list[dict[str, Any]] = whole.filter(near).to_pylist()
    return rows


def _key(content: bytes | None) -> str | None:
    try:
        tree = json.loads(content or b"{}")
    except ValueError:
        return None
    return tree.get("key") if isinstance(tree, dict) else None
