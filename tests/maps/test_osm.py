"""Maps as extracts of OpenStreetMap, written by pyosmium."""

import os
import subprocess
import sys
from pathlib import Path

import osmium
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.maps import MapKind, MapSign, SignMap, open_map

CATALOGUE = load_catalogue()
Tags = dict[str, str]


def extract(path: Path, nodes: dict[int, tuple[float, float, Tags]], ways: dict[int, tuple[list[int], Tags]]) -> Path:
    """Write nodes, as longitude, latitude and tags, and ways."""
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for number, (longitude, latitude, tags) in nodes.items():
            writer.add_node(osmium.osm.mutable.Node(id=number, location=(longitude, latitude), tags=tags))
        for number, (refs, tags) in ways.items():
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=refs, tags=tags))
    return path


def by_source(signs: SignMap) -> dict[str, list[tuple[str, float | None]]]:
    found: dict[str, list[tuple[str, float | None]]] = {}
    for entry in signs.near(50, 9, 1e5):
        if entry.kind is MapKind.SIGN:
            heading = None if entry.heading is None else round(entry.heading) % 360
            found.setdefault(entry.source, []).append((CATALOGUE[entry.class_id].name, heading))
    return {source: sorted(entries, key=str) for source, entries in found.items()}


@pytest.fixture(params=["map.osm.pbf", "map.osm", "map.PBF"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A road to the north with signs on it and beside it."""
    name = str(request.param)
    written = extract(
        tmp_path / name.lower(),
        {
            1: (9.0, 50.0, {}),
            2: (9.0, 50.001, {"traffic_sign": "DE:274-50", "direction": "forward"}),
            3: (9.0, 50.002, {"traffic_sign": "DE:276;DE:274[80]", "traffic_sign:direction": "backward"}),
            4: (9.0, 50.003, {"highway": "stop", "direction": "backward"}),
            5: (9.0, 50.004, {"traffic_sign:forward": "DE:205", "traffic_sign:backward": "DE:306"}),
            6: (9.0, 50.005, {"highway": "give_way"}),
            7: (9.0002, 50.001, {"traffic_sign": "maxspeed", "maxspeed": "30", "direction": "180"}),
            8: (9.0002, 50.002, {"traffic_sign": "DE:267", "direction": "35;215"}),
            9: (9.0002, 50.003, {"traffic_sign": "DE:206", "direction": "forward"}),  # on no way
            10: (9.0002, 50.004, {"traffic_sign": "city_limit"}),
            11: (9.0002, 50.004, {"highway": "crossing"}),
            12: (9.0002, 50.004, {"amenity": "bench", "direction": "W"}),
            13: (9.0, 50.006, {"highway": "stop", "traffic_sign": "stop", "direction": "forward"}),
        },
        {
            1: ([1, 2, 3, 4, 5, 6, 13], {"highway": "secondary", "maxspeed": "50"}),
            2: ([1, 7], {"highway": "service", "maxspeed:forward": "30", "maxspeed:backward": "walk"}),
            3: ([1, 999], {"highway": "service", "maxspeed": "30"}),  # cut at the extract's edge
            4: ([1, 9], {"waterway": "river", "maxspeed": "10"}),
        },
    )
    return written.rename(tmp_path / name) if name != name.lower() else written


def test_signs_are_read_with_the_directions_for_which_they_hold(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert by_source(open_map(path, CATALOGUE)) == {
        "node 2": [("speed_limit_50", 0)],
        "node 3": [("no_overtaking", 180), ("speed_limit_80", 180)],
        "node 4": [("stop", 180)],
        "node 5": [("give_way", 0), ("priority_road", 180)],
        "node 6": [("give_way", None)],
        "node 7": [("speed_limit_30", 0)],  # its face looks south: read by who drives north
        "node 8": [("no_entry", 215), ("no_entry", 35)],
        "node 9": [("stop", None)],
        "node 13": [("stop", 0)],  # once, though tagged twice
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"The map {path} has {len(open_map(path, CATALOGUE))} signs and limits of the catalogue; "
        "1 others were passed over."
    ]


def test_limits_are_read_along_the_ways(path: Path) -> None:
    limits = [entry for entry in open_map(path, CATALOGUE).near(50, 9, 1e5) if entry.kind is MapKind.LIMIT]
    ways: dict[str, list[MapSign]] = {}
    for entry in limits:
        ways.setdefault(entry.source, []).append(entry)
    assert set(ways) == {"way 1", "way 2"}
    assert {CATALOGUE[entry.class_id].name for entry in ways["way 1"]} == {"speed_limit_50"}
    assert {round(entry.heading or 0) for entry in ways["way 1"]} == {0, 180}
    assert {round(entry.heading or 0) for entry in ways["way 2"]} == {7}


@pytest.mark.parametrize("name", ["map.osm", "map.osm.pbf"])
def test_a_damaged_extract_is_one_sentence(tmp_path: Path, name: str) -> None:
    whole = extract(tmp_path / name, {n: (9.0, 50 + n / 1e4, {"highway": "stop"}) for n in range(1, 2000)}, {})
    cut = whole.read_bytes()
    for damaged in (cut[: len(cut) // 2], b"", b"\x00" * 64, cut[:40] + os.urandom(200) + cut[240:]):
        whole.write_bytes(damaged)
        with pytest.raises(SourceError, match=r"can't be read .*fetch the extract again"):
            open_map(whole, CATALOGUE)


def test_the_missing_extra_is_named(tmp_path: Path) -> None:
    """Shadow pyosmium with a module that can't be imported, as where the extra isn't installed."""
    (tmp_path / "osmium.py").write_text("raise ImportError('not installed')")
    (tmp_path / "map.osm").write_text("<osm version='0.6'/>")
    program = (
        "from pathlib import Path; from signpipe.maps import open_map; from signpipe.catalogue import load_catalogue;"
        "from signpipe.errors import ExtraMissingError\n"
        f"try: open_map(Path({str(tmp_path / 'map.osm')!r}), load_catalogue())\n"
        "except ExtraMissingError as error: print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "pip install 'signpipe[map]'" in said.stdout
