"""Pasting drawings of signs into street scenes: crisp signs of every class and size, lit like their surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape, load_catalogue
from signpipe.catalogue.drawings import render_drawing, render_svg
from signpipe.lab.augmentation.face import face_mask
from signpipe.types import SHAPES, FloatArray, Image, ShapeArray

PLATED = 0.35  # share of the drawings with a plate below
SMALLEST_FACE = 7  # pixels of the longer side under which a face isn't asked for
DRAWN = 224  # pixels of the other drawings' longer side
RENDERED = (64, 128, 256, 448)  # sizes at which drawings are rendered; the next larger one is shrunk


class Drawings:
    """Drawings to paste, each with its outline: those of the catalogue's classes, and others that are given.

    Args:
        others: Sources (SVG) of other signs, by their names; those that start with `complementary` are plates.
        share: How many of the drawings that are chosen are others.
    """

    def __init__(self, others: Mapping[str, str] | None = None, share: float = 0.75) -> None:
        self._own = [(sign.name, SHAPES.index(sign.shape)) for sign in load_catalogue()]
        self._plates: list[Image] = []
        self._others: list[tuple[Image, int]] = []
        self._share = share if others else 0.0
        for name, svg in (others or {}).items():
            drawing = trim(render_svg(svg, DRAWN))
            if name.startswith("complementary"):
                self._plates.append(drawing)
            else:
                self._others.append((drawing, outline_of(drawing)))

    def choose(self, side: float, rng: np.random.Generator) -> tuple[Image, list[tuple[FloatArray, int]]]:
        """Choose a sign, in one of three cases with a plate below if there are any.

        Args:
            side: How many pixels its longer side will have.
            rng: Source of chance.

        Returns:
            BGRA uint8 (H, W, 4), and box float32 (4,) and outline of each face in it.
        """
        if rng.random() >= self._share:
            name, outline = self._own[int(rng.integers(len(self._own)))]
            rendered = next((size for size in RENDERED if size >= side), RENDERED[-1])
            drawing = render_drawing(name, rendered)
        else:
            drawing, outline = self._others[int(rng.integers(len(self._others)))]
        faces = [(np.array([0, 0, drawing.shape[1], drawing.shape[0]], np.float32), outline)]
        if self._plates and rng.random() < PLATED:
            return _with_plate(drawing, faces, self._plates[int(rng.integers(len(self._plates)))], rng)
        return drawing, faces


def _with_plate(
    drawing: Image, faces: list[tuple[FloatArray, int]], plate: Image, rng: np.random.Generator
) -> tuple[Image, list[tuple[FloatArray, int]]]:
    """Return a drawing with a plate below it, and the faces of both."""
    high, wide = drawing.shape[:2]
    across = max(round(wide * rng.uniform(0.6, 1.05)), 8)
    down = max(round(across * plate.shape[0] / plate.shape[1] * rng.uniform(0.8, 1.2)), 4)
    gap = round(high * rng.uniform(0.0, 0.12))
    canvas = np.zeros((high + gap + down, max(wide, across), 4), np.uint8)
    left, below = (canvas.shape[1] - wide) // 2, (canvas.shape[1] - across) // 2
    canvas[:high, left : left + wide] = drawing
    canvas[high + gap :, below : below + across] = cv2.resize(plate, (across, down), interpolation=cv2.INTER_AREA)
    moved = [(box + np.array([left, 0, left, 0], np.float32), outline) for box, outline in faces]
    box = np.array([below, high + gap, below + across, high + gap + down], np.float32)
    return canvas, [*moved, (box, SHAPES.index("plate"))]


def trim(drawing: Image) -> Image:
    """Return a drawing BGRA uint8 without its transparent edges, so that it ends where the sign does."""
    left, top, width, height = cv2.boundingRect((drawing[..., 3] > 40).astype(np.uint8))
    return drawing[top : top + height, left : left + width]


def outline_of(drawing: Image) -> int:
    """Return which of `SHAPES` covers the same as a trimmed drawing BGRA uint8 does; the plate is none of them."""
    side = 96
    mask = cv2.resize(drawing[..., 3], (side, side), interpolation=cv2.INTER_AREA) > 127
    if not 0.75 < drawing.shape[1] / drawing.shape[0] < 1.35:
        return SHAPES.index("rectangle")
    faces = [face_mask(Shape(shape), side, side, margin=0.0) > 0.5 for shape in SHAPES[:-1]]
    likeness = [float((mask & face).sum() / (mask | face).sum()) for face in faces]
    return int(np.argmax(likeness))


def paste_drawing(
    image: Image,
    boxes: FloatArray,
    shapes: ShapeArray,
    sides: tuple[float, float],
    rng: np.random.Generator,
    drawings: Drawings,
) -> tuple[Image, FloatArray, ShapeArray]:
    """Paste the drawing of one sign where no boxed sign is; nothing happens where no place was found.

    Its brightness and contrast follow what it is pasted on, and it is turned, tilted, blurred and made noisy a little.

    Args:
        image: BGR uint8 (H, W, 3); not changed.
        boxes: float32 (N, 4), xyxy of the signs in it.
        shapes: uint8 (N,), their outlines, indices into `SHAPES`.
        sides: Smallest and largest longer side of the sign in pixels; drawn evenly in its logarithm.
        rng: Source of chance.
        drawings: What may be pasted.

    Returns:
        The picture, its boxes and their outlines, the new ones last.
    """
    side = float(np.exp(rng.uniform(*np.log(sides))))
    height, width = image.shape[:2]
    for _ in range(8):
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        apart = (boxes[:, 0] > x + side) | (boxes[:, 2] < x) | (boxes[:, 1] > y + side) | (boxes[:, 3] < y)
        if apart.all():
            break
    else:
        return image, boxes, shapes
    patch, faces, outlines = _posed(side, rng, drawings)
    left, top = int(x), int(y)
    patch = patch[: height - top, : width - left]
    region = image[top : top + patch.shape[0], left : left + patch.shape[1]].astype(np.float32)
    alpha = patch[..., 3:] * (1 / 255)
    face = light_drawing(patch[..., :3], region, rng)
    pasted = image.copy()
    pasted[top : top + patch.shape[0], left : left + patch.shape[1]] = (region * (1 - alpha) + face * alpha).astype(
        np.uint8
    )
    found = np.clip(faces + np.array([left, top, left, top], np.float32), 0, (width, height, width, height))
    found = found.astype(np.float32)
    large = (found[:, 2:] - found[:, :2]).max(1) >= SMALLEST_FACE
    return pasted, np.concatenate([boxes, found[large]]), np.concatenate([shapes, outlines[large]])


def _posed(side: float, rng: np.random.Generator, drawings: Drawings) -> tuple[FloatArray, FloatArray, ShapeArray]:
    """Return a drawing as a camera might see it from the side: float32 BGRA (H, W, 4), its faces and their outlines."""
    chosen, faces = drawings.choose(side, rng)
    drawing = chosen.astype(np.float32)
    high, wide = drawing.shape[:2]
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    angle = np.radians(rng.normal(0, 5))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    seen = (corners - corners.mean(0)) * (rng.uniform(0.75, 1.0), 1.0) @ turn
    seen += rng.normal(0, 0.025, (4, 2)) * max(high, wide)
    scale = side / np.ptp(seen, axis=0).max()
    seen = (seen - seen.min(0)) * scale + 1
    size = np.ceil(seen.max(0)).astype(int) + 1
    before = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    placed = [(_moved(box, before), outline) for box, outline in faces]
    if scale < 0.6:  # average first: warping would only pick pixels
        drawing = np.asarray(cv2.resize(drawing, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
        corners *= np.array([drawing.shape[1] / wide, drawing.shape[0] / high], np.float32)
    drawing[..., :3] *= drawing[..., 3:] / 255  # so that nothing from outside the outline bleeds in
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    posed = np.asarray(cv2.warpPerspective(drawing, matrix, size.tolist(), flags=cv2.INTER_LINEAR), np.float32)
    if rng.random() < 0.5:
        posed = np.asarray(cv2.GaussianBlur(posed, (0, 0), rng.uniform(0.3, 0.5 + 0.006 * side)), np.float32)
    posed[..., :3] /= np.maximum(posed[..., 3:] / 255, 1e-3)
    return posed, np.stack([box for box, _ in placed]), np.array([outline for _, outline in placed], np.uint8)


def _moved(box: FloatArray, matrix: npt.NDArray[Any]) -> FloatArray:
    """Return the box around a box that a perspective has moved."""
    x1, y1, x2, y2 = box
    corners = np.array([[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]], np.float32)
    moved = cv2.perspectiveTransform(corners, matrix)[0]
    return np.concatenate([moved.min(0), moved.max(0)]).astype(np.float32)


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
