"""Things that stand between the car and the sign, and the picture's own edge."""

from __future__ import annotations

import numpy as np

from signpipe.lab.augmentation.occluder import Canvas, Cover, Occluder
from signpipe.lab.augmentation.occluders.drawing import plate


def pole(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """A lamp post, a wooden mast or a tree trunk in front of the sign, rounded by its shading."""
    angle = rng.normal(0, 0.08)
    across = (
        canvas.x * np.float32(np.cos(angle)) + canvas.y * np.float32(np.sin(angle)) - np.float32(rng.uniform(-0.6, 0.6))
    )
    bark = rng.random() < 0.4
    edge = 0.06 * canvas.fractal(6, rng) if bark else np.float32(0)
    mask, limit = canvas.hide(np.abs(across) + edge)
    paints = ((150, 150, 148), (205, 205, 200), (70, 75, 70), (90, 120, 150))
    colour = np.array((50, 70, 90) if bark else paints[rng.integers(len(paints))], np.float32)
    turned = np.clip(across / max(limit, 1e-3), -1, 1)
    sun = np.float32(rng.uniform(-0.7, 0.7))
    shade = 0.3 + 0.7 * np.maximum(np.sqrt(1 - turned**2) * np.sqrt(1 - sun**2) + turned * sun, 0)
    if bark:
        grain = canvas.fractal(14, rng, octaves=2)
        shade = shade * (0.55 + 0.9 * grain)
    return Cover(mask, canvas.lit(shade[..., None] * colour * np.float32(rng.uniform(0.6, 1.1))))


def other_sign(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """Another sign's plate that stands in front and reaches in from one side."""
    angle = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(1.1, 1.5)
    dx, dy = canvas.x - np.float32(distance * np.cos(angle)), canvas.y - np.float32(distance * np.sin(angle))
    lean = rng.normal(0, 0.06)
    dx, dy = dx + np.float32(lean) * dy, dy - np.float32(lean) * dx
    face = plate(rng)
    mask, limit = canvas.hide(face.gauge(dx, dy))
    size = np.float32(max(limit, 1e-3))
    return Cover(mask, canvas.lit(face.paint(dx / size, dy / size) * np.float32(rng.uniform(0.7, 1.0))))


def cut_off(canvas: Canvas, rng: np.random.Generator) -> Cover:
    """The sign reaches beyond the picture's edge: the crop protocol fills the rest by replicating the border."""
    along, forward = int(rng.integers(2)), bool(rng.random() < 0.5)
    distance, other = (canvas.x, canvas.y) if along == 1 else (canvas.y, canvas.x)
    distance = distance if forward else -distance
    # Lines are whole: the other coordinate breaks the tie, or a step would hide all of one at once.
    mask, limit = canvas.hide(distance + other * np.float32(0.25 / canvas.half))
    profile = distance.mean(1 - along)
    border = int(np.argmin(np.where(profile > limit, profile, np.inf)))
    picture = canvas.picture.astype(np.float32)
    return Cover(mask, np.broadcast_to(picture.take([border], along), picture.shape))


OBJECTS = (
    Occluder("pole", "objects", pole),
    Occluder("other_sign", "objects", other_sign),
    Occluder("cut_off", "edge", cut_off, natural=False),
)
