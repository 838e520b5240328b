"""The map as GeoJSON (RFC 7946), which `signpipe run --map` reads too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from signpipe.errors import OutputError
from signpipe.mapping.entry import Entry
from signpipe.mapping.writers.rows import Naming, row_of


def write_geojson(path: Path, entries: Sequence[Entry], naming: Naming) -> None:
    """Write points with the properties that docs/mapping.md describes, one a line.

    Raises:
        OutputError: The file can't be written.
    """
    features = [
        json.dumps(
            {
                "type": "Feature",
                "id": entry.id,
                "geometry": {"type": "Point", "coordinates": [entry.longitude, entry.latitude]},
                "properties": row_of(entry, naming),
            },
            ensure_ascii=False,
        )
        for entry in entries
    ]
    lines = ",\n".join(features)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n', encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The map can't be written to {path}: {error.strerror}.") from None
