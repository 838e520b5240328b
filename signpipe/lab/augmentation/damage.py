"""What age, weather and collisions do to the sign itself."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.pixels import (
    blur,
    bright_level,
    fractal,
    grid,
    level,
    luminance,
    soft_step,
    to_image,
    to_light,
    unit,
)
from signpipe.types import FloatArray, Image


def fading(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Fading: daylight bleaches pigments towards pale grey, red first; water leaves vertical streaks."""
    light = to_light(image)
    height, width = image.shape[:2]
    grey = luminance(light)[..., None]
    bright = np.float32(bright_level(light))
    strength = level(severity, 0.2, 0.38, 0.55, 0.7, 0.84, identity=0)
    streaks = cv2.resize(fractal(3, width, 10, rng), (width, height), interpolation=cv2.INTER_LINEAR)
    local = np.clip(strength * (0.7 + 0.6 * np.asarray(streaks, np.float32)), 0, 1)[..., None]
    spread = light.max(2, keepdims=True) + 1e-3
    red = np.clip((light[..., 2:] - np.maximum(light[..., :1], light[..., 1:2])) / spread, 0, 1)
    # Red pigments go twice as fast as blue and black ones; what is bleached shows the pale ground.
    bleached = np.clip(local * (0.55 + 0.45 * red), 0, 1)
    pale = grey + (0.8 * bright - grey) * (0.35 + 0.5 * red)
    return to_image(light + (pale - light) * bleached)


def rust(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Rust: brown patches that start at the rim and at the bolts, and run down the face."""
    height, width = image.shape[:2]
    xs, ys = grid(height, width)
    scale = unit(image)
    bolts = np.minimum(np.hypot(xs, ys - 0.4), np.hypot(xs, ys + 0.4))
    rim = np.hypot(xs, ys)
    start = 0.3 * soft_step(rim, 0.4, 1.0) + 0.35 * (1 - soft_step(bolts, 0.0, 0.45))
    field = fractal(height, width, 5, rng, octaves=4) + start
    runs = np.asarray(cv2.filter2D(field, -1, streak_kernel_down(10 * scale)), np.float32)
    field = np.maximum(field, runs + 0.04)
    limit = level(severity, 0.93, 0.86, 0.79, 0.73, 0.67, identity=1.2)
    alpha = 0.85 * soft_step(field, limit - 0.06, limit + 0.06)[..., None]
    grain = fractal(height, width, 20, rng, octaves=2)[..., None]
    light = to_light(image)
    dark, bright = np.array([0.012, 0.025, 0.07], np.float32), np.array([0.06, 0.14, 0.34], np.float32)
    colour = (dark + (bright - dark) * grain) * np.float32(np.clip(1.3 * bright_level(light), 0.05, 1.2))
    return to_image(light + (colour - light) * alpha)


def streak_kernel_down(length: float) -> FloatArray:
    """Return a kernel that smears downwards only: each pixel takes the mean of those above it."""
    size = 2 * max(round(length), 1) + 1
    kernel = np.zeros((size, 1), np.float32)
    kernel[: size // 2 + 1] = 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def dusty(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Dust and spray of the road: a pale brown film, thicker towards the bottom, with specks."""
    light = to_light(image)
    height, width = image.shape[:2]
    ys = grid(height, width)[1]
    thickness = level(severity, 0.3, 0.6, 1.0, 1.5, 2.2, identity=0)
    film = thickness * (0.35 + 0.55 * fractal(height, width, 4, rng) + 0.3 * ys * np.float32(rng.uniform(0.2, 1)))
    specks = rng.random((height, width), np.float32)
    film = film + thickness * 0.8 * blur((specks > 0.97).astype(np.float32), 0.5 * unit(image))
    ambient = np.float32(np.clip(bright_level(light), 0.03, 1))
    colour = np.array([0.2, 0.3, 0.38], np.float32) * ambient
    return to_image(colour + (light - colour) * np.exp(-np.maximum(film, 0))[..., None])


def bent(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Bent plate: a smooth random warp of the mesh, and the shading of its slopes."""
    height, width = image.shape[:2]
    amplitude = level(severity, 0.05, 0.09, 0.14, 0.19, 0.25, identity=0) * min(height, width)
    bumps = [fractal(height, width, 2, rng, octaves=2) - 0.5 for _ in range(2)]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    shape = (columns + amplitude * bumps[0], rows + amplitude * bumps[1])
    warped = cv2.remap(image, *shape, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    slope = np.asarray(cv2.Sobel(blur(bumps[1], 0.05 * height), cv2.CV_32F, 1, 1, scale=1.0), np.float32)
    slope /= max(float(np.abs(slope).max()), 1e-6)
    shade = 1 + level(severity, 0.1, 0.18, 0.27, 0.36, 0.45, identity=0) * slope
    return to_image(to_light(np.asarray(warped, np.uint8)) * shade[..., None])


def tilted(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Tilted plate: rolled on its post and turned away, seen in perspective."""
    height, width = image.shape[:2]
    strength = level(severity, 0.25, 0.5, 0.75, 1.0, 1.3, identity=0)
    roll, yaw, pitch = strength * np.radians(rng.choice((-1, 1), 3) * rng.uniform((10, 15, 5), (20, 42, 25)))
    turn_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) @ (turn_x @ turn_y @ turn_z).T
    seen = corners[:, :2] / (1 + corners[:, 2:] / 6)  # from six half-widths away
    half = np.array([width, height]) / 2
    source = (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) + 1) * half - 0.5
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), ((seen + 1) * half - 0.5).astype(np.float32))
    result = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(result, np.uint8)


DAMAGE = (
    Corruption("fading", "damage", fading, surface=True, scenes=False),
    Corruption("rust", "damage", rust, surface=True, scenes=False),
    Corruption("dusty", "damage", dusty, surface=True, scenes=False),
    Corruption("bent", "damage", bent, geometric=True, scenes=False),
    Corruption("tilted", "damage", tilted, geometric=True, scenes=False),
)
