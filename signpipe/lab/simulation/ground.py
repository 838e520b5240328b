"""The ground under the camera: a two-lane road between gravel and grass."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.simulation.camera import Road, View
from signpipe.lab.simulation.paint import HAZE, noise
from signpipe.types import FloatArray, Image

LANE = 3.5  # metres
EDGE_LINE = 3.32  # metres from the centre line
DASH, PERIOD = 4.0, 12.0  # metres of paint and from dash to dash
TEXEL = 0.025  # metres
TEXTURE = 1024  # texels; the pattern repeats after 25.6 m
HAZE_LENGTH = 420.0  # metres
BLOCK = 24  # rows painted at once
ISLAND = (0.75, 6.0)  # half width and half length of a traffic island, metres

ASPHALT = (108, 106, 104)
PAINT = (214, 216, 216)
GRAVEL = (116, 128, 138)
GRASS = (62, 108, 92)
DRY_GRASS = (84, 138, 134)
KERB = (168, 170, 172)


class Ground:
    """Paints the ground row by row; textures are chosen by how much of the ground a pixel covers.

    Args:
        road: Where the road lies.
        islands: z of the middle of each traffic island, metres.
        rng: Source of chance.
    """

    def __init__(self, road: Road, islands: tuple[float, ...], rng: np.random.Generator) -> None:
        self.road = road
        self.islands = islands
        grain = noise(rng, (TEXTURE, TEXTURE), 0.35)
        patches = noise(rng, (TEXTURE, TEXTURE), 1.6)
        self.levels: list[FloatArray] = [np.dstack([grain, patches]).astype(np.float32)]
        while self.levels[-1].shape[0] > 8:
            side = self.levels[-1].shape[0] // 2
            halved = cv2.resize(self.levels[-1], (side, side), interpolation=cv2.INTER_AREA)
            self.levels.append(halved.astype(np.float32, copy=False))

    def draw(self, picture: Image, view: View) -> None:
        """Paint everything below the horizon.

        Args:
            picture: BGR uint8 (H, W, 3), changed in place.
            view: The camera.
        """
        top = max(int(np.floor(view.horizon)) + 1, 0)
        for start in range(top, view.height, BLOCK):
            self._draw_rows(picture[start : start + BLOCK], start, view)

    def _draw_rows(self, picture: Image, first: int, view: View) -> None:
        """Paint some rows, so few that they stay in the processor's cache.

        Args:
            picture: BGR uint8 (h, W, 3), changed in place.
            first: Number of the first row in the whole picture.
            view: The camera.
        """
        rows = np.arange(first, first + len(picture)) + 0.5
        depth = (view.eye[1] * view.focal / np.maximum(rows - view.horizon, 0.25)).astype(np.float32)[:, None]
        columns = ((np.arange(view.width) + 0.5 - view.width / 2) / view.focal).astype(np.float32)[None]
        cos, sin = np.float32(np.cos(view.yaw)), np.float32(np.sin(view.yaw))
        x = np.float32(view.eye[0]) + depth * (sin + columns * cos)
        z = np.float32(view.eye[2]) + depth * (cos - columns * sin)
        across = depth / np.float32(view.focal)  # metres of ground to the right that one pixel covers
        along = depth * across / np.float32(view.eye[1])  # and ahead
        # The centre line is nearly straight within one row, so that a row's ends tell the rest.
        start, end = (self.road.centre(z[:, column]).astype(np.float32)[:, None] for column in (0, -1))
        side = x - start - (end - start) * np.linspace(0, 1, view.width, dtype=np.float32)[None]
        colour = self._colour(side, z, across, along, self._texture(x, z, along[:, 0]))
        fog = 1 - np.exp(-depth / np.float32(HAZE_LENGTH))
        colour += (np.asarray(HAZE, np.float32) - colour) * fog[..., None]
        picture[...] = np.clip(colour, 0, 255)

    def _texture(self, x: FloatArray, z: FloatArray, along: FloatArray) -> FloatArray:
        """Return grain and patches float32 (h, w, 2) at each pixel, averaged over what the pixel covers."""
        wanted = np.clip(np.log2(np.maximum(along / (2 * TEXEL), 1)), 0, len(self.levels) - 1.001)
        level = wanted.astype(int)
        result = np.empty((*x.shape, 2), np.float32)
        for number in np.unique(level):
            rows = np.flatnonzero(level == number)
            band = slice(rows[0], rows[-1] + 1)
            blend = (wanted[band] - number).astype(np.float32)[:, None, None]
            result[band] = self._look_up(number, x[band], z[band]) * (1 - blend)
            result[band] += self._look_up(number + 1, x[band], z[band]) * blend
        return result

    def _look_up(self, number: int, x: FloatArray, z: FloatArray) -> FloatArray:
        """Return one level's texture at ground positions, float32 (h, w, 2)."""
        level = self.levels[number]
        u, v = (axis * np.float32(1 / (TEXTURE * TEXEL)) for axis in (x, z))
        side = np.float32(level.shape[0])
        found = cv2.remap(
            level, (u - np.floor(u)) * side, (v - np.floor(v)) * side, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        return found.astype(np.float32, copy=False)

    def _colour(
        self, side: FloatArray, z: FloatArray, across: FloatArray, along: FloatArray, texture: FloatArray
    ) -> FloatArray:
        """Return BGR float32 (h, w, 3) of the ground, `side` metres to the right of the centre line."""
        grain, patches = texture[..., 0], texture[..., 1]
        off = np.abs(side)

        def within(distance: FloatArray, half: float, blur: FloatArray) -> FloatArray:
            share: FloatArray = np.clip((half - distance) / blur + np.float32(0.5), 0, 1)
            return share

        dash = np.abs(np.mod(z + np.float32(PERIOD / 2), np.float32(PERIOD)) - np.float32(PERIOD / 2))
        marks = within(off, 0.06, across) * within(dash, DASH / 2, along)
        marks = np.maximum(marks, within(np.abs(off - EDGE_LINE), 0.07, across)) * np.minimum(1, 0.12 / across)
        raised = np.zeros_like(side)
        for middle in self.islands:
            raised += within(off, ISLAND[0], across) * within(np.abs(z - np.float32(middle)), ISLAND[1], along)
        verge = within(off + patches * 0.08, LANE + 0.55, across + 0.15)
        paved = within(off + patches * 0.02, LANE + 0.05, across + 0.04)
        tracks = np.maximum(0, 1 - np.abs(np.abs(off - LANE / 2) - 0.75) * 2)
        bare = 1 - raised
        tarmac = paved * (1 - marks) * bare
        meadow = (1 - verge) * (1 - paved) * (1 + grain * 0.17)
        dry = np.clip(patches * 0.3 + 0.35, 0, 1)
        parts = {
            ASPHALT: tarmac * (1 + grain * 0.05 + patches * 0.035 - tracks * 0.06),
            PAINT: marks * paved * bare * (0.9 + grain * 0.05),
            KERB: raised * (1 + grain * 0.04),
            GRAVEL: verge * (1 - paved) * (1 + grain * 0.13),
            GRASS: meadow * (1 - dry),
            DRY_GRASS: meadow * dry,
        }
        shares = np.stack([part.ravel() for part in parts.values()])
        colour: FloatArray = (shares.T @ np.array(list(parts), np.float32)).reshape(*side.shape, 3)
        return colour
