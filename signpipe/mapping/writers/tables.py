"""The map as a table: CSV, GeoPackage and GeoParquet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signpipe.errors import ExtraMissingError, OutputError
from signpipe.mapping.entry import Entry
from signpipe.mapping.writers.rows import Naming, row_of

LAYER = "signs"


def write_csv(path: Path, entries: Sequence[Entry], naming: Naming) -> None:
    """Write a line an entry, with its longitude and latitude first.

    Raises:
        OutputError: The file can't be written.
    """
    rows = [{"longitude": one.longitude, "latitude": one.latitude, **row_of(one, naming)} for one in entries]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            if rows:
                table = csv.DictWriter(file, rows[0])
                table.writeheader()
                table.writerows(rows)
    except OSError as error:
        raise OutputError(f"The map can't be written to {path}: {error.strerror}.") from None


def write_geopackage(path: Path, entries: Sequence[Entry], naming: Naming) -> None:
    """Write the layer `signs` of a GeoPackage (OGC 12-128).

    Raises:
        OutputError: The file can't be written.
        ExtraMissingError: The extra "map" isn't installed.
    """
    frame = _frame(entries, naming)
    _with_error(path, lambda: frame.to_file(path, layer=LAYER, driver="GPKG", engine="pyogrio"))


def write_geoparquet(path: Path, entries: Sequence[Entry], naming: Naming) -> None:
    """Write GeoParquet, with places as WKB.

    Raises:
        OutputError: The file can't be written.
        ExtraMissingError: The extra "map" isn't installed.
    """
    frame = _frame(entries, naming)
    _with_error(path, lambda: frame.to_parquet(path, index=False))


def _frame(entries: Sequence[Entry], naming: Naming) -> Any:
    try:
        import geopandas
    except ImportError:
        raise ExtraMissingError("Writing GeoPackage and GeoParquet", "map") from None
    places = geopandas.points_from_xy([one.longitude for one in entries], [one.latitude for one in entries])
    return geopandas.GeoDataFrame([row_of(one, naming) for one in entries], geometry=places, crs="EPSG:4326")


def _with_error(path: Path, write: Any) -> None:
    """Write a file, and make one sentence of what goes wrong.

    Raises:
        OutputError: It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        write()
    except (OSError, RuntimeError) as error:  # pyogrio's errors are RuntimeErrors
        raise OutputError(f"The map can't be written to {path}: {error}.") from None
