"""What the camera saw of the signs that a simulated drive got wrong: strips of three looks at each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from signpipe.lab.simulation.render.gl import Renderer
from signpipe.lab.simulation.render.lens import distort
from signpipe.lab.simulation.world.routes import route
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.lab.simulation.world.sight import Watcher, camera_at
from signpipe.types import Image

BEFORE = (48.0, 26.0, 14.0)  # metres before the sign
PART = (160, 220)  # height and width of each look, pixels of the camera's picture
QUALITY = 55


def strips(failures: Sequence[dict[str, Any]], length: float, most: int) -> Iterator[tuple[bytes, str]]:
    """Yield a strip of looks at the sign of each failure, and what went wrong; a sign is shown once.

    Args:
        failures: As in the result of `signpipe evaluate drive`, the worst first.
        length: Metres of the roads.
        most: Strips.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
    """
    shown: set[tuple[str, float]] = set()
    for one in failures:
        if one["at"] is None or (one["road"], one["at"]) in shown or len(shown) == most:
            continue
        shown.add((one["road"], one["at"]))
        scene = scene_of(one["road"], length)
        number = next(n for n, sign in enumerate(scene.signs)
                      if sign.sign.name == one["sign"] and abs(sign.at - one["at"]) < 0.1)  # fmt: skip
        renderer = Renderer(scene)
        try:
            strip = np.hstack([_look(renderer, scene, number, one["at"] - before) for before in BEFORE])
        finally:
            renderer.close()
        text = f"{one['road']}, {one['at']:.0f} m: {one['sign']}; {one['metres']} m {one['outcome']}, {one['blame']}"
        yield cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes(), text


def scene_of(name: str, length: float) -> RoadScene:
    """Return the road of a name such as "town 3, night rain"."""
    kind = name.partition(" ")[0]
    return route(kind, seed_of(name), length, name.partition(", ")[2])


def seed_of(name: str) -> int:
    """Return what a road of such a name, and the drive on it, was drawn by."""
    return int(name.partition(",")[0].split(" ")[1])


def _look(renderer: Renderer, scene: RoadScene, number: int, station: float) -> Image:
    """Return the part of the picture around a sign."""
    station = max(station, 0.0)
    picture = renderer.render(station, 15.0, round(station))
    sight = Watcher(scene).look(station, camera_at(scene, station))
    height, width = PART
    boxes = distort(np.asarray(sight.boxes[sight.signs == number], np.float32), scene)
    middle = (boxes[0, :2] + boxes[0, 2:]) / 2 if len(boxes) else np.array(picture.image.shape[1::-1]) / 2
    left = int(np.clip(middle[0] - width / 2, 0, scene.camera.width - width))
    top = int(np.clip(middle[1] - height / 2, 0, scene.camera.height - height))
    return picture.image[top : top + height, left : left + width]
