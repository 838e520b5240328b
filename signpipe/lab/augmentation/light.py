"""Light that is too little, too much, or in the wrong place, computed in linear light."""

from __future__ import annotations

import numpy as np

from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.pixels import (
    blur,
    fractal,
    grid,
    is_crop,
    level,
    luminance,
    soft_step,
    to_image,
    to_light,
    unit,
)
from signpipe.types import FloatArray, Image


def _falloff(image: Image, x: float, y: float, reach: float) -> FloatArray:
    """Return (H, W) how near each pixel is to a place: 1 there, 0.5 at `reach`; lengths in half the longer side."""
    height, width = image.shape[:2]
    xs, ys = grid(height, width)
    longer = max(height, width)
    squared = ((xs - x) * (width / longer)) ** 2 + ((ys - y) * (height / longer)) ** 2
    return np.asarray(1 / (1 + squared / np.float32(reach**2)), np.float32)


def night(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Night: little light of the sky, the beam of the headlights, and the noise of few photons."""
    light = to_light(image)
    dark = level(severity, 0.5, 0.3, 0.18, 0.1, 0.05, identity=1)
    if is_crop(image):  # a sign throws the beam back at the car; what is behind it doesn't
        beam = _falloff(image, rng.normal(0, 0.2), rng.normal(0, 0.2), 0.7) ** 2
    else:
        beam = _falloff(image, rng.normal(0, 0.1), 0.6, 0.35)
    grey = luminance(light)[..., None]
    colourless = level(severity, 0.15, 0.25, 0.35, 0.45, 0.55, identity=0)
    ambient = (light + (grey - light) * colourless) * np.array([1.15, 1.0, 0.85], np.float32)
    lit = light * np.array([0.8, 0.97, 1.1], np.float32) * beam[..., None]
    light = ambient * dark * (0.5 + 0.5 * dark) + lit * (0.2 + 0.8 * dark) * (1 - 0.5 * dark)
    noise = rng.standard_normal(light.shape, np.float32)
    read = level(severity, 0.0008, 0.0016, 0.0026, 0.0036, 0.0046, identity=0)
    return to_image(light + noise * np.sqrt(np.float32(read) * np.maximum(light, 0) * 0.6 + np.float32(read**2)))


def glare(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Glare of a strong lamp in or near the picture: a saturated core, a veil, rays and a ghost.

    The veil falls off with the square of the angle, as in the Stiles-Holladay formula of disability glare.
    """
    light = to_light(image)
    angle, away = rng.uniform(-np.pi, np.pi), rng.uniform(0.65, 1.4) if is_crop(image) else rng.uniform(0, 1)
    x, y = away * np.cos(angle), away * np.sin(angle)
    strength = level(severity, 0.12, 0.28, 0.5, 0.85, 1.4, identity=0)
    colour = np.array([0.85, 0.97, 1.0], np.float32)
    veil = 1.2 * _falloff(image, x, y, 0.16) ** 1.5 + 0.3 * _falloff(image, x, y, 0.7)
    height, width = image.shape[:2]
    xs, ys = grid(height, width)
    around = np.arctan2((ys - y) * height, (xs - x) * width)
    rays = np.abs(np.cos(around * rng.integers(2, 5) + rng.uniform(0, np.pi))) ** 24
    veil = veil + 0.5 * rays.astype(np.float32) * _falloff(image, x, y, 0.35)
    ghost = 0.15 * (1 - soft_step(_distance(image, -0.6 * x, -0.6 * y), 0.16, 0.2))
    added = veil[..., None] * colour + ghost[..., None] * np.array([0.5, 0.8, 0.4], np.float32)
    return to_image(light + np.float32(strength) * added)


def _distance(image: Image, x: float, y: float) -> FloatArray:
    height, width = image.shape[:2]
    xs, ys = grid(height, width)
    longer = max(height, width)
    return np.asarray(np.hypot((xs - x) * (width / longer), (ys - y) * (height / longer)), np.float32)


def low_sun(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Low sun ahead: signs against the light go dark, and the dirty windscreen adds a warm veil from one side."""
    light = to_light(image)
    height, width = image.shape[:2]
    xs, ys = grid(height, width)
    angle = rng.uniform(-np.pi, 0)  # the sun is never below
    ramp = 0.5 + 0.5 * (xs * np.float32(np.cos(angle)) + ys * np.float32(np.sin(angle)))
    smear = 0.75 + 0.5 * fractal(height, width, 4.0, rng)
    dark = level(severity, 0.85, 0.7, 0.55, 0.42, 0.32, identity=1)
    veil = level(severity, 0.08, 0.18, 0.3, 0.45, 0.65, identity=0)
    warm = np.array([0.55, 0.82, 1.0], np.float32)
    added = np.clip(ramp, 0, None) ** 1.5 * smear
    return to_image(light * dark + np.float32(veil) * added[..., None] * warm)


def shadow(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Shadow across the sign: the edge of a house or the dapple of a tree; the sky fills it with bluish light."""
    light = to_light(image)
    height, width = image.shape[:2]
    xs, ys = grid(height, width)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        distance = xs * np.float32(np.cos(angle)) + ys * np.float32(np.sin(angle)) + np.float32(rng.uniform(-0.5, 0.3))
        edge = rng.uniform(0.03, 0.25)
        shaded = soft_step(distance + 0.1 * fractal(height, width, 3, rng), -edge, edge)
    else:
        shaded = soft_step(fractal(height, width, 3.5, rng), 0.4, 0.6)
    kept = level(severity, 0.6, 0.42, 0.3, 0.2, 0.13, identity=1)
    blue = 1 + (1 - kept) * np.array([0.35, 0.08, -0.12], np.float32)
    return to_image(light * (1 + (kept * blue - 1) * shaded[..., None]))


def overexposure(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Overexposure: light over the sensor's range saturates and blooms into its surroundings."""
    gain = level(severity, 1.4, 1.9, 2.6, 3.5, 4.8, identity=1) * rng.uniform(0.9, 1.1) ** min(severity, 1)
    light = to_light(image) * np.float32(gain)
    spill = blur(np.maximum(light - 0.9, 0), 2.0 * unit(image))
    return to_image(light + 0.1 * spill)


def underexposure(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Underexposure: little light, so that black level and quantisation show."""
    gain = level(severity, 0.5, 0.3, 0.17, 0.09, 0.045, identity=1) * rng.uniform(0.9, 1.1) ** min(severity, 1)
    black = level(severity, 0.0002, 0.0005, 0.0009, 0.0013, 0.0017, identity=0)
    return to_image(to_light(image) * np.float32(gain) - np.float32(black))


def headlight_reflection(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Headlights thrown back by the retroreflective face: a hot spot that washes its colours out, and its bloom."""
    light = to_light(image)
    x, y = rng.uniform(-0.5, 0.5, 2)
    reach = rng.uniform(0.3, 0.7)
    spot = _falloff(image, x, y, reach)[..., None] ** 2
    strength = level(severity, 0.8, 1.8, 3.5, 6.5, 11.0, identity=0)
    # Glass beads send back a share of white light whatever the colour of the sheeting.
    returned = light + 0.06
    bloom = level(severity, 0.02, 0.05, 0.09, 0.15, 0.22, identity=0)
    return to_image(light + np.float32(strength) * spot * returned * 0.5 + np.float32(bloom) * spot)


LIGHT = (
    Corruption("night", "light", night),
    Corruption("glare", "light", glare, held_out=True),
    Corruption("low_sun", "light", low_sun, held_out=True),
    Corruption("shadow", "light", shadow, scenes=False),
    Corruption("overexposure", "light", overexposure),
    Corruption("underexposure", "light", underexposure),
    Corruption("headlight_reflection", "light", headlight_reflection, surface=True, scenes=False),
)
