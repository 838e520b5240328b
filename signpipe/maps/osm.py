"""Signs and limits from OpenStreetMap extracts."""

from __future__ import annotations

import math
from pathlib import Path

from signpipe.errors import ExtraMissingError, SourceError
from signpipe.geodesy import bearing, offset
from signpipe.maps.tags import TagReader

KEYS = ("traffic_sign", "traffic_sign:forward", "traffic_sign:backward", "highway", "maxspeed", "maxspeed:forward",
        "maxspeed:backward")  # fmt: skip


def read_osm(path: Path, reader: TagReader) -> None:
    """Read nodes with `traffic_sign` or `highway=stop|give_way`, and ways with `maxspeed`.

    Args:
        path: An .osm (XML) or .osm.pbf file.
        reader: Takes what is read.

    Raises:
        SourceError: The file can't be read or is damaged.
        ExtraMissingError: The extra "map" isn't installed.
    """
    try:
        import osmium
    except ImportError:
        raise ExtraMissingError("Reading OpenStreetMap extracts", "map") from None
    nodes: dict[int, tuple[float, float, dict[str, str]]] = {}
    ways: dict[int, float] = {}
    file = osmium.io.File(str(path), "pbf" if path.suffix.lower() == ".pbf" else "osm")
    try:
        # Nodes come before ways in an extract, and the filter has no say in which locations are remembered.
        for thing in osmium.FileProcessor(file).with_locations().with_filter(osmium.filter.KeyFilter(*KEYS)):
            tags = dict(thing.tags)
            if isinstance(thing, osmium.osm.Node) and thing.location.valid():
                nodes[thing.id] = (thing.location.lat, thing.location.lon, tags)
            elif isinstance(thing, osmium.osm.Way) and "highway" in tags:
                corners = [(node.ref, node.lat, node.lon) for node in thing.nodes if node.location.valid()]
                reader.road([corner[1:] for corner in corners], tags, f"way {thing.id}")
                for at, (ref, _, _) in enumerate(corners):
                    if ref in nodes and ref not in ways and (heading := _heading(corners, at)) is not None:
                        ways[ref] = heading
    except (RuntimeError, OSError) as error:  # all that libosmium throws
        raise SourceError(f"The map {path} can't be read ({error}); fetch the extract again.") from None
    for ref, (latitude, longitude, tags) in nodes.items():
        reader.point(latitude, longitude, tags, f"node {ref}", ways.get(ref))


def _heading(corners: list[tuple[int, float, float]], at: int) -> float | None:
    """Return the direction of a way at one of its nodes in degrees, from the node before to the node after."""
    before, after = corners[max(at - 1, 0)], corners[min(at + 1, len(corners) - 1)]
    east, north = offset(*before[1:], *after[1:])
    return float(bearing(east, north)) if math.hypot(east, north) else None
