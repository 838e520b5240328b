"""Simulates a batch on 1,000 nodes over 1,000,000 hours of video: where it breaks first (docs/scale.md).

    python benchmarks/scale.py --json benchmarks/results/scale.json

It simulates a tenth of nodes, hours and cells, with a driver and a store that are ten times as slow, so that both are
as busy as in the whole.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from signpipe.lab.fleet.cluster import Plant, simulate, variants

TENTH = 10


def small(plant: Plant) -> Plant:
    """Return a tenth of a plant that keeps driver and store as busy."""
    return replace(
        plant,
        nodes=plant.nodes // TENTH,
        hours=plant.hours / TENTH,
        spread=plant.spread // TENTH,
        driver=plant.driver * TENTH,
        store=plant.store // TENTH,
    )


def main() -> None:
    """Simulate each variant and write how long it takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    told: dict[str, Any] = {"plant": asdict(Plant()), "hours": {}}
    for name, plant in variants(Plant()).items():
        told["hours"][name] = round(simulate(small(plant)).hours, 2)
        print(name, told["hours"][name], flush=True)
    arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
