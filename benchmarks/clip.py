"""Makes the clip of the closed loop: a car that obeys drives a road, with what it is told written in the picture.

python benchmarks/clip.py docs/closed-loop.webp     # extras `simulate` and `can`
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from signpipe.lab.evaluation.driving.loop import Sample, drive, in_force
from signpipe.lab.evaluation.driving.seer import TableSeer
from signpipe.lab.simulation.perception import read_table
from signpipe.lab.simulation.render.gl import Renderer
from signpipe.lab.simulation.world.limits import limits_of
from signpipe.lab.simulation.world.scene import CameraModel, RoadScene
from signpipe.lab.simulation.world.scene_file import parse_scene
from signpipe.settings import load_settings
from signpipe.types import Image

ROAD = {
    "kind": "outside", "limit": 100, "seed": 4, "road": [{"length": 120}, {"length": 260, "radius": 600}],
    "sign": [
        {"name": "speed_limit_70", "at": 70},
        {"name": "speed_limit_50", "at": 170},
        {"name": "end_all_restrictions", "at": 290},
    ],
}  # fmt: skip
EVERY = 5  # steps of 0.1 s from picture to picture
SIZE, QUALITY = (448, 252), 35
MILLISECONDS = 250


def main(target: Path) -> None:
    """Write the clip."""
    scene = parse_scene(ROAD, "clip")
    settings = load_settings(None, {"detect.model": "detector-world"})
    seen = TableSeer(scene, read_table(), settings, 1)
    samples = list(drive(scene, seen, obeys=True))[::EVERY]
    small = replace(scene, camera=CameraModel(width=640, height=360))
    renderer = Renderer(small)
    clip = cv2.Animation()
    clip.frames = [_picture(renderer, scene, sample) for sample in samples]
    clip.durations = [MILLISECONDS] * len(clip.frames)
    renderer.close()
    if not cv2.imwriteanimation(str(target), clip, [cv2.IMWRITE_WEBP_QUALITY, QUALITY]):
        sys.exit(f"{target} can't be written.")
    print(f"{target}: {len(samples)} pictures, {target.stat().st_size // 1024} KB")


def _picture(renderer: Renderer, scene: RoadScene, sample: Sample) -> Image:
    image = cv2.resize(renderer.render(sample.station, sample.speed, 1).image, SIZE, interpolation=cv2.INTER_AREA)
    true = in_force(limits_of(scene), sample.station).limit
    told = "-" if sample.told.limit is None else f"{sample.told.limit:.0f}"
    lines = (f"{3.6 * sample.speed:3.0f} km/h", f"told {told}", f"true {true:.0f}")
    cv2.rectangle(image, (0, SIZE[1] - 22), (SIZE[0], SIZE[1]), (0, 0, 0), -1)
    for number, line in enumerate(lines):
        place = (10 + number * 150, SIZE[1] - 6)
        cv2.putText(image, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(image, np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
