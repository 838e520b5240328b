"""Anti-aliased, translucent drawing on a picture."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.types import Image

Colour = tuple[int, int, int]  # blue, green, red
Rect = tuple[int, int, int, int]  # left, top, right, bottom in pixels, right and bottom exclusive

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
INK: Colour = (24, 20, 16)  # of cards
FADED: Colour = (190, 186, 182)  # of what matters less
RED: Colour = (38, 30, 200)
REGULAR, SEMIBOLD, BOLD = 400, 600, 800


class Canvas:
    """A picture to draw on, with sizes that grow with the picture.

    Attributes:
        image: BGR uint8 (H, W, 3), drawn on in place.
        scale: 1 for a picture of 1280x720.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]
        self.scale = float(np.clip(min(self.height / 720, self.width / 1280), 0.75, 4.0))
        self._font = cv2.FontFace("sans")

    def px(self, length: float) -> int:
        """Return a length of the 1280x720 design in pixels of this picture, at least 1."""
        return max(1, round(length * self.scale))

    def text_width(self, text: str, size: float, weight: int = REGULAR) -> int:
        """Return the width of a line of text in pixels; `size` is in pixels of the design."""
        return int(cv2.getTextSize((0, 0), text, (0, 0), self._font, self.px(size), weight)[2]) if text else 0

    def text(self, x: float, y: float, text: str, size: float, colour: Colour = WHITE, weight: int = REGULAR) -> None:
        """Write a line of text with its left end at `x` and its middle at `y`."""
        baseline = round(y + 0.35 * self.px(size))
        cv2.putText(self.image, text, (round(x), baseline), colour, self._font, self.px(size), weight)

    def fit_text(self, text: str, width: int, size: float, weight: int = REGULAR) -> str:
        """Return `text`, shortened with an ellipsis where it is wider than `width` pixels."""
        if self.text_width(text, size, weight) <= width:
            return text
        while text and self.text_width(text + "…", size, weight) > width:
            text = text[:-1].rstrip()
        return text + "…"

    def card(self, rect: Rect, colour: Colour = INK, opacity: float = 0.72, accent: Colour | None = None) -> None:
        """Fill a translucent rectangle with round corners, with a bar of the `accent` colour on its left."""
        left, top, right, bottom = self._clip(rect)
        if right <= left or bottom <= top:
            return
        under = self.image[top:bottom, left:right]
        over = under.copy()
        whole = (rect[0] - left, rect[1] - top, rect[2] - left, rect[3] - top)
        _round_rectangle(over, whole, self.px(5), colour)
        cv2.addWeighted(over, opacity, under, 1 - opacity, 0, dst=under)
        if accent:
            bar = self.px(3)
            cv2.rectangle(under, (whole[0], whole[1] + bar), (whole[0] + bar - 1, whole[3] - 1 - bar), accent, -1)

    def frame(self, rect: Rect, colour: Colour, thickness: float, dashed: bool = False) -> None:
        """Draw a rectangle around (outside of) `rect`, with a dark seam that parts it from a bright picture."""
        width = self.px(thickness)
        out = (width + 2) // 2 + 1
        corners = [
            (rect[0] - out, rect[1] - out),
            (rect[2] + out, rect[1] - out),
            (rect[2] + out, rect[3] + out),
            (rect[0] - out, rect[3] + out),
        ]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            for a, b in _dashes(start, end, self.px(6)) if dashed else [(start, end)]:
                cv2.line(self.image, a, b, INK, width + 2, cv2.LINE_AA)
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            for a, b in _dashes(start, end, self.px(6)) if dashed else [(start, end)]:
                cv2.line(self.image, a, b, colour, width, cv2.LINE_AA)

    def dot(self, x: float, y: float, colour: Colour, hollow: bool = False) -> None:
        """Draw a small disc, or a ring if `hollow`."""
        thickness = self.px(1.5) if hollow else cv2.FILLED
        cv2.circle(self.image, (round(x), round(y)), self.px(4), colour, thickness, cv2.LINE_AA)

    def roundel(self, x: int, y: int, radius: int, text: str, valid: bool) -> None:
        """Draw a speed-limit sign with its centre at (`x`, `y`); grey with a broken ring if it isn't `valid`."""
        cv2.circle(self.image, (x, y), radius, WHITE if valid else (205, 205, 205), cv2.FILLED, cv2.LINE_AA)
        ring, width = round(radius * 0.84), max(1, round(radius * 0.2))
        if valid:
            cv2.circle(self.image, (x, y), ring, RED, width, cv2.LINE_AA)
        else:
            axes, grey = (ring, ring), (125, 125, 125)
            for start in range(0, 360, 45):
                cv2.ellipse(self.image, (x, y), axes, 0, start, start + 18, grey, max(1, width // 2), cv2.LINE_AA)
        size = radius * (1.0 if len(text) < 3 else 0.72) / self.scale
        digits = text.replace("0", "O")  # the font's own zero has a stroke, a sign's has none
        half = self.text_width(digits, size, SEMIBOLD) / 2
        self.text(x - half, y, digits, size, BLACK if valid else (95, 95, 95), SEMIBOLD)

    def _clip(self, rect: Rect) -> Rect:
        return max(rect[0], 0), max(rect[1], 0), min(rect[2], self.width), min(rect[3], self.height)


def overlap(a: Rect, b: Rect) -> int:
    """Return the area that two rectangles share, in pixels."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def place(size: tuple[int, int], box: Rect, picture: tuple[int, int], gap: int, taken: list[Rect]) -> Rect:
    """Find a place for a label beside a box: within the picture, and over as little as possible of what is taken.

    Args:
        size: Width and height of the label.
        box: What it belongs to.
        picture: Width and height of the picture.
        gap: Pixels between the box and the label.
        taken: What it should not cover.

    Returns:
        The best of the places above, below, right and left of the box, in that order where they are equal.
    """
    width, height = size
    left, top, right, bottom = box
    middle = (top + bottom - height) // 2
    corners = [
        (left, top - gap - height),
        (left, bottom + gap),
        (right + gap, middle),
        (left - gap - width, middle),
        (right - width, top - gap - height),
        (right - width, bottom + gap),
        (right + gap, top - height),
        (left - gap - width, bottom),
    ]
    candidates = []
    for x, y in corners:
        x, y = max(0, min(x, picture[0] - width)), max(0, min(y, picture[1] - height))
        candidates.append((x, y, x + width, y + height))
    return min(candidates, key=lambda rect: sum(overlap(rect, other) for other in taken) + 2 * overlap(rect, box))


def _round_rectangle(image: Image, rect: Rect, radius: int, colour: Colour) -> None:
    left, top, right, bottom = rect[0], rect[1], rect[2] - 1, rect[3] - 1
    radius = max(0, min(radius, (right - left) // 2, (bottom - top) // 2))
    cv2.rectangle(image, (left + radius, top), (right - radius, bottom), colour, cv2.FILLED)
    cv2.rectangle(image, (left, top + radius), (right, bottom - radius), colour, cv2.FILLED)
    for x in (left + radius, right - radius):
        for y in (top + radius, bottom - radius):
            cv2.circle(image, (x, y), radius, colour, cv2.FILLED, cv2.LINE_AA)


def _dashes(start: tuple[int, int], end: tuple[int, int], length: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Cut a line into dashes that begin and end on its ends."""
    whole = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    count = max(1, round(whole / length / 2)) * 2 - 1
    at = [
        (round(start[0] + (end[0] - start[0]) * k / count), round(start[1] + (end[1] - start[1]) * k / count))
        for k in range(count + 1)
    ]
    return list(zip(at[::2], at[1::2], strict=True))
