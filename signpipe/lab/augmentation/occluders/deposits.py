"""What sticks to a sign: snow and mud."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation.occluder import Canvas, Cover, Occluder
from signpipe.lab.augmentation.pixels import blur
from signpipe.types import FloatArray


def _relief(canvas: Canvas, height: FloatArray, angle: float, depth: float) -> FloatArray:
    """Return the shading (h, w), around 1, of a surface of that height lit from an angle."""
    gx = np.asarray(cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3), np.float32)
    gy = np.asarray(cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3), np.float32)
    slope = (gx * np.float32(np.cos(angle)) + gy * np.float32(np.sin(angle))) * np.float32(depth * canvas.half / 8)
    return np.clip(1 - slope, 0.72, 1.1)


def snow_patches(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Wet snow blown against the face: thick where it began, with rounded, shaded edges."""
    wind = rng.uniform(-np.pi, np.pi)
    towards = canvas.x * np.float32(np.cos(wind)) + canvas.y * np.float32(np.sin(wind))
    order = canvas.fractal(5, rng) + np.float32(rng.uniform(0.15, 0.5)) * towards * 0.7
    mask, limit = canvas.hide(order)
    thickness: FloatArray = np.clip((limit - order) * np.float32(4), 0, 1)
    shade = _relief(canvas, blur(thickness, 0.06 * canvas.half), -2.0, 0.6) * (0.86 + 0.14 * thickness)
    blue = 1 + (1 - shade) * 0.3  # its shadows are lit by the sky
    return Cover(mask, canvas.lit(np.stack([248 * shade * blue, 244 * shade, 238 * shade], 2)))


def dirt_patches(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Mud thrown up by wheels: splashes and spots, denser towards one side, dry and mottled."""
    side = rng.normal(np.pi / 2, 0.8)
    towards = canvas.x * np.float32(np.cos(side)) + canvas.y * np.float32(np.sin(side))
    spots = canvas.fractal(9, rng, octaves=2)
    order = 0.65 * canvas.fractal(4, rng) + 0.45 * spots - np.float32(rng.uniform(0.0, 0.3)) * towards
    mask, limit = canvas.hide(order)
    thickness: FloatArray = np.clip((limit - order) * np.float32(5), 0, 1)
    dark, dry = np.array([28, 42, 58], np.float32), np.array([95, 125, 150], np.float32)
    mix = np.clip(0.25 + 0.5 * canvas.fractal(16, rng, octaves=2) + 0.4 * (1 - thickness) * rng.uniform(0.2, 1), 0, 1)
    colour = dark + (dry - dark) * np.asarray(mix, np.float32)[..., None]
    return Cover(mask, canvas.lit(colour))


DEPOSITS = (
    Occluder("snow_patches", "deposits", snow_patches, on_face=True),
    Occluder("dirt_patches", "deposits", dirt_patches, on_face=True),
)
