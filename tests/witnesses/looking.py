"""Pictures and tracks for the witnesses that look at the sign itself."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.catalogue.drawings import framed_drawing
from signpipe.types import Frame, Image, SignTrack, TrackState

CATALOGUE = load_catalogue()


def picture(name: str, side: int) -> Image:
    """Return a picture of 200 x 200 pixels with the drawing of a class in its middle, a little dim and blurred."""
    scene = np.full((200, 200, 3), 100, np.uint8)
    drawn = framed_drawing(name, round(side * 1.2), 0.1)
    alpha = drawn[..., 3:] / 255.0
    start = 100 - drawn.shape[0] // 2
    place = scene[start : start + drawn.shape[0], start : start + drawn.shape[0]]
    place[:] = place * (1 - alpha) + drawn[..., :3] * alpha * 0.8
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), 0.7), np.uint8)


def seen(scene: Image, side: int, *names: str, catalogue: Catalogue = CATALOGUE) -> tuple[SignTrack, Frame]:
    """Return a sign in the middle of a picture between whose likely classes vision can't decide."""
    probability = np.full(len(catalogue), 1e-4, np.float32)
    probability[[catalogue.by_name(name).id for name in names]] = 1 / max(len(names), 1)
    probability /= probability.sum()
    box = np.array([100 - side / 2, 100 - side / 2, 100 + side / 2, 100 + side / 2], np.float32)
    track = SignTrack(
        id=1, xyxy=box, state=TrackState.CONFIRMED, score=0.9, age=1.0, unseen=0.0, hits=9,
        evidence=np.log(probability), probability=probability, class_id=int(probability.argmax()),
    )  # fmt: skip
    return track, Frame(scene, 0, 0.0, 0.0, "test")
