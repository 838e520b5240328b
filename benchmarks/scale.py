"""Simulates a batch on 1,000 nodes over 1,000,000 hours of video: where it breaks first (docs/scale.md).

    python benchmarks/scale.py --json benchmarks/results/scale.json --plot docs/scale.png
    python benchmarks/scale.py --whole --only "as planned" --json benchmarks/results/scale.json

A tenth of nodes, hours and cells is simulated, with a driver and a store that are ten times as slow, so that both are
as busy as in the whole; `--whole` simulates all of it, which takes a minute each. What the file holds of the same plant
isn't simulated again, so that a run that was ended goes on. `--service FILE` takes service times that
benchmarks/batch.py (scaling) or benchmarks/merging.py measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
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


def measured(paths: Sequence[Path]) -> Plant:
    """Return the plant with service times that were measured."""
    plant = Plant()
    for path in paths:
        told = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        if "service" in told:
            kinds = {name: told["service"][name]["cpu_a_second_of_video"] for name in ("piece", "join")}
            plant = replace(plant, perceive=kinds["piece"], join=kinds["join"])
        else:
            plant = replace(plant, merge=told["cpu_a_recording"], held=told["memory_mb_a_recording"])
    return plant


def main() -> None:
    """Simulate each variant, keep what came of it at once, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the results are, and go")
    parser.add_argument("--only", action="append", metavar="VARIANT", help="may be repeated")
    parser.add_argument("--whole", action="store_true", help="all nodes and hours, not a tenth")
    parser.add_argument(
        "--service", type=Path, action="append", default=[], metavar="FILE", help="measured; may be repeated"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the table (extra `report`)")
    arguments = parser.parse_args()
    told: dict[str, Any] = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    plant = measured(arguments.service)
    if "whole" not in told or told["plant"] != json.loads(json.dumps(asdict(plant))):
        told = {"plant": asdict(plant), "courses": {}, "whole": {}}
    courses = told["whole" if arguments.whole else "courses"]
    for name, variant in variants(plant).items():
        if name in courses or (arguments.only and name not in arguments.only):
            continue
        courses[name] = asdict(simulate(variant if arguments.whole else small(variant)))
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {courses[name]['hours']:.1f} h, merge {courses[name]['merge_hours']:.2f} h", flush=True)
    if arguments.plot:
        draw(courses, arguments.plot)


def draw(courses: dict[str, Any], path: Path) -> None:
    """Draw how long each variant takes, and how busy cores, driver and store are meanwhile."""
    from matplotlib import pyplot

    names = list(courses)[::-1]
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(10, 0.36 * len(names) + 1), sharey=True, layout="constrained"
    )
    left.barh(names, [courses[name]["hours"] for name in names], color="#33658a")
    ideal = [courses[name]["ideal_hours"] for name in names]
    left.plot(ideal, names, "|", color="#f26419", markersize=12, markeredgewidth=2, label="all cores busy")
    left.set_xlabel("hours until all is done")
    left.legend(loc="lower right")
    for share, mark, what in (("busy", "o", "cores"), ("driver", "s", "driver"), ("store", "^", "store")):
        right.plot([100 * courses[name][share] for name in names], names, mark, label=what)
    right.set_xlabel("busy meanwhile, %")
    right.set_xlim(0, 105)
    right.legend(loc="lower right")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
