"""Pasting drawings of signs into street scenes: crisp signs of every class and size, lit like their surroundings."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.types import FloatArray, Image

RENDERED = (64, 128, 256, 448)  # sizes at which drawings are rendered; the next larger one is shrunk


def paste_drawing(
    image: Image, boxes: FloatArray, sides: tuple[float, float], rng: np.random.Generator
) -> tuple[Image, FloatArray]:
    """Paste the drawing of one sign where no boxed sign is; nothing happens where no place was found.

    Its brightness and contrast follow what it is pasted on, and it is turned, tilted, blurred and made noisy a little.

    Args:
        image: BGR uint8 (H, W, 3); not changed.
        boxes: float32 (N, 4), xyxy of the signs in it.
        sides: Smallest and largest longer side of the sign in pixels; drawn evenly in its logarithm.
        rng: Source of chance.

    Returns:
        The picture and its boxes, the new one last.
    """
    side = float(np.exp(rng.uniform(*np.log(sides))))
    height, width = image.shape[:2]
    for _ in range(8):
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        apart = (boxes[:, 0] > x + side) | (boxes[:, 2] < x) | (boxes[:, 1] > y + side) | (boxes[:, 3] < y)
        if apart.all():
            break
    else:
        return image, boxes
    patch, box = _posed(side, rng)
    left, top = int(x), int(y)
    patch = patch[: height - top, : width - left]
    region = image[top : top + patch.shape[0], left : left + patch.shape[1]].astype(np.float32)
    alpha = patch[..., 3:] * (1 / 255)
    face = light_drawing(patch[..., :3], region, rng)
    pasted = image.copy()
    pasted[top : top + patch.shape[0], left : left + patch.shape[1]] = (region * (1 - alpha) + face * alpha).astype(
        np.uint8
    )
    found = box + np.array([left, top, left, top], np.float32)
    found = np.clip(found, 0, (width, height, width, height))
    return pasted, np.concatenate([boxes, found[None]]).astype(np.float32)


def _posed(side: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return a drawing as float32 BGRA (H, W, 4) as a camera might see it from the side, and its box in it."""
    names = load_catalogue().names
    rendered = next((size for size in RENDERED if size >= side), RENDERED[-1])
    drawing = render_drawing(names[int(rng.integers(len(names)))], rendered).astype(np.float32)
    high, wide = drawing.shape[:2]
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    angle = np.radians(rng.normal(0, 5))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    seen = (corners - corners.mean(0)) * (rng.uniform(0.75, 1.0), 1.0) @ turn + rng.normal(0, 0.025, (4, 2)) * rendered
    scale = side / np.ptp(seen, axis=0).max()
    seen = (seen - seen.min(0)) * scale + 1
    size = np.ceil(seen.max(0)).astype(int) + 1
    if scale < 0.6:  # average first: warping would only pick pixels
        drawing = np.asarray(cv2.resize(drawing, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
        corners *= np.array([drawing.shape[1] / wide, drawing.shape[0] / high], np.float32)
    drawing[..., :3] *= drawing[..., 3:] / 255  # so that nothing from outside the outline bleeds in
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    posed = np.asarray(cv2.warpPerspective(drawing, matrix, size.tolist(), flags=cv2.INTER_LINEAR), np.float32)
    if rng.random() < 0.5:
        posed = np.asarray(cv2.GaussianBlur(posed, (0, 0), rng.uniform(0.3, 0.5 + 0.006 * side)), np.float32)
    posed[..., :3] /= np.maximum(posed[..., 3:] / 255, 1e-3)
    return posed, np.concatenate([seen.min(0), seen.max(0)]).astype(np.float32)


def light_drawing(face: FloatArray, surroundings: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a drawing's colours as they look where the surroundings are that dark or pale.

    Args:
        face: float32 BGR (H, W, 3) of the drawing, 0..255.
        surroundings: float32 BGR (H', W', 3), what is around it.
        rng: Source of chance.
    """
    low, middle, high = np.percentile(surroundings, (3, 50, 97))
    white = float(np.clip(max(high, 1.3 * middle) * np.exp(rng.normal(0.1, 0.25)), 45, 255))
    black = float(np.clip(low * rng.uniform(0.5, 1.2), 0, 0.5 * white))
    cast = surroundings.reshape(-1, 3).mean(0) + 12
    cast = (cast / cast.mean()) ** rng.uniform(0, 0.6)
    grey = face.mean(axis=2, keepdims=True)
    faded = grey + (face - grey) * rng.uniform(0.55, 1.0)
    ramp = np.linspace(rng.uniform(0.75, 1), rng.uniform(0.75, 1), face.shape[1], dtype=np.float32)[None, :, None]
    lit = (black + (white - black) * np.clip(faded, 0, 255) / 255 * ramp) * cast
    return np.asarray(np.clip(lit + rng.normal(0, rng.uniform(1, 7), face.shape), 0, 255), np.float32)
