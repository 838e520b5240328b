"""Procedural artwork: noise, sky and hills, plants, poles, weathered signs."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.simulation.uncatalogued import render_face
from signpipe.types import FloatArray, Image

SKY_TOP = (226, 196, 166)
SKY_LOW = (242, 238, 232)
IVY_MARGIN = 0.25  # sides of a face by which the leaves over it may reach beyond it
HAZE = (122, 136, 120)  # what the meadows fade to, under the far woods


def noise(rng: np.random.Generator, shape: tuple[int, int], steepness: float) -> FloatArray:
    """Return tileable noise float32 of mean 0 and spread 1 whose amplitude falls as frequency ** -steepness."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    frequency = np.hypot(fy * shape[0], fx * shape[1])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * frequency**-steepness
    field = np.fft.irfft2(spectrum, shape)
    tile: FloatArray = (field / field.std()).astype(np.float32)
    return tile


def panorama(rng: np.random.Generator, width: int, height: int) -> Image:
    """Paint what is too far away to move: sky with thin clouds above hills and a line of woods.

    Args:
        rng: Source of chance.
        width: Pixels.
        height: Pixels; the last row is the horizon.
    """
    depth = (np.linspace(0, 1, height, dtype=np.float32) ** 1.5)[:, None, None]
    sky = np.asarray(SKY_TOP, np.float32) * (1 - depth) + np.asarray(SKY_LOW, np.float32) * depth
    cloud = cv2.resize(noise(rng, (256, 256), 1.7), (width, height * 2), interpolation=cv2.INTER_CUBIC)[:height]
    veil = np.clip(cloud * 0.25 + 0.4, 0, 0.9)[..., None] * (1 - 0.5 * depth)
    picture = sky * (1 - veil) + np.asarray((240, 238, 236), np.float32) * veil
    rows = np.arange(height, dtype=np.float32)[:, None]
    for base, rise, steepness, colour, rough in (
        (0.16, 0.050, 2.2, (190, 172, 152), 1.5),
        (0.10, 0.040, 2.0, (150, 140, 116), 3.0),
        (0.030, 0.018, 1.1, (96, 112, 92), 9.0),
    ):
        ridge = noise(rng, (1, width), steepness)[0] * rise + base
        cover = np.clip(rows - height * (1 - ridge)[None], 0, 1)[..., None]
        leaves = noise(rng, (height, width), 0.6)[..., None] * rough
        picture = picture * (1 - cover) + (np.asarray(colour, np.float32) + leaves) * cover
    painted: Image = np.clip(picture, 0, 255).astype(np.uint8)
    return painted


def _foliage(rng: np.random.Generator, cover: FloatArray, colour: tuple[float, float, float]) -> FloatArray:
    """Return BGRA leaves within a soft cover: ragged edges, gaps, light from above."""
    size = cover.shape[0]
    ragged = cover + noise(rng, (size, size), 0.9) * 0.16
    alpha = np.clip((ragged - 0.5) * 6, 0, 1)
    light = noise(rng, (size, size), 1.1) * 0.17 + np.linspace(1.25, 0.70, size, dtype=np.float32)[:, None]
    leaves = np.asarray(colour, np.float32) * np.clip(light, 0.25, 1.8)[..., None]
    return np.dstack([leaves, alpha * 255]).astype(np.float32)


def plant(rng: np.random.Generator, trunk: float, size: int = 256) -> Image:
    """Paint a broad-leaved plant as BGRA uint8 (size, size, 4) with its foot at the bottom edge.

    Args:
        rng: Source of chance.
        trunk: Share of the height that is bare trunk; 0 paints a bush.
        size: Pixels.
    """
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    cover = np.zeros((size, size), np.float32)
    crown = 1 - trunk
    for _ in range(26):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.27)
        centre_x, centre_y = 0.5 + reach * np.cos(angle), crown * (0.52 + reach * np.sin(angle) * 1.1)
        radius = rng.uniform(0.10, 0.17)
        distance = np.hypot(x - centre_x, (y - centre_y) / max(crown, 0.6))
        cover = np.maximum(cover, np.clip(1.25 - 0.75 * distance / radius, 0, 1))
    if trunk == 0:
        cover = np.maximum(cover, np.clip(1.3 - np.abs(x - 0.5) * 2.6, 0, 1) * (y > 0.6))
    green = rng.uniform(0.8, 1.15)
    painted = _foliage(rng, cover, (38 * green, 78 * green, rng.uniform(48, 66) * green))
    if trunk > 0:
        stem = np.clip((0.022 + 0.012 * (y - 0.5) - np.abs(x - 0.5)) * size, 0, 1) * (y > crown * 0.5)
        bare = stem * (1 - painted[..., 3] / 255)
        painted[..., :3] = (
            painted[..., :3] * (1 - bare[..., None]) + np.array((52, 62, 70), np.float32) * bare[..., None]
        )
        painted[..., 3] = np.maximum(painted[..., 3], stem * 255)
    return np.clip(painted, 0, 255).astype(np.uint8)


def pole() -> Image:
    """Paint a galvanised pole as BGRA uint8, lit from the left like a cylinder."""
    across = np.linspace(-1, 1, 16, dtype=np.float32)
    shade = 148 * (0.62 + 0.38 * np.sqrt(np.clip(1 - (across + 0.25) ** 2, 0, 1)))
    row = np.stack([shade * 1.02, shade, shade * 0.97, np.full_like(shade, 255)], axis=1)
    return np.repeat(row[None], 64, axis=0).astype(np.uint8)


def marker_post() -> Image:
    """Paint a roadside marker post as BGRA uint8: white with a slanting black band and a reflector."""
    post = np.zeros((256, 32, 4), np.uint8)
    post[...] = (222, 226, 224, 255)
    cv2.fillPoly(post, [np.array([[0, 62], [31, 40], [31, 100], [0, 122]])], (38, 36, 36, 255))
    cv2.rectangle(post, (12, 66), (19, 94), (96, 168, 196, 255), -1)
    return post


def weathered_sign(name: str, rng: np.random.Generator, size: int = 512) -> Image:
    """Paint a sign as it hangs outdoors: BGRA uint8, the drawing with faded colours, dirt and uneven light."""
    drawing = render_face(name, size).astype(np.float32)
    height, width = drawing.shape[:2]
    colour = drawing[..., :3]
    faded = 22 + colour * (205 / 255)
    grey = faded.mean(axis=2, keepdims=True)
    faded = grey + (faded - grey) * rng.uniform(0.84, 0.94)
    dirt = 1 + cv2.resize(noise(rng, (64, 64), 1.2), (width, height), interpolation=cv2.INTER_CUBIC) * 0.018
    slope = np.linspace(1.04, 0.95, height, dtype=np.float32)[:, None]
    lit = faded * (dirt * slope)[..., None] * np.asarray(rng.uniform(0.98, 1.02, 3), np.float32)
    painted: Image = np.clip(np.dstack([lit, drawing[..., 3]]), 0, 255).astype(np.uint8)
    return painted


def ivy(rng: np.random.Generator, reach: float, size: int = 512) -> Image:
    """Paint leaves that have grown over the left part of a sign, as BGRA uint8, clear where there are none.

    Args:
        rng: Source of chance.
        reach: Where they end, in widths of the face from its left edge; the first digit of two ends at about 0.5.
        size: Pixels of the face; the picture goes beyond it by `IVY_MARGIN` of that on all sides.
    """
    margin = round(IVY_MARGIN * size)
    painted = np.zeros((size + 2 * margin, size + 2 * margin, 4), np.uint8)
    for light in np.linspace(0.45, 1.3, 220):  # the leaves in front are the brighter ones
        x, y = rng.uniform(-0.1, reach - 0.06), rng.uniform(-0.12, 1.12)
        centre = (margin + round(x * size), margin + round(y * size))
        axes = (round(size * rng.uniform(0.045, 0.075)), round(size * rng.uniform(0.025, 0.04)))
        colour = np.array((38, 92, 56)) * light * rng.uniform(0.8, 1.2) + rng.uniform(-6, 6, 3)
        cv2.ellipse(painted, centre, axes, rng.uniform(0, 360), 0, 360, (*colour, 255), -1, cv2.LINE_AA)
    return painted
