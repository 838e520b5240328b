"""The classifier's training pictures: geometry and exposure of a crop, before and after what the road does to it.

The source of a picture is the sign with generous surroundings (`SOURCE_MARGIN`), so that shifted, larger and rotated
boxes find something to look at. Occlusion, damage, weather, light and camera come from `signpipe.lab.augmentation`.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape
from signpipe.crops import MARGIN
from signpipe.lab.augmentation import TRAINING_CORRUPTIONS, Augmenter, face_mask, face_polygon
from signpipe.lab.augmentation.face import filled
from signpipe.types import FloatArray, Image

SOURCE_SIZE = 80
SOURCE_MARGIN = 0.35
_GROWN = 0.31  # a margin that makes the outline a little larger than the face, so that no rim of the old scene is left
_LINE = 0.08  # of a box: rows and columns that show less of the sign than that don't count as showing it

_VIEW = [corruption for corruption in TRAINING_CORRUPTIONS if corruption.family != "damage"]


def swap_background(source: Image, shape: Shape, behind: Image) -> Image:
    """Put another scene behind the sign of a source picture.

    Args:
        source: BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3), the sign with its surroundings.
        shape: Outline of the sign.
        behind: BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3), the other scene.
    """
    mask = face_mask(shape, SOURCE_SIZE, SOURCE_SIZE, _GROWN)[..., None]
    return np.asarray(source * mask + behind * (1 - mask), np.uint8)


def box_jitter(rng: np.random.Generator, size: int) -> FloatArray:
    """Draw how a detector's box might frame a sign: shifted, larger or smaller, turned, seen from the side.

    Returns:
        float32 (3, 3), the homography from a source picture to a crop of `size` pixels.
    """
    side = SOURCE_SIZE / (1 + 2 * SOURCE_MARGIN)
    half = side * (0.5 + MARGIN) * rng.uniform(0.82, 1.18)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) * half * rng.uniform(0.93, 1.07, 2)
    angle = np.radians(rng.normal(0, 6))
    cos, sin = np.cos(angle), np.sin(angle)
    corners = corners @ np.array([[cos, sin], [-sin, cos]]) + SOURCE_SIZE / 2 + rng.uniform(-0.08, 0.08, 2) * side
    corners += rng.normal(0, 0.025 * side, (4, 2))
    target = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32) - 0.5
    return np.asarray(cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target), np.float32)


def wide_side(size: int) -> int:
    """Return the side of a crop at the scale of one of `size` pixels, with a quarter of it more on each side."""
    return size + 2 * (size // 4)


def widened(matrix: FloatArray, size: int) -> tuple[FloatArray, int]:
    """Return a homography to a crop that shows more on each side than another one, and its side, see `wide_side`."""
    side = wide_side(size)
    shift = np.array([[1, 0, size // 4], [0, 1, size // 4], [0, 0, 1]], np.float32)
    return np.asarray(shift @ matrix, np.float32), side


def following(visible: FloatArray, size: int, way: float, margin: float = MARGIN) -> FloatArray:
    """Let the box of a crop follow what can be seen of its sign.

    Args:
        visible: float32 (W, W), 1 where the sign can be seen, in a crop that was `widened`.
        size: Side of the crop before it was.
        way: How far the box goes from the whole sign, 0, to what can be seen of it, 1. Where next to nothing can be
            seen, it stays.
        margin: Margin around the box in the crop, as in `crop_signs`.

    Returns:
        float32 (3, 3), the homography from the wide crop to one of `size` pixels around that box.
    """
    wide = len(visible)
    side = size / (1 + 2 * margin)
    box = np.array([wide - side, wide - side, wide + side, wide + side]) / 2
    columns, rows = (np.flatnonzero(visible.sum(axis) > _LINE * side) for axis in (0, 1))
    if min(len(columns), len(rows)) > _LINE * side:
        box += way * (np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) - box)
    centre, scale = (box[:2] + box[2:]) / 2, side / max(box[2:] - box[:2])
    shift = (size - 1) / 2 - scale * (centre - 0.5)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]], np.float32)


def warped(mask: FloatArray, matrix: npt.NDArray[np.floating], size: int) -> FloatArray:
    """Bring a mask into another crop, 0 where it says nothing: float32 (size, size)."""
    return np.asarray(cv2.warpPerspective(mask, matrix, (size, size), flags=cv2.INTER_LINEAR), np.float32)


def warp(source: Image, matrix: FloatArray, size: int) -> Image:
    """Cut a crop of `size` pixels from its source picture by a homography."""
    result = cv2.warpPerspective(source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(result, np.uint8)


def warped_face(shape: Shape, matrix: FloatArray, size: int) -> FloatArray:
    """Return the float32 (size, size) mask of a sign's face, in a crop cut from its source by a homography."""
    corners = face_polygon(shape, SOURCE_SIZE, SOURCE_SIZE, SOURCE_MARGIN)
    return filled(cv2.perspectiveTransform(corners[None], matrix)[0], size, size)


def expose(image: Image, rng: np.random.Generator) -> Image:
    """Change gamma, saturation, contrast, colour cast and brightness, each the same all over the crop.

    Other cameras, other paints and the flat, bright colours of new signs differ so; unlike a corruption it is mild and
    happens to most crops.
    """
    x = image.astype(np.float32) / np.float32(255)
    if rng.random() < 0.1:  # all the range there is, as a drawing has it
        low, high = np.percentile(x, (2, 98))
        x = np.clip((x - low) / max(float(high - low), 0.1), 0, 1)
    x **= np.float32(np.exp(rng.normal(-0.1, 0.3)))
    grey = x @ np.array([0.114, 0.587, 0.299], np.float32)
    x = grey[..., None] + (x - grey[..., None]) * np.float32(np.exp(rng.normal(0, 0.35)))
    mean, spread = float(x.mean()), float(x.std())
    contrast = float(np.exp(rng.normal(0.0, 0.4)))
    x = mean + (x - mean) * np.float32(max(contrast, min(0.03 / max(spread, 1e-3), 1.0)))  # what is flat stays readable
    x *= np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    x += np.float32(rng.normal(0.0, 0.1) * min(spread / 0.1, 1.0))
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def seen(image: Image, rng: np.random.Generator) -> Image:
    """Show a crop in some light, weather and camera."""
    return Augmenter(rng, occlusion=0, corruptions=_VIEW)(expose(image, rng), Shape.CIRCLE)[0]


def recolour(image: Image, rng: np.random.Generator, strength: float = 1.0) -> Image:
    """Change exposure, contrast, gamma, colour cast and saturation."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.15 * strength:  # the flat, bright colours of a drawing or a well-lit new sign
        low, high = np.percentile(x, (2, 98))
        x = np.clip((x - low) / max(float(high - low), 0.1), 0, 1)
    x **= float(np.exp(strength * rng.normal(-0.1, 0.3)))
    grey = x @ np.array([0.114, 0.587, 0.299], np.float32)
    x = grey[..., None] + (x - grey[..., None]) * float(np.exp(strength * rng.normal(0, 0.35)))
    mean = float(x.mean())
    contrast = float(np.exp(strength * rng.normal(0.05, 0.35)))
    spread = float(x.std())
    x = mean + (x - mean) * max(contrast, min(0.04 / max(spread, 1e-3), 1.0))  # what is flat already stays readable
    x *= np.exp(strength * rng.normal(0, 0.06, 3)).astype(np.float32)
    x += strength * float(rng.normal(0.02, 0.1)) * min(spread / 0.1, 1.0)
    if rng.random() < 0.15 * strength:  # a shadow's edge or a glare across the sign
        direction = rng.normal(0, 1, 2)
        ramp = np.linspace(-1, 1, len(x))
        side = ramp[:, None] * direction[0] + ramp[None] * direction[1] + rng.uniform(-1, 1)
        strength = strength * rng.uniform(-0.6, 0.6)
        x = x + strength * (1 / (1 + np.exp(-side * rng.uniform(3, 20))))[..., None].astype(np.float32) * 0.6
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def degrade(image: Image, rng: np.random.Generator, lowest: int = 12) -> Image:
    """Blur, lose resolution down to a side of `lowest` pixels, add noise and JPEG blocks."""
    size = len(image)
    if rng.random() < 0.3:
        small = int(rng.integers(lowest, size))
        image = np.asarray(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6) * len(image) / size), np.uint8)
    elif rng.random() < 0.15:
        image = np.asarray(cv2.filter2D(image, -1, _motion(rng)), np.uint8)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 20), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    if len(image) != size:
        image = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image


def _motion(rng: np.random.Generator) -> FloatArray:
    """Return the kernel of a short straight motion blur."""
    length = int(rng.integers(2, 5)) * 2 - 1
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length // 2)
    middle = length // 2
    start, end = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
