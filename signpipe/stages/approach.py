"""How near a sign is, when it will be passed, and which signs stand side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from signpipe.catalogue import SignClass
from signpipe.types import FloatArray, SignTrack

# Two signs are at one place if the distance of one is at most so many times that of the other.
ONE_PLACE = 1.3
# A sign whose motion tells no time (nearly still, or drifting inwards) counts as passed so many seconds after its last
# sight at the latest.
LONGEST_APPROACH = 5.0
# Signs over the lanes of one gantry: their centres differ in height by at most so many heights, and they stand at
# least so many widths apart.
LEVEL, APART = 0.5, 1.5


def distance_of(sign: SignClass, xyxy: FloatArray) -> float:
    """Return the distance of a sign in units of the focal length: its real size over that in the picture."""
    return math.sqrt(sign.width * sign.height / max(float(np.prod(xyxy[2:] - xyxy[:2])), 1.0))


def time_to_pass(track: SignTrack, picture_shape: Sequence[int]) -> float:
    """Return the seconds until a sign is passed, at most `LONGEST_APPROACH`; 0 for one that doesn't move at all.

    What stands still beside the road moves away from the point that the vehicle heads for, about the picture's centre,
    and its distance from there over its speed is the time to contact (Lee, A theory of visual control of braking based
    on information about time-to-collision, Perception 1976).
    """
    vx, vy = track.velocity
    if vx == vy == 0.0:
        return 0.0
    x = float(track.xyxy[0] + track.xyxy[2] - picture_shape[1]) / 2
    y = float(track.xyxy[1] + track.xyxy[3] - picture_shape[0]) / 2
    outward = x * vx + y * vy
    return min((x * x + y * y) / outward, LONGEST_APPROACH) if outward > 0 else LONGEST_APPROACH


def side_by_side(tracks: Sequence[SignTrack]) -> list[list[SignTrack]]:
    """Return the rows of two or more signs of one size at one height, each from the left to the right."""
    rows: list[list[SignTrack]] = []
    for track in sorted(tracks, key=lambda one: float(one.xyxy[0])):
        row = next((row for row in rows if _in_row(row[-1].xyxy, track.xyxy)), None)
        if row is None:
            rows.append([track])
        else:
            row.append(track)
    return [row for row in rows if len(row) > 1]


def _in_row(left: FloatArray, right: FloatArray) -> bool:
    (wide, high), (other_wide, other_high) = left[2:] - left[:2], right[2:] - right[:2]
    smaller, larger = sorted((float(wide * high), float(other_wide * other_high)))
    level = abs(float(left[1] + left[3] - right[1] - right[3])) / 2 <= LEVEL * max(float(high), float(other_high))
    apart = float(right[0] + right[2] - left[0] - left[2]) / 2 >= APART * max(float(wide), float(other_wide))
    return level and apart and larger <= ONE_PLACE**2 * smaller
