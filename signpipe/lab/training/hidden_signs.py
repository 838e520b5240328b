"""Things before the signs of the detector's training tiles, and the same things where no sign is.

A detector that only ever saw signs in plain view finds one half-hidden sign in six. Leaves and branches that are held
out are never used; `clutter`, pieces of real surroundings behind irregular masks, stands in for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signpipe.catalogue import Shape
from signpipe.lab.augmentation import TRAINING_OCCLUDERS, Occluder
from signpipe.lab.augmentation.face import OUTLINES, filled
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.training.occlusion import CLUTTER
from signpipe.types import SHAPES, FloatArray, Image, ShapeArray

SMALLEST = 14.0  # pixels of a sign's longer side; a smaller one that is hidden can't be told from anything
CHANCE = 0.6  # that a sign of a tile in which signs are hidden is
SHARE = (0.1, 0.7)  # of a face that is hidden
DECOYS = 3  # at most so many things a tile before which no sign is
# Other signs, whole or in part, would be signs that nobody boxed; and a tile's edge cuts signs off as a picture's does.
_ON_SIGNS = (*(o for o in TRAINING_OCCLUDERS if o.name not in ("other_sign", "sign_patch", "cut_off")), CLUTTER)
# What sticks to a face takes its outline: alone it would look like a sign, so it never is a decoy.
_ALONE = tuple(occluder for occluder in _ON_SIGNS if not occluder.on_face)
WEIGHTS = {"clutter": 6.0, "pole": 2.0}  # how often each is drawn against the others, 1 where it isn't named


def hide_signs(
    tile: Image, boxes: FloatArray, shapes: ShapeArray, surroundings: Image, rng: np.random.Generator
) -> Image:
    """Hide a part of some signs of a tile, and put such things before what is no sign.

    Without the latter a detector learns that what looks painted in is a sign.

    Args:
        tile: BGR uint8 (S, S, 3); not changed.
        boxes: float32 (N, 4), xyxy, of its signs. They stay as they are: a hidden sign's box is that of all of it.
        shapes: uint8 (N,), their outlines, indices into `SHAPES`.
        surroundings: BGR uint8 (M, U, U, 3), pictures without a sign.
        rng: Source of chance.
    """
    tile = tile.copy()
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)
    for number in np.flatnonzero(sides >= SMALLEST):
        if rng.random() < CHANCE:
            others = np.delete(boxes, number, 0)
            occluder = _one_of(_ON_SIGNS, rng)
            _cover(tile, boxes[number], int(shapes[number]), others, occluder, rng.uniform(*SHARE), surroundings, rng)
    for _ in range(int(rng.integers(DECOYS + 1))):
        side = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(len(tile) / 3))))
        corner = rng.uniform(0, len(tile) - side, 2)
        place = np.concatenate([corner, corner + side]).astype(np.float32)
        if not _meets(_grown(place, 0.3), boxes):
            occluder = _one_of(_ALONE, rng)
            shape = int(rng.integers(len(SHAPES)))
            _cover(tile, place, shape, boxes, occluder, rng.uniform(0.1, 0.9), surroundings, rng)
    return tile


def _one_of(occluders: Sequence[Occluder], rng: np.random.Generator) -> Occluder:
    weights = np.array([WEIGHTS.get(occluder.name, 1.0) for occluder in occluders])
    return occluders[int(rng.choice(len(occluders), p=weights / weights.sum()))]


def _cover(
    tile: Image,
    box: FloatArray,
    shape: int,
    others: FloatArray,
    occluder: Occluder,
    share: float,
    surroundings: Image,
    rng: np.random.Generator,
) -> None:
    """Put something before a box of a tile, in place; it reaches beyond the box where no other sign is near."""
    reach = float(rng.uniform(0.1, 1.0))
    if _meets(_grown(box, reach), others):
        reach = 0.1
    region = _grown(box, reach)
    left, top = np.maximum(np.floor(region[:2]), 0).astype(int)
    right, bottom = np.minimum(np.ceil(region[2:]), len(tile)).astype(int)
    place = tile[top:bottom, left:right]
    face = _face(box - np.array([left, top, left, top], np.float32), shape, *place.shape[:2])
    if (face > 0.5).any():
        place[:], _ = occluder(np.ascontiguousarray(place), face, share, rng, surroundings)


def _face(box: FloatArray, shape: int, height: int, width: int) -> FloatArray:
    """Return float32 (H, W), 1 on the face of a sign of that outline and box."""
    outline = Shape.RECTANGLE if SHAPES[shape] == Shape.PLATE.value else Shape(SHAPES[shape])
    middle, half = (box[:2] + box[2:]) / 2 - 0.5, (box[2:] - box[:2]) / 2
    return filled(OUTLINES[outline] * half + middle, height, width)


def _grown(box: FloatArray, reach: float) -> FloatArray:
    """Return a box with a share of its longer side more on each side."""
    more = reach * float((box[2:] - box[:2]).max())
    return np.asarray(box + np.array([-more, -more, more, more], np.float32), np.float32)


def _meets(box: FloatArray, boxes: FloatArray) -> bool:
    return bool(box_iou(box[None], boxes).any())
