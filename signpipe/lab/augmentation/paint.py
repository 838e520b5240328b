"""Painting the faces of signs: discs, boards, bars and lettering, in colours as paint and sun make them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from signpipe.types import Image

HIGH = 112  # pixels of a drawing's height
Colour = tuple[int, int, int]  # BGR
Point = tuple[float, float]  # in widths and heights of the sign


class Face:
    """A sign in the making: a picture, and where it is opaque."""

    def __init__(self, aspect: float) -> None:
        self.wide = max(round(HIGH * aspect), 24)
        self.image = np.zeros((HIGH, self.wide, 3), np.uint8)
        self.alpha = np.zeros((HIGH, self.wide), np.uint8)

    def disc(self, colour: Colour, radius: float, centre: Point = (0.5, 0.5), opaque: bool = False) -> None:
        """Paint a disc; radius and centre in heights of the sign, the centre's x in widths."""
        middle = (round((centre[0] * self.wide - 0.5) * 16), round((centre[1] * HIGH - 0.5) * 16))
        for target, paint in ((self.image, colour), (self.alpha, (255,))) if opaque else ((self.image, colour),):
            cv2.circle(target, middle, round(radius * HIGH * 16), paint, -1, cv2.LINE_AA, 4)

    def box(self, colour: Colour, inset: float, corner: float, opaque: bool = False) -> None:
        """Paint a rectangle with round corners, `inset` and `corner` in heights of the sign."""
        edge, radius = inset * HIGH, max(corner * HIGH, 1.0)
        inner = [(edge + radius, edge + radius), (self.wide - 1 - edge - radius, HIGH - 1 - edge - radius)]
        mask = np.zeros((HIGH, self.wide), np.uint8)
        corners = [[round(v) for v in point] for point in inner]
        cv2.rectangle(mask, corners[0], corners[1], 255, -1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius) + 1,) * 2)
        mask = np.asarray(cv2.dilate(mask, kernel), np.uint8)
        self.image[mask > 0] = colour
        if opaque:
            self.alpha = np.maximum(self.alpha, mask)

    def polygon(self, colour: Colour, points: Sequence[Point], opaque: bool = False) -> None:
        """Paint a polygon; points in widths and heights of the sign."""
        corners = np.round(np.array(points) * (self.wide, HIGH) * 16).astype(np.int32)
        for target, paint in ((self.image, colour), (self.alpha, (255,))) if opaque else ((self.image, colour),):
            cv2.fillPoly(target, [corners], paint, cv2.LINE_AA, 4)

    def line(self, colour: Colour, start: Point, end: Point, width: float) -> None:
        """Paint a bar between two points, `width` in heights of the sign."""
        ends = [(round(x * self.wide * 16), round(y * HIGH * 16)) for x, y in (start, end)]
        cv2.line(self.image, ends[0], ends[1], colour, max(round(width * HIGH), 1), cv2.LINE_AA, 4)

    def write(self, ink: Image, colour: Colour, centre: Point, size: tuple[float, float]) -> None:
        """Paint lettering so that it fills a width and a height, both in heights of the sign."""
        width, height = max(round(size[0] * HIGH), 2), max(round(size[1] * HIGH), 2)
        mask = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
        left, top = round(centre[0] * self.wide - width / 2), round(centre[1] * HIGH - height / 2)
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, self.wide), min(top + height, HIGH)
        if x2 <= x1 or y2 <= y1:
            return
        mask = mask[y1 - top : y2 - top, x1 - left : x2 - left]
        place = self.image[y1:y2, x1:x2]
        place[:] = (place * (1 - mask) + np.array(colour, np.float32) * mask).astype(np.uint8)

    def drawing(self) -> Image:
        """Return it as BGRA uint8 (H, W, 4)."""
        return np.dstack([self.image, self.alpha])


def white(rng: np.random.Generator) -> Colour:
    """Return some white of paint."""
    level = int(rng.integers(225, 256))
    return level, level, level


def black(rng: np.random.Generator) -> Colour:
    """Return some black of paint."""
    level = int(rng.integers(0, 45))
    return level, level, level


def grey(rng: np.random.Generator) -> Colour:
    """Return some grey of paint."""
    level = int(rng.integers(90, 170))
    return level, level, level


def red(rng: np.random.Generator) -> Colour:
    """Return some red of paint."""
    return int(rng.integers(0, 60)), int(rng.integers(0, 60)), int(rng.integers(150, 240))


def yellow(rng: np.random.Generator) -> Colour:
    """Return some yellow of paint."""
    return int(rng.integers(0, 90)), int(rng.integers(170, 230)), int(rng.integers(225, 256))


def blue(rng: np.random.Generator) -> Colour:
    """Return some blue of paint."""
    return int(rng.integers(120, 220)), int(rng.integers(50, 110)), int(rng.integers(0, 50))
