"""Maps as GeoJSON."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.geodesy import offset
from signpipe.maps import MapKind, MapSign, SignMap, open_map

CATALOGUE = load_catalogue()
LIMIT_50 = CATALOGUE.by_name("speed_limit_50").id


def point(longitude: Any = 9.0, latitude: Any = 50.0, **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def line(corners: list[tuple[float, float]], **properties: Any) -> dict[str, Any]:
    geometry = {"type": "LineString", "coordinates": corners}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def written(folder: Path, *features: Any) -> Path:
    path = folder / "map.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def everything(signs: SignMap) -> list[MapSign]:
    return sorted(signs.near(50, 9, 1e6), key=lambda entry: (entry.latitude, entry.longitude, entry.heading or 0))


def test_points_have_a_class_and_a_heading(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {**point(9, 50, **{"class": "speed_limit_50", "heading": 350.5}), "id": 7},
        point(9, 50.001, **{"class": LIMIT_50}),
        point(9, 50.002, **{"class": "14", "heading": "12"}),
    )
    assert everything(open_map(path, CATALOGUE)) == [
        MapSign(50, 9, LIMIT_50, 350.5, "feature 7"),
        MapSign(50.001, 9, LIMIT_50, None, "feature 2"),
        MapSign(50.002, 9, CATALOGUE.by_name("stop").id, 12, "feature 3"),
    ]


def test_points_may_have_the_tags_of_openstreetmap(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        point(9, 50, traffic_sign="DE:274[50],1020-30", direction="90", **{"@id": "node/5"}),
        point(9, 50.001, traffic_sign="maxspeed", maxspeed=50, direction="NE"),
        point(9, 50.002, highway="stop", direction="forward"),
    )
    first, second, third = everything(open_map(path, CATALOGUE))
    assert first == MapSign(50, 9, LIMIT_50, 270, "feature node/5")  # its face looks east: read by who drives west
    assert (second.class_id, second.heading) == (LIMIT_50, 225)
    assert (third.class_id, third.heading) == (CATALOGUE.by_name("stop").id, None)  # its way isn't there


def test_roads_have_limits_along_them_in_both_directions(tmp_path: Path) -> None:
    corners = [(9.0, 50.0), (9.0, 50.001), (9.002, 50.001)]
    entries = everything(open_map(written(tmp_path, line(corners, maxspeed="50")), CATALOGUE))
    assert {entry.kind for entry in entries} == {MapKind.LIMIT}
    assert {entry.class_id for entry in entries} == {LIMIT_50}
    assert sorted({round(entry.heading or 0) % 360 for entry in entries}) == [0, 90, 180, 270]
    for share in (0, 0.25, 0.5, 0.75, 1):
        distances = [offset(50.0 + share * 0.001, 9.0, entry.latitude, entry.longitude) for entry in entries]
        assert min(east**2 + north**2 for east, north in distances) < 11**2


@pytest.mark.parametrize(
    ("tags", "headings"),
    [
        ({"maxspeed": "50", "oneway": "yes"}, {0}),
        ({"maxspeed": "50", "oneway": "-1"}, {180}),
        ({"maxspeed": "50", "oneway": "no"}, {0, 180}),
        ({"maxspeed": "50", "oneway": "reversible"}, {0, 180}),
        ({"maxspeed": "50", "oneway": "alternating"}, {0, 180}),
        ({"maxspeed": "50", "highway": "motorway"}, {0}),
        ({"maxspeed": "50", "highway": "motorway", "oneway": "no"}, {0, 180}),
        ({"maxspeed": "50", "highway": "motorway", "oneway": "-1"}, {180}),
        ({"maxspeed": "50", "highway": "motorway", "oneway": ""}, {0}),
        ({"maxspeed": "50", "highway": "motorway", "oneway": "reversible"}, {0, 180}),
        ({"maxspeed": "50", "highway": "motorway_link"}, {0, 180}),
        ({"maxspeed": "50", "highway": "tertiary", "junction": "roundabout"}, {0}),
        ({"maxspeed": "50", "highway": "tertiary", "junction": "circular"}, {0}),
        ({"maxspeed": "50", "highway": "tertiary", "junction": "jughandle"}, {0, 180}),
        ({"maxspeed:forward": "50", "maxspeed:backward": "50", "junction": "roundabout"}, {0}),
        ({"maxspeed:forward": "50"}, {0}),
        ({"maxspeed:backward": "50"}, {180}),
        ({"maxspeed": "70", "maxspeed:forward": "50", "oneway": "yes"}, {0}),
        ({"maxspeed": "none"}, set()),
        ({"maxspeed": "DE:urban"}, set()),
        ({"highway": "residential"}, set()),
    ],
)
def test_a_limit_holds_in_the_directions_that_the_tags_say(
    tmp_path: Path, tags: dict[str, str], headings: set[int]
) -> None:
    path = written(tmp_path, line([(9, 50), (9, 50.001)], **tags), point(8, 50, **{"class": "stop"}))
    limits = [entry for entry in everything(open_map(path, CATALOGUE)) if entry.kind is MapKind.LIMIT]
    assert {entry.heading for entry in limits} == headings
    assert {entry.class_id for entry in limits} <= {LIMIT_50}


def test_unknown_classes_are_counted_in_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(
        tmp_path,
        point(**{"class": "no_dancing"}),
        point(**{"class": 43}),
        point(traffic_sign="DE:101-11"),
        line([(9, 50), (9, 50.001)], maxspeed="40"),
        point(**{"class": "stop"}),
    )
    with caplog.at_level(logging.WARNING):
        assert len(open_map(path, CATALOGUE)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"The map {path} has 1 signs and limits of the catalogue; 5 others were passed over."
    ]


@pytest.mark.parametrize(
    ("properties", "heading"),
    [
        ({"class": 14.0, "heading": 90.0}, 90),
        ({"class": "14.0", "heading": "90.0"}, 90),
        ({"class": " stop ", "heading": ""}, None),
        ({"class": "stop", "heading": "  "}, None),
        ({"class": "stop", "heading": float("nan")}, None),
        ({"class": "", "heading": None, "highway": "stop", "direction": "S"}, 0),
        ({"class": None, "highway": "", "traffic_sign": "DE:206"}, None),
        ({"osm_id": "5", "other_tags": '"traffic_sign"=>"DE:206","note"=>"a \\"b\\"","direction"=>"S"'}, 0),
        ({"type": "node", "tags": {"highway": "stop", "direction": "S"}}, 0),
    ],
)
def test_a_sign_is_read_however_its_exporter_fills_the_table(
    tmp_path: Path, properties: dict[str, Any], heading: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    (entry,) = everything(open_map(written(tmp_path, point(**properties)), CATALOGUE))
    assert (CATALOGUE[entry.class_id].name, entry.heading) == ("stop", heading)
    assert not caplog.records


@pytest.mark.parametrize("maxspeed", [50, 50.0, "50", "50.0", "50 km/h", " 50 "])
def test_a_limit_is_read_however_its_exporter_writes_numbers(tmp_path: Path, maxspeed: Any) -> None:
    entries = everything(open_map(written(tmp_path, line([(9, 50), (9, 50.0001)], maxspeed=maxspeed)), CATALOGUE))
    assert {(entry.kind, entry.class_id) for entry in entries} == {(MapKind.LIMIT, LIMIT_50)}


def test_every_shape_of_a_feature_is_read(tmp_path: Path) -> None:
    places = [[9.0, 50.0], [9.0, 50.001, 120.0]]
    points: dict[str, Any] = {"type": "MultiPoint", "coordinates": places}
    collection: dict[str, Any] = {
        "type": "GeometryCollection",
        "geometries": [{"type": "Point", "coordinates": places[0]}, points],
    }
    for geometry, count in ((points, 2), (collection, 3)):
        feature = {"type": "Feature", "geometry": geometry, "properties": {"class": "stop"}}
        assert len(everything(open_map(written(tmp_path, feature), CATALOGUE))) == count
    lines = {"type": "MultiLineString", "coordinates": [places, [], [[9.1, 50.0], [9.1, 50.001]]]}
    feature = {"type": "Feature", "geometry": lines, "properties": {"maxspeed": 50.0}}
    entries = everything(open_map(written(tmp_path, feature), CATALOGUE))
    assert {round(entry.longitude, 3) for entry in entries} == {9.0, 9.1}


@pytest.mark.parametrize("key", ["railway", "waterway", "aeroway", "route"])
def test_only_roads_have_limits(tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture) -> None:
    corners: list[tuple[float, float]] = [(9, 50), (9, 50.001)]
    no_road = written(tmp_path, line(corners, maxspeed="120", **{key: "some"}), line(corners, **{key: "some"}))
    assert len(open_map(no_road, CATALOGUE)) == 0
    assert "1 limits of what is no road were passed over" in caplog.text
    tram_in_a_street = line(corners, maxspeed="50", highway="residential", **{key: "tram"})
    assert len(open_map(written(tmp_path, tram_in_a_street), CATALOGUE)) > 0


def test_what_speaks_of_signs_but_cant_be_used_is_counted_in_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    square = [[[9, 50], [9, 50.001], [9.001, 50.001], [9, 50]]]
    path = written(
        tmp_path,
        {"type": "Feature", "geometry": None, "properties": {"class": "stop"}},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": []}, "properties": {"class": "stop"}},
        {"type": "Feature", "geometry": {"type": "MultiPoint", "coordinates": []}, "properties": {"maxspeed": "50"}},
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": square}, "properties": {"maxspeed": "30"}},
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": square}, "properties": {"class": "stop"}},
        line([(9, 50), (9, 50.001)], **{"class": "stop"}),
        point(**{"class": "no_dancing"}),
        point(**{"class": "stop"}),
    )
    assert len(open_map(path, CATALOGUE)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"The map {path} has 1 signs and limits of the catalogue; 1 others, 3 features without a place, "
        "1 limits of areas, 2 signs that are no points were passed over."
    ]


def test_a_map_without_signs_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert open_map(written(tmp_path), CATALOGUE).near(50, 9, 1e6) == []
    assert "has no signs and limits of the catalogue" in caplog.text


def test_other_features_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(
        tmp_path,
        {"type": "Feature", "geometry": None, "properties": {"name": "a bench"}},
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": []}, "properties": None},
        point(name="a bench"),
        line([(9, 50), (9, 50.001)], **{"class": "secondary"}),
        point(**{"class": "stop"}),
    )
    assert len(open_map(path, CATALOGUE)) == 1
    assert not caplog.records


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        (point(9, 95, **{"class": "stop"}), "9, 95 are no longitude and latitude in WGS 84 degrees"),
        (point(3500000, 5500000, **{"class": "stop"}), "no longitude and latitude"),
        (point(9, float("nan"), **{"class": "stop"}), "no longitude and latitude"),
        (point(**{"class": "stop", "heading": "northish"}), "its heading can't be 'northish', but 0 to 360"),
        (point(**{"class": "stop", "heading": -10}), "its heading can't be -10"),
        (point(**{"class": ["stop"]}), "its class can't be ['stop']"),
        ({"type": "Feature", "geometry": {"type": "Point", "coordinates": [9]}, "properties": {}}, ""),
        ({"type": "Feature", "geometry": {"type": "Point"}, "properties": {}}, ""),
        ({"type": "Feature", "geometry": {"type": "LineString", "coordinates": [9, 50]}, "properties": {}}, ""),
        ({"type": "Feature", "geometry": [], "properties": {}}, ""),
        ({"type": "Feature", "geometry": {"type": "Point", "coordinates": [9, 50]}, "properties": "x"}, ""),
        (17, ""),
    ],
)
def test_a_bad_feature_is_named_in_one_sentence(tmp_path: Path, feature: Any, says: str) -> None:
    path = written(tmp_path, point(**{"class": "stop"}), feature)
    with pytest.raises(SourceError, match="has a bad feature, number 2") as caught:
        open_map(path, CATALOGUE)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith("correct it or take it out.")


@pytest.mark.parametrize("text", ["", "{", "[1", "\x00", "[" * 100_000])
def test_a_file_that_is_no_json_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.geojson"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"is no JSON .*give GeoJSON, \.osm or \.osm\.pbf"):
        open_map(path, CATALOGUE)


@pytest.mark.parametrize("tree", [[], 1, None, {}, {"type": "FeatureCollection"}, {"type": "Topology", "features": []}])
def test_json_that_is_no_collection_is_one_sentence(tmp_path: Path, tree: Any) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(SourceError, match="is no GeoJSON FeatureCollection"):
        open_map(path, CATALOGUE)


def test_a_missing_or_foreign_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no map .*missing\.geojson"):
        open_map(tmp_path / "missing.geojson", CATALOGUE)
    (tmp_path / "map.shp").write_bytes(b"")
    with pytest.raises(SourceError, match=r"of no known kind; give a \.geojson, \.osm or \.osm\.pbf file"):
        open_map(tmp_path / "map.shp", CATALOGUE)


def test_entries_are_found_by_place_across_the_antimeridian_and_at_the_pole(tmp_path: Path) -> None:
    places = [(179.9999, 10.0), (-179.9999, 10.0), (0.0, 90.0), (120.0, 89.9999), (9.0, 50.0)]
    signs = open_map(written(tmp_path, *(point(*at, **{"class": "stop"}) for at in places)), CATALOGUE)
    assert len(signs.near(10, 180, 25)) == 2
    assert len(signs.near(10, -180, 5)) == 0
    assert len(signs.near(90, 0, 20)) == 2
    assert [entry.source for entry in signs.near(50.0001, 9, 12)] == ["feature 5"]
    assert signs.near(50.0001, 9, 11) == []
