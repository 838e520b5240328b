"""Writing a map of signs, in the format that a file's name asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from signpipe.errors import OutputError
from signpipe.mapping.entry import Entry
from signpipe.mapping.writers.geojson import write_geojson
from signpipe.mapping.writers.rows import Naming
from signpipe.mapping.writers.tables import write_csv, write_geopackage, write_geoparquet

__all__ = ["FORMATS", "Naming", "writer_for"]

Writer = Callable[[Path, Sequence[Entry], Naming], None]

FORMATS: dict[str, Writer] = {
    ".geojson": write_geojson,
    ".json": write_geojson,
    ".gpkg": write_geopackage,
    ".parquet": write_geoparquet,
    ".csv": write_csv,
}


def writer_for(path: Path) -> Writer:
    """Return what writes a file of this name.

    Raises:
        OutputError: No format ends so.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(f"A map can't be written as {path.name}; end its name in {', '.join(FORMATS)}.") from None
