"""LiDAR sweeps of a driving scene: where the beams of a spinning scanner end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape
from signpipe.lab.simulation.render.geometry import POLE, box_faces
from signpipe.lab.simulation.world.alignment import Array
from signpipe.lab.simulation.world.scene import VEHICLES, CameraModel, Obstacle, RoadScene
from signpipe.lab.simulation.world.sight import Camera
from signpipe.types import FloatArray

RINGS = np.radians(np.linspace(2.0, -16.0, 64))
TURNS = np.radians(np.arange(-36.0, 36.0, 0.2))  # what a camera sees, and a little more
OVER_CAMERA = 0.4  # metres of the scanner over the camera
REACH = 100.0  # metres
NOISE = 0.02  # metres, spread of a range
GRAZING = 0.03  # cosine between beam and face, below which nothing comes back
FILM, PAINT, ROAD = 0.95, 0.3, 0.15  # reflectances: of signs, of what is painted, and of the road
KOSCHMIEDER = 3.0  # extinction times visibility

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """A parallelogram that beams end on.

    Attributes:
        corner: Its first corner, metres in the world, (3,).
        across: To the second one, (3,).
        down: To the last one, (3,).
        reflectance: 0..1.
        shape: Outline within it, or None for all of it.
    """

    corner: Array
    across: Array
    down: Array
    reflectance: float
    shape: Shape | None = None


def sweep(scene: RoadScene, station: float, camera: Camera, rng: np.random.Generator) -> FloatArray:
    """Return a sweep of a scanner of 64 rings that sits over the camera and looks where it looks.

    Signs and their poles, vehicles and other obstacles, and the road's plane give it back; plants, houses and buildings
    don't. Fog, rain and snow take beams by how far they go.

    Args:
        scene: The road.
        station: Of the car, metres.
        camera: Where it is and looks.
        rng: Of noise and weather.

    Returns:
        float32 (N, 4): metres ahead, to the left and up, and reflectance.
    """
    axes = _axes(camera)
    eye = np.asarray(camera.eye) + OVER_CAMERA * axes[2]
    beams = _beams()
    directions = beams @ axes
    nearest = np.full(len(directions), np.inf)
    reflectance = np.zeros(len(directions))
    down = directions[:, 1] - _slope(scene, station) * np.hypot(directions[:, 0], directions[:, 2])
    over = scene.camera.above + OVER_CAMERA
    ground = down < -1e-3
    nearest[ground], reflectance[ground] = over / -down[ground], ROAD
    for face in _faces(scene, station):
        reached, ranges = _meet(face, eye, directions)
        closer = reached & (ranges < nearest)
        nearest[closer], reflectance[closer] = ranges[closer], face.reflectance
    kept = (nearest < REACH) & (rng.random(len(nearest)) < np.exp(-2 * _extinction(scene) * np.minimum(nearest, REACH)))
    ranges = nearest[kept] + rng.normal(0, NOISE, int(kept.sum()))
    points = beams[kept] * ranges[:, None]
    return np.concatenate([points, reflectance[kept, None]], axis=1).astype(np.float32)


def calibration(camera: CameraModel) -> str:
    """Return the calibration of scanner and camera as a file of KITTI's object benchmark; it knows no distortion."""
    focal = camera.focal_pixels
    entries: dict[str, list[float]] = {
        "P2": [focal, 0, camera.width / 2, 0, 0, focal, camera.height / 2, 0, 0, 0, 1, 0],
        "R0_rect": [1, 0, 0, 0, 1, 0, 0, 0, 1],
        "Tr_velo_to_cam": [0, -1, 0, 0, 0, 0, -1, -OVER_CAMERA, 1, 0, 0, 0],
    }
    return "".join(f"{name}: {' '.join(f'{value:.6e}' for value in values)}\n" for name, values in entries.items())


def _axes(camera: Camera) -> Array:
    """Return the directions ahead, to the left and up in the world, float64 (3, 3)."""
    sin, cos, rise, flat = np.sin(camera.yaw), np.cos(camera.yaw), np.sin(camera.pitch), np.cos(camera.pitch)
    return np.array([[sin * flat, rise, cos * flat], [-cos, 0.0, sin], [-sin * rise, flat, -cos * rise]])


def _beams() -> Array:
    """Return the beams' directions: ahead, to the left, up, float64 (N, 3), unit length."""
    up, left = (axis.ravel() for axis in np.meshgrid(RINGS, TURNS, indexing="ij"))
    return np.stack([np.cos(up) * np.cos(left), np.cos(up) * np.sin(left), np.sin(up)], axis=1)


def _slope(scene: RoadScene, station: float) -> float:
    here, ahead = scene.alignment.at([station, station + 1.0])[:, 1]
    return float(ahead - here)


def _extinction(scene: RoadScene) -> float:
    """Return what the air takes of a beam, 1/m."""
    weather = scene.weather
    return (KOSCHMIEDER / weather.fog if weather.fog else 0.0) + 0.002 * (weather.rain + weather.snow)


def _faces(scene: RoadScene, station: float) -> list[_Face]:
    """Return what stands within reach ahead of a station."""
    alignment = scene.alignment
    found: list[_Face] = []
    for sign in scene.signs:
        if station + 0.5 < sign.at < station + REACH:
            heading = float(alignment.at(sign.at)[0, 3]) + np.radians(sign.turned)
            right = np.array([np.cos(heading), 0.0, -np.sin(heading)])
            middle = alignment.place([sign.at], sign.right, sign.up)[0]
            across, down = right * sign.width, np.array([0.0, -sign.height, 0.0])
            found.append(_Face(middle - across / 2 - down / 2, across, down, FILM, sign.sign.shape))
            if sign.at not in scene.gantries:
                foot = alignment.place([sign.at + 0.05], sign.right, 0.0)[0]
                pole = right * 2 * POLE
                found.append(_Face(foot - pole / 2, pole, np.array([0.0, sign.up, 0.0]), PAINT))
    standing = [one for one in scene.obstacles if one.kind not in ("bush", "tree")]
    for companion in scene.companions:
        at = companion.at(station)
        if at is not None:
            standing.append(Obstacle(companion.kind, at, companion.right, *VEHICLES[companion.kind]))
    for one in standing:
        if station - 10 < one.at < station + REACH:
            found += [_Face(four[0], four[1] - four[0], four[3] - four[0], PAINT) for four in box_faces(scene, one)]
    return found


def _meet(face: _Face, eye: Array, directions: Array) -> tuple[Bools, Array]:
    """Return which beams end on a face, bool (N,), and after how many metres."""
    normal = np.cross(face.across, face.down)
    normal /= max(float(np.linalg.norm(normal)), 1e-9)
    turned = directions @ normal
    steep = np.abs(turned) > GRAZING
    ranges = np.full(len(directions), np.inf)
    ranges[steep] = (face.corner - eye) @ normal / turned[steep]
    reached = steep & (ranges > 0.5) & (ranges < REACH)
    places = eye + directions[reached] * ranges[reached, None] - face.corner
    x = places @ face.across / max(float(face.across @ face.across), 1e-9) * 2 - 1
    y = 1 - places @ face.down / max(float(face.down @ face.down), 1e-9) * 2
    reached[reached] = _inside(face.shape, x, y)
    return reached, ranges


def _inside(shape: Shape | None, x: Array, y: Array) -> Bools:
    """Return which places of a face, -1..1 to the right and up, lie within an outline."""
    inside = (np.abs(x) <= 1) & (np.abs(y) <= 1)
    if shape is Shape.CIRCLE:
        inside &= np.hypot(x, y) <= 1
    elif shape is Shape.OCTAGON:
        inside &= np.abs(x) + np.abs(y) <= 2**0.5
    elif shape is Shape.DIAMOND:
        inside &= np.abs(x) + np.abs(y) <= 1
    elif shape in (Shape.TRIANGLE, Shape.TRIANGLE_DOWN):
        inside &= np.abs(x) <= (1 - y if shape is Shape.TRIANGLE else 1 + y) / 2
    return np.asarray(inside, np.bool_)
