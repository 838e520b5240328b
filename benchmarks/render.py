"""How fast driving scenes are drawn, at 1280x720 on a CPU.

    .venv/bin/python benchmarks/render.py --json benchmarks/results/render.json

Pictures along one road in each weather, with all that makes them (light, signs, traffic, rain, lens, noise, JPEG). Told
are pictures a second by the clock, which other work on the machine slows down, and the processor time of one picture
over all threads: two cores that do nothing else make at most two seconds of it a second. `--before` takes the result of
another version, measured just before on the same machine, and tells how much less processor time a picture takes.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from signpipe.lab.simulation.render.gl import Renderer
from signpipe.lab.simulation.world.routes import CONDITIONS, KINDS, route
from signpipe.version import VERSION

LENGTH = 1000.0  # metres of a road
SPEED = 15.0  # metres a second


def measure(kind: str, condition: str, pictures: int) -> dict[str, Any]:
    """Draw pictures along a road."""
    scene = route(kind, 1, LENGTH, condition)
    renderer = Renderer(scene)
    renderer.render(0.0, SPEED, 0)  # what is drawn and compiled once
    clock, processor = time.perf_counter(), time.process_time()
    for index in range(pictures):
        renderer.render((index + 0.5) * LENGTH / pictures, SPEED, index + 1)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    renderer.close()
    return {
        "pictures": pictures,
        "pictures_a_second": round(pictures / clock, 2),
        "processor_seconds_a_picture": round(processor / pictures, 4),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=12, help="of each road and weather")
    parser.add_argument("--roads", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--weathers", nargs="+", choices=tuple(CONDITIONS), default=tuple(CONDITIONS))
    parser.add_argument("--before", type=Path, help="result of another version")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, Any] = {
        f"{kind}, {condition}": measure(kind, condition, options.pictures)
        for kind in options.roads
        for condition in options.weathers
    }
    if options.before is not None:
        earlier = json.loads(options.before.read_text(encoding="utf-8"))["metrics"]
        for name, one in found.items():
            one["before"] = earlier[name]
            spent = [cell["processor_seconds_a_picture"] for cell in (earlier[name], one)]
            one["times_less_processor"] = round(spent[0] / spent[1], 2)
    camera = route(KINDS[0], 1, LENGTH).camera
    content = {
        "task": "render", "version": VERSION, "size": [camera.width, camera.height], "cores": os.cpu_count(),
        "load_at_the_end": round(os.getloadavg()[0], 1), "metrics": found,
    }  # fmt: skip
    options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for name, one in found.items():
        less = f", {one['times_less_processor']} times less than before" if "before" in one else ""
        told = f"{one['processor_seconds_a_picture']} s of processor each{less}"
        print(f"{name}: {one['pictures_a_second']} a second, {told}")


if __name__ == "__main__":
    main()
