"""A map beside what drives saw: missing, wrong and gone signs, limits, and changes that OpenStreetMap's tools read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas
import osmium
import pytest

from signpipe.catalogue.countries import load_country
from signpipe.errors import OutputError
from signpipe.geodesy import place
from signpipe.mapping.comparing import Finding, Verdict, compare_limits, compare_signs
from signpipe.mapping.entry import Entry
from signpipe.mapping.merging import merge
from signpipe.mapping.placed import LimitStretch, Waypoint
from signpipe.mapping.writers import Naming, writer_for
from signpipe.mapping.writers.osm_change import tags_of, write_osm_change
from signpipe.maps import MapKind, MapSign, open_map
from tests.mapping.test_merging import HOME, drives

GERMANY = load_country("de")
CATALOGUE, NAMING = GERMANY.catalogue, Naming(GERMANY.catalogue, "de")
SIGNS = {1: ("stop", 4.0, 60.0), 2: ("speed_limit_50", 4.5, 140.0), 3: ("no_entry", 4.0, 230.0)}


def at(name: str, east: float, north: float, heading: float | None = 0.0, source: str = "node 1") -> MapSign:
    latitude, longitude = place(*HOME, east, north)
    return MapSign(float(latitude), float(longitude), CATALOGUE.by_name(name).id, heading, source)


def seen() -> tuple[list[Entry], list[Waypoint]]:
    signs, ways = drives(4, SIGNS)
    return merge(signs, ways), ways


def by_verdict(found: list[Finding]) -> dict[Verdict, list[Finding]]:
    return {verdict: [one for one in found if one.verdict is verdict] for verdict in Verdict}


def test_each_sign_agrees_is_missing_wrong_or_gone() -> None:
    entries, ways = seen()
    mapped = [at("stop", 0.0, 70.0), at("speed_limit_70", 0.0, 130.0), at("give_way", 1.0, 330.0), at("stop", 0, 900.0)]
    found = by_verdict(compare_signs(entries, mapped, ways, CATALOGUE))
    assert [one.entry.class_name for one in found[Verdict.AGREES] if one.entry] == ["stop"]
    assert [one.entry.class_name for one in found[Verdict.WRONG] if one.entry] == ["speed_limit_50"]
    assert [one.entry.class_name for one in found[Verdict.MISSING] if one.entry] == ["no_entry"]
    (gone,) = found[Verdict.GONE]  # the stop 900 m off was never passed
    assert gone.mapped == mapped[2]
    assert gone.passes == 4


def test_a_sign_for_the_other_direction_is_another_one() -> None:
    entries, ways = seen()
    found = by_verdict(compare_signs(entries, [at("stop", 0.0, 60.0, heading=180.0)], ways, CATALOGUE))
    assert not found[Verdict.AGREES]
    assert len(found[Verdict.MISSING]) == 3
    assert not found[Verdict.GONE]  # nobody drove towards its face


def test_limits_are_compared_along_the_road_and_in_its_direction() -> None:
    path = [tuple(map(float, place(*HOME, 0.0, north))) for north in range(0, 100, 4)]
    stretch = LimitStretch("day0", 50.0, "limit 50", True, [(lat, lon) for lat, lon in path], 96.0)
    limits = [replace(at("speed_limit_50", 2.0, north), kind=MapKind.LIMIT) for north in range(0, 100, 20)]
    other = [replace(one, class_id=CATALOGUE.by_name("speed_limit_70").id) for one in limits]
    against = [replace(one, heading=180.0) for one in other]
    assert [(one.mapped, one.agrees) for one in compare_limits([stretch], limits + against, CATALOGUE)] == [(50, True)]
    assert [(one.mapped, one.agrees) for one in compare_limits([stretch], other, CATALOGUE)] == [(70, False)]
    assert [(one.mapped, one.agrees) for one in compare_limits([stretch], [], CATALOGUE)] == [(None, None)]
    unsure = replace(stretch, sure=False)
    assert [one.agrees for one in compare_limits([unsure], limits, CATALOGUE)] == [None]


def test_the_change_file_creates_what_is_missing_and_modifies_what_is_wrong(tmp_path: Path) -> None:
    entries, ways = seen()
    nodes = {7: ("DE:274-70", "speed_limit_70", 130.0), 8: ("DE:205", "give_way", 330.0)}
    extract = tmp_path / "region.osm"
    lines = "".join(
        f'<node id="{number}" version="{number}" lat="{at(name, 0, north).latitude:.7f}" lon="9.0" visible="true">'
        f'<tag k="traffic_sign" v="{tag}"/><tag k="direction" v="180"/><tag k="note" v="by hand"/></node>'
        for number, (tag, name, north) in nodes.items()
    )
    extract.write_text(f'<osm version="0.6">{lines}</osm>')
    found = compare_signs(entries, open_map(extract, CATALOGUE), ways, CATALOGUE)
    out = tmp_path / "signs.osc"
    assert write_osm_change(out, found, NAMING, extract) == {"created": 2, "modified": 2}
    nodes_read = (node for node in osmium.FileProcessor(str(out)) if isinstance(node, osmium.osm.Node))
    read = {node.id: (node.version, dict(node.tags)) for node in nodes_read}
    created = {tags["traffic_sign"]: tags for number, (_, tags) in read.items() if number < 0}
    assert set(created) == {"DE:206", "DE:267"}
    assert created["DE:206"]["check_date"] == "1970-01-04"
    assert read[7] == (
        7,
        {"note": "by hand", **tags_of(next(e for e in entries if e.class_name == "speed_limit_50"), NAMING)},
    )
    assert read[7][1]["maxspeed"] == "50"
    assert read[8] == (8, {"note": "by hand", "direction": "180"})


@pytest.mark.parametrize("name", ["signs.gpkg", "signs.parquet", "signs.geojson"])
def test_other_programs_read_the_files(tmp_path: Path, name: str) -> None:
    entries, _ = seen()
    path = tmp_path / "new" / name
    writer_for(path)(path, entries, NAMING)
    table = geopandas.read_parquet(path) if name.endswith("parquet") else geopandas.read_file(path)
    assert table.crs.to_epsg() == 4326
    assert sorted(table["best_class"]) == sorted(entry.class_name for entry in entries)
    assert [(point.x, point.y) for point in table.geometry] == [(one.longitude, one.latitude) for one in entries]


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    entries, _ = seen()
    (tmp_path / "file").write_text("")
    for name in ("signs.gpkg", "signs.parquet", "signs.geojson", "signs.csv"):
        path = tmp_path / "file" / name
        with pytest.raises(OutputError, match="can't be written"):
            writer_for(path)(path, entries, NAMING)
    with pytest.raises(OutputError, match="can't be written"):
        write_osm_change(tmp_path / "file" / "a.osc", [], NAMING, None)
