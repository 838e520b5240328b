"""Tracks that one sign was torn into, where the tracker lost it, joined before the sign is placed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signpipe.geodesy import Values
from signpipe.mapping.belief import agreement, fuse
from signpipe.mapping.looks import USUAL_SIZE, Sizes, whole_looks
from signpipe.mapping.optics import Optics
from signpipe.mapping.recording import Recording, SeenSign
from signpipe.mapping.trajectory import Trajectory

LONGEST = 6.0  # seconds for which a sign can be lost
END = 3  # looks at a track's end that say where it was
# Metres, and as a share of the distance, that two ends may lie apart along the view, across it, and in height. Both are
# placed by the size of one class, so that a sign of an odd size is misplaced by both alike.
ALONG, ACROSS, UP = (2.0, 0.12), (0.8, 0.03), (0.3, 0.015)


def join_torn(
    recording: Recording, signs: Sequence[SeenSign], trajectory: Trajectory, optics: Optics, sizes: Sizes
) -> list[SeenSign]:
    """Return tracks of which each is a sign's only one, as far as looks can tell.

    Args:
        recording: The drive.
        signs: Its tracks.
        trajectory: Its path.
        optics: What is known of its camera.
        sizes: Width and height of each class in metres.
    """
    joined: list[SeenSign] = []
    for sign in sorted(signs, key=lambda one: (int(one.frame[0]), one.track)):
        begin = _end(recording, sign, trajectory, optics, sizes, first=True)
        best, best_off = None, 1.0
        for number, earlier in enumerate(joined):
            gap = float(recording.frames["time"][sign.frame[0]] - recording.frames["time"][earlier.frame[-1]])
            if not 0 < gap <= LONGEST or agreement(earlier.belief, sign.belief) < -1:
                continue
            off = _apart(_end(recording, earlier, trajectory, optics, sizes, first=False), begin)
            if off < best_off:
                best, best_off = number, off
        if best is None:
            joined.append(sign)
        else:
            joined[best] = _joined(joined[best], sign)
    return joined


def _end(
    recording: Recording, sign: SeenSign, trajectory: Trajectory, optics: Optics, sizes: Sizes, first: bool
) -> Values:
    """Return where a track began or ended: east, north, up from the camera, distance and direction of view."""
    frames = recording.frames
    whole = whole_looks(sign, frames)
    rows = whole[:END] if first else whole[-END:]
    row, box = sign.frame[rows], sign.xyxy[rows]
    width, height = frames["width"][row], frames["height"][row]
    position, course, _ = trajectory.at(frames["time"][row])
    focal = optics.focal * width
    real = sizes.get(sign.best, USUAL_SIZE)[1]
    distance = focal * real / np.maximum(box[:, 3] - box[:, 1], 1.0)
    right = ((box[:, 0] + box[:, 2] - width) / 2) / focal * distance
    up = -((box[:, 1] + box[:, 3] - height) / 2) / focal * distance + optics.pitch * distance
    axis = course + optics.yaw
    east = position[:, 0] + distance * np.sin(axis) + right * np.cos(axis)
    north = position[:, 1] + distance * np.cos(axis) - right * np.sin(axis)
    return np.asarray(np.median([east, north, up, distance, axis], axis=1))


def _apart(end: Values, begin: Values) -> float:
    """Return how far two ends lie apart, 1 being as far as they may."""
    east, north, up = begin[:3] - end[:3]
    axis, distance = end[4], max(end[3], begin[3])
    along = abs(east * np.sin(axis) + north * np.cos(axis)) / (ALONG[0] + ALONG[1] * distance)
    across = abs(east * np.cos(axis) - north * np.sin(axis)) / (ACROSS[0] + ACROSS[1] * distance)
    return float(max(along, across, abs(up) / (UP[0] + UP[1] * distance)))


def _joined(one: SeenSign, other: SeenSign) -> SeenSign:
    """Return two tracks as one, under the number of the first."""
    larger = max(one, other, key=lambda sign: float(np.max(sign.xyxy[:, 3] - sign.xyxy[:, 1])))
    return SeenSign(
        one.track,
        np.concatenate([one.frame, other.frame]),
        np.concatenate([one.xyxy, other.xyxy]),
        np.concatenate([one.depth, other.depth]),
        np.concatenate([one.depth_sigma, other.depth_sigma]),
        fuse([one.belief, other.belief]),
        larger.category or one.category or other.category,
        one.sure or other.sure,
        larger.novelty,
        larger.crop,
        larger.embedding,
    )
