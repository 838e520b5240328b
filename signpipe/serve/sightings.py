"""Which signs a run has seen: one record a sign, told when it is sure and again when it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2

from signpipe.catalogue import Catalogue
from signpipe.crops import MARGIN, crop_signs
from signpipe.serve.wire import Message
from signpipe.types import FloatArray, Frame, FrameResult, SignTrack

_SIDE = 96  # pixels of a stored crop
_QUALITY = 85
_LARGER = 1.15  # by so much a later look must be larger to be worth another crop


@dataclass(slots=True)
class _Seen:
    """A sign in view.

    Attributes:
        track: As it was last sure.
        crop: JPEG of its largest look.
        side: Pixels of that look.
        first: Media time of its first sure look.
        place: Latitude and longitude at its last look.
        last: Media time of its last look.
    """

    track: SignTrack
    crop: bytes
    side: float
    first: float
    place: tuple[float, float] | None
    last: float


class Sightings:
    """Follows the tracks of a run and yields what is to be stored.

    Args:
        catalogue: Names and titles of the classes.
        privacy: Keep nothing around a sign in its crop.
    """

    def __init__(self, catalogue: Catalogue, privacy: bool) -> None:
        self._catalogue = catalogue
        self._margin = 0.0 if privacy else MARGIN
        self._living: dict[int, _Seen] = {}

    def __call__(self, result: FrameResult) -> Iterator[tuple[Message, bytes]]:
        """Yield a message and a crop for each sign that has just become sure, is another than it was, or ended."""
        if isinstance(result.frame, Frame):
            for track in result.tracks:
                if track.is_sure:
                    yield from self._look(track, result.frame)
        for track_id in sorted(self._living.keys() - {track.id for track in result.tracks}):
            yield self._told(self._living.pop(track_id), ended=True)

    def close(self) -> Iterator[tuple[Message, bytes]]:
        """Yield what is in view at the end."""
        living, self._living = self._living, {}
        for seen in living.values():
            yield self._told(seen, ended=True)

    def _look(self, track: SignTrack, frame: Frame) -> Iterator[tuple[Message, bytes]]:
        before = self._living.get(track.id)
        place = None if frame.pose is None else (frame.pose.latitude, frame.pose.longitude)
        if before is None:
            box = track.xyxy if track.detected is None else track.detected
            seen = _Seen(track, self._crop(frame, box), track.side, frame.media_time, place, frame.media_time)
            self._living[track.id] = seen
            yield self._told(seen, ended=False)
            return
        changed = before.track.class_id != track.class_id
        before.track, before.last, before.place = track, frame.media_time, place or before.place
        if track.detected is not None and track.side > before.side * _LARGER:
            before.crop, before.side = self._crop(frame, track.detected), track.side
        if changed:
            yield self._told(before, ended=False)

    def _crop(self, frame: Frame, box: FloatArray) -> bytes:
        crop = crop_signs(frame.image, box[None], self._margin, _SIDE)[0]
        return cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()

    def _told(self, seen: _Seen, ended: bool) -> tuple[Message, bytes]:
        track, sign = seen.track, self._catalogue[seen.track.class_id]
        latitude, longitude = seen.place or (None, None)
        message: Message = {
            "type": "sign",
            "track": track.id,
            "class_name": sign.name,
            "title": sign.title,
            "category": sign.category.value,
            "probability": round(float(track.confidence), 4),
            "verdict": track.verdict.certainty.value,
            "reason": track.verdict.reason,
            "witnesses": "+".join(track.verdict.witnesses),
            "conflict": track.verdict.conflict,
            "media_time": round(seen.first, 3),
            "last_media_time": round(seen.last, 3),
            "latitude": latitude,
            "longitude": longitude,
            "ended": ended,
        }
        return message, seen.crop
