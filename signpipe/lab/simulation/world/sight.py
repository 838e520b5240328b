"""Where a scene's signs are in the camera's picture, and how much of each can be seen, without any pixel drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.lab.simulation.world.alignment import Array
from signpipe.lab.simulation.world.scene import VEHICLES, Obstacle, RoadScene

NEAREST, FARTHEST = 2.0, 160.0  # metres between which signs are looked for
FACING = 0.35  # cosine of the steepest angle under which a sign can be read
SAMPLES = 6  # points of a face to each side, by which is told how much of it is hidden
BOX = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (0.0, 1.0) for z in (0.0, 1.0)])  # corners, width height length


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera is and where it looks.

    Attributes:
        eye: Its place in the world, metres.
        yaw: Radians to the right.
        pitch: Radians upwards.
        focal: Pixels.
        width: Pixels.
        height: Pixels.
    """

    eye: tuple[float, float, float]
    yaw: float
    pitch: float
    focal: float
    width: int
    height: int

    def project(self, points: Array) -> tuple[Array, Array]:
        """Return pixels (N, 2) and depths (N,) in metres of points (N, 3); behind the camera they mean nothing."""
        x, y, z = (points - np.asarray(self.eye)).T
        right = x * np.cos(self.yaw) - z * np.sin(self.yaw)
        ahead = x * np.sin(self.yaw) + z * np.cos(self.yaw)
        depth = ahead * np.cos(self.pitch) + y * np.sin(self.pitch)
        rise = y * np.cos(self.pitch) - ahead * np.sin(self.pitch)
        scale = self.focal / np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return np.stack([self.width / 2 + right * scale, self.height / 2 - rise * scale], axis=1), depth


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """The signs in the picture.

    Attributes:
        signs: int64 (G,), their numbers in the scene.
        boxes: float64 (G, 4), their boxes in pixels, cut at the picture's edges.
        visible: float64 (G,), share of each that nothing hides and that lies in the picture.
        distance: float64 (G,), metres to each along the view.
    """

    signs: npt.NDArray[np.int64]
    boxes: Array
    visible: Array
    distance: Array

    @property
    def sides(self) -> Array:
        """Roots of the boxes' areas in pixels, float64 (G,)."""
        sides: Array = np.sqrt(np.maximum((self.boxes[:, 2:] - self.boxes[:, :2]).prod(axis=1), 0.0))
        return sides


def camera_at(scene: RoadScene, station: float, yaw: float = 0.0, pitch: float = 0.0) -> Camera:
    """Return the camera of a car at a station.

    Args:
        scene: The road.
        station: Metres from its start.
        yaw: Radians by which the car's shaking turns it to the right.
        pitch: Radians by which it turns it upwards.
    """
    model = scene.camera
    here, ahead = scene.alignment.at([station, station + 1.0])
    eye = scene.alignment.place([station], scene.lane, model.above)[0]
    climb = float(np.arctan(ahead[1] - here[1]))
    return Camera((float(eye[0]), float(eye[1]), float(eye[2])), float(here[3]) + yaw,
                  climb + pitch - np.radians(model.pitch), model.focal_pixels, model.width, model.height)  # fmt: skip


class Watcher:
    """Looks out for a scene's signs.

    Args:
        scene: The road.
    """

    def __init__(self, scene: RoadScene) -> None:
        self._scene = scene
        signs = scene.signs
        self._stations = np.array([sign.at for sign in signs])
        self._turned = np.radians([sign.turned for sign in signs])
        self._faces = [_face(scene, number) for number in range(len(signs))]
        self._headings = scene.alignment.at(self._stations)[:, 3] + self._turned if len(signs) else np.zeros(0)
        self._obstacles = [(one.at, _corners(scene, one)) for one in scene.obstacles]

    def look(self, station: float, camera: Camera) -> Sight:
        """Return the signs that a camera sees from a station, those more than half out of the picture left out."""
        near = np.flatnonzero((self._stations > station) & (self._stations < station + FARTHEST))
        found: list[tuple[int, Array, float, float]] = []
        if len(near):
            hiding = self._hiding(station, camera)
            for number in near.tolist():
                seen = self._see(number, camera, hiding)
                if seen is not None:
                    found.append((number, *seen))
        if not found:
            return Sight(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0))
        numbers, boxes, visible, distance = zip(*found, strict=True)
        return Sight(np.array(numbers, np.int64), np.stack(boxes), np.array(visible), np.array(distance))

    def _see(self, number: int, camera: Camera, hiding: list[tuple[float, Array]]) -> tuple[Array, float, float] | None:
        """Return box, visible share and distance of a sign, or None if it can't be seen."""
        points, depths = camera.project(self._faces[number])
        depth = float(depths.mean())
        if depths.min() < NEAREST or abs(np.cos(self._headings[number] - camera.yaw)) < FACING:
            return None
        size = np.array([camera.width, camera.height], np.float64)
        inside = ((points >= 0) & (points <= size)).all(axis=1)
        if inside.mean() < 0.5:
            return None
        covered = np.zeros(len(points), bool)
        for distance, box in hiding:
            if distance < depth:
                covered |= ((points >= box[:2]) & (points <= box[2:])).all(axis=1)
        low, high = np.clip(points.min(axis=0), 0, size), np.clip(points.max(axis=0), 0, size)
        return np.concatenate([low, high]), float((inside & ~covered).mean()), depth

    def _hiding(self, station: float, camera: Camera) -> list[tuple[float, Array]]:
        """Return what can hide signs: its distance, and its box in pixels."""
        corners = [one for at, one in self._obstacles if station - 15 < at < station + FARTHEST]
        for companion in self._scene.companions:
            at = companion.at(station)
            if at is not None and at > station - 15:
                length, width, height = VEHICLES[companion.kind]
                corners.append(
                    _corners(self._scene, Obstacle(companion.kind, at, companion.right, length, width, height))
                )
        boxes = []
        for one in corners:
            points, depths = camera.project(one)
            ahead = depths > 1.0
            if ahead.any():  # of what reaches beside the car, the part ahead counts
                points = points[ahead]
                if not ahead.all():
                    edge = np.where(points.mean(axis=0)[0] > camera.width / 2, camera.width, 0)
                    points = np.concatenate([points, [[edge, 0], [edge, camera.height]]])
                boxes.append((float(depths[ahead].min()), np.concatenate([points.min(axis=0), points.max(axis=0)])))
        return boxes


def _face(scene: RoadScene, number: int) -> Array:
    """Return points over a sign's face in the world, float64 (SAMPLES ** 2, 3), its edges among them."""
    sign = scene.signs[number]
    across, up = (axis.ravel() for axis in np.meshgrid(*[np.linspace(-0.5, 0.5, SAMPLES)] * 2))
    middle = scene.alignment.place([sign.at], sign.right, sign.up)[0]
    heading = float(scene.alignment.at(sign.at)[0, 3]) + np.radians(sign.turned)
    right = across * sign.width
    return np.stack(
        [
            middle[0] + right * np.cos(heading),
            middle[1] + up * sign.height,
            middle[2] - right * np.sin(heading),
        ],
        axis=1,
    )


def _corners(scene: RoadScene, one: Obstacle) -> Array:
    """Return the corners of an obstacle in the world, float64 (8, 3)."""
    offsets = BOX * (one.width, one.height, one.length)
    return scene.alignment.place(one.at + offsets[:, 2], one.right + offsets[:, 0], offsets[:, 1])
