"""Signs and limits from GeoJSON (RFC 7946)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from signpipe.errors import SourceError
from signpipe.maps.tags import TagReader

_IDS = ("@id", "osm_id", "id")  # where converters keep the number of the object


def read_geojson(path: Path, reader: TagReader) -> None:
    """Read points with `class` and `heading`, or with OpenStreetMap's tags, and roads with `maxspeed`.

    `class` is a name or number of the catalogue; `heading` is the direction of travel for which the sign holds, in
    degrees clockwise from north. Other features are passed over.

    Raises:
        SourceError: The file can't be read, is no GeoJSON, or a feature in it is malformed.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"The map {path} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise SourceError(f"The map {path} is no JSON ({error}); give GeoJSON, .osm or .osm.pbf.") from None
    kind = tree.get("type") if isinstance(tree, dict) else None
    features = [tree] if kind == "Feature" else tree.get("features") if kind == "FeatureCollection" else None
    if not isinstance(features, list):
        raise SourceError(f"The map {path} is no GeoJSON FeatureCollection; export its features as one.")
    for number, feature in enumerate(features, 1):
        try:
            _feature(feature, number, reader)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise SourceError(
                f"The map {path} has a bad feature, number {number} ({error}); correct it or take it out."
            ) from None


def _feature(feature: dict[str, Any], number: int, reader: TagReader) -> None:
    """Read one feature."""
    properties = feature.get("properties") or {}
    geometry = feature.get("geometry")
    if geometry is None:
        return
    names = [feature.get("id"), *(properties.get(key) for key in _IDS), number]
    name = next(name for name in names if name is not None)
    source = f"feature {name}"
    tags = {key: str(value) for key, value in properties.items() if value is not None}
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    if kind == "Point":
        _point(_place(coordinates), properties, tags, source, reader)
    elif kind in ("LineString", "MultiLineString"):
        for line in [coordinates] if kind == "LineString" else coordinates:
            reader.road([_place(place) for place in line], tags, source)


def _point(
    at: tuple[float, float], properties: dict[str, Any], tags: dict[str, str], source: str, reader: TagReader
) -> None:
    """Read one point."""
    name = properties.get("class")
    if name is None:
        reader.point(*at, tags, source)
        return
    if isinstance(name, bool) or not isinstance(name, int | str):
        raise ValueError(f"its class can't be {name!r}")
    heading = properties.get("heading")
    if heading is not None:
        try:
            heading = float(heading)
        except (TypeError, ValueError):
            heading = float("nan")
        if not 0 <= heading <= 360:
            raise ValueError(f"its heading can't be {properties['heading']!r}, but 0 to 360 degrees")
    reader.add(*at, reader.codes.named(name), heading, source)


def _place(coordinates: list[Any]) -> tuple[float, float]:
    """Return latitude and longitude of a position, which is longitude first."""
    longitude, latitude = float(coordinates[0]), float(coordinates[1])
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ValueError(f"{longitude:g}, {latitude:g} are no longitude and latitude in WGS 84 degrees")
    return latitude, longitude
