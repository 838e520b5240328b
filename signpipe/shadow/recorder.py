"""The sink of shadow mode: watches the results, and keeps what a person should look at."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.maps import open_map
from signpipe.settings import Settings
from signpipe.shadow import store
from signpipe.shadow.clips import Clip, Ring
from signpipe.shadow.compare import Comparer
from signpipe.shadow.exposure import Conditions, Exposure, Observer
from signpipe.shadow.judge import KMH, Disagreement
from signpipe.shadow.moment import LONGEST_STEP, Moment
from signpipe.shadow.privacy import Box, blur_all_but, shrink, window
from signpipe.shadow.store import Event
from signpipe.types import Frame, FrameResult, Image

EVERY = 1.0  # seconds from one line of the timeline to the next
SAVED_EVERY = 30.0  # seconds of the drive from one writing of its totals to the next
_STRIP, _WHITE, _GREEN, _AMBER = 22, (255, 255, 255), (40, 220, 40), (0, 190, 255)


@dataclass(slots=True)
class _Open:
    """An event whose clip is being written."""

    event: Event
    clip: Clip


class ShadowRecorder:
    """Compares each result with the driver and the map, and writes events with their clips.

    Args:
        settings: The whole configuration; `shadow.folder` is where the drive is kept, see `signpipe.shadow.store`.
        catalogue: The signs.
        facts: What is known of the run before it begins.

    Raises:
        OutputError: The folder can't be written.
        SourceError: The map can't be read.
    """

    name = "record of shadow mode"

    def __init__(self, settings: Settings, catalogue: Catalogue, facts: dict[str, Any]) -> None:
        folder = self.folder = settings.shadow.folder or Path()
        signs = open_map(settings.map.file, catalogue) if settings.map.file is not None else None
        store.create(folder)
        self.count = 0
        self.exposure = Exposure()
        self._settings = settings
        self._shadow = settings.shadow
        self._facts = {"schema": store.SCHEMA, "started": time.time(), **facts}
        self._comparer = Comparer(self._shadow, settings.camera, catalogue, signs)
        self._observer = Observer(self._shadow, settings.vehicle)
        self._conditions = Conditions()
        self._latest: Image | None = None
        self._ring = Ring(self._shadow.before)
        self._open: list[_Open] = []
        self._bytes = 0
        self._time: float | None = None
        self._travelled = 0.0
        self._pictured = -math.inf
        self._lined = self._saved = -math.inf
        self._frames = self._gaps = 0
        self._closed = False
        self._timeline = (folder / store.TIMELINE).open("w", encoding="utf-8")

    def write(self, result: FrameResult) -> None:
        """Take a result in.

        Raises:
            OSError: Nothing can be written.
        """
        frame = result.frame
        elapsed = 0.0 if self._time is None else min(max(frame.media_time - self._time, 0.0), LONGEST_STEP)
        self._time = frame.media_time
        moment, disagreements = self._comparer.update(result)
        if isinstance(frame, Frame):
            limit = moment.mapped if moment.mapped is not None else moment.told
            self._conditions = self._observer.conditions(frame, limit)
        self._frames, self._gaps = self._frames + moment.seeing, self._gaps + (not moment.seeing)
        metres, self._travelled = moment.travelled - self._travelled, moment.travelled
        self.exposure.add(self._conditions, metres, elapsed, moment.seeing)
        if isinstance(frame, Frame) and frame.media_time - self._pictured >= 0.999 / self._shadow.rate:
            self._pictured = frame.media_time
            self._film(moment.time, self._picture(frame, result, moment))
        for found in disagreements:
            self._begin(found, moment, result)
        self._finish(moment.time)
        if moment.time - self._lined >= EVERY:
            self._lined = moment.time
            self._line(moment, frame)
        if moment.time - self._saved >= SAVED_EVERY:
            self._saved = moment.time
            self._save()

    def close(self) -> None:
        """Finish clips and totals; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._finish(math.inf)
        self._save()
        self._timeline.close()

    def _save(self) -> None:
        """Write what the drive amounts to so far: one that is killed counts up to here."""
        self._timeline.flush()
        exposure = {"exposure": self.exposure.rows(), "blind_hours": round(self.exposure.blind / 3600, 5)}
        counted = {"ended": time.time(), "frames": self._frames, "gaps": self._gaps, "events": self.count}
        store.write_json(self.folder / store.DRIVE, self._facts | counted | exposure)

    def _begin(self, found: Disagreement, moment: Moment, result: FrameResult) -> None:
        """Write an event, and begin its clip."""
        self.count += 1
        where, pose = self._conditions, result.frame.pose if isinstance(result.frame, Frame) else None
        conflict = next((advisory.conflict for advisory in result.advisories if advisory.conflict), None)
        event = Event(
            f"{self.count:04d}-{found.kind}", str(found.kind), found.reason, round(found.at, 3), round(found.since, 3),
            where.road, where.light, where.weather, _kmh(moment.speed), _rounded(moment.braking), _told(moment.told),
            moment.mapped, conflict, pose.latitude if pose else None, pose.longitude if pose else None,
            pose.utc if pose else None,
        )  # fmt: skip
        store.write_event(self.folder, event)
        if self._latest is not None:
            data = cv2.imencode(".jpg", self._latest, (cv2.IMWRITE_JPEG_QUALITY, 75))[1].tobytes()
            (store.event_folder(self.folder, event.id) / store.STILL).write_bytes(data)
        if self._bytes > self._shadow.megabytes * 1e6:
            return  # it is counted; there is no room for its video
        clip = Clip(store.event_folder(self.folder, event.id) / store.CLIP, moment.time + self._shadow.after)
        for at, picture in self._ring:
            clip.add(at, picture)
        self._open.append(_Open(event, clip))

    def _finish(self, now: float) -> None:
        """Finish the clips that are long enough."""
        for one in [one for one in self._open if one.clip.until <= now]:
            self._open.remove(one)
            self._bytes += one.clip.close()
            one.event.clip = store.CLIP
            store.write_event(self.folder, one.event)

    def _film(self, at: float, picture: Image) -> None:
        self._latest = picture
        self._ring.add(at, picture)
        for one in self._open:
            one.clip.add(at, picture)

    def _picture(self, frame: Frame, result: FrameResult, moment: Moment) -> Image:
        """Return the small picture that may be kept: signs, and a line of what was told and done."""
        small, scale = shrink(frame.image, self._shadow.width)
        tracks = [[float(edge) * scale for edge in track.xyxy] for track in result.tracks]
        if self._shadow.blur:
            small = blur_all_but(small, [*tracks, *self._expected(frame, scale)])
        for track, (x1, y1, x2, y2) in zip(result.tracks, tracks, strict=True):
            colour = _GREEN if track.is_sure else _AMBER
            cv2.rectangle(small, (int(x1) - 2, int(y1) - 2), (int(x2) + 2, int(y2) + 2), colour, 1)
        speed, told = _kmh(moment.speed), _told(moment.told)
        said = ["?" if value is None else str(value) for value in (told, speed, moment.mapped)]
        text = f"{moment.time:.1f} s  told {said[0]}  driver {said[1]} km/h  map {said[2]}"
        strip = np.zeros((_STRIP, small.shape[1], 3), np.uint8)
        cv2.putText(strip, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _WHITE, 1, cv2.LINE_AA)
        return np.vstack([small, strip])

    def _expected(self, frame: Frame, scale: float) -> list[Box]:
        """Return where in the small picture the map has signs, which vision may have missed."""
        if frame.pose is None:
            return []
        camera, (height, width) = self._settings.camera, frame.image.shape[:2]
        vanishing = camera.vanishing_x * width * scale, camera.vanishing_y * height * scale
        focal = camera.focal_for(width) * scale
        places = (window(ahead, aside, focal, vanishing) for ahead, aside in self._comparer.expected(frame.pose))
        return [place for place in places if place is not None]

    def _line(self, moment: Moment, frame: Any) -> None:
        """Append a line to the timeline."""
        pose = getattr(frame, "pose", None)
        where = self._conditions
        record = {
            "time": round(moment.time, 2), "metres": round(moment.travelled, 1), "speed": _kmh(moment.speed),
            "braking": _rounded(moment.braking), "told": _told(moment.told), "mapped": moment.mapped,
            "seeing": moment.seeing, "road": where.road, "light": where.light, "weather": where.weather,
            "latitude": pose and round(pose.latitude, 5), "longitude": pose and round(pose.longitude, 5),
        }  # fmt: skip
        self._timeline.write(json.dumps(record) + "\n")


def _kmh(speed: float | None) -> float | None:
    return None if speed is None else round(speed * KMH, 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _told(told: float | None) -> float | str | None:
    return None if told is None else "none" if math.isinf(told) else round(told, 1)
