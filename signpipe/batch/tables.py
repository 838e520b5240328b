"""From the results of one recording to its tables."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from signpipe.batch.schema import TABLES
from signpipe.batch.store import Store
from signpipe.catalogue import Catalogue
from signpipe.geodesy import offset
from signpipe.mapping.placed import DrivenRoad
from signpipe.types import Advisory, Frame, FrameResult, Gap, Pose, SignTrack, SourceInfo
from signpipe.version import VERSION

Row = dict[str, Any]
# Columns of a run, in the order of the fields of a road: focal length, mounting, and the delay of the positions.
LEARNED = ("focal", "focal_sigma", "yaw", "yaw_sigma", "pitch", "pitch_sigma", "ahead", "ahead_sigma")
LIMIT = "speed_limit"  # topic of the advisory
_ROW_GROUP = 16_384  # rows that are held in memory, and written as one group
_LONGEST_STEP = 60.0  # seconds without a position over which no distance is counted


def read_table(store: Store, name: str, folder: str = "") -> pa.Table:
    """Return a table of a recording.

    Args:
        store: Where it is.
        name: Of `TABLES`.
        folder: Of the recording, where it isn't the store itself.

    Raises:
        OSError: It is gone or can't be read.
        ValueError: It is no such table.
    """
    content = store.read(f"{folder}/{name}.parquet" if folder else f"{name}.parquet")
    if content is None:
        raise FileNotFoundError(f"the table {name}{folder and f' of {Path(folder).name}'} is gone")
    return pq.read_table(io.BytesIO(content), schema=TABLES[name])


class TableFile:
    """A table that is written row by row; equal rows give equal bytes.

    Args:
        path: The file; one that is there is replaced.
        schema: Its columns.

    Raises:
        OSError: It can't be written.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows: list[Row] = []
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def add(self, row: Row) -> None:
        """Append a row."""
        self._rows.append(row)
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Close the file as it is; of one that is closed, nothing changes."""
        self._writer.is_open = False  # else it would write the file's end once it is collected
        with suppress(OSError):
            self._writer.file_handle.close()


class Tables:
    """Takes the results of a recording frame by frame, and writes its tables.

    Nothing in them depends on when, where, and how fast they were made: the same results give the same bytes.

    Args:
        folder: Where they are written.
        recording: Name of the recording.
        catalogue: The signs that classes are of.

    Raises:
        OSError: One can't be written.
    """

    def __init__(self, folder: Path, recording: str, catalogue: Catalogue) -> None:
        self._recording = recording
        self._catalogue = catalogue
        self._files: dict[str, TableFile] = {}
        try:
            for name, schema in TABLES.items():
                self._files[name] = TableFile(folder / f"{name}.parquet", schema)
        except BaseException:
            self.close()
            raise
        self._signs: dict[int, Row] = {}
        self._learned: Row = dict.fromkeys(LEARNED)
        self._metres = 0.0
        self._utc: float | None = None
        self._last: tuple[float, Pose] | None = None
        self._seconds = 0.0
        self._frames = self._gaps = 0

    @property
    def seconds(self) -> float:
        """Media time of the last frame."""
        return self._seconds

    def through(self, results: Iterable[FrameResult]) -> Iterator[FrameResult]:
        """Take results, and pass them on."""
        for result in results:
            self.add(result)
            yield result

    def close(self) -> None:
        """Close the files, whether they are finished or not."""
        for file in self._files.values():
            file.abandon()

    def add(self, result: FrameResult) -> None:
        """Take the result of the next frame or gap."""
        frame = result.frame
        pose = frame.pose if isinstance(frame, Frame) else None
        self._count(frame, pose)
        base: Row = {
            "recording": self._recording,
            "frame": frame.index if isinstance(frame, Frame) else None,
            "media_time": frame.media_time,
        }
        self._files["frames"].add(base | _frame_row(frame, result) | _pose_row(pose))
        for track in result.tracks:
            self._files["tracks"].add(base | {"track": track.id} | self._track_row(track))
            self._note(track, frame, pose)
        for event in result.events:
            self._files["events"].add(base | self._event_row(event) | _place(pose))

    def finish(
        self, info: SourceInfo, source: str, settings_digest: str, country: str | None, warnings: Sequence[str]
    ) -> None:
        """Write the signs and the run, and close the files.

        Args:
            info: What the recording turned out to be.
            source: Where it lies.
            settings_digest: Of the settings in force.
            country: Whose signs they are.
            warnings: What was wrong with the recording.

        Raises:
            OSError: They can't be written.
        """
        run: Row = {
            "recording": self._recording,
            "source": source,
            "seconds": self._seconds,
            "frames": self._frames,
            "gaps": self._gaps,
            "damaged": info.damaged,
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "metres": self._metres if self._last else None,
            "utc": self._utc,
            "country": country,
            "warnings": list(warnings),
            "version": VERSION,
            "settings_digest": settings_digest,
            "classes": list(self._catalogue.names),
        }
        self._files["run"].add(run | self._learned)
        for track in sorted(self._signs):
            self._files["signs"].add(self._signs[track])
        for file in self._files.values():
            file.close()

    def add_road(self, road: DrivenRoad) -> None:
        """Take what the recording tells a map."""
        for table, rows in (("places", road.signs), ("waypoints", road.waypoints)):
            for row in rows:
                self._files[table].add(asdict(row))
        self._learned = _learned(road)

    def _count(self, frame: Frame | Gap, pose: Pose | None) -> None:
        """Count frames and gaps, and the metres driven."""
        if isinstance(frame, Gap):
            self._gaps += 1
            return
        self._frames += 1
        self._seconds = frame.media_time
        if pose is None:
            return
        self._utc = pose.utc if self._utc is None else self._utc
        if self._last is not None and frame.media_time - self._last[0] <= _LONGEST_STEP:
            before = self._last[1]
            east, north = offset(before.latitude, before.longitude, pose.latitude, pose.longitude)
            self._metres += float(np.hypot(east, north))
        self._last = (frame.media_time, pose)

    def _track_row(self, track: SignTrack) -> Row:
        sign, best = track.sign, self._catalogue[track.class_id]
        seen = [None] * 4 if track.detected is None else track.detected.tolist()
        edges = ("x1", "y1", "x2", "y2")
        return {
            **dict(zip(edges, track.xyxy.tolist(), strict=True)),
            **{f"seen_{edge}": value for edge, value in zip(edges, seen, strict=True)},
            "state": track.state.value,
            "score": track.score,
            "class_name": sign.name if sign else None,
            "best_class_name": best.name,
            "best_probability": track.confidence,
            "category": best.category.value if sign else track.verdict.category,
            "certainty": track.verdict.certainty.value,
            "novelty": track.novelty,
        }

    def _note(self, track: SignTrack, frame: Frame | Gap, pose: Pose | None) -> None:
        """Keep what is known of a sign so far."""
        row = self._signs.get(track.id)
        if row is None:
            row = self._signs[track.id] = {
                "recording": self._recording, "track": track.id, "published": None, "side": 0.0,
                "first_seen": frame.media_time - track.age, "last_seen": frame.media_time - track.unseen,
            }  # fmt: skip
        sign, best = track.sign, self._catalogue[track.class_id]
        row |= {
            "class_name": sign.name if sign else None,
            "code": (sign.code or None) if sign else None,
            "title": sign.title if sign else None,
            "best_class_name": best.name,
            "category": best.category.value if sign else track.verdict.category,
            "certainty": track.verdict.certainty.value,
            "probability": track.confidence,
            "novelty": track.novelty,
            "witnesses": "+".join(track.verdict.witnesses),
            "conflict": track.verdict.conflict,
            "figures": track.figures.text if track.figures else None,
            "plates": "; ".join(plate.text or plate.kind or "?" for plate in track.plates) or None,
            "looks": track.hits,
        }
        if sign is not None and row["published"] is None:
            row["published"] = frame.media_time
        if track.detected is None or not isinstance(frame, Frame):
            return
        row |= {"last_seen": frame.media_time, "utc": pose.utc if pose else None} | _place(pose)
        side = float(np.sqrt(np.prod(track.detected[2:] - track.detected[:2])))
        if side > row["side"]:
            row |= {"side": side, "best_frame": frame.index}
            row |= dict(zip(("x1", "y1", "x2", "y2"), track.detected.tolist(), strict=True))

    def _event_row(self, event: Advisory) -> Row:
        value = event.value
        return {
            "topic": event.topic,
            "message": event.message,
            "status": event.status.value,
            "number": value if isinstance(value, int | float) else None,
            "word": value if isinstance(value, str) else None,
            "confidence": event.confidence,
            "witnesses": "+".join(event.witnesses) or None,
            "conflict": event.conflict,
            "origin": event.origin,
            "conditions": "; ".join(event.conditions) or None,
            "since": event.since,
            "class_name": None if event.class_id is None else self._catalogue[event.class_id].name,
            "track": event.track_id,
        }


def _learned(road: DrivenRoad) -> Row:
    """Return what a road tells of camera and clock, as columns of its run."""
    ahead = (None, None) if road.delay is None else road.delay
    return dict(zip(LEARNED, (*road.focal, *road.mounting, *ahead), strict=True))


def _frame_row(frame: Frame | Gap, result: FrameResult) -> Row:
    limit = next((advisory for advisory in result.advisories if advisory.topic == LIMIT), None)
    return {
        "gap": frame.reason if isinstance(frame, Gap) else None,
        "detections": len(result.detections),
        "speed": frame.speed if isinstance(frame, Frame) else None,
        "limit_kmh": limit.value if limit and isinstance(limit.value, int | float) else None,
        "limit_status": limit.status.value if limit else None,
        "limit_origin": limit.origin if limit else None,
    }


def _pose_row(pose: Pose | None) -> Row:
    return _place(pose) | ({"sigma": pose.sigma, "utc": pose.utc} if pose else {"sigma": None, "utc": None})


def _place(pose: Pose | None) -> Row:
    names = ("latitude", "longitude", "heading")
    return {name: getattr(pose, name) if pose else None for name in names}
