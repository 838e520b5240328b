"""Signs and limits from GeoJSON (RFC 7946)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from signpipe.errors import SourceError
from signpipe.maps.tags import TagReader

_IDS = ("@id", "osm_id", "id")  # where converters keep the number of the object
_SAYING = ("class", "traffic_sign", "maxspeed")  # properties by which a feature would have counted
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')  # what ogr2ogr keeps in "other_tags"
NO_PLACE = "features without a place"
NO_POINT = "signs that are no points"
NO_ROAD = "limits of areas"


def read_geojson(path: Path, reader: TagReader) -> None:
    """Read points with `class` and `heading`, or with OpenStreetMap's tags, and roads with `maxspeed`.

    `class` is a name or number of the catalogue; `heading` is the direction of travel for which the sign holds, in
    degrees clockwise from north. Other features are passed over; those that speak of signs or limits are counted.

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
        except (AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise SourceError(
                f"The map {path} has a bad feature, number {number} ({error}); correct it or take it out."
            ) from None


def _feature(feature: dict[str, Any], number: int, reader: TagReader) -> None:
    """Read one feature."""
    properties = _properties(feature.get("properties") or {})
    tags = {key: str(value) for key, value in properties.items()}
    names = [feature.get("id"), *(properties.get(key) for key in _IDS), number]
    source = f"feature {next(name for name in names if name is not None)}"
    shapes = list(_shapes(feature.get("geometry")))
    if not shapes:
        reader.passed[NO_PLACE] += any(key in properties for key in _SAYING)
    for kind, coordinates in shapes:
        if kind == "Point":
            _point(_place(coordinates), properties, tags, source, reader)
            continue
        if kind == "LineString":
            reader.road([_place(place) for place in coordinates], tags, source)
        elif "maxspeed" in tags:
            reader.passed[NO_ROAD] += 1
        reader.passed[NO_POINT] += "traffic_sign" in tags or _names_a_sign(properties, reader)


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that say something, with the tags that some converters keep in one of them."""
    nested, other = given.get("tags"), given.get("other_tags")
    inner = dict(nested) if isinstance(nested, dict) else {}
    inner.update(_HSTORE.findall(other) if isinstance(other, str) else [])
    return {key: value for key, value in {**inner, **given}.items() if not _empty(value)}


def _shapes(geometry: dict[str, Any] | None) -> Iterator[tuple[str, list[Any]]]:
    """Yield kind and coordinates of each single shape of a geometry; none of one that is null or empty."""
    if geometry is None:
        return
    kind: str = geometry["type"]
    if kind == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _shapes(part)
    elif (coordinates := geometry["coordinates"]) != []:
        single = kind.removeprefix("Multi")
        yield from ((single, part) for part in ([coordinates] if kind == single else coordinates) if part != [])


def _empty(value: Any) -> bool:
    """Return whether a property says nothing: tables exported as GeoJSON fill their gaps in different ways."""
    return value is None or (isinstance(value, str) and not value.strip()) or (value != value)


def _class(value: Any) -> int | str:
    """Return a class as a name or number; tables with gaps export whole numbers as 14.0.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and (number := value.strip().removesuffix(".0")).isdecimal():
        return int(number)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"its class can't be {value!r}")
    return value


def _names_a_sign(properties: dict[str, Any], reader: TagReader) -> bool:
    """Return whether the class is the name of a sign: roads have classes too, such as "secondary"."""
    name = properties.get("class")
    return isinstance(name, str) and reader.codes.named(name) is not None


def _point(
    at: tuple[float, float], properties: dict[str, Any], tags: dict[str, str], source: str, reader: TagReader
) -> None:
    """Read one point."""
    if "class" not in properties:
        reader.point(*at, tags, source)
        return
    class_id = reader.codes.named(_class(properties["class"]))
    heading = properties.get("heading")
    if heading is not None:
        try:
            heading = float(heading)
        except (TypeError, ValueError):
            heading = math.nan
        if not 0 <= heading <= 360:
            raise ValueError(f"its heading can't be {properties['heading']!r}, but 0 to 360 degrees")
    reader.add(*at, class_id, heading, source)


def _place(coordinates: list[Any]) -> tuple[float, float]:
    """Return latitude and longitude of a position, which is longitude first."""
    longitude, latitude = float(coordinates[0]), float(coordinates[1])
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ValueError(f"{longitude:g}, {latitude:g} are no longitude and latitude in WGS 84 degrees")
    return latitude, longitude
