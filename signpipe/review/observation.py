"""The best observation of one sign, while it is followed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.review.item import Neighbour, Place, Rect, Window
from signpipe.types import FloatArray, Frame, FrameResult, Image, Pose, SignTrack

MARGIN = 0.4  # around the sign in the crop, as a fraction of its longer side: training takes 0.35
CONTEXT = 640  # pixels of the context picture, the size of the detector's training tiles
_BETTER = 1.05  # by so much an observation must be better to be worth copying
_CUT = 0.3  # what an observation counts where the picture's edge may cut the sign
_JUDGED_AT = 32  # pixels: sharpness of large and small crops is compared at this size


@dataclass(frozen=True, slots=True)
class Observation:
    """One sign in one frame, copied so that the frame itself can go.

    Attributes:
        quality: How well it can be seen: larger and sharper is more.
        xyxy: The detector's box in pixels of the picture.
        crop: Window of `crop_image`, in pixels of the picture.
        crop_image: BGR uint8, the sign with its surroundings.
        context: Window of `context_image`.
        context_image: BGR uint8, the scene.
        size: Width and height of the picture.
        embedding: float32 (D,), the classifier's, of this observation.
        neighbours: The other signs in the context.
        frame_index: Number of the frame.
        media_time: Seconds.
        name: File name of a still picture, or None.
        pose: Where the vehicle was, or None.
    """

    quality: float
    xyxy: Rect
    crop: Window
    crop_image: Image
    context: Window
    context_image: Image
    size: tuple[int, int]
    embedding: FloatArray
    neighbours: tuple[Neighbour, ...]
    frame_index: int
    media_time: float
    name: str | None
    pose: Place | None


def better_observation(
    before: Observation | None, track: SignTrack, frame: Frame, result: FrameResult, catalogue: Catalogue
) -> Observation | None:
    """Return the better of the observation so far and this frame's.

    Args:
        before: The observation so far, or None.
        track: The sign, detected in this frame.
        frame: The frame.
        result: What was found in it.
        catalogue: Names of the classes.
    """
    row = track.detection
    if row is None or row >= len(result.detections):
        return before
    box = result.detections.xyxy[row]
    quality = _quality(frame.image, box)
    if not quality or (before is not None and quality < before.quality * _BETTER):
        return before
    longer = float(max(box[2] - box[0], box[3] - box[1]))
    crop = _window(box, longer * (1 + 2 * MARGIN), frame.image.shape)
    context = _window(box, max(CONTEXT, longer * (1 + 2 * MARGIN)), frame.image.shape)
    return Observation(
        quality=quality,
        xyxy=_rect(box),
        crop=crop,
        crop_image=_cut(frame.image, crop),
        context=context,
        context_image=_cut(frame.image, context),
        size=(frame.image.shape[1], frame.image.shape[0]),
        embedding=_embedding(result, row),
        neighbours=_neighbours(track, result, context, catalogue),
        frame_index=frame.index,
        media_time=frame.media_time,
        name=frame.name,
        pose=_place(frame.pose),
    )


def _quality(image: Image, box: FloatArray) -> float:
    """Return side times sharpness of what a box holds; less at the picture's edge, 0 outside of it."""
    height, width = image.shape[:2]
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:]), (width, height)).astype(int)
    if right - left < 2 or bottom - top < 2:
        return 0.0
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    interpolation = cv2.INTER_AREA if min(grey.shape) > _JUDGED_AT else cv2.INTER_LINEAR
    small = cv2.resize(grey, (_JUDGED_AT, _JUDGED_AT), interpolation=interpolation)
    sharpness = float(cv2.Laplacian(small, cv2.CV_32F).std()) + 1.0
    inside = left > 0 and top > 0 and right < width and bottom < height
    return float(max(right - left, bottom - top)) * sharpness * (1.0 if inside else _CUT)


def _window(box: FloatArray, side: float, shape: tuple[int, ...]) -> Window:
    """Return a square window around a box, moved and cut so that it lies in the picture."""
    height, width = shape[:2]
    wide, high = min(round(side), width), min(round(side), height)
    left = int(np.clip(round(float(box[0] + box[2] - wide) / 2), 0, width - wide))
    top = int(np.clip(round(float(box[1] + box[3] - high) / 2), 0, height - high))
    return left, top, left + wide, top + high


def _cut(image: Image, window: Window) -> Image:
    left, top, right, bottom = window
    return image[top:bottom, left:right].copy()


def _rect(box: FloatArray) -> Rect:
    left, top, right, bottom = (round(float(value), 2) for value in box)
    return left, top, right, bottom


def _place(pose: Pose | None) -> Place | None:
    if pose is None:
        return None
    return Place(latitude=pose.latitude, longitude=pose.longitude, heading=pose.heading, speed=pose.speed)


def _embedding(result: FrameResult, row: int) -> FloatArray:
    rows = result.classifications.embedding[row : row + 1]
    return rows[0].copy() if len(rows) and np.isfinite(rows).all() else np.zeros(0, np.float32)


def _neighbours(track: SignTrack, result: FrameResult, window: Window, catalogue: Catalogue) -> tuple[Neighbour, ...]:
    """Return the other signs in a window that were detected in this frame."""
    neighbours = []
    for other in result.tracks:
        if other.id == track.id or other.detection is None or other.detection >= len(result.detections):
            continue
        box = _rect(result.detections.xyxy[other.detection])
        if box[0] < window[2] and box[2] > window[0] and box[1] < window[3] and box[3] > window[1]:
            neighbours.append(Neighbour(xyxy=box, name=catalogue[other.class_id].name if other.is_sure else None))
    return tuple(neighbours)
