"""Which faces stand in the picture, from far to near, as OpenGL takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from signpipe.lab.simulation.render.art import BUSHES, HOUSES, STRETCH, TREES, Art
from signpipe.lab.simulation.world.alignment import Array
from signpipe.lab.simulation.world.scene import VEHICLES, Interval, Obstacle, RoadScene

Vertices = npt.NDArray[np.float32]

REACH = 320.0  # metres
SIGN_REACH = 180.0
CLEAR = 4.0  # metres from the edge of the carriageway that plants keep
BLOCK = 40.0  # metres of roadside that are planted together
DULL, RETRO, LAMP = 0.0, 1.0, 2.0
UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
TRIANGLES = [0, 1, 2, 0, 2, 3]
POLE = 0.038  # metres, half of its width
HOUSE = (13.0, 9.0, 9.0)  # length, height, and metres from the edge of the road
CORNERS = np.array([[-0.5, 1], [0.5, 1], [0.5, 0], [-0.5, 0]])  # across and up, from the top left


@dataclass(slots=True)
class _Faces:
    """Faces that are collected: corners (4, 3) of each; layer, tint, material and number of the sign; and its bias."""

    eye: Array
    corners: list[Array] = field(default_factory=list)
    looks: list[tuple[float, ...]] = field(default_factory=list)
    biases: list[float] = field(default_factory=list)

    def add(
        self, corners: Array, layer: float, material: float = DULL, number: float = -1.0,
        tint: tuple[float, float, float] = (1.0, 1.0, 1.0), bias: float = 0.0,
    ) -> None:  # fmt: skip
        """Take a face; `bias` metres bring it forward in the order."""
        self.corners.append(corners)
        self.looks.append((layer, *tint, material, number))
        self.biases.append(bias)

    def sorted(self) -> Vertices:
        """Return all, the farthest first and six vertices of each, float32 (N, 14)."""
        if not self.corners:
            return np.zeros((0, 14), np.float32)
        corners = np.stack(self.corners)
        first = corners[:, 0]
        normals = np.cross(corners[:, 1] - first, corners[:, 3] - first)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        normals[((self.eye - first) * normals).sum(axis=1) < 0] *= -1
        distances = np.linalg.norm(corners.mean(axis=1) - self.eye, axis=1) - self.biases
        vertices = np.empty((len(corners), 6, 14), np.float32)
        vertices[..., :3] = corners[:, TRIANGLES]
        vertices[..., 3:6] = normals[:, None]
        vertices[..., 6:8] = UV[TRIANGLES]
        vertices[..., 8:] = np.array(self.looks)[:, None]
        return vertices[np.argsort(-distances, kind="stable")].reshape(-1, 14)


class Roadside:
    """Collects the faces that are near a place.

    Args:
        scene: The road.
        art: What is painted on them.
    """

    def __init__(self, scene: RoadScene, art: Art) -> None:
        self._scene, self._art = scene, art
        self._plants: dict[int, list[tuple[Array, float, float, str]]] = {}
        self._fronts: dict[tuple[float, int], list[tuple[Array, float, tuple[float, float, float]]]] = {}

    def faces(self, station: float, eye: Array) -> Vertices:
        """Return everything that stands near a station as seen from a point, float32 (N, 14)."""
        found = _Faces(eye)
        for number, sign in enumerate(self._scene.signs):
            if station + 0.5 < sign.at < station + SIGN_REACH:
                self._sign(found, number)
        for block in range(int((station - BLOCK) // BLOCK), int((station + REACH) // BLOCK) + 1):
            for foot, width, height, kind in self._planted(block):
                self._billboard(found, foot, width, height, kind)
        for one in self._scene.obstacles:
            if station - 10 < one.at < station + REACH:
                self._stand(found, one)
        for companion in self._scene.companions:
            at = companion.at(station)
            if at is not None and -10 < at - station < REACH:
                self._stand(found, Obstacle(companion.kind, at, companion.right, *VEHICLES[companion.kind]),
                            companion.sticker)  # fmt: skip
        self._houses(found, station)
        self._built(found, station)
        return found.sorted()

    def _sign(self, found: _Faces, number: int) -> None:
        """Add a sign and its pole."""
        sign, alignment = self._scene.signs[number], self._scene.alignment
        heading = float(alignment.at(sign.at)[0, 3]) + np.radians(sign.turned)
        middle = alignment.place([sign.at], sign.right, sign.up)[0]
        face = (UV - 0.5) * STRETCH * (sign.width, -sign.height)
        corners = middle + np.stack([face[:, 0] * np.cos(heading), face[:, 1], -face[:, 0] * np.sin(heading)], axis=1)
        found.add(corners, self._art.sign(sign.sign.name, number), RETRO, float(number), bias=0.1)
        if sign.at not in self._scene.gantries:
            foot = alignment.place([sign.at + 0.05], sign.right, 0.0)[0]
            self._upright(found, foot, 2 * POLE, sign.up, "pole", heading)

    def _upright(self, found: _Faces, foot: Array, width: float, height: float, kind: str, heading: float) -> None:
        right = np.array([np.cos(heading), 0.0, -np.sin(heading)])
        corners = foot + CORNERS[:, :1] * right * width + CORNERS[:, 1:] * np.array([0.0, height, 0.0])
        found.add(corners, self._art[kind])

    def _billboard(self, found: _Faces, foot: Array, width: float, height: float, kind: str) -> None:
        """Add a plant, which faces the camera."""
        to = foot - found.eye
        self._upright(found, foot, width, height, kind, float(np.arctan2(to[0], to[2])))

    def _planted(self, block: int) -> list[tuple[Array, float, float, str]]:
        """Return the plants of a block of roadside: the same each time."""
        if block in self._plants:
            return self._plants[block]
        rng = np.random.default_rng([self._scene.seed, 12, block + 1000])
        left, right = self._scene.lanes
        plants = []
        for side, edge in ((-1, left), (1, right)):
            for _ in range(int(rng.integers(4, 13))):
                at = (block + rng.random()) * BLOCK
                if any(one.begin <= at <= one.end for one in (*self._scene.towns, *self._scene.tunnels)):
                    continue
                bush = bool(rng.random() < 0.4)
                height = float(rng.uniform(1.0, 2.4) if bush else rng.uniform(5, 12))
                aside = edge + side * float(CLEAR + rng.uniform(0, 7) + (0 if bush else 4) + rng.exponential(8))
                kind = f"bush{rng.integers(BUSHES)}" if bush else f"tree{rng.integers(TREES)}"
                foot = self._scene.alignment.place([at], aside, 0.0)[0]
                plants.append((foot, height * float(rng.uniform(0.9, 1.3)), height, kind))
        for side, edge in ((-1, left), (1, right)):
            foot = self._scene.alignment.place([block * BLOCK], edge + side * 0.8, 0.0)[0]
            plants.append((foot, 0.12, 1.0, "marker"))
        self._plants[block] = plants
        return plants

    def _stand(self, found: _Faces, one: Obstacle, sticker: str | None = None) -> None:
        """Add an obstacle: plants as billboards, all else as a box whose near end is painted."""
        if one.kind in ("bush", "tree"):
            foot = self._scene.alignment.place([one.at], one.right, 0.0)[0]
            self._billboard(found, foot, one.width, one.height, f"{one.kind}0")
            return
        end = "house0" if one.kind == "house" else one.kind
        for number, corners in enumerate(box_faces(self._scene, one)):
            found.add(corners, self._art[end] if number == 0 else self._art["plain"], tint=_body(one.kind, number))
        if self._scene.light.is_night and one.kind in VEHICLES:
            for aside in (-0.4, 0.4):
                lamp = self._scene.alignment.place(
                    np.full(4, one.at - 0.03), one.right + (aside + CORNERS[:, 0] * 0.1) * one.width,
                    0.7 + CORNERS[:, 1] * 0.14)  # fmt: skip
                found.add(lamp, self._art["plain"], LAMP, tint=(1.1, 0.05, 0.03), bias=0.2)
        if sticker is not None:
            face = self._scene.alignment.place(
                np.full(4, one.at - 0.04), one.right + 0.2 * one.width + (UV[:, 0] - 0.5) * 0.35,
                1.5 - (UV[:, 1] - 0.5) * 0.35)  # fmt: skip
            found.add(face, self._art.sign(sticker, 0), bias=0.2)

    def _houses(self, found: _Faces, station: float) -> None:
        for town in self._scene.towns:
            first = max(int((station - 20 - town.begin) // HOUSE[0]), 0)
            last = int(np.ceil((min(town.end, station + REACH) - town.begin) / HOUSE[0]))
            for number in range(first, last):
                for corners, layer, tint in self._fronts_of(town, number):
                    found.add(corners, layer, tint=tint)

    def _fronts_of(self, town: Interval, number: int) -> list[tuple[Array, float, tuple[float, float, float]]]:
        """Return the faces of the houses on both sides at a place of a town: the same each time."""
        if (town.begin, number) in self._fronts:
            return self._fronts[town.begin, number]
        length, height, away = HOUSE
        place = town.begin + number * length
        rng = np.random.default_rng([self._scene.seed, 13, int(place // length)])
        faces = []
        for side, edge in zip((-1, 1), self._scene.lanes, strict=True):
            if rng.random() < 0.25:
                continue
            middle = edge + side * (away + float(rng.uniform(0, 4)))
            house = Obstacle("house", place + 1, middle, length - 3, 8.0, height * float(rng.uniform(0.7, 1.2)))
            for face, corners in enumerate(box_faces(self._scene, house)):
                painted = self._art[f"house{number % HOUSES}"] if face < 3 else self._art["plain"]
                faces.append((corners, painted, _body("house", face)))
        self._fronts[town.begin, number] = faces
        return faces

    def _built(self, found: _Faces, station: float) -> None:
        """Add gantries and tunnels."""
        left, right = self._scene.lanes
        place = self._scene.alignment.place
        for at in self._scene.gantries:
            if station < at < station + REACH:
                for low, high, near, far in ((5.0, 5.3, left - 1, right + 1), (0, 5.3, left - 1.2, left - 0.8),
                                             (0, 5.3, right + 0.8, right + 1.2)):  # fmt: skip
                    corners = place(np.full(4, at + 0.2), [near, far, far, near], [high, high, low, low])
                    found.add(corners, self._art["plain"], tint=(0.3, 0.3, 0.32))
        for tunnel in self._scene.tunnels:
            for begin in np.arange(max(tunnel.begin, station - 20), min(tunnel.end, station + REACH), 10.0):
                end = min(begin + 10.0, tunnel.end)
                for aside in (left - 1.5, right + 1.5):
                    found.add(place([begin, end, end, begin], aside, [5.5, 5.5, 0, 0]), self._art["plain"],
                              tint=(0.35, 0.35, 0.34))  # fmt: skip
                roof = place([begin, end, end, begin], [left - 1.5, left - 1.5, right + 1.5, right + 1.5], 5.5)
                found.add(roof, self._art["plain"], tint=(0.2, 0.2, 0.2))
                lamp = place([begin + 4, begin + 6, begin + 6, begin + 4], [-0.3, -0.3, 0.3, 0.3], 5.4)
                found.add(lamp, self._art["plain"], LAMP, tint=(1.0, 0.9, 0.7), bias=0.5)


def box_faces(scene: RoadScene, one: Obstacle) -> Iterator[Array]:
    """Yield near end, both sides, top and far end of a box along the road, (4, 3) each."""
    low, high = one.right - one.width / 2, one.right + one.width / 2
    near, far, top = one.at, one.at + one.length, one.height
    place = scene.alignment.place
    yield place([near] * 4, [low, high, high, low], [top, top, 0, 0])
    yield place([near, far, far, near], [low] * 4, [top, top, 0, 0])
    yield place([near, far, far, near], [high] * 4, [top, top, 0, 0])
    yield place([near, near, far, far], [low, high, high, low], [top] * 4)


def _body(kind: str, face: int) -> tuple[float, float, float]:
    if kind == "house":
        return (1.0, 1.0, 1.0) if face < 3 else (0.25, 0.12, 0.1)
    if face == 0:
        return (1.0, 1.0, 1.0)
    return {"car": (0.1, 0.13, 0.2), "van": (0.6, 0.6, 0.58)}.get(kind, (0.5, 0.52, 0.55))
