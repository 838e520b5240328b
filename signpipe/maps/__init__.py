"""Maps: signs and limits from a local file, found by place."""

from __future__ import annotations

import logging
from pathlib import Path

from signpipe.catalogue import Catalogue
from signpipe.errors import SourceError
from signpipe.maps.codes import SignCodes
from signpipe.maps.entry import MapKind, MapSign
from signpipe.maps.geojson import read_geojson
from signpipe.maps.index import SignMap
from signpipe.maps.osm import read_osm
from signpipe.maps.tags import TagReader

__all__ = ["MapKind", "MapSign", "SignMap", "open_map"]

logger = logging.getLogger(__name__)
_READERS = {".geojson": read_geojson, ".json": read_geojson, ".osm": read_osm, ".pbf": read_osm}


def open_map(path: Path, catalogue: Catalogue) -> SignMap:
    """Read a map.

    What is passed over, such as signs that the catalogue doesn't have, is counted in one warning.

    Args:
        path: GeoJSON (.geojson, .json), .osm or .osm.pbf.
        catalogue: The classes that there are.

    Raises:
        SourceError: The file is missing, of another kind, or damaged.
        ExtraMissingError: It is an extract of OpenStreetMap, and the extra "map" isn't installed.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise SourceError(f"The map {path} is of no known kind; give a .geojson, .osm or .osm.pbf file.")
    if not path.is_file():
        raise SourceError(f"There is no map {path}; name a .geojson, .osm or .osm.pbf file.")
    reader = TagReader(SignCodes(catalogue))
    read(path, reader)
    passed = [f"{count} {what}" for what, count in (("others", reader.unknown), *reader.passed.items()) if count]
    if passed or not reader.entries:
        logger.warning(
            "The map %s has %s signs and limits of the catalogue; %s were passed over.",
            path, len(reader.entries) or "no", ", ".join(passed) or "no others",
        )  # fmt: skip
    return SignMap(reader.entries)
