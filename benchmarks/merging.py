"""What the merge of signs costs in a cell of the map that many recordings pass: time and memory a recording.

    python benchmarks/merging.py --json benchmarks/results/batch-merge.json

Drives along a simulated street are placed, and written as tables as often as there are to be recordings, with a picture
and an embedding a sign. A process of its own then merges the street's fullest cell. benchmarks/scale.py takes the
numbers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.batch.cells import Cell, cells_of, merge_cell
from signpipe.batch.schema import TABLES
from signpipe.batch.tables import TableFile
from signpipe.catalogue import load_catalogue
from signpipe.lab.simulation.drives import record_drive
from signpipe.lab.simulation.streets import make_street
from signpipe.mapping.driven import place_recording, sizes_of
from signpipe.mapping.placed import DrivenRoad, PlacedSign
from signpipe.mapping.recording import gather
from signpipe.runtime.machine import describe_machine
from signpipe.settings import CameraSettings
from signpipe.version import VERSION

METRES = 1500.0  # of the street
PICTURE, EMBEDDING = 2500, 128  # bytes and numbers a sign


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drives", type=int, default=6, help="that differ")
    parser.add_argument("--recordings", type=int, nargs=2, default=(30, 120), help="in the cell, few and many")
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    roads = driven(arguments.drives)
    name = Counter(
        cell
        for road in roads
        for sign in road.signs
        for cell in cells_of(np.array([sign.latitude]), np.array([sign.longitude]), 0.0)
    ).most_common(1)[0][0]
    costs = [cost(roads, name, count) for count in arguments.recordings]
    (few, many), more = costs, arguments.recordings[1] - arguments.recordings[0]
    metrics = {
        "signs_a_recording": round(sum(len(road.signs) for road in roads) / len(roads), 1),
        "cells": costs,
        "cpu_a_recording": round((many["cpu_seconds"] - few["cpu_seconds"]) / more, 4),
        "memory_mb_a_recording": round((many["memory_mb"] - few["memory_mb"]) / more, 3),
    }
    print(json.dumps(metrics, indent=1))
    if arguments.json:
        told = {"task": "batch merge", "version": VERSION, "metrics": metrics, "machine": asdict(describe_machine())}
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def driven(count: int) -> list[DrivenRoad]:
    """Return so many drives along one street."""
    catalogue = load_catalogue()
    street = make_street(np.random.default_rng(1), catalogue, METRES, 1, 0.0)
    records = (record_drive(street, catalogue, 0, np.random.default_rng((1, number))) for number in range(count))
    return [place_recording(gather("drive", each), CameraSettings(), sizes_of(catalogue)) for each in records]


def cost(roads: list[DrivenRoad], cell: str, recordings: int) -> dict[str, Any]:
    """Return what it costs to merge a cell that so many recordings pass."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as out:
        names = tuple(f"drive-{number:05d}" for number in range(recordings))
        for number, name in enumerate(names):
            road = roads[number % len(roads)]
            folder = Path(out) / "recordings" / name
            folder.mkdir(parents=True)
            signs = [_seen(sign, name, rng) for sign in road.signs]
            for table, rows in (("places", signs), ("waypoints", [replace(one, drive=name) for one in road.waypoints])):
                file = TableFile(folder / f"{table}.parquet", TABLES[table])
                for row in rows:
                    file.add(asdict(row))
                file.close()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            cpu, memory = pool.apply(_merged, (Cell(cell, out, tuple((name, name) for name in names)),))
    return {"recordings": recordings, "cpu_seconds": round(cpu, 2), "memory_mb": round(memory)}


def _seen(sign: PlacedSign, drive: str, rng: np.random.Generator) -> PlacedSign:
    """Return a sign as another recording saw it, with a picture, and an embedding like that of the others."""
    embedding = np.random.default_rng(list(sign.best.encode())).normal(size=EMBEDDING) + 0.3 * rng.normal(
        size=EMBEDDING
    )
    return replace(
        sign, drive=drive, crop=rng.bytes(PICTURE), embedding=(embedding / np.linalg.norm(embedding)).tolist()
    )


def _merged(cell: Cell) -> tuple[float, float]:
    """Merge a cell; return the seconds of processor time, and the megabytes that the process has had at most."""
    os.environ["OMP_NUM_THREADS"] = "1"
    begun = time.process_time()
    merge_cell(cell)
    return time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
