"""Drawing a driving scene with OpenGL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.errors import ExtraMissingError, SettingsError
from signpipe.lab.simulation.paint import noise
from signpipe.lab.simulation.render.air import Air, air_of
from signpipe.lab.simulation.render.art import SIDE, Art
from signpipe.lab.simulation.render.geometry import REACH, Roadside, Vertices
from signpipe.lab.simulation.render.lens import photograph
from signpipe.lab.simulation.scene import outline
from signpipe.lab.simulation.world.alignment import Array
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.lab.simulation.world.sight import NOTHING, Camera, Sight, camera_at
from signpipe.types import Image

FOLDER = Path(__file__).parent
NEAR, FAR = 0.6, 900.0  # metres
LAND = 90.0  # metres of ground to each side
SMALLEST = 2.0  # pixels of a side, from which a sign is told of
SOLID = ("3f 3f 3f 3f 2f", "position", "normal", "texel", "tint", "kind")
GROUND = ("3f 2f 2f", "position", "way", "land")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture and what is in it.

    Attributes:
        image: BGR uint8 (H, W, 3).
        sight: The signs in it, with the share of each that pixels show.
    """

    image: Image
    sight: Sight


class Renderer:
    """Draws one scene, from any place of its road.

    Args:
        scene: The road.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
        SettingsError: There is no OpenGL without a screen (EGL).
    """

    def __init__(self, scene: RoadScene) -> None:
        self.scene = scene
        self._gl = open_context()
        size = (scene.camera.width, scene.camera.height)
        self._art = Art(scene)
        self._roadside = Roadside(scene, self._art)
        self._opaque = self._art.opaque
        texels, layers = self._art.texels
        self._layers = self._gl.texture_array((SIDE, SIDE, layers), 4, texels)
        self._layers.build_mipmaps()
        self._grain = self._gl.texture((512, 512), 2, _grain(scene.seed))
        self._grain.build_mipmaps()
        self._grain.repeat_x = self._grain.repeat_y = True
        lit = (FOLDER / "light.glsl").read_text(encoding="utf-8")
        self._solid = self._program("solid.vert", "solid.frag", lit)
        self._number = self._program("solid.vert", "number.frag", "")
        self._ground = self._program("ground.vert", "ground.frag", lit)
        self._sky = self._program("sky.vert", "sky.frag", lit)
        self._shown = self._gl.framebuffer([self._gl.texture(size, 4)], self._gl.depth_renderbuffer(size))
        self._numbers = self._gl.framebuffer([self._gl.texture(size, 1, dtype="f4")],
                                             self._gl.depth_renderbuffer(size))  # fmt: skip
        self._corners = self._gl.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())

    def close(self) -> None:
        """Give the graphics memory back."""
        self._gl.release()

    def render(
        self, station: float, speed: float = 0.0, seed: int = 0, yaw: float = 0.0, pitch: float = 0.0
    ) -> Picture:
        """Draw what the camera takes.

        Args:
            station: Metres from the start.
            speed: Metres per second, by which the picture smears.
            seed: Of rain, snow and noise in this picture.
            yaw: Radians by which shaking turns the camera to the right.
            pitch: Radians by which it turns it upwards.
        """
        camera = camera_at(self.scene, station, yaw, pitch)
        air = air_of(self.scene, station)
        faces = self._roadside.faces(station, np.array(camera.eye))
        image = self._draw(camera, air, station, faces)
        sight = self._see(camera, faces)
        taken = photograph(
            image, self.scene, camera, speed, air.exposure, np.random.default_rng([self.scene.seed, seed])
        )
        return Picture(taken, sight)

    def _draw(self, camera: Camera, air: Air, station: float, faces: Vertices) -> Image:
        gl = self._gl
        self._shown.use()
        self._shown.clear(depth=1.0)
        matrix = _matrix(camera)
        gl.enable_only(gl.DEPTH_TEST)
        # What hides all behind it comes first, the nearest before others, so that nothing is lit to be painted over.
        each = faces.reshape(-1, 6, 14)
        hides = self._opaque[each[:, 0, 8].astype(int)]
        self._set(self._solid, camera, air, matrix)
        self._layers.use(0)
        self._render(self._solid, each[hides][::-1].reshape(-1, 14), SOLID)
        self._set(self._ground, camera, air, matrix)
        self._ground["edges"].value = _edges(self.scene)
        self._ground["sky"].value, self._ground["wet"].value = air.low_sky, air.wet
        self._ground["snow"].value = air.snow
        self._grain.use(0)
        self._render(self._ground, _land(self.scene, station), GROUND)
        self._set(self._sky, camera, air, None)
        self._sky["look"].write(np.linalg.inv(_matrix(camera, at_eye=False)).astype(np.float32).T.tobytes())
        for name in ("sky", "low_sky", "woods", "cloud"):
            self._sky[name].value = getattr(air, name)
        sky = gl.vertex_array(self._sky, [(self._corners, "2f", "corner")])
        sky.render()
        sky.release()
        gl.enable_only(gl.DEPTH_TEST | gl.BLEND)
        gl.blend_func = gl.ONE, gl.ONE_MINUS_SRC_ALPHA
        self._layers.use(0)
        self._render(self._solid, each[~hides].reshape(-1, 14), SOLID)
        rows = np.frombuffer(self._shown.read(components=3, alignment=1), np.uint8)
        return np.ascontiguousarray(rows.reshape(camera.height, camera.width, 3)[::-1, :, ::-1])

    def _see(self, camera: Camera, faces: Vertices) -> Sight:
        """Draw the numbers of the signs, where there are some, and count what is left of each."""
        present = np.unique(faces[faces[:, 13] >= 0, 13]).astype(int).tolist()
        found = [(number, *seen) for number in present if (seen := self._box(camera, number))]
        if not found:
            return NOTHING
        signs, boxes, areas, distance = zip(*found, strict=True)
        pixels = self._pixels(camera, faces, np.stack(boxes))[list(signs)]
        visible = np.minimum(pixels / np.maximum(areas, 1.0), 1.0)
        return Sight(np.array(signs, np.int64), np.stack(boxes), visible, np.array(distance))

    def _pixels(self, camera: Camera, faces: Vertices, boxes: Array) -> npt.NDArray[np.int64]:
        """Return how many pixels show each sign of the scene, counted in the part of the picture that boxes lie in."""
        gl = self._gl
        low, high = np.floor(boxes[:, :2].min(axis=0)) - 1, np.ceil(boxes[:, 2:].max(axis=0)) + 1
        left, top = np.maximum(low, 0).astype(int).tolist()
        right, bottom = np.minimum(high, (camera.width, camera.height)).astype(int).tolist()
        part = (left, camera.height - bottom, right - left, bottom - top)
        self._numbers.use()
        self._numbers.scissor = part
        self._numbers.clear(depth=1.0, viewport=part)
        gl.enable_only(gl.DEPTH_TEST)
        self._number["camera"].write(_matrix(camera).astype(np.float32).T.tobytes())
        self._layers.use(0)
        self._render(self._number, faces, SOLID)
        rows = np.frombuffer(self._numbers.read(part, components=1, alignment=1, dtype="f4"), np.float32)
        return np.bincount(rows.round().astype(np.int64), minlength=len(self.scene.signs) + 1)[1:]

    def _box(self, camera: Camera, number: int) -> tuple[Array, float, float] | None:
        """Return the tight box of a sign, the pixels of its face and its distance; None if it isn't in the picture."""
        sign = self.scene.signs[number]
        heading = float(self.scene.alignment.at(sign.at)[0, 3]) + np.radians(sign.turned)
        face = (outline(sign.sign.name) - 0.5) * (sign.width, -sign.height)
        middle = self.scene.alignment.place([sign.at], sign.right, sign.up)[0]
        points, depths = camera.project(
            middle + np.stack([face[:, 0] * np.cos(heading), face[:, 1], -face[:, 0] * np.sin(heading)], axis=1)
        )
        if depths.min() < NEAR:
            return None
        edge = np.array([camera.width, camera.height], np.float64)
        low, high = np.clip(points.min(axis=0), 0, edge), np.clip(points.max(axis=0), 0, edge)
        if (high - low).min() < SMALLEST:
            return None
        return np.concatenate([low, high]), cv2.contourArea(points.astype(np.float32)), float(depths.mean())

    def _program(self, vertex: str, fragment: str, shared: str) -> Any:
        text = (FOLDER / fragment).read_text(encoding="utf-8")
        if shared:
            text = "#version 330\n" + shared + text
        return self._gl.program((FOLDER / vertex).read_text(encoding="utf-8"), text)

    def _render(self, program: Any, vertices: Vertices, layout: tuple[str, ...]) -> None:
        if not len(vertices):
            return
        buffer = self._gl.buffer(np.ascontiguousarray(vertices, np.float32).tobytes())
        names = [name if name in program else None for name in layout[1:]]
        form = " ".join(
            part if name else f"{int(part[0]) * 4}x" for part, name in zip(layout[0].split(), names, strict=True)
        )
        drawn = self._gl.vertex_array(program, [(buffer, form, *(name for name in names if name))])
        drawn.render()
        drawn.release()
        buffer.release()

    def _set(self, program: Any, camera: Camera, air: Air, matrix: Array | None) -> None:
        """Give a program what it asks for of the camera and of the light."""
        values = air.uniforms() | {
            "eye": camera.eye,
            "ahead": (float(np.sin(camera.yaw)), 0.0, float(np.cos(camera.yaw))),
        }
        for name, value in values.items():
            if name in program:
                program[name].value = value
        if matrix is not None:
            program["camera"].write(matrix.astype(np.float32).T.tobytes())


def open_context() -> Any:
    """Open OpenGL without a screen.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
        SettingsError: The system has none.
    """
    try:
        import moderngl
    except ImportError:
        raise ExtraMissingError("Drawing a driving scene", "simulate") from None
    library: Any = moderngl
    try:
        return library.create_standalone_context(backend="egl")
    except Exception as error:  # each driver has errors of its own
        raise SettingsError(
            f"A driving scene can't be drawn: there is no OpenGL without a screen ({error}); install EGL, on Debian "
            "libegl1 and libgl1-mesa-dri."
        ) from None


def require_drawing() -> None:
    """Make sure that scenes can be drawn.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
        SettingsError: There is no OpenGL without a screen (EGL).
    """
    open_context().release()


def _matrix(camera: Camera, at_eye: bool = True) -> Array:
    """Return the projection of the world to OpenGL's clip space, float64 (4, 4), which acts on columns."""
    cos, sin = np.cos(camera.yaw), np.sin(camera.yaw)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    cos, sin = np.cos(camera.pitch), np.sin(camera.pitch)
    tilt = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    view = np.eye(4)
    view[:3, :3] = tilt @ turn
    if at_eye:
        view[:3, 3] = -view[:3, :3] @ np.array(camera.eye)
    wide, high = 2 * camera.focal / camera.width, 2 * camera.focal / camera.height
    clip = np.array([[wide, 0, 0, 0], [0, high, 0, 0],
                     [0, 0, (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)], [0, 0, 1, 0]])  # fmt: skip
    both: Array = clip @ view
    return both


def _edges(scene: RoadScene) -> tuple[float, float, float, float]:
    """Return the edges of the carriageway and up to two lines between its lanes."""
    left, right = scene.lanes
    lanes = max(round((right - left) / 3.6), 1)
    lines = [left + (right - left) * number / lanes for number in range(1, lanes)][:2]
    lines += [1e4] * (2 - len(lines))
    return left, right, lines[0], lines[1]


def _land(scene: RoadScene, station: float) -> Vertices:
    """Return the ground around a station, float32 (N, 7): a strip along the road, finer where it is near."""
    along = station + np.concatenate([np.arange(-4, 30, 2.0), np.geomspace(30, REACH + 200, 40)])
    left, right = scene.lanes
    aside = np.array([-LAND, left - 12, left - 3, left, (left + right) / 2, right, right + 3, right + 12, LAND])
    s, a = np.meshgrid(along, aside, indexing="ij")
    points = scene.alignment.place(s.ravel(), a.ravel(), 0.0).reshape(*s.shape, 3)
    town = np.zeros_like(s)
    for one in scene.towns:
        town[(s >= one.begin) & (s <= one.end)] = 1
    junction = np.zeros_like(s)
    for at in scene.junctions:
        junction[np.abs(s - at) < 3.0] = 1
    grid = np.concatenate([points, a[..., None], s[..., None], town[..., None], junction[..., None]], axis=2)
    first, right_, below, across = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    triangles = np.stack([first, right_, across, first, across, below], axis=2)
    return triangles.reshape(-1, 7).astype(np.float32)


def _grain(seed: int) -> bytes:
    rng = np.random.default_rng([seed, 14])
    layers = [noise(rng, (512, 512), steepness) for steepness in (0.4, 1.5)]
    texels: npt.NDArray[np.uint8] = np.clip(np.dstack(layers) * 48 + 128, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(texels).tobytes()
