"""Merging by cells of the map: what comes of it is what merging everything at once gives."""

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from signpipe.batch.cells import MARGIN, Cell, cells_of, merge_cell, touched
from signpipe.batch.schema import ENTRIES, TABLES
from signpipe.batch.store import Store
from signpipe.batch.tables import TableFile
from signpipe.geodesy import place
from signpipe.mapping.entry import Entry
from signpipe.mapping.merging import merge
from signpipe.mapping.placed import DrivenRoad, PlacedSign, Waypoint
from tests.mapping.streets import driven, street


@pytest.fixture(scope="module")
def roads() -> list[DrivenRoad]:
    return [driven(street(drives=2), number) for number in range(2)]


def put(road: DrivenRoad, out: Path) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Write what a drive tells as a recording's tables; return its name with a digest, and its cells."""
    folder = out / "recordings" / road.name
    folder.mkdir(parents=True)
    for name, rows in (("places", road.signs), ("waypoints", road.waypoints)):
        table = TableFile(folder / f"{name}.parquet", TABLES[name])
        for row in rows:
            table.add(asdict(row))
        table.close()
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in ("places", "waypoints")}
    return (road.name, road.name), touched(tables)


def test_columns_are_those_of_the_map() -> None:
    assert TABLES["places"].names == [each.name for each in fields(PlacedSign)]
    assert TABLES["waypoints"].names == [each.name for each in fields(Waypoint)]
    theirs = {each.name for each in fields(Entry)} - {"members"}
    assert set(ENTRIES.names) - {"cell", "drives", "tracks"} <= theirs


def test_cells_together_hold_each_sign_once(
    roads: list[DrivenRoad], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signpipe.batch.cells.MARGIN", 100.0)
    monkeypatch.setattr("signpipe.batch.cells.ZOOM", 17)  # cells of 200 m, so that the street goes through several
    put_away = [put(road, tmp_path) for road in roads]
    cells = sorted({cell for _, touches in put_away for cell in touches})
    assert len(cells) > 2
    recordings = tuple(recording for recording, _ in put_away)
    for cell in cells:
        assert merge_cell(Cell(cell, str(tmp_path), recordings))
        assert not merge_cell(Cell(cell, str(tmp_path), recordings)), "it was merged before"
    rows = [row for file in sorted(tmp_path.glob("signs/*/entries.parquet")) for row in pq.read_table(file).to_pylist()]
    signs, waypoints = [s for road in roads for s in road.signs], [w for road in roads for w in road.waypoints]
    whole = {entry.id: entry for entry in merge(signs, waypoints)}
    assert len(rows) == len({row["id"] for row in rows}) == len(whole) > 5
    for row in rows:
        entry = whole[row["id"]]
        assert set(zip(row["drives"], row["tracks"], strict=True)) == {(drive, track) for drive, track in entry.members}
        assert (row["class_name"], row["state"]) == (entry.class_name, entry.state.value)
        assert row["latitude"] == pytest.approx(entry.latitude, abs=2e-6)


def test_a_changed_recording_is_merged_again(roads: list[DrivenRoad], tmp_path: Path) -> None:
    (recording, cells) = put(roads[0], tmp_path)
    assert merge_cell(Cell(cells[0], str(tmp_path), (recording,)))
    assert merge_cell(Cell(cells[0], str(tmp_path), ((recording[0], "another digest"),)))
    assert Store(str(tmp_path)).folders("signs") == [cells[0]]


@pytest.mark.parametrize("latitude", [-70.0, 0.0, 48.1, 60.0])
def test_a_place_touches_every_cell_within_the_margin(latitude: float) -> None:
    rng = np.random.default_rng(1)
    for longitude in (*rng.uniform(-179, 179, 20).tolist(), 179.99999, -180.0):
        touches = cells_of(np.array([latitude]), np.array([longitude]), MARGIN)
        assert 1 <= len(touches) <= 4
        for angle in np.radians(np.arange(0, 360, 15)):
            reached = MARGIN * 0.97
            north, east = place(latitude, longitude, reached * np.sin(angle), reached * np.cos(angle))
            near = cells_of(np.array([float(north)]), np.array([(float(east) + 180) % 360 - 180]), 0.0)
            assert near <= touches
