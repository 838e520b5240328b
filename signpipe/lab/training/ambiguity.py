"""What the visible part of a sign still decides: the classifier's training target where something hides the sign."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE, warped
from signpipe.types import FloatArray

SIDE = 24  # drawings are compared at so many pixels
CLEAR = 0.6  # distance of BGR colours (0..1) that counts as wholly different
NEEDED = 2.5  # wholly different pixels that make a class e times less likely


@lru_cache(maxsize=1)
def _differences() -> FloatArray:
    """Return float32 (C, C, SIDE * SIDE): how much two classes' drawings differ at each place of the box, 0..1."""
    pictures = []
    for name in load_catalogue().names:
        drawing = render_drawing(name, 4 * SIDE)
        height, width = drawing.shape[:2]
        square = np.zeros((4 * SIDE, 4 * SIDE, 4), np.float32)
        top, left = (4 * SIDE - height) // 2, (4 * SIDE - width) // 2
        square[top : top + height, left : left + width] = drawing.astype(np.float32) / 255
        square[..., :3] = square[..., :3] * square[..., 3:] + 0.5 * (1 - square[..., 3:])
        pictures.append(cv2.resize(cv2.GaussianBlur(square, (0, 0), 2.5), (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    stack = np.stack(pictures).reshape(len(pictures), -1, 4)
    distance = np.stack([np.sqrt(((stack - one) ** 2).sum(2)) for one in stack])
    return np.asarray(np.minimum(distance / CLEAR, 1), np.float32)


@lru_cache(maxsize=1)
def _same_category() -> FloatArray:
    kinds = np.array([sign.category for sign in load_catalogue()])
    return np.asarray(kinds[:, None] == kinds[None], np.float32)


def straighten(visible: FloatArray, matrix: FloatArray) -> FloatArray:
    """Bring what is visible of a sign from its crop into the frame of the drawings.

    Args:
        visible: float32 (S, S), in the crop.
        matrix: Homography from the source picture to the crop, see `framing.box_jitter`.

    Returns:
        float32 (SIDE, SIDE), the sign's box.
    """
    scale = SIDE / (SOURCE_SIZE / (1 + 2 * SOURCE_MARGIN))
    shift = (SIDE - 1) / 2 - scale * (SOURCE_SIZE - 1) / 2
    to_box = np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])
    return warped(visible, to_box @ np.linalg.inv(matrix.astype(np.float64)), SIDE)


def target(class_id: int, visible: FloatArray, foreign: float = 0.0) -> FloatArray:
    """Say what can be known of a sign from its visible part.

    Classes whose drawings don't differ where the sign can be seen share the weight: with its digits hidden, a limit may
    be any limit. What would fall on classes of another category goes to "cannot tell" instead, so that a guess of the
    category stays honest and the rest isn't spread over classes that look nothing alike.

    Args:
        class_id: The sign's class.
        visible: float32 (SIDE, SIDE), 1 where the sign's box can be seen.
        foreign: Share of the face that shows another sign's texture. What is seen then speaks for the wrong class,
            so beyond 0.3 "cannot tell" takes over.

    Returns:
        float32 (C + 1,), sums to 1; the last is "cannot tell".
    """
    apart = _differences()[class_id] @ visible.ravel()
    share: FloatArray = np.exp(-apart / np.float32(NEEDED))
    share /= share.sum()
    weight = 1 - np.clip((foreign - 0.3) / 0.4, 0, 1)
    result = np.zeros(len(share) + 1, np.float32)
    result[:-1] = share * _same_category()[class_id] * weight
    result[-1] = 1 - result.sum()
    return result


def cannot_tell() -> FloatArray:
    """Return the target of a crop without a sign: float32 (C + 1,), all on "cannot tell"."""
    return np.append(np.zeros(len(load_catalogue()), np.float32), np.float32(1))
