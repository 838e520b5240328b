"""Weather between the camera and the sign, computed in linear light."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.pixels import (
    blur,
    bright_level,
    cover_with,
    fractal,
    grid,
    is_crop,
    level,
    soft_step,
    streak_kernel,
    to_image,
    to_light,
    tones,
    unit,
)
from signpipe.types import FloatArray, Image


def _airlight(light: FloatArray) -> FloatArray:
    """Return the colour (3,) of scattered daylight: near white, as bright as the picture's bright parts."""
    return np.array([1.0, 0.98, 0.95], np.float32) * np.float32(np.clip(0.12 + 0.85 * bright_level(light), 0.15, 0.85))


def _veil(light: FloatArray, airlight: FloatArray, transmission: FloatArray | float) -> FloatArray:
    """Return what is left of the scene through a scattering medium, by Koschmieder's law (1924)."""
    return np.asarray(light * transmission + airlight * (1 - np.asarray(transmission, np.float32)), np.float32)


def _veiled(image: Image, airlight: FloatArray, dimmed: float, transmission: float) -> FloatArray:
    """Return the light of a picture that is dimmed and then veiled everywhere alike."""
    table = tones(lambda light: _veil((light * np.float32(dimmed))[:, None], airlight, transmission))
    return np.asarray(cv2.LUT(image, table[None]), np.float32)


def _crowd(image: Image) -> float:
    """Return how densely drops and flakes fill the picture: the near ones seem smaller and fewer in a whole scene."""
    return 1.0 if is_crop(image) else 0.2


def _seeds(chance: FloatArray, share: float, spread: float) -> FloatArray:
    """Return how bright drops or flakes begin, 1 - spread to 1 in a share of the pixels, else 0, by chances (H, W)."""
    seeds, hit = np.zeros_like(chance), np.flatnonzero(chance < share)
    seeds.ravel()[hit] = np.float32(1) - spread * chance.ravel()[hit] / np.float32(share)
    return seeds


def rain(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Rain: bright streaks smeared by the exposure (Garg & Nayar, IJCV 2007), a veil of distant drops, less light."""
    light = to_light(image)
    height, width = image.shape[:2]
    scale = unit(image)
    airlight = _airlight(light)
    angle = np.pi / 2 + rng.normal(0, 0.25)
    dimmed = level(severity, 0.95, 0.9, 0.84, 0.78, 0.72, identity=1)
    transmission = level(severity, 0.95, 0.9, 0.84, 0.78, 0.7, identity=1)
    light = _veiled(image, airlight, dimmed, transmission)
    cover = np.zeros((height, width), np.float32)
    density = level(severity, 0.12, 0.25, 0.45, 0.8, 1.3, identity=0) * _crowd(image)
    for length, thickness, share, gain in ((10.0, 0.35, 0.010, 0.8), (22.0, 0.7, 0.004, 0.8)):
        chance = rng.random((height, width), np.float32)
        share = share * density / scale**2
        seeds = _seeds(chance, share, 0.7)
        smeared = np.asarray(cv2.filter2D(seeds, -1, streak_kernel(length * scale, angle)), np.float32)
        # A streak of one pixel's width and full brightness would be `length` times fainter after the smear.
        cover += blur(smeared, thickness * scale) * np.float32(gain * length * scale * 2.5 * thickness * scale)
    return cover_with(light, np.minimum(airlight * 1.35, 1), np.minimum(cover, 0.65))


def fog(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Fog by Koschmieder's law (1924), slightly patchy; in a scene the road near the car stays clearer."""
    light = to_light(image)
    height, width = image.shape[:2]
    depth = level(severity, 0.3, 0.6, 0.95, 1.35, 1.8, identity=0)
    patches = 0.8 + 0.4 * fractal(height, width, 2.0, rng)
    if not is_crop(image):
        y = grid(height, width)[1]
        # Flat ground, horizon in the middle: distance goes with 1 / (y - horizon), capped.
        patches *= 0.25 + 0.95 * (1 - soft_step(y, 0.0, 1.0))
    return to_image(_veil(light, _airlight(light), np.exp(-depth * patches)[..., None]))


def snowfall(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Falling snow: small far flakes, large near ones out of focus, a white veil."""
    light = to_light(image)
    height, width = image.shape[:2]
    scale = unit(image)
    airlight = np.minimum(_airlight(light) * 1.25 + 0.05, 0.95)
    light = _veiled(image, airlight, 1.0, level(severity, 0.95, 0.89, 0.82, 0.75, 0.66, identity=1))
    angle = np.pi / 2 + rng.normal(0, 0.5)
    density = level(severity, 0.14, 0.3, 0.5, 0.85, 1.4, identity=0) * _crowd(image)
    clear = np.ones((height, width), np.float32)
    for radius, smear, share in ((0.6, 2.0, 0.02), (1.1, 4.0, 0.005), (2.6, 6.0, 0.0008)):
        chance = rng.random((height, width), np.float32)
        share = min(share * density / scale**2, 1.0)
        seeds = _seeds(chance, share, 0.5)
        flakes = blur(seeds, radius * scale) * np.float32(2 * np.pi * (radius * scale) ** 2 * 1.3)
        flakes = np.asarray(cv2.filter2D(flakes, -1, streak_kernel(smear * scale, angle)), np.float32)
        clear *= 1 - np.minimum(flakes, 0.95)
    return cover_with(light, airlight, 1 - clear)


def drops(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Drops on the windscreen: each is a small lens that shows the scene upside down and blurred, dark at its rim.

    The camera focuses on the road, so that the drops themselves are out of focus (Roser & Geiger, ICCVW 2009).
    """
    height, width = image.shape[:2]
    scale = unit(image)
    most, smallest, largest = (9, 4.0, 13.0) if is_crop(image) else (110, 8.0, 48.0)
    centres = rng.random((most, 2)).astype(np.float32) * (width, height)
    radii = (scale * (smallest + (largest - smallest) * rng.random(most) ** 2)).astype(np.float32)
    stretch = rng.uniform(0.8, 1.35, most).astype(np.float32)
    count = level(severity, 0.2, 0.4, 0.6, 0.8, 1.0, identity=0) * most
    map_x, map_y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    cover, shade = np.zeros((height, width), np.float32), np.ones((height, width), np.float32)
    windows = []
    for i in range(int(np.ceil(count))):
        radius = float(radii[i]) * min(max(count - i, 0.05), 1.0)
        reach = int(np.ceil(radius * 1.5)) + 1
        cx, cy = centres[i]
        left, top = max(int(cx) - reach, 0), max(int(cy) - reach, 0)
        window = np.s_[top : int(cy) + reach + 1, left : int(cx) + reach + 1]
        windows.append((left, top, int(cx) + reach + 1, int(cy) + reach + 1))
        ys, xs = np.mgrid[window].astype(np.float32)
        ys, xs = ys[: height - top, : width - left], xs[: height - top, : width - left]
        dx, dy = (xs - cx) / radius, (ys - cy) / (radius * stretch[i])
        distance = np.hypot(dx, dy)
        inside = distance < 1
        bulge = 2.2 * radius * (0.6 + distance**2)
        map_x[window][inside] = (cx - dx * bulge)[inside]
        map_y[window][inside] = (cy - dy * bulge)[inside]
        alpha = 1 - soft_step(distance, 0.8, 1.05)
        cover[window] = np.maximum(cover[window], alpha)
        # The upper part of a drop shows the dark road, the lower part the bright sky.
        tone = (1 + 0.35 * dy) * (1 - 0.45 * soft_step(distance, 0.55, 1.0))
        shade[window] = np.where(inside, tone, shade[window])
    light = to_light(image)
    soft, cover = blur(light, 1.2 * scale), blur(cover, 1.1 * scale)
    shown, margin = image.copy(), int(np.ceil(8 * scale))  # of the blurs
    for left, top, right, bottom in windows:
        inner = np.s_[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin]
        outer = np.s_[max(top - 2 * margin, 0) : bottom + 2 * margin, max(left - 2 * margin, 0) : right + 2 * margin]
        lens = np.asarray(cv2.remap(soft, map_x[outer], map_y[outer], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
        lens = blur(lens * shade[outer][..., None], 0.6 * scale)
        offset = inner[0].start - outer[0].start, inner[1].start - outer[1].start
        share = cover[inner][..., None]
        lens = lens[offset[0] : offset[0] + share.shape[0], offset[1] : offset[1] + share.shape[1]]
        shown[inner] = to_image(light[inner] * (1 - share) + lens * share)
    return shown


WEATHER = (
    Corruption("rain", "weather", rain),
    Corruption("fog", "weather", fog),
    Corruption("snowfall", "weather", snowfall),
    Corruption("drops", "weather", drops, held_out=True),
)
