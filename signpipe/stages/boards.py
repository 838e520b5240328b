"""Boards: a disc that is printed on a board isn't a sign by itself, but a part of what the board says.

A zone's sign shows the disc of a limit or of a ban on a white board, and a detector that knows the disc finds just
that: "30" where "zone 30" stands, which holds on other roads and ends elsewhere. Whether there is a board is seen
without a network: around the disc lies one plain, colourless surface, which ends at straight edges on its four sides,
about as far away on the left as on the right.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from signpipe.catalogue import Catalogue, Effect
from signpipe.types import SHAPES, Classifications, Detections, FloatArray, Image

ZONES = (Effect.ZONE_LIMIT, Effect.END_ZONE_LIMIT, Effect.PARKING_ZONE, Effect.END_PARKING_ZONE)
SMALLEST = 14.0  # pixels of a disc; around a smaller one no board can be told from sky
CORNER = 0.47  # where the surface beside a disc is looked at, in its diameters from the centre, both ways
PLAIN = 0.15  # most that the surface's grey may differ between the four corners, as a share of it
COLOURLESS = 40.0  # most that its channels may differ, of 255
EDGE = 0.14  # change of the grey that is the board's edge, as a share of it
NEAREST, FARTHEST = 0.04, 0.75  # where the sides' edges are looked for, in diameters from the disc's rim
BLUR = 2.0  # pixels by which the disc's rim may reach beyond its box
HIGHEST, LOWEST = 0.85, 1.7  # where the upper and the lower edge are, at most, in diameters from the disc's centre
UNEQUAL = 1.7  # most that two margins may differ, as a ratio
LEAST = 0.5  # probability of a zone's sign from which the board is taken in place of the disc
UNFAMILIAR = 0.5  # novelty from which it isn't
_DISC, _BOARD = SHAPES.index("circle"), SHAPES.index("rectangle")


class Boards:
    """Take the board in place of the disc, where it is a zone's sign.

    Args:
        catalogue: The classes; without any zone's sign nothing is looked for.

    Attributes:
        model_ms: Milliseconds that the classifier took for the boards of the latest picture.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.model_ms = 0.0
        self._zones = np.array([sign.present and sign.effect in ZONES for sign in catalogue], bool)

    def __call__(
        self,
        picture: Image,
        detections: Detections,
        shown: Classifications,
        classify: Callable[[Image, Detections], Classifications],
    ) -> tuple[Detections, Classifications]:
        """Return detections and what they show, with the board's for each disc that is printed on a zone's sign.

        Args:
            picture: BGR uint8 (H, W, 3).
            detections: Boxes in its pixels.
            shown: What they show.
            classify: Says what boards show.
        """
        self.model_ms = 0.0
        if not self._zones.any():
            return detections, shown
        around = {
            row: board
            for row in np.flatnonzero(detections.shape == _DISC).tolist()
            if (board := board_around(picture, detections.xyxy[row])) is not None
        }
        if not around:
            return detections, shown
        rows = np.array(list(around))
        boards = Detections(
            np.stack(list(around.values())), detections.score[rows], np.full(len(rows), _BOARD, np.uint8)
        )
        on_boards = classify(picture, boards)
        self.model_ms = getattr(classify, "model_ms", 0.0)
        zone = (on_boards.probability[:, self._zones].sum(1) >= LEAST) & (on_boards.novelty < UNFAMILIAR)
        into = rows[zone]
        result = Detections(detections.xyxy.copy(), detections.score, detections.shape.copy())
        result.xyxy[into], result.shape[into] = boards.xyxy[zone], _BOARD
        return result, shown.replaced(into, on_boards[zone])


def board_around(picture: Image, xyxy: FloatArray) -> FloatArray | None:
    """Return the box (4,) of the board that a disc is printed on, or None where there is none to be seen.

    Args:
        picture: BGR uint8 (H, W, 3).
        xyxy: Box (4,) of the disc.
    """
    x1, y1, x2, y2 = xyxy.tolist()
    diameter, x, y = (x2 - x1 + y2 - y1) / 2, (x1 + x2) / 2, (y1 + y2) / 2
    if diameter < SMALLEST:
        return None
    surface = _surface(picture, x, y, diameter)
    if surface is None:
        return None
    differs = _Differs(picture, surface)
    start, end = diameter / 2 + max(NEAREST * diameter, BLUR), (0.5 + FARTHEST) * diameter
    left, right = (differs.along(x, y, sign, 0, start, end) for sign in (-1, 1))
    if left is None or right is None or not _alike(left - diameter / 2, right - diameter / 2):
        return None
    # Above and below it is looked for beside the disc, where nothing is written.
    columns = (x - (left + diameter / 2) / 2, x + (right + diameter / 2) / 2)
    ups = [differs.along(column, y, 0, -1, 0, HIGHEST * diameter) for column in columns]
    downs = [differs.along(column, y, 0, 1, 0, LOWEST * diameter) for column in columns]
    up, down = _agreed(ups, diameter), _agreed(downs, diameter)
    if up is None or down is None or min(up, down) < (0.5 + NEAREST / 2) * diameter:
        return None
    return np.array([x - left, y - up, x + right, y + down], np.float32)


def _surface(picture: Image, x: float, y: float, diameter: float) -> float | None:
    """Return the grey of what lies around a disc, if that is plain and colourless."""
    half = max(diameter * 0.03, 0.5)
    corners = []
    for dx, dy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        u, v = x + dx * CORNER * diameter, y + dy * CORNER * diameter
        patch = picture[max(int(v - half), 0) : int(v + half) + 1, max(int(u - half), 0) : int(u + half) + 1]
        if not patch.size:
            return None
        corners.append(patch.reshape(-1, 3).mean(0))
    colours = np.array(corners)
    grey = colours.mean(1)
    plain = float(np.ptp(grey)) <= PLAIN * float(grey.mean())
    return float(grey.mean()) if plain and float(np.ptp(colours, axis=1).max()) <= COLOURLESS else None


class _Differs:
    """Finds where a picture isn't a surface's grey any more.

    Args:
        picture: BGR uint8 (H, W, 3).
        surface: The grey, 0..255.
    """

    def __init__(self, picture: Image, surface: float) -> None:
        self._picture = picture
        self._surface = surface

    def along(self, x: float, y: float, dx: int, dy: int, start: float, end: float) -> float | None:
        """Return the distance in pixels at which the surface ends on the way from a point, or None where it goes on."""
        steps = np.arange(start, end + 1, dtype=np.float32)
        u, v = (x + dx * steps)[None], (y + dy * steps)[None]
        height, width = self._picture.shape[:2]
        if not (u.min() >= 0 and u.max() < width and v.min() >= 0 and v.max() < height):
            return None
        line = cv2.remap(self._picture, u, v, cv2.INTER_LINEAR)[0].mean(1)
        other = np.flatnonzero(np.abs(line - self._surface) > EDGE * self._surface)
        return float(steps[other[0]]) if len(other) else None


def _alike(one: float, other: float) -> bool:
    return max(one, other) <= UNEQUAL * max(min(one, other), 1.0)


def _agreed(distances: list[float | None], diameter: float) -> float | None:
    """Return the mean of two distances, if both are known and agree."""
    one, other = distances
    if one is None or other is None or abs(one - other) > max(0.12 * diameter, 2):
        return None
    return (one + other) / 2
