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


NOTHING = Sight(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0))


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
        self._faces = np.array([_face(scene, number) for number in range(len(signs))]).reshape(-1, SAMPLES**2, 3)
        self._headings = scene.alignment.at(self._stations)[:, 3] + self._turned if len(signs) else np.zeros(0)
        self._begins = np.array([one.at for one in scene.obstacles])
        self._corners = np.array([_corners(scene, one) for one in scene.obstacles]).reshape(-1, 8, 3)

    def any_ahead(self, station: float) -> bool:
        """Return whether a sign stands near enough ahead of a station to be looked for."""
        return bool(len(self._near(station)))

    def look(self, station: float, camera: Camera) -> Sight:
        """Return the signs that a camera sees from a station, those more than half out of the picture left out."""
        near = self._near(station)
        if not len(near):
            return NOTHING
        flat, depths = camera.project(self._faces[near].reshape(-1, 3))
        points, depths = flat.reshape(len(near), -1, 2), depths.reshape(len(near), -1)
        size = np.array([camera.width, camera.height], np.float64)
        inside = np.asarray(((points >= 0) & (points <= size)).all(axis=2), np.bool_)
        faces = np.abs(np.cos(self._headings[near] - camera.yaw)) >= FACING
        ahead = depths.min(axis=1) >= NEAREST
        seen = np.flatnonzero(ahead & faces & (inside.mean(axis=1) >= 0.5))
        if not len(seen):
            return NOTHING
        near, points, inside, depth = near[seen], points[seen], inside[seen], depths[seen].mean(axis=1)
        covered = self._covered(station, float(self._stations[near].max()), camera, points, depth)
        edges = [points.min(axis=1).clip(0, size), points.max(axis=1).clip(0, size)]
        return Sight(near, np.concatenate(edges, axis=1), (inside & ~covered).mean(axis=1), depth)

    def _near(self, station: float) -> npt.NDArray[np.int64]:
        return np.flatnonzero((self._stations > station) & (self._stations < station + FARTHEST))

    def _covered(
        self, station: float, farthest: float, camera: Camera, points: Array, depth: Array
    ) -> npt.NDArray[np.bool_]:
        """Return which points (G, P, 2) of faces at depths (G,) are hidden, bool (G, P)."""
        distances, boxes = self._hiding(station, farthest, camera)
        if not len(distances):
            return np.zeros(points.shape[:2], bool)
        low, high = boxes[None, :, None, :2], boxes[None, :, None, 2:]
        within = ((points[:, None] >= low) & (points[:, None] <= high)).all(axis=3)
        nearer = distances < depth[:, None]
        return np.asarray((within & nearer[:, :, None]).any(axis=1), np.bool_)

    def _hiding(self, station: float, farthest: float, camera: Camera) -> tuple[Array, Array]:
        """Return distances (H,) and boxes in pixels (H, 4) of what can hide signs up to a station."""
        corners = self._corners[(self._begins > station - 15) & (self._begins < farthest)]
        beside = []
        for companion in self._scene.companions:
            at = companion.at(station)
            if at is not None and station - 15 < at < farthest:
                length, width, height = VEHICLES[companion.kind]
                vehicle = Obstacle(companion.kind, at, companion.right, length, width, height)
                beside.append(_corners(self._scene, vehicle))
        if beside:
            corners = np.concatenate([corners, np.array(beside)])
        flat, depths = camera.project(corners.reshape(-1, 3))
        points, depths = flat.reshape(-1, 8, 2), depths.reshape(-1, 8)
        ahead = depths > 1.0
        found = ahead.any(axis=1)
        points, depths, ahead = points[found], depths[found], ahead[found]
        boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        for row in np.flatnonzero(~ahead.all(axis=1)):  # of what reaches beside the car, the part ahead counts
            part = points[row][ahead[row]]
            edge = np.where(part.mean(axis=0)[0] > camera.width / 2, camera.width, 0)
            part = np.concatenate([part, [[edge, 0], [edge, camera.height]]])
            boxes[row] = np.concatenate([part.min(axis=0), part.max(axis=0)])
        return np.where(ahead, depths, np.inf).min(axis=1), boxes


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
