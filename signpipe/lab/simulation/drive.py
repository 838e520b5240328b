"""Render the drive: one picture and its truth a frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from signpipe.lab.simulation import paint
from signpipe.lab.simulation.camera import Points, View
from signpipe.lab.simulation.ground import LANE, Ground
from signpipe.lab.simulation.scene import PlacedSign, Scene, Upright, outline
from signpipe.lab.simulation.sprite import Patch, Sprite
from signpipe.lab.simulation.truth import TruthBox
from signpipe.lab.simulation.uncatalogued import known_id
from signpipe.types import FloatArray, Image

FIELD_OF_VIEW = 50.0  # degrees, horizontal
CAMERA_HEIGHT = 1.35  # metres
HORIZON = 0.53  # of the picture's height
FARTHEST_SIGN = 160.0  # metres
FARTHEST_PLANT = 260.0
NEAREST = 1.0  # metres; what is nearer is past
SHADE = 0.76  # an upright face gets less light than the sky sends
SOFTNESS = 0.7  # pixels, spread of the lens
GRAIN = 1.5  # levels, spread of the sensor's noise
OVERGROWN = 0.41  # of an overgrown face's width is behind leaves: most of the first digit of a limit
IVY_SEED = 2  # the same leaves in every drive: how much they leave to be read mustn't depend on the drive's seed
FACE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)


@dataclass(slots=True)
class _Shown:
    """A sign that was drawn, and how much of it nothing has covered yet."""

    sign: PlacedSign
    xyxy: Points
    distance: float
    area: float
    patch: Patch


class Drive:
    """A vehicle with a camera on the right lane of a scene's road.

    Args:
        scene: The road and what stands along it.
        size: Width and height of the pictures.
        fps: Frames per second.
        speed: Metres per second.
        seed: Makes everything that is left to chance repeatable.
    """

    def __init__(self, scene: Scene, size: tuple[int, int], fps: float, speed: float, seed: int) -> None:
        self.scene = scene
        self.size = size
        self.fps = fps
        self.speed = speed
        self.focal = float(size[0] / 2 / np.tan(np.radians(FIELD_OF_VIEW / 2)))
        ground, sky, art, shake, grain = np.random.default_rng(seed).spawn(5)
        self._ground = Ground(scene.road, scene.islands, ground)
        self._sky = paint.panorama(sky, size[0] * 2, round(size[1] * HORIZON) + 40)
        self._sprites = _artwork(scene, art)
        self._phases = shake.uniform(0, 2 * np.pi, 8)
        self._grain: FloatArray = grain.normal(0, GRAIN, (size[1] + 64, size[0] + 64, 3)).astype(np.float32)

    def view(self, media_time: float) -> View:
        """Return the camera at a time, with the sway of the vehicle and the shake of its windscreen."""
        z = self.speed * media_time
        road, phase = self.scene.road, self._phases
        sway = 0.10 * np.sin(0.5 * media_time + phase[0])
        scale = self.size[1] / 720
        pitch = 1.6 * np.sin(2 * np.pi * 1.2 * media_time + phase[1]) + 0.7 * np.sin(50 * media_time + phase[2])
        yaw = 0.004 * np.sin(0.7 * media_time + phase[3]) + 0.0004 * np.sin(43 * media_time + phase[4])
        heave = 0.012 * np.sin(2 * np.pi * 1.3 * media_time + phase[5])
        eye = (float(road.centre(z)) + LANE / 2 + sway, CAMERA_HEIGHT + heave, z)
        horizon = self.size[1] * HORIZON + pitch * scale
        return View(self.size[0], self.size[1], self.focal, eye, road.heading(z) + yaw, horizon)

    def render(self, index: int) -> tuple[Image, tuple[TruthBox, ...]]:
        """Render one frame.

        Args:
            index: Number of the frame, from 0.

        Returns:
            BGR uint8 (H, W, 3) and the signs in it, nearest first.
        """
        media_time = index / self.fps
        view = self.view(media_time)
        picture, boxes = self.compose(view, self.scene.signs)
        return self._photograph(picture, media_time, index), boxes

    def compose(self, view: View, signs: tuple[PlacedSign, ...]) -> tuple[Image, tuple[TruthBox, ...]]:
        """Draw the scene without the camera's blur and noise.

        Args:
            view: The camera.
            signs: Signs to draw (their poles always are).

        Returns:
            BGR uint8 (H, W, 3) and the signs in it, nearest first.
        """
        picture = self._backdrop(view)
        self._ground.draw(picture, view)
        items: list[PlacedSign | Upright] = [*signs, *self.scene.uprights]
        places = np.array([i.centre if isinstance(i, PlacedSign) else (i.foot[0], 0.0, i.foot[1]) for i in items])
        depths = view.project(places)[1]
        shown: list[_Shown] = []
        for number in np.argsort(-depths, kind="stable"):
            item, depth = items[number], float(depths[number])
            patch: Patch | None = None
            sign: _Shown | None = None
            if isinstance(item, PlacedSign):
                if NEAREST < depth < FARTHEST_SIGN and (sign := self._draw_sign(picture, view, item, depth)):
                    patch = sign.patch
            elif NEAREST < depth < FARTHEST_PLANT:
                patch = self._draw_upright(picture, view, item, depth)
            if patch:
                for other in shown:
                    _cover(other.patch, patch)
            if sign:
                shown.append(sign)
                if sign.sign.overgrown and (ivy := self._draw_ivy(picture, view, sign.sign)):
                    for other in shown:
                        _cover(other.patch, ivy)
        return picture, tuple(box for one in reversed(shown) if (box := _truth(one)))

    def _backdrop(self, view: View) -> Image:
        """Return a new picture with sky and hills, turned against the camera's heading."""
        width, height = self.size
        shift = width / 2 + view.yaw * self.focal
        move = np.array([[1, 0, -shift], [0, 1, view.horizon - self._sky.shape[0]]], np.float32)
        backdrop = cv2.warpAffine(self._sky, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return backdrop.astype(np.uint8, copy=False)

    def _draw_sign(self, picture: Image, view: View, sign: PlacedSign, depth: float) -> _Shown | None:
        """Draw a sign; None if it lies outside the picture."""
        quad, near = view.project(sign.at(FACE))
        if near.min() < NEAREST / 2:
            return None
        edge = view.project(sign.at(outline(sign.sign.name)))[0].astype(np.float32)
        frame = np.array(FACE * self.size, np.float32)
        shared, inside = cv2.intersectConvexConvex(edge, frame)
        if shared <= 0:
            return None
        patch = self._sprites[sign.sign.name].draw(picture, quad, SHADE - 0.07 * np.sin(sign.id * 2.1))
        if patch is None:
            return None
        xyxy = np.concatenate([inside.min(axis=(0, 1)), inside.max(axis=(0, 1))]).astype(np.float64)
        return _Shown(sign, xyxy, depth, float(cv2.contourArea(edge)), patch)

    def _draw_ivy(self, picture: Image, view: View, sign: PlacedSign) -> Patch | None:
        """Draw what has grown over a sign; None if it lies outside the picture."""
        quad, _ = view.project(sign.at(FACE * (1 + 2 * paint.IVY_MARGIN) - paint.IVY_MARGIN))
        return self._sprites["ivy"].draw(picture, quad)

    def _draw_upright(self, picture: Image, view: View, item: Upright, depth: float) -> Patch | None:
        """Draw something that faces the camera; None if it lies outside the picture."""
        x, z = item.foot
        foot, head = view.project(np.array([[x, 0.0, z], [x, item.height, z]]))[0]
        half = item.width / 2 * self.focal / depth
        across = np.array([half, 0.0])
        quad = np.array([head - across, head + across, foot + across, foot - across])
        return self._sprites[item.kind].draw(picture, quad)

    def _photograph(self, picture: Image, media_time: float, index: int) -> Image:
        """Return the picture as a camera takes it: changing light, soft lens, noise."""
        light = 1.06 + 0.05 * np.sin(0.45 * media_time + self._phases[6])
        soft = cv2.GaussianBlur(picture, (0, 0), SOFTNESS * self.size[1] / 720)
        x, y = np.random.default_rng((index, 5)).integers(0, 64, 2)
        width, height = self.size
        noisy = soft.astype(np.float32) * np.float32(light) + self._grain[y : y + height, x : x + width]
        taken: Image = np.clip(noisy, 0, 255).astype(np.uint8)
        return taken


def _artwork(scene: Scene, rng: np.random.Generator) -> dict[str, Sprite]:
    """Paint every sprite of a scene."""
    sprites = {f"tree{k}": Sprite(paint.plant(rng, 0.22)) for k in range(4)}
    sprites |= {f"bush{k}": Sprite(paint.plant(rng, 0.0)) for k in range(2)}
    sprites |= {"shrub": Sprite(paint.plant(rng, 0.1))}
    sprites |= {"pole": Sprite(paint.pole()), "marker": Sprite(paint.marker_post())}
    for placed in scene.signs:
        if placed.sign.name not in sprites:
            sprites[placed.sign.name] = Sprite(paint.weathered_sign(placed.sign.name, rng))
    sprites |= {"ivy": Sprite(paint.ivy(np.random.default_rng(IVY_SEED), OVERGROWN))}
    return sprites


def _cover(below: Patch, above: Patch) -> None:
    """Take what `above` covers away from the visible part of `below`."""
    height, width = below.alpha.shape
    x, y = above.x - below.x, above.y - below.y
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + above.alpha.shape[1], width), min(y + above.alpha.shape[0], height)
    if x1 > x0 and y1 > y0:
        below.alpha[y0:y1, x0:x1] *= 1 - above.alpha[y0 - y : y1 - y, x0 - x : x1 - x]


def _truth(shown: _Shown) -> TruthBox | None:
    """Return the truth of a drawn sign, or None if its box lies outside the picture."""
    left, top, right, bottom = (round(float(value), 2) for value in shown.xyxy)
    if right <= left or bottom <= top:
        return None
    visible = min(float(shown.patch.alpha.sum()) / max(shown.area, 1e-6), 1.0)
    sign = shown.sign.sign
    return TruthBox(
        shown.sign.id,
        known_id(sign.id),
        sign.name,
        (left, top, right, bottom),
        round(visible, 3),
        round(shown.distance, 2),
    )
