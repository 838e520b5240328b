"""One JSON record per frame; docs/reference/jsonl.md describes each field."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.errors import OutputError
from signpipe.opinion import VISION, Opinion, Range
from signpipe.sinks.base import RunInfo
from signpipe.sinks.lines import LineFile
from signpipe.types import (
    Advisory,
    Classifications,
    Detections,
    FiguresRead,
    FloatArray,
    Frame,
    FrameResult,
    Motion,
    Plate,
    Pose,
    SignTrack,
)
from signpipe.version import VERSION

SCHEMA = "signpipe/1"

Record = dict[str, Any]


class JsonlSink:
    """Writes a `run` record, then a `frame` or `gap` record per result, then an `end` record."""

    def __init__(self, path: Path, run: RunInfo, catalogue: Catalogue) -> None:
        """Create the file and write its first record.

        Args:
            path: The file; folders above it are created.
            run: What the first record tells of the run.
            catalogue: Names of the classes.

        Raises:
            OutputError: The file can't be written.
        """
        self._catalogue = catalogue
        self._file = LineFile(path, "list of detections", run.source)
        self._counts = {"frame": 0, "gap": 0}
        self._dropped = 0
        self._closed = False
        try:
            self._file.write(run_record(run, catalogue))
        except OSError as error:
            self._file.close()
            raise OutputError(
                f"The list of detections can't be written to {path} ({error.strerror}); make room or choose another."
            ) from None

    def write(self, result: FrameResult) -> None:
        """Append the record of one frame or gap.

        Raises:
            OSError: It can't be written; nothing of it is left in the file.
        """
        record = result_record(result, self._catalogue)
        self._file.write(record)
        self._counts[record["type"]] += 1
        self._dropped = result.dropped

    def close(self) -> None:
        """Append the last record and close the file; a second call does nothing.

        Raises:
            OSError: The last record can't be written; the file is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._file.write(
                {
                    "schema": SCHEMA,
                    "type": "end",
                    "frames": self._counts["frame"],
                    "gaps": self._counts["gap"],
                    "dropped": self._dropped,
                }
            )
        finally:
            self._file.close()


def run_record(run: RunInfo, catalogue: Catalogue) -> Record:
    """Return the record that opens a file."""
    return {
        "schema": SCHEMA,
        "type": "run",
        "version": VERSION,
        "source": run.source,
        "live": run.live,
        "width": run.width,
        "height": run.height,
        "fps": number(run.fps, 3),
        "started": run.started.isoformat(timespec="milliseconds"),
        "models": run.models,
        "providers": list(run.providers),
        "country": run.country,
        "settings_digest": run.settings_digest,
        "classes": list(catalogue.names),
    }


def result_record(result: FrameResult, catalogue: Catalogue) -> Record:
    """Return the record of one frame or gap."""
    frame = result.frame
    record: Record = {"schema": SCHEMA, "type": "frame" if isinstance(frame, Frame) else "gap"}
    if isinstance(frame, Frame):
        record |= {"index": frame.index, "media_time": number(frame.media_time, 4), "name": frame.name}
        record |= {"width": frame.image.shape[1], "height": frame.image.shape[0]}
        record["pose"] = None if frame.pose is None else pose_record(frame.pose)
        if frame.motion is not None:
            record["motion"] = motion_record(frame.motion)
        record["detections"] = _detections(result, catalogue)
    else:
        record |= {"media_time": number(frame.media_time, 4), "duration": number(frame.duration, 3)}
        record["reason"] = frame.reason
    record["tracks"] = [_track(track, catalogue) for track in result.tracks]
    record["advisories"] = [advisory_record(advisory, catalogue) for advisory in result.advisories]
    record["timings_ms"] = {stage: number(value, 3) for stage, value in result.timings_ms.items()}
    record["rejected"] = result.rejected
    record["dropped"] = result.dropped
    return record


def advisory_record(advisory: Advisory, catalogue: Catalogue) -> Record:
    """Return an advisory as it stands in a frame's record and among the events."""
    value = advisory.value
    return {
        "topic": advisory.topic,
        "message": advisory.message,
        "value": value if isinstance(value, str) else number(value, 3),
        "confidence": number(advisory.confidence, 4),
        "source": "+".join(advisory.witnesses) or "none",
        "status": advisory.status.value,
        "since": number(advisory.since, 4),
        "renewed": number(advisory.renewed, 4),
        "age": number(advisory.age, 3),
        "expires_in": number(advisory.expires_in, 3),
        "expires_in_metres": number(advisory.expires_in_metres, 1),
        "track_id": advisory.track_id,
        "class_id": advisory.class_id,
        "class_name": None if advisory.class_id is None else catalogue[advisory.class_id].name,
        "conflict": advisory.conflict,
        "origin": advisory.origin,
        "unit": advisory.unit,
        "cautious": number(advisory.cautious, 3),
        "conditions": list(advisory.conditions),
        "alternatives": [
            {
                "value": number(one.value, 3),
                "conditions": list(one.conditions),
                "applies": one.applies,
                "track_id": one.track_id,
            }
            for one in advisory.alternatives
        ],
    }


def pose_record(pose: Pose) -> Record:
    """Return where the vehicle was."""
    return {
        "latitude": number(pose.latitude, 7),
        "longitude": number(pose.longitude, 7),
        "heading": number(pose.heading, 1),
        "speed": number(pose.speed, 2),
        "sigma": number(pose.sigma, 2),
        "utc": number(pose.utc, 3),
    }


def motion_record(motion: Motion) -> Record:
    """Return how the vehicle moved."""
    return {"speed": number(motion.speed, 2), "yaw_rate": number(motion.yaw_rate, 4)}


def number(value: float | None, digits: int) -> float | None:
    """Round a number; None stands for what isn't finite, since JSON has no word for it."""
    return round(float(value), digits) if value is not None and math.isfinite(value) else None


def _numbers(values: FloatArray, digits: int) -> list[Any]:
    """Round an array to nested lists, with None for what isn't finite."""
    rounded = np.round(values.astype(np.float64), digits).astype(object)
    rounded[~np.isfinite(values)] = None
    plain: list[Any] = rounded.tolist()
    return plain


def _detections(result: FrameResult, catalogue: Catalogue) -> list[Record]:
    """Return the detections, and behind them the further candidates, which belong to no track."""
    states = {track.id: track.state.value for track in result.tracks}
    parts: list[tuple[Detections, Classifications, list[int]]] = [
        (result.detections, result.classifications, result.track_ids),
        (result.other_detections, result.other_classifications, []),
    ]
    records = []
    for detections, classifications, track_ids in parts:
        boxes, scores = _numbers(detections.xyxy, 2), _numbers(detections.score, 4)
        visible = classifications.visible_share
        for row, (box, score) in enumerate(zip(boxes, scores, strict=True)):
            track_id = track_ids[row] if row < len(track_ids) else -1
            records.append(
                {
                    "xyxy": box,
                    "score": score,
                    **_single_frame(classifications, visible, row, catalogue),
                    "track_id": track_id if track_id >= 0 else None,
                    "state": states.get(track_id),
                }
            )
    return records


def _single_frame(classifications: Classifications, visible: FloatArray, row: int, catalogue: Catalogue) -> Record:
    """Return what the classifier alone says of one detection; all None where it wasn't asked."""
    known = row < len(classifications) and np.isfinite(classifications.probability[row]).all()
    if not known or classifications.probability[row].max() <= 0:
        return {"class_id": None, "class_name": None, "probability": None, "novelty": None, "visible": None}
    best = int(classifications.probability[row].argmax())
    return {
        "class_id": best,
        "class_name": catalogue[best].name,
        "probability": number(classifications.probability[row, best], 4),
        "novelty": number(classifications.novelty[row], 4),
        "visible": number(visible[row], 4),
    }


def _track(track: SignTrack, catalogue: Catalogue) -> Record:
    """Return a track; its class is named only if the verdict allows it, its best guess under a name of its own."""
    best = catalogue[track.class_id]
    verdict, sure = track.verdict, track.is_sure
    confidence = number(track.confidence, 4)
    return {
        "id": track.id,
        "xyxy": _numbers(track.xyxy, 2),
        "class_id": best.id if sure else None,
        "class_name": best.name if sure else None,
        "probability": confidence if sure else None,
        "category": best.category.value if sure else verdict.category,
        "best_class_id": best.id,
        "best_class_name": best.name,
        "best_probability": confidence,
        "score": number(track.score, 4),
        "novelty": number(track.novelty, 4),
        "visible": number(track.visible, 4),
        "state": track.state.value,
        "verdict": verdict.certainty.value,
        "reason": verdict.reason,
        "source": "+".join(verdict.witnesses),
        "opinions": [_opinion(opinion, catalogue) for opinion in verdict.opinions if opinion.witness != VISION],
        "conflict": verdict.conflict,
        "figures": None if track.figures is None else _figures(track.figures),
        "age": number(track.age, 3),
        "unseen": number(track.unseen, 3),
        "hits": track.hits,
        "detection": track.detection,
        "plates": [_plate(plate) for plate in track.plates],
    }


def _plate(plate: Plate) -> Record:
    """Return a plate under a sign."""
    return {
        "track_id": plate.track_id,
        "class_name": plate.kind,
        "text": plate.text,
        "probability": number(plate.probability, 4),
        "read": plate.is_read,
        "conditions": [
            {
                "kind": one.kind.value,
                "value": number(one.value, 3),
                "vehicles": list(one.vehicles),
                "times": list(map(str, one.spans)),
                "lane": one.lane or None,
                "text": str(one),
            }
            for one in plate.conditions
        ],
    }


def _figures(read: FiguresRead) -> Record:
    """Return what was read on a sign."""
    return {
        "text": read.text,
        "unit": read.unit,
        "probability": number(read.probability, 4),
        "struck": number(read.struck, 4),
        "looks": read.looks,
    }


def _opinion(opinion: Opinion, catalogue: Catalogue) -> Record:
    """Return what a witness besides vision says of a sign."""
    return {
        "source": opinion.witness,
        "class_name": None if opinion.class_id is None else catalogue[opinion.class_id].name,
        "impossible": opinion.impossible,
        "text": opinion.text,
        "range": None if opinion.range is None else _range(opinion.range),
    }


def _range(range_: Range) -> Record:
    """Return how far a sign was."""
    return {
        "depth": number(range_.depth, 3),
        "sigma": number(range_.sigma, 3),
        "media_time": number(range_.media_time, 4),
    }
