"""What the effects share: linear light, procedural noise, scale, and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.types import FloatArray, Image

MAX_SEVERITY = 5.0
STRIP = 32  # rows
_LIGHT = np.square(np.arange(256, dtype=np.float32) / 255)


def to_light(image: npt.NDArray[np.uint8]) -> FloatArray:
    """Return linear light in 0..1; the display curve is taken as a gamma of 2, close to sRGB and cheap to invert."""
    return np.asarray(cv2.LUT(image, _LIGHT), np.float32)


def to_image(light: FloatArray) -> Image:
    """Return the uint8 picture of linear light; what is over 1 saturates."""
    kept = np.clip(light, 0, 1)
    return np.asarray(cv2.convertScaleAbs(np.sqrt(kept, out=kept), alpha=255), np.uint8)


def strips(height: int) -> Iterator[slice]:
    """Yield the rows of a picture in strips that stay in the processor's cache."""
    for top in range(0, height, STRIP):
        yield slice(top, min(top + STRIP, height))


def tones(change: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return what a function makes of the light of each of 256 bytes, float32 (256, ...), as `cv2.LUT` takes it."""
    return np.asarray(change(_LIGHT), np.float32)


def cover_with(light: FloatArray, colour: FloatArray, share: FloatArray) -> Image:
    """Return the uint8 picture of light (H, W, 3) that a colour (3,) lies over by a share (H, W) in 0..1."""
    shown = np.empty(light.shape, np.uint8)
    wide = np.broadcast_to(colour, (STRIP, *light.shape[1:])).copy()
    for rows in strips(len(light)):
        part = light[rows]
        over = wide[: len(part)] - part
        over *= cv2.merge([share[rows]] * 3)
        over += part
        shown[rows] = to_image(over)
    return shown


def to_bytes(values: FloatArray) -> Image:
    """Round 0..255 to uint8; what is outside saturates."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0)), np.uint8)


def luminance(picture: FloatArray) -> FloatArray:
    """Return the luminance (H, W) of a BGR picture (H, W, 3), Rec. 709 weights."""
    return np.asarray(cv2.transform(picture, np.array([[0.0722, 0.7152, 0.2126]], np.float32)), np.float32)


def bright_level(light: FloatArray) -> float:
    """Return the luminance that a tenth of the picture's pixels exceed: how brightly what is pale is lit."""
    values = luminance(light)
    step = max(max(values.shape) // 128, 1)
    values = values[::step, ::step].ravel()
    place = min(int(0.9 * values.size), values.size - 1)
    return float(np.partition(values, place)[place])


def level(severity: float, *values: float, identity: float) -> float:
    """Return an effect's parameter: `identity` at severity 0, `values` at 1, 2, ..., linear in between."""
    return float(np.interp(severity, range(len(values) + 1), (identity, *values)))


def unit(image: npt.NDArray[np.generic]) -> float:
    """Return the pixels that one pixel of a reference picture takes here, for lengths given in pixels.

    A picture whose longer side is at most 400 px is the crop of a sign (reference: 64 px wide), a larger one is a whole
    scene (reference: 1280 px wide). A blur of 4 px in the reference crop and in the reference scene is about the
    same camera.
    """
    longer = max(image.shape[:2])
    return float(longer / 64 if is_crop(image) else longer / 1280)


def is_crop(image: npt.NDArray[np.generic]) -> bool:
    """Tell a crop of one sign from a whole scene by its size; see `unit`."""
    return bool(max(image.shape[:2]) <= 400)


@lru_cache(maxsize=64)
def grid(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Return x and y (H, W) of every pixel's centre, in -1..1 over the picture; read-only."""
    x = (np.arange(width, dtype=np.float32) * 2 + 1) / width - 1
    y = (np.arange(height, dtype=np.float32) * 2 + 1) / height - 1
    xs, ys = (np.asarray(part, np.float32) for part in np.meshgrid(x, y))
    xs.flags.writeable = ys.flags.writeable = False
    return xs, ys


def fractal(height: int, width: int, cells: float, rng: np.random.Generator, octaves: int = 3) -> FloatArray:
    """Return value noise (H, W), roughly 0..1 around 0.5, of `octaves` octaves that halve in size and weight.

    Args:
        height: Rows.
        width: Columns.
        cells: Cells of the coarsest octave along the longer side.
        rng: Source of chance.
        octaves: Number of octaves.
    """
    longer = max(height, width)
    total = np.zeros((1, 1), np.float32)
    for octave in range(octaves):
        finer = cells * 2**octave
        shape = (max(round(finer * height / longer), 1) + 1, max(round(finer * width / longer), 1) + 1)
        total = np.asarray(cv2.resize(total, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        total = total + np.float32(0.5**octave) * rng.random(shape, np.float32)
    total /= np.float32(2 - 0.5 ** (octaves - 1))
    return np.asarray(cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def soft_step(values: FloatArray, start: float, end: float) -> FloatArray:
    """Return 0 below `start`, 1 over `end`, and a smooth cubic in between."""
    t = np.clip((values - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def blur(picture: FloatArray, sigma: float) -> FloatArray:
    """Return a Gaussian blur; borders are replicated."""
    if sigma < 0.1:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def streak_kernel(length: float, angle: float) -> FloatArray:
    """Return the kernel of a straight smear that sums to 1.

    Args:
        length: Pixels; 1 or less is no smear.
        angle: Radians, 0 along x.
    """
    half = max(length - 1, 0) / 2
    size = 2 * int(np.ceil(half)) + 1
    middle = size // 2
    steps = np.linspace(-half, half, 4 * size)
    xs, ys = middle + steps * np.cos(angle), middle + steps * np.sin(angle)
    kernel = np.zeros((size + 1, size + 1), np.float32)
    left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
    fx, fy = xs - left, ys - top
    for dx, wx in ((0, 1 - fx), (1, fx)):
        for dy, wy in ((0, 1 - fy), (1, fy)):
            np.add.at(kernel, (top + dy, left + dx), wx * wy)
    kernel = kernel[:size, :size]
    return np.asarray(kernel / kernel.sum(), np.float32)
