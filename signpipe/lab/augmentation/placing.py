"""Showing drawings and photographs of signs as a camera and a detector might, for the reader of figures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from signpipe.figures.crops import HEIGHT, MARGIN, WIDTH
from signpipe.lab.augmentation.pasting import light_drawing
from signpipe.types import FloatArray, Image


@dataclass(frozen=True, slots=True)
class Placed:
    """A drawing before a scene.

    Attributes:
        image: BGR uint8 (h, w, 3), at its size in the picture.
        face: float32 (h, w), 1 on the sign's face.
        xyxy: float32 (4,), its box as a detector might find it, in pixels of `image`.
    """

    image: Image
    face: FloatArray
    xyxy: FloatArray


def placed(
    drawing: Image, behind: Image, side: float, rng: np.random.Generator, around: float = MARGIN, slack: float = 0.03
) -> Placed:
    """Show a drawing before a scene at the size at which a camera might see it, tilted and turned a little.

    Args:
        drawing: BGRA uint8 (H, W, 4); it ends where the sign does.
        behind: BGR uint8, the scene, of any size.
        side: Pixels of the sign's shorter side.
        rng: Source of chance.
        around: What is shown around the sign on each side, as a fraction of its shorter side.
        slack: Spread of what a detector's box would miss it by, as a fraction of its sides.
    """
    high, wide = drawing.shape[:2]
    scale = side / min(high, wide)
    if scale < 0.6:  # average first: warping would only pick pixels
        drawing = np.asarray(cv2.resize(drawing, None, fx=scale * 1.2, fy=scale * 1.2, interpolation=cv2.INTER_AREA))
    rows, columns = drawing.shape[:2]
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    size = np.array([wide, high], np.float64) * scale
    angle = np.radians(rng.normal(0, 3.5))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    unit = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    narrow = np.array([rng.uniform(0.8, 1.0), 1.0])
    seen = (unit * size * narrow) @ turn + rng.normal(0, 0.02, (4, 2)) * size.min()
    box = np.concatenate([seen.min(0), seen.max(0)])
    extent = box[2:] - box[:2]
    missed = rng.normal(0, slack, 4) * np.tile(extent, 2)
    region = box + missed + np.array([-1, -1, 1, 1]) * around * extent.min()
    crop = np.maximum(np.round(region[2:] - region[:2]).astype(int), 6)
    warped = cv2.warpPerspective(
        _premultiplied(drawing),
        cv2.getPerspectiveTransform(corners, (seen - region[:2]).astype(np.float32)),
        crop.tolist(),
        flags=cv2.INTER_LINEAR,
    )
    alpha = warped[..., 3:]
    scene = np.asarray(cv2.resize(behind, crop.tolist(), interpolation=cv2.INTER_AREA), np.float32)
    colours = np.asarray(warped[..., :3] / np.maximum(alpha, 1e-3), np.float32)
    face = light_drawing(colours, scene[::2, ::2], rng)
    image = (scene * (1 - alpha) + face * alpha).astype(np.uint8)
    detected = (box + missed - np.tile(region[:2], 2)).astype(np.float32)
    return Placed(image, np.ascontiguousarray(alpha[..., 0]), detected)


def _premultiplied(drawing: Image) -> FloatArray:
    """Return BGRA float32 with alpha 0..1 and colours times alpha, so that nothing from outside bleeds in."""
    result = drawing.astype(np.float32)
    result[..., 3] /= 255
    result[..., :3] *= result[..., 3:]
    return result


def reframed(source: Image, margin: float, rng: np.random.Generator) -> Image:
    """Cut a crop from a photographed sign with its surroundings, as a detector might frame it.

    Args:
        source: BGR uint8 (H, W, 3); the sign's box with `margin` of its sides around it.
        margin: Share of each side of the box that is around it.
        rng: Source of chance.
    """
    size = np.array(source.shape[1::-1], np.float64)
    extent = size / (1 + 2 * margin)
    half = (extent / 2 + MARGIN * extent.min()) * (1 + rng.normal(0, 0.05, 2))
    middle = size / 2 + rng.normal(0, 0.03, 2) * extent
    angle = np.radians(rng.normal(0, 3))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = (
        np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn + middle + rng.normal(0, 0.015, (4, 2)) * half
    )
    shrink = float(np.exp(rng.uniform(-1.0, 0))) if rng.random() < 0.3 else 1.0
    crop = np.maximum(np.round(2 * half * shrink).astype(int), 8)
    if shrink < 0.7:
        source = np.asarray(cv2.resize(source, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        corners = corners * shrink
    target = np.array([[0, 0], [crop[0], 0], [crop[0], crop[1]], [0, crop[1]]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target)
    warped = cv2.warpPerspective(source, matrix, crop.tolist(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def fitted(image: Image) -> Image:
    """Stretch a crop to what the reader takes."""
    shrinks = image.shape[0] > HEIGHT and image.shape[1] > WIDTH
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=way), np.uint8)
