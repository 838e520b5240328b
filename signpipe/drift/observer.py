"""Takes samples of a run: a picture a second, and each sign once, at its largest."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.crops import crop_signs
from signpipe.drift.features import picture_values
from signpipe.drift.samples import Sample
from signpipe.types import Frame, FrameResult, Image, SignTrack, TrackState

_GROWTH = 1.1  # by so much a look must be larger to stand for the sign instead of the one before
_SCENE, _SIGN = 192, 48  # pixels of the longer side of the small pictures


class Observer:
    """Takes samples of the results of one source; about a millisecond a second, and flat memory.

    Frames of a drive aren't independent of one another, nor are the looks at one sign: hence a picture a second and a
    value a sign.

    Args:
        catalogue: Names of the classes.
        interval: Seconds between two pictures.
        every: Of so many samples of a kind one has its small picture with it; 0 is none.
    """

    def __init__(self, catalogue: Catalogue, interval: float = 1.0, every: int = 60) -> None:
        self._catalogue = catalogue
        self._interval = interval
        self._every = every
        self._next = float("-inf")
        self._counts = {"picture": 0, "sign": 0}
        self._living: dict[int, tuple[float, Sample]] = {}  # side and sample of the largest look at each sign

    def add(self, result: FrameResult) -> Iterator[Sample]:
        """Yield the samples that a result completes."""
        frame = result.frame
        for track_id in self._living.keys() - {track.id for track in result.tracks}:
            yield self._living.pop(track_id)[1]
        if not isinstance(frame, Frame):
            return
        if frame.independent or not 0 <= self._next - frame.media_time <= self._interval:
            self._next = frame.media_time + self._interval
            yield self._scene(frame)
        for track in result.tracks:
            if track.state is TrackState.CONFIRMED and track.detection is not None:
                self._look(track, result, frame)

    def finish(self) -> Iterator[Sample]:
        """Yield the signs that are in view at the end."""
        living, self._living = self._living, {}
        for _, sample in living.values():
            yield sample

    def _scene(self, frame: Frame) -> Sample:
        values = {name: round(value, 5) for name, value in picture_values(frame.image).items()}
        jpeg = _jpeg(frame.image, _SCENE) if self._is_due("picture") else None
        return Sample(kind="picture", at=round(frame.media_time, 3), values=values, jpeg=jpeg)

    def _look(self, track: SignTrack, result: FrameResult, frame: Frame) -> None:
        row, before = track.detection, self._living.get(track.id)
        if row is None or row >= len(result.detections):
            return
        box = result.detections.xyxy[row]
        side = float(np.sqrt(np.prod(box[2:] - box[:2])))
        jpeg = before[1].jpeg if before else None
        if before and side < before[0] * _GROWTH:
            sample = before[1]
        else:
            if jpeg is not None or (before is None and self._is_due("sign")):
                jpeg = _jpeg(crop_signs(frame.image, box, 0.2, _SIGN)[0], _SIGN)
            sample = self._sign(track, result, frame, row, side)
        best = int(track.probability.argmax())
        fused = {"probability": round(float(track.probability[best]), 4), "novelty": round(float(track.novelty), 4)}
        labels = {"class": self._catalogue[best].name, "sure": "yes" if track.is_sure else "no"}
        update = {"values": sample.values | fused, "labels": labels, "jpeg": jpeg}
        self._living[track.id] = max(side, before[0] if before else 0.0), sample.model_copy(update=update)

    def _sign(self, track: SignTrack, result: FrameResult, frame: Frame, row: int, side: float) -> Sample:
        (left, top, right, bottom), (height, width) = result.detections.xyxy[row], frame.image.shape[:2]
        values = {
            "side": round(float(np.log2(max(side, 1.0))), 4),
            "x": round(float(left + right) / 2 / width, 4),
            "y": round(float(top + bottom) / 2 / height, 4),
            "score": round(float(track.score), 4),
        }
        embedding = result.classifications.embedding
        look = tuple(np.round(embedding[row], 3).tolist()) if row < len(embedding) else ()
        return Sample(kind="sign", at=round(frame.media_time, 3), values=values, embedding=look)

    def _is_due(self, kind: str) -> bool:
        self._counts[kind] += 1
        return self._every > 0 and self._counts[kind] % self._every == 1 % self._every


def _jpeg(image: Image, side: int) -> str | None:
    """Return a small JPEG in base64, or None for an empty picture."""
    scale = side / max(*image.shape[:2], 1)
    if not image.size:
        return None
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()).decode()
