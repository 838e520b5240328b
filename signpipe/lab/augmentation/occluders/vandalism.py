"""What people do to signs: stickers, graffiti and shots."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation.occluder import Canvas, Cover, Occluder
from signpipe.lab.augmentation.pixels import soft_step
from signpipe.types import FloatArray


def _paints(count: int, rng: np.random.Generator) -> FloatArray:
    """Return strong BGR colours (count, 3), 0..255, with some black among them."""
    hsv = np.stack([rng.integers(0, 180, count), rng.integers(90, 245, count), rng.integers(70, 250, count)], 1)
    hsv[rng.random(count) < 0.25, 2] = 30
    return np.asarray(cv2.cvtColor(hsv[None].astype(np.uint8), cv2.COLOR_HSV2BGR)[0], np.float32)


def _spread(count: int, rng: np.random.Generator) -> FloatArray:
    """Return places (count, 2) in the face's box, the next always the farthest of a few from those before."""
    places = np.empty((count, 2), np.float32)
    places[0] = rng.uniform(-0.55, 0.55, 2)
    tries = rng.uniform(-0.9, 0.9, (count, 6, 2)).astype(np.float32)
    for i in range(1, count):
        squared = np.square(tries[i, :, None] - places[None, :i]).sum(2)
        places[i] = tries[i, int(np.argmax(squared.min(1)))]
    return places


def stickers(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Stickers, one upon the other: turned rectangles and discs with a pale rim and some print."""
    count = 14
    places = _spread(count, rng)
    angle, size = rng.uniform(-0.6, 0.6, count), rng.uniform(0.22, 0.42, count)
    aspect = np.where(rng.random(count) < 0.3, 1.0, rng.uniform(0.55, 1.1, count))
    cos, sin = np.cos(angle), np.sin(angle)
    right, down = np.stack([cos, sin], 1) * size[:, None], np.stack([-sin, cos], 1) * (size * aspect)[:, None]
    corners = np.stack([-right - down, right - down, right + down, down - right], 1) + places[:, None]
    index = np.full(canvas.shape, count, np.float32)
    outlines = canvas.pixels(corners.astype(np.float32))
    for i in reversed(range(count)):
        if aspect[i] == 1:
            middle = outlines[i].mean(0).round().astype(int).tolist()
            cv2.circle(index, middle, round(size[i] * canvas.half * 16), float(i), cv2.FILLED, cv2.LINE_8, 4)
        else:
            cv2.fillConvexPoly(index, outlines[i], float(i), cv2.LINE_8, 4)
    bare = index >= count
    number = np.minimum(index, count - 1).astype(np.intp)
    # Into each sticker's own frame, where it spans -1..1.
    frame = np.stack([places[:, 0], places[:, 1], cos / size, sin / size, 1 / aspect], 1).astype(np.float32)[number]
    dx, dy = canvas.x - frame[..., 0], canvas.y - frame[..., 1]
    u = dx * frame[..., 2] + dy * frame[..., 3]
    v = (dy * frame[..., 2] - dx * frame[..., 3]) * frame[..., 4]
    gauge = np.where((aspect == 1)[number], np.hypot(u, v), np.maximum(np.abs(u), np.abs(v)))
    grown = np.where(bare, canvas.fractal(4, rng), np.minimum(gauge, 0.999))
    mask, _ = canvas.hide(index + grown.astype(np.float32))
    lines = rng.uniform(2, 6, count).astype(np.float32)[number] * np.float32(np.pi)
    printed = (gauge < 0.7) & (np.sin(v * lines) > 0.3)
    kinds = np.stack([rng.uniform(190, 250, (count, 3)), _paints(count, rng), rng.uniform(0, 255, (count, 3))])
    part = np.where(printed, 2, np.where(gauge < 0.86, 1, 0))
    return Cover(mask, canvas.lit(kinds.astype(np.float32)[part, number]))


def graffiti(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Sprayed lines that wind over the face, one or two cans of paint."""
    strokes, segments = 8, 9
    order = np.full(canvas.shape, strokes * segments, np.float32)
    turns = np.cumsum(rng.normal(0, 0.55, (strokes, segments)), 1) + rng.uniform(0, 2 * np.pi, (strokes, 1))
    turns += rng.normal(0, 0.25, (strokes, 1)) * np.arange(segments)
    paths = np.cumsum(0.3 * np.stack([np.cos(turns), np.sin(turns)], 2), 1) + _spread(strokes, rng)[:, None]
    paths = np.abs((paths + 1.2) % 4.8 - 2.4) - 1.2  # turns back at the rim
    points = canvas.pixels(paths.astype(np.float32)).tolist()
    widths = np.maximum(np.round(rng.uniform(0.1, 0.22, strokes) * canvas.half), 1).astype(int).tolist()
    for i in reversed(range(strokes * segments)):
        stroke, step = divmod(i, segments)
        before = points[stroke][max(step - 1, 0)]
        cv2.line(order, before, points[stroke][step], float(i), widths[stroke], cv2.LINE_8, 4)
    bare = order >= strokes * segments
    away = np.asarray(cv2.distanceTransform(bare.astype(np.uint8), cv2.DIST_L2, 3), np.float32)
    stroke_of = np.minimum(order / segments, strokes - 1).astype(np.intp)
    mask, _ = canvas.hide(order + away + 0.9 * canvas.fractal(8, rng))
    colours = _paints(2, rng)[(rng.random(strokes) < 0.3).astype(np.intp)]
    return Cover(mask, canvas.lit(colours[stroke_of] * (0.85 + 0.3 * canvas.fractal(10, rng))[..., None]))


def bullet_holes(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Shots: a dark hole, bare metal where the coating has chipped off, and a rusty rim."""
    places = rng.uniform(-0.85, 0.85, (int(rng.integers(5, 16)), 2)).astype(np.float32)
    height, width = canvas.shape
    columns, rows = np.clip(canvas.pixels(places) // 16, 0, (width - 1, height - 1)).T
    away = np.ones(canvas.shape, np.uint8)
    away[rows, columns] = 0
    nearest = np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, 5), np.float32) / np.float32(canvas.half)
    ragged = nearest * (0.6 + 0.8 * canvas.fractal(7, rng))
    mask, limit = canvas.hide(ragged)
    limit = max(limit, 1e-3)
    hole = min(0.07, 0.5 * limit)
    metal = np.array([165, 168, 170], np.float32) * (0.7 + 0.5 * canvas.fractal(18, rng, octaves=2))[..., None]
    rust = soft_step(ragged, 0.7 * limit, limit)[..., None] * np.float32(rng.uniform(0.2, 1.0))
    colour = metal + (np.array([35, 65, 115], np.float32) - metal) * rust
    through = 1 - soft_step(nearest, 0.7 * hole, 1.1 * hole)[..., None]
    return Cover(mask, canvas.lit(colour + (12 - colour) * through))


VANDALISM = (
    Occluder("stickers", "vandalism", stickers, on_face=True),
    Occluder("graffiti", "vandalism", graffiti, on_face=True),
    Occluder("bullet_holes", "vandalism", bullet_holes, on_face=True),
)
