"""How fast the pipeline runs on this machine, where the time goes, and whether memory stays flat.

    python benchmarks/speed.py                                     # speed on the shipped sample
    python benchmarks/speed.py --soak 10000                        # memory over so many frames instead
    python benchmarks/speed.py --json benchmarks/results/speed.json

All numbers of one file come from one run. Machines are noisy: compare ratios within a file, not times between files.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from signpipe.machine import describe_machine
from signpipe.pipeline import Pipeline
from signpipe.settings import load_settings
from signpipe.sources import open_source
from signpipe.stages.capture import Capture
from signpipe.summary import Summary

SAMPLE = Path(__file__).parents[1] / "samples" / "drive.mp4"


def resident_mb() -> float:
    """Return the memory that this process holds, in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(source: str, frames: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run so many frames from the file, which is looped, to the advisories; return speed and memory."""
    settings = load_settings(None, {"capture.loop": 0})
    summary, stages, memory = Summary(), defaultdict(list), []
    with (
        Pipeline(settings) as pipeline,
        Capture(lambda: open_source(source, settings.capture), settings.capture) as capture,
    ):
        providers = pipeline.detector.providers
        for result in track(pipeline.run(capture), total=frames, description=f"{frames} frames"):
            summary.add(result)
            if summary.frames <= 20_000:
                for stage, ms in result.timings_ms.items():
                    stages[stage].append(ms)
            if summary.frames % 100 == 0:
                memory.append(resident_mb())
            if summary.frames >= frames:
                break
    speed = {
        "source": Path(source).name,
        "n": summary.frames,
        "provider": providers[0],
        "fps": round(summary.fps, 1),
        "latency_ms": {f"p{p}": round(summary.latency_ms(p), 2) for p in (50, 90, 95, 99)},
        "overhead_share": round(summary.overhead, 4),
        "stage_median_ms": {stage: round(float(np.median(ms)), 3) for stage, ms in stages.items()},
    }
    tenth = max(1, len(memory) // 10)
    return speed, {
        "n": summary.frames,
        "peak_mb": round(max(memory), 1),
        "first_tenth_mb": round(float(np.median(memory[tenth : 2 * tenth] or memory)), 1),
        "last_tenth_mb": round(float(np.median(memory[-tenth:])), 1),
    }


def main() -> None:
    """Measure, print, and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default=str(SAMPLE), help="video to run")
    parser.add_argument("--frames", type=int, default=1000, help="frames of the speed run (the video is looped)")
    parser.add_argument("--soak", type=int, help="measure memory instead, over so many frames")
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    speed, memory = measure(arguments.source, arguments.soak or arguments.frames)
    measured = {"memory": memory} if arguments.soak else {"speed": speed}
    result: dict[str, Any] = {"machine": asdict(describe_machine())} | measured
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
