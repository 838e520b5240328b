"""What lens, sensor and encoder make of a picture, and the weather that is between the camera and the road."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from signpipe.lab.augmentation.camera import h264, noise
from signpipe.lab.augmentation.weather import drops, rain, snowfall
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.lab.simulation.world.sight import Camera
from signpipe.types import FloatArray, Image

SOFTNESS = 0.6  # pixels, spread of the lens at a width of 1280
APART = 2.0  # pixels at the edge between the positions over which the car's motion is averaged
BLOOM = 0.12  # share of a lamp's light that the lens scatters


def photograph(
    image: Image, scene: RoadScene, camera: Camera, speed: float, exposure: float, rng: np.random.Generator
) -> Image:
    """Return the picture as the scene's camera takes it.

    Args:
        image: BGR uint8 (H, W, 3), as it was drawn.
        scene: Tells weather and camera.
        camera: Where it looks.
        speed: Metres per second.
        exposure: By how much the light was raised; noise grows with it.
        rng: Source of chance.
    """
    model, weather = scene.camera, scene.weather
    taken = _smear(image, camera, speed * model.exposure)
    if scene.light.is_night:
        taken = _bloom(taken)
    if weather.rain > 0:
        taken = drops(rain(taken, weather.rain * 0.7, rng), weather.rain * 0.35, rng)
    if weather.snow > 0:
        taken = snowfall(taken, weather.snow * 0.7, rng)
    taken = np.asarray(cv2.GaussianBlur(taken, (0, 0), SOFTNESS * model.width / 1280), np.uint8)
    if model.distortion:
        maps = _distorted(model.width, model.height, model.focal_pixels, model.distortion)
        taken = np.asarray(cv2.remap(taken, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if model.noise > 0:
        taken = noise(taken, min(model.noise * max(exposure, 1.0) ** 0.5, 5.0), rng)
    if model.rolling:
        taken = _rolled(taken, camera, speed, model.rolling)
    if model.quality is not None:
        _, data = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, model.quality])
        taken = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    if model.h264 > 0:
        taken = h264(taken, model.h264, rng)
    return taken


def _smear(image: Image, camera: Camera, metres: float) -> Image:
    """Smear a picture as driving does during the exposure: away from the vanishing point, most at the edges."""
    growth = metres / 15.0  # of what stands 15 m away, as the sides of the picture do
    pixels = growth * camera.width / 2
    if pixels < 1.0:
        return image
    smeared, doublings = image, math.ceil(math.log2(pixels / APART + 1))
    for doubling in range(doublings):  # the mean of all positions so far, and of as many further on
        zoom = 1 + growth * 2**doubling / (2**doublings - 1)
        move = np.array([[zoom, 0, (1 - zoom) * camera.width / 2], [0, zoom, (1 - zoom) * camera.height / 2]])
        moved = cv2.warpAffine(smeared, move, (camera.width, camera.height), borderMode=cv2.BORDER_REPLICATE)
        smeared = np.asarray(cv2.addWeighted(smeared, 0.5, moved, 0.5, 0), np.uint8)
    return smeared


def _bloom(image: Image) -> Image:
    most = cv2.max(cv2.max(image[..., 0], image[..., 1]), image[..., 2])
    lit = cv2.threshold(most, 240, 255, cv2.THRESH_BINARY)[1]
    if not lit.any():
        return image
    height, width = image.shape[:2]
    small = cv2.resize(cv2.bitwise_and(image, image, mask=lit), (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    spread = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.5), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(image, 1.0, spread, BLOOM * 2, 0), np.uint8)


@lru_cache(maxsize=4)
def _distorted(width: int, height: int, focal: float, k1: float) -> tuple[FloatArray, FloatArray]:
    """Return where each pixel of a distorted picture lies in the straight one."""
    matrix = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 1, 2).astype(np.float32)
    straight = cv2.undistortPoints(grid, matrix, np.array([k1, 0, 0, 0]), P=matrix).reshape(height, width, 2)
    return np.ascontiguousarray(straight[..., 0], np.float32), np.ascontiguousarray(straight[..., 1], np.float32)


def distort(boxes: FloatArray, scene: RoadScene) -> FloatArray:
    """Return boxes (N, 4) of a straight picture in the distorted one."""
    model = scene.camera
    if not model.distortion or not len(boxes):
        return boxes
    corners = boxes.reshape(-1, 2) - np.array([model.width / 2, model.height / 2])
    radius2 = (corners**2).sum(axis=1, keepdims=True) / model.focal_pixels**2
    moved = corners * (1 + model.distortion * radius2) + np.array([model.width / 2, model.height / 2])
    return np.asarray(moved.reshape(-1, 4), np.float32)


def _rolled(image: Image, camera: Camera, speed: float, seconds: float) -> Image:
    """Stretch a picture from its middle by as much as the car drives on while its rows are read."""
    rows, columns = np.indices(image.shape[:2], np.float32)
    zoom = 1 + speed * seconds / 15.0 * rows / camera.height
    x: FloatArray = np.asarray((columns - camera.width / 2) / zoom + camera.width / 2, np.float32)
    y: FloatArray = np.asarray((rows - camera.height / 2) / zoom + camera.height / 2, np.float32)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR), np.uint8)
