"""What the camera and its encoder do to a picture."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np

from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.pixels import (
    grid,
    is_crop,
    level,
    streak_kernel,
    strips,
    to_image,
    to_light,
    tones,
    unit,
)
from signpipe.types import FloatArray, Image


def motion_blur(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Motion during the exposure: a straight smear, mostly sideways or towards the picture's edge."""
    angle = rng.uniform(0, np.pi)
    length = 1 + level(severity, 2.0, 4.0, 6.5, 9.5, 13.0, identity=0) * unit(image)
    kernel = streak_kernel(length, angle)
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def defocus_blur(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Defocus: every point becomes a disc, the picture of the aperture."""
    radius = level(severity, 0.9, 1.6, 2.5, 3.5, 4.8, identity=0) * unit(image) * rng.uniform(0.9, 1.1)
    kernel = disc_kernel(radius)
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def disc_kernel(radius: float) -> FloatArray:
    """Return a disc that sums to 1, soft over one pixel at its rim; a radius near 0 is no blur."""
    reach = int(np.ceil(radius + 0.5))
    ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(xs, ys), 0, 1).astype(np.float32)
    return np.asarray(kernel / kernel.sum(), np.float32)


def noise(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Sensor noise: shot noise that grows with the light, and read noise (Foi et al., IEEE TIP 2008)."""
    shot = level(severity, 0.0006, 0.0016, 0.0036, 0.008, 0.018, identity=0)
    read = level(severity, 0.004, 0.008, 0.014, 0.022, 0.034, identity=0)
    deviation = tones(lambda light: np.sqrt(np.float32(shot) * light + np.float32(read**2)))
    shown = np.empty_like(image)
    for rows in strips(len(image)):
        part = image[rows]
        grain = rng.standard_normal(part.shape, np.float32)
        grain *= cv2.LUT(part, deviation)
        grain += to_light(part)
        shown[rows] = to_image(grain)
    return shown


def jpeg(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """JPEG compression; the block grid starts anywhere."""
    quality = round(level(severity, 45, 28, 18, 11, 6, identity=96))
    x, y = rng.integers(0, 8, 2)
    padded = cv2.copyMakeBorder(image, int(y), 0, int(x), 0, cv2.BORDER_REPLICATE)
    _, data = cv2.imencode(".jpg", padded, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[y:, x:])


def h264(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """H.264 at a low bit rate: the second of two frames, predicted from the first, which is moved a little."""
    height, width = image.shape[:2]
    factor = level(severity, 31, 35, 39, 43, 48, identity=18)
    shift = np.round(rng.uniform(-3, 3, 2) * unit(image)).astype(int)
    bottom, right = max(16, height + height % 2) - height, max(16, width + width % 2) - width
    second = np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8)
    first = np.roll(second, shift.tolist(), (0, 1))
    encoder = av.CodecContext.create("libx264", "w")
    if not isinstance(encoder, av.VideoCodecContext):
        raise TypeError("libx264 is no video encoder here")
    encoder.height, encoder.width = second.shape[:2]
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(25)
    encoder.options = {"crf": f"{factor:.1f}", "preset": "veryfast", "tune": "zerolatency", "threads": "1"}
    packets = []
    for index, picture in enumerate((first, second)):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("h264", "r")
    if not isinstance(decoder, av.VideoCodecContext):
        raise TypeError("h264 is no video decoder here")
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    decoded = np.asarray(frames[-1].to_ndarray(format="bgr24"), np.uint8)
    return np.ascontiguousarray(decoded[:height, :width])


def rolling_shutter(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Rolling shutter: rows are read one after the other while the picture moves sideways and shakes."""
    height, width = image.shape[:2]
    y = grid(height, width)[1] * (height / 2)
    slope = level(severity, 0.06, 0.12, 0.19, 0.27, 0.36, identity=0) * (1 if rng.random() < 0.5 else -1)
    shake = level(severity, 0.2, 0.4, 0.7, 1.0, 1.4, identity=0) * unit(image)
    phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(1, 2.5)
    shift = slope * y + shake * np.sin(phase + y * np.float32(2 * np.pi * waves / height))
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = (columns + shift).astype(np.float32)
    return np.asarray(cv2.remap(image, moved, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def colour_cast(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """White balance gone wrong: mostly along blue-yellow, as lamps and shade do, and a little along green-magenta."""
    light = to_light(image)
    warm, green = rng.choice((-1.0, 1.0)) * rng.uniform(0.7, 1.0), rng.uniform(-0.6, 0.6)
    strength = level(severity, 0.15, 0.28, 0.44, 0.62, 0.82, identity=0)
    gains = np.exp(strength * np.array([-warm, 0.5 * green, warm - 0.5 * abs(green)], np.float32))
    return to_image(light * gains / np.maximum(gains @ np.array([0.2, 0.6, 0.2], np.float32), 1e-3))


def low_resolution(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Low resolution: few pixels on the sign, enlarged again; a whole scene loses at most three fifths of its lines."""
    height, width = image.shape[:2]
    longer = max(height, width)
    if is_crop(image):
        factor = longer / min(level(severity, 46, 32, 23, 17, 12, identity=max(longer, 64)), longer)
    else:
        factor = level(severity, 1.2, 1.45, 1.7, 2.0, 2.4, identity=1)
    small = (max(round(width / factor), 1), max(round(height / factor), 1))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    enlarge = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=enlarge), np.uint8)


CAMERA = (
    Corruption("motion_blur", "camera", motion_blur),
    Corruption("defocus_blur", "camera", defocus_blur),
    Corruption("noise", "camera", noise),
    Corruption("jpeg", "camera", jpeg),
    Corruption("h264", "camera", h264),
    Corruption("rolling_shutter", "camera", rolling_shutter, geometric=True),
    Corruption("colour_cast", "camera", colour_cast),
    Corruption("low_resolution", "camera", low_resolution),
)
