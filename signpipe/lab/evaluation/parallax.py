"""Leaves that stand metres before a sign: as the car comes closer they grow faster than it, and move across it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from signpipe.lab.augmentation import OCCLUDERS
from signpipe.types import FloatArray, Image

NEAREST = 9.0  # metres to the sign at the last look
BEFORE = (0.5, 10.0)  # metres that the occluder stands before the sign
PASSED = 1.0  # metres to the occluder from which on it is beside the car
ASIDE, ABOVE = -5.0, 1.7  # where the camera is, in diameters of the sign: left of it and lower
TILE, ACROSS, DOWN = 96, 7, 4  # the occluder is painted in squares of a sign's size, so many beside each other


@dataclass(frozen=True, slots=True)
class Curtain:
    """An occluder that stands before a sign.

    Attributes:
        look: float32 (DOWN * TILE, ACROSS * TILE, 3), its colours, BGR 0..255.
        clear: float32 (DOWN * TILE, ACROSS * TILE), 1 where it lets through.
        before: Metres that it stands before the sign.
    """

    look: FloatArray
    clear: FloatArray
    before: float

    @classmethod
    def of(cls, occluder: str, share: float, others: Image | None, rng: np.random.Generator) -> Curtain:
        """Paint one.

        Args:
            occluder: Name in `OCCLUDERS`.
            share: Share of a sign that it hides at a time.
            others: BGR uint8 (N, T, T, 3), textures for occluders that show some, or None.
            rng: Source of chance.
        """
        face, blank = np.ones((TILE, TILE), np.float32), np.full((TILE, TILE, 3), 128, np.uint8)
        tiles = [[OCCLUDERS[occluder](blank, face, share, rng, others) for _ in range(ACROSS)] for _ in range(DOWN)]
        look, clear = (
            np.concatenate([np.concatenate([tile[i] for tile in row], 1) for row in tiles]).astype(np.float32)
            for i in (0, 1)
        )
        return cls(look, clear, float(rng.uniform(*BEFORE)))

    def hide(self, square: Image, margin: float, distance: float) -> Image:
        """Look at a sign through the curtain.

        Args:
            square: BGR uint8 (S, S, 3), the sign with its surroundings.
            margin: Width of those on each side, as a share of the sign's.
            distance: Metres to the sign.

        Returns:
            BGR uint8 (S, S, 3); the square itself once the car has passed the curtain.
        """
        if distance - self.before < PASSED:
            return square
        nearer = distance / (distance - self.before)
        side = max(len(square), TILE // 2)  # a small sign would pick single pixels of the curtain
        place = (np.arange(side, dtype=np.float32) + 0.5 - side / 2) * np.float32((1 + 2 * margin) / side)
        x = (((place - ASIDE) / nearer + ASIDE) % ACROSS) * TILE
        y = (((place - ABOVE) / nearer + ABOVE) % DOWN) * TILE
        columns = np.repeat(x[None], side, 0).astype(np.float32)
        rows = np.repeat(y[:, None], side, 1).astype(np.float32)
        look, clear = (
            cv2.resize(
                cv2.remap(part, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP),
                square.shape[1::-1],
                interpolation=cv2.INTER_AREA,
            )
            for part in (self.look, self.clear)
        )
        light = float(np.clip(square.mean() / 128, 0.2, 1.3))
        return np.asarray(np.clip(square * clear[..., None] + look * light * (1 - clear[..., None]), 0, 255), np.uint8)


def distances(sides: FloatArray) -> FloatArray:
    """Return float32 (F,), metres to a sign of whose box the longer sides (F,) are known in pixels."""
    return np.asarray(NEAREST * sides[-1] / np.maximum(sides, 1), np.float32)
