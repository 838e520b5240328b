"""Plants that grow in front of signs."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.lab.augmentation.occluder import Canvas, Cover, Occluder
from signpipe.types import FloatArray

_LEAF = np.array(
    [(0, 0), (0.2, 0.35), (0.45, 0.5), (0.7, 0.4), (1, 0), (0.7, -0.4), (0.45, -0.5), (0.2, -0.35)], np.float32
)
_GREENS = np.array([(45, 110, 70), (35, 85, 50), (60, 135, 100), (40, 120, 110)], np.float32)
_AUTUMN = np.array([(30, 120, 190), (25, 80, 170), (40, 60, 120), (50, 160, 205)], np.float32)


def _shoots(count: int, nodes: int, step: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    """Grow shoots side by side from one side of the face across it.

    Returns:
        Nodes (count, nodes, 2) in face units, headings (count, nodes) in radians, and the heading of all.
    """
    heading = np.pi / 2 + rng.choice((0, np.pi / 2, -np.pi / 2, np.pi * 0.9)) + rng.normal(0, 0.35)
    inward, across = (np.array([np.cos(a), np.sin(a)]) for a in (heading, heading + np.pi / 2))
    offset = rng.permutation(np.linspace(-1.15, 1.15, count)) + rng.normal(0, 0.08, count)
    start = offset[:, None] * across - inward * rng.uniform(1.2, 1.5, (count, 1))
    angles = heading + rng.normal(0, 0.25, (count, 1)) + np.cumsum(rng.normal(0, 0.16, (count, nodes)), 1)
    steps = step * np.stack([np.cos(angles), np.sin(angles)], 2)
    return start[:, None] + np.cumsum(steps, 1), angles, heading


def leaves(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Leafy shoots that grow in from one side, leaf by leaf."""
    shoots, nodes = 12, 12
    places, angles, _ = _shoots(shoots, nodes, 0.23, rng)
    count = shoots * nodes
    arrival = np.arange(nodes) + rng.normal(0, 1.2, (shoots, nodes)) + rng.uniform(0, 4, (shoots, 1))
    sequence = np.argsort(arrival.ravel())
    base = (places.reshape(-1, 2)[sequence] + rng.normal(0, 0.03, (count, 2))).astype(np.float32)
    sides = np.where(np.arange(count) % 2, 1, -1)[sequence]
    angle = angles.ravel()[sequence] + sides * rng.uniform(0.3, 1.2, count)
    length = rng.uniform(0.28, 0.48) * rng.uniform(0.7, 1.25, count)
    ahead = np.stack([np.cos(angle), np.sin(angle)], 1) * length[:, None]
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], 1) * rng.uniform(0.45, 0.9)
    shape = _LEAF[None, :, :1] * ahead[:, None] + _LEAF[None, :, 1:] * aside[:, None]
    outlines = canvas.pixels(base[:, None] + shape.astype(np.float32))
    index = np.full(canvas.shape, count, np.float32)
    for i in reversed(range(count)):
        cv2.fillConvexPoly(index, outlines[i], float(i), cv2.LINE_8, 4)
    bare = index >= count
    leaf = np.minimum(index, count - 1).astype(np.intp)
    # Into each leaf's own frame: 0 at its stem, 1 at its tip.
    frame = np.concatenate([base, ahead / length[:, None] ** 2], 1).astype(np.float32)[leaf]
    dx, dy = canvas.x - frame[..., 0], canvas.y - frame[..., 1]
    along = dx * frame[..., 2] + dy * frame[..., 3]
    beside = dy * frame[..., 2] - dx * frame[..., 3]
    grown = np.where(bare, canvas.fractal(8, rng), np.clip(along, 0, 0.999))
    mask, _ = canvas.hide(index + grown)
    palette = (_AUTUMN if rng.random() < 0.2 else _GREENS)[rng.integers(4, size=count)]
    palette = palette * rng.uniform(0.45, 1.35, (count, 1)).astype(np.float32)
    shade = 0.75 + 0.18 * np.sign(beside) + 0.3 * (np.abs(beside) < 0.03) + 0.25 * along
    shade = np.where(bare, 0.4, np.clip(shade, 0.4, 1.5)).astype(np.float32)
    return Cover(mask, canvas.lit(np.asarray(palette[leaf] * shade[..., None], np.float32)))


def branches(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Bare branches with their twigs, as in winter; a large share takes a thicket."""
    limbs, nodes = 11, 13
    places, angles, heading = _shoots(limbs, nodes, 0.24, rng)
    order = np.full(canvas.shape, limbs, np.float32)
    limb_points = canvas.pixels(places.astype(np.float32))
    forks = rng.integers(1, nodes - 1, (limbs, 5))
    limb = np.arange(limbs)[:, None]
    turns = angles[limb, forks] + rng.choice((-1, 1), forks.shape) * rng.uniform(0.4, 1.0, forks.shape)
    turns = turns[..., None] + np.cumsum(rng.normal(0, 0.25, (*forks.shape, 5)), 2)
    twigs = places[limb, forks][:, :, None] + np.cumsum(0.13 * np.stack([np.cos(turns), np.sin(turns)], 3), 2)
    twigs = np.concatenate([places[limb, forks][:, :, None], twigs], 2)
    twig_points = canvas.pixels(twigs.astype(np.float32))
    thin = max(round(0.035 * canvas.half), 1)
    for i in reversed(range(limbs)):
        cv2.polylines(order, list(twig_points[i]), False, float(i), thin, cv2.LINE_8, 4)
        width = rng.uniform(0.05, 0.13) * canvas.half
        for start, share in ((0, 1.0), (4, 0.75), (8, 0.45)):
            part = limb_points[i, start : start + 5]
            cv2.polylines(order, [part], False, float(i), max(round(width * share), 1), cv2.LINE_8, 4)
    bare = (order >= limbs).astype(np.uint8)
    away = np.asarray(cv2.distanceTransform(bare, cv2.DIST_L2, 3), np.float32)
    along = canvas.x * np.float32(np.cos(heading)) + canvas.y * np.float32(np.sin(heading))
    grown = np.clip((along + 2.2) / 4.4, 0, 0.99)
    mask, _ = canvas.hide(order + np.where(bare, away + 0.5 * grown, grown).astype(np.float32))
    thick = np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3), np.float32) / canvas.half
    brown = np.array([58, 68, 80], np.float32) * np.float32(rng.uniform(0.55, 1.5))
    shade = (0.6 + 5 * np.minimum(thick, 0.08)) * (0.65 + 0.7 * canvas.fractal(16, rng, octaves=2))
    return Cover(mask, canvas.lit(brown * shade[..., None]))


VEGETATION = (
    Occluder("branches", "vegetation", branches, held_out=True),
    Occluder("leaves", "vegetation", leaves, held_out=True),
)
