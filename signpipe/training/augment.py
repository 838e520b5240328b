"""What the road and the camera do to a crop of a sign: the classifier's training pictures.

The source of a picture is the sign with generous surroundings (`SOURCE_MARGIN`), so that shifted, larger and rotated
boxes find something to look at.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape
from signpipe.types import FloatArray, Image

SOURCE_SIZE = 80
SOURCE_MARGIN = 0.35
MARGIN = 0.1  # of the crop protocol

_OUTLINES: dict[Shape, list[tuple[float, float]]] = {
    Shape.TRIANGLE: [(0.5, 0.0), (1.0, 0.95), (0.0, 0.95)],
    Shape.TRIANGLE_DOWN: [(0.0, 0.05), (1.0, 0.05), (0.5, 1.0)],
    Shape.DIAMOND: [(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)],
    Shape.OCTAGON: [(0.3, 0.0), (0.7, 0.0), (1.0, 0.3), (1.0, 0.7), (0.7, 1.0), (0.3, 1.0), (0.0, 0.7), (0.0, 0.3)],
    Shape.CIRCLE: [(0.5 + 0.5 * np.cos(a), 0.5 + 0.5 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 25)[:-1]],
}


def outline_mask(shape: Shape, size: int = SOURCE_SIZE, grow: float = 0.03) -> Image:
    """Return a uint8 (size, size) mask, 255 inside a sign of this shape that fills the box of a source picture."""
    side = size / (1 + 2 * SOURCE_MARGIN)
    corners = (np.array(_OUTLINES[shape]) - 0.5) * (1 + grow) * side + size / 2
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def augment(
    source: Image, shape: Shape, patches: Image, rng: np.random.Generator, size: int = 48
) -> tuple[Image, float]:
    """Make one training crop.

    Args:
        source: BGR uint8 (SOURCE_SIZE, SOURCE_SIZE, 3), the sign with its surroundings.
        shape: Outline of the sign, to change what is behind it.
        patches: BGR uint8 (P, SOURCE_SIZE, SOURCE_SIZE, 3), other pictures for backgrounds and occluders.
        rng: Source of chance.
        size: Side of the crop.

    Returns:
        The crop, and the share of the sign's box that was hidden.
    """
    image = source
    if rng.random() < 0.25:
        behind = patches[rng.integers(len(patches))]
        mask = outline_mask(shape)[..., None].astype(np.float32) / 255
        image = np.asarray(image * mask + behind * (1 - mask), np.uint8)
    image = warp(image, rng, size)
    hidden = 0.0
    if rng.random() < 0.35:
        image, hidden = occlude(image, patches, rng)
    return degrade(recolour(image, rng), rng), hidden


def warp(source: Image, rng: np.random.Generator, size: int) -> Image:
    """Cut the crop from its source with a jittered box, rotation and perspective."""
    side = SOURCE_SIZE / (1 + 2 * SOURCE_MARGIN)
    half = side * (0.5 + MARGIN) * rng.uniform(0.82, 1.18)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) * half * rng.uniform(0.93, 1.07, 2)
    angle = np.radians(rng.normal(0, 6))
    cos, sin = np.cos(angle), np.sin(angle)
    corners = corners @ np.array([[cos, sin], [-sin, cos]]) + SOURCE_SIZE / 2 + rng.uniform(-0.08, 0.08, 2) * side
    corners += rng.normal(0, 0.025 * side, (4, 2))
    target = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target)
    result = cv2.warpPerspective(source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(result, np.uint8)


def occlude(image: Image, patches: Image, rng: np.random.Generator) -> tuple[Image, float]:
    """Hide parts of the sign behind rectangles, bars and blobs of one colour or of another picture's texture."""
    size = len(image)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(3)
        centre = rng.uniform(0.05, 0.95, 2) * size
        if kind == 0:
            axes = rng.uniform(0.08, 0.4, 2) * size
        elif kind == 1:  # a pole or a branch
            axes = np.array([rng.uniform(0.03, 0.12), 1.0]) * size
        else:
            axes = rng.uniform(0.08, 0.3, 2) * size
        angle = rng.uniform(0, 180)
        if kind == 2:
            cv2.ellipse(mask, centre.astype(int).tolist(), axes.astype(int).tolist(), angle, 0, 360, 255, -1)
        else:
            box = cv2.boxPoints((centre.tolist(), (2 * axes).tolist(), angle)).astype(np.int32)
            cv2.fillPoly(mask, [box], 255)
    if rng.random() < 0.6:
        cover = cv2.resize(patches[rng.integers(len(patches))], (size, size))
    else:
        cover = np.full_like(image, rng.integers(0, 256, 3))
    edge = round(size * MARGIN / (1 + 2 * MARGIN))
    hidden = float((mask[edge:-edge, edge:-edge] > 0).mean())
    return np.where(mask[..., None] > 0, cover, image).astype(np.uint8), hidden


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


def uncertainty(hidden: npt.ArrayLike) -> FloatArray:
    """Map the hidden share of signs to the weight of "cannot tell" in the training target: 0 to 30 %, 1 from 75 %."""
    return np.asarray(np.clip((np.asarray(hidden, np.float32) - 0.3) / 0.45, 0, 1), np.float32)
