"""What stands in a scene, painted: one square layer of a texture each."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.lab.simulation import paint
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.types import Image

SIDE = 256  # texels of a layer
MARGIN = 16  # texels around what is painted, so that its outline is smooth at any size
STRETCH = SIDE / (SIDE - 2 * MARGIN)  # by which a face is drawn larger than it is
VARIANTS = 3  # differently weathered paintings of a sign
TREES, BUSHES, HOUSES = 4, 2, 3


class Art:
    """The layers, and which is which.

    Args:
        scene: Whose signs are painted.
    """

    def __init__(self, scene: RoadScene) -> None:
        self._layers: list[Image] = []
        self._numbers: dict[str, int] = {}
        rng = np.random.default_rng([scene.seed, 11])
        self._add("plain", np.full((SIDE, SIDE, 4), 255, np.uint8))
        for number in range(TREES):
            self._add(f"tree{number}", paint.plant(rng, 0.22, SIDE))
        for number in range(BUSHES):
            self._add(f"bush{number}", paint.plant(rng, 0.0, SIDE))
        for number in range(HOUSES):
            self._add(f"house{number}", _house(rng))
        self._add("pole", _fill(paint.pole()))
        self._add("marker", _fill(paint.marker_post()))
        for kind in ("car", "van", "lorry"):
            self._add(kind, _back(kind, rng))
        faces = {(sign.sign.name, number % VARIANTS) for number, sign in enumerate(scene.signs)}
        faces |= {(one.sticker, 0) for one in scene.companions if one.sticker is not None}
        for name, variant in sorted(faces):
            self._add(f"{name}/{variant}", _framed(paint.weathered_sign(name, rng, SIDE)))

    def __getitem__(self, name: str) -> float:
        return float(self._numbers[name])

    def sign(self, name: str, number: int) -> float:
        """Return the layer of a sign."""
        return self[f"{name}/{number % VARIANTS}"]

    @property
    def texels(self) -> tuple[bytes, int]:
        """RGBA with premultiplied alpha, and the count of layers."""
        layers = np.stack(self._layers).astype(np.float32)
        layers[..., :3] *= layers[..., 3:] / 255
        return np.ascontiguousarray(layers[..., [2, 1, 0, 3]].round().astype(np.uint8)).tobytes(), len(layers)

    @property
    def opaque(self) -> npt.NDArray[np.bool_]:
        """Whether nothing is seen through a layer, of each."""
        return np.array([layer[..., 3].min() == 255 for layer in self._layers])

    def _add(self, name: str, picture: Image) -> None:
        self._numbers[name] = len(self._layers)
        self._layers.append(picture)


def _framed(picture: Image) -> Image:
    """Return a BGRA picture stretched over a layer but for its margin."""
    inner = SIDE - 2 * MARGIN
    layer = np.zeros((SIDE, SIDE, 4), np.uint8)
    layer[MARGIN:-MARGIN, MARGIN:-MARGIN] = cv2.resize(picture, (inner, inner), interpolation=cv2.INTER_AREA)
    layer[..., :3][layer[..., 3] == 0] = 128
    return layer


def _fill(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def _house(rng: np.random.Generator) -> Image:
    """Paint a front of plaster with rows of windows and a roof."""
    front = np.full((SIDE, SIDE, 4), 255, np.uint8)
    plaster = rng.uniform(135, 215) + np.array([-18.0, 0.0, 8.0]) * rng.uniform(0.3, 1.4)
    front[..., :3] = np.clip(plaster + paint.noise(rng, (SIDE, SIDE), 0.9)[..., None] * 5, 0, 255)
    front[: SIDE // 4, :, :3] = np.clip(np.array([52, 58, 104]) + rng.normal(0, 9, (SIDE // 4, SIDE, 1)), 0, 255)
    columns, rows = int(rng.integers(3, 6)), 2
    for row in range(rows):
        for column in range(columns):
            x, y = round((column + 0.28) * SIDE / columns), round(SIDE * (0.34 + 0.32 * row))
            width, height = round(0.44 * SIDE / columns), round(0.19 * SIDE)
            cv2.rectangle(front, (x - 2, y - 2), (x + width + 2, y + height + 2), (215, 218, 220, 255), -1)
            cv2.rectangle(front, (x, y), (x + width, y + height), (66, 56, 46, 255), -1)
    return front


def _back(kind: str, rng: np.random.Generator) -> Image:
    """Paint a vehicle from behind: body, window, lamps, number plate."""
    layer = np.full((SIDE, SIDE, 4), 255, np.uint8)
    body = {"lorry": (190, 192, 194), "van": (200, 202, 205), "car": (120, 96, 80)}[kind]
    layer[..., :3] = np.clip(np.array(body) + rng.normal(0, 2, (SIDE, SIDE, 1)), 0, 255)
    if kind == "car":
        layer[: SIDE // 2, : SIDE // 8, 3] = layer[: SIDE // 2, -SIDE // 8 :, 3] = 0
        cv2.rectangle(layer, (44, 14), (SIDE - 44, 110), (52, 46, 40, 255), -1)
    elif kind == "van":
        for left in (24, 140):
            cv2.rectangle(layer, (left, 30), (left + 92, 100), (52, 46, 40, 255), -1)
    else:
        cv2.line(layer, (SIDE // 2, 10), (SIDE // 2, 214), (120, 122, 124, 255), 2)
        cv2.rectangle(layer, (0, 218), (SIDE, SIDE), (46, 46, 48, 255), -1)
    lamps = 226 if kind == "lorry" else 150
    for left in (8, SIDE - 44):
        cv2.rectangle(layer, (left, lamps), (left + 36, lamps + 18), (36, 30, 190, 255), -1)
    cv2.rectangle(layer, (100, lamps + 4), (156, lamps + 20), (226, 228, 228, 255), -1)
    cv2.rectangle(layer, (0, SIDE - 24), (SIDE, SIDE), (34, 34, 36, 255), -1)
    return layer
