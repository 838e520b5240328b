"""What a map needs of one recording, whether it was just watched or its results were written earlier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.errors import SourceError
from signpipe.geodesy import Values

Record = Mapping[str, Any]
Rows = npt.NDArray[np.signedinteger[Any]]  # numbers of rows

FRAME_COLUMNS = ("time", "width", "height", "latitude", "longitude", "heading", "speed", "sigma", "utc", "wheels")
SAME_FRAME = 1e-3  # seconds; records round times
SURE = ("confirmed", "corroborated")  # verdicts that allow a class to be published


@dataclass(frozen=True, slots=True)
class LimitChange:
    """From when on which limit held.

    Attributes:
        time: Seconds in the recording.
        value: km/h, or None where none is known.
        message: As the driver was told it.
        sure: False while it was the last known one only.
    """

    time: float
    value: float | None
    message: str
    sure: bool


def note_limit(changes: list[LimitChange], now: LimitChange) -> None:
    """Add a limit to those that held before it, unless it is the last of them still."""
    last = changes[-1] if changes else None
    if last is None or (last.value, last.message, last.sure) != (now.value, now.message, now.sure):
        changes.append(now)


@dataclass(slots=True, eq=False)
class SeenSign:
    """One track: all looks at one physical sign, and what was made of it.

    Attributes:
        track: Number of the track in its recording.
        frame: int64 (N,), row of each look in the recording's frames.
        xyxy: float64 (N, 4), detected boxes in pixels.
        depth: float64 (N,), metres along the camera's axis by a LiDAR; nan where it told nothing.
        depth_sigma: float64 (N,), their spread.
        belief: Fused probability of each class that was told; what is missing to 1 is spread over all others.
        category: Category that is sure, or None.
        sure: Whether the class may be published.
        novelty: 0..1.
        crop: JPEG or PNG of the largest look, where the pictures were at hand.
        embedding: float32 (D,), unit length, of the largest look, where the pictures were at hand.
    """

    track: int
    frame: Rows
    xyxy: Values
    depth: Values
    depth_sigma: Values
    belief: dict[str, float]
    category: str | None
    sure: bool
    novelty: float
    crop: bytes | None = None
    embedding: Values | None = None

    @property
    def best(self) -> str:
        """The likeliest class."""
        return max(self.belief, key=lambda name: self.belief[name])


@dataclass(slots=True, eq=False)
class Recording:
    """The results of one recording.

    Attributes:
        name: Of the recording, for a person.
        country: Code of the country whose signs the classes are, or None with a catalogue of one's own.
        frames: float64 (F,) each: `time` in seconds, `width` and `height` in pixels, `latitude` and `longitude` in
            degrees, `heading` in degrees clockwise from north, `speed` in m/s by the positions, `sigma` in metres,
            `utc` in seconds since 1970, `wheels` in m/s by the vehicle's own sensors; nan where unknown.
        signs: The tracks that were confirmed.
        limits: From when on which limit held, in order.
    """

    name: str
    country: str | None
    frames: dict[str, Values]
    signs: list[SeenSign] = field(default_factory=list)
    limits: list[LimitChange] = field(default_factory=list)

    @property
    def placed(self) -> bool:
        """Whether any frame has a position."""
        return bool(np.isfinite(self.frames["latitude"]).any())


@dataclass(slots=True)
class _Track:
    rows: list[int] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    ranges: list[tuple[float, float]] = field(default_factory=list)
    largest: float = 0.0
    confirmed: bool = False
    last: Record = field(default_factory=dict)
    crop: bytes | None = None
    embedding: Values | None = None


class RecordingBuilder:
    """Gathers a recording from the records of its frames (docs/reference/jsonl.md), one after the other.

    Args:
        name: Of the recording.
        country: Code of its country, where it isn't told by a `run` record.
    """

    def __init__(self, name: str, country: str | None = None) -> None:
        self._name = name
        self._country = country
        self._columns: dict[str, list[float]] = {column: [] for column in FRAME_COLUMNS}
        self._tracks: dict[int, _Track] = {}
        self._limits: list[LimitChange] = []

    def add(self, record: Record) -> None:
        """Take one record in; those of other types than `run` and `frame` say nothing of places.

        Raises:
            KeyError: A field is missing.
            TypeError: A field is of another kind than it must be.
        """
        if record["type"] == "run":
            self._country = record.get("country", self._country)
        elif record["type"] == "frame":
            self._frame(record)

    def looked(self, track: int, side: float) -> bool:
        """Return whether a look at a track, of so many pixels, is the largest so far: its picture should be kept."""
        seen = self._tracks.get(track)
        return seen is not None and side >= seen.largest

    def picture(self, track: int, crop: bytes, embedding: Values | None) -> None:
        """Keep the picture of a look in place of those before it."""
        self._tracks[track].crop, self._tracks[track].embedding = crop, embedding

    def finish(self) -> Recording:
        """Return the recording."""
        frames = {name: np.array(values, np.float64) for name, values in self._columns.items()}
        signs = [_seen(number, track) for number, track in self._tracks.items() if track.confirmed and track.rows]
        return Recording(self._name, self._country, frames, signs, self._limits)

    def _frame(self, record: Record) -> None:
        row = len(self._columns["time"])
        pose: Record = record["pose"] or {}
        told: dict[str, Any] = {"time": record["media_time"], "wheels": (record.get("motion") or {}).get("speed")}
        told |= {name: record[name] for name in ("width", "height")}
        told |= {name: pose.get(name) for name in ("latitude", "longitude", "heading", "speed", "sigma", "utc")}
        for name, values in self._columns.items():
            values.append(np.nan if told[name] is None else float(told[name]))
        states: dict[int, Record] = {track["id"]: track for track in record["tracks"]}
        for detection in record["detections"]:
            number, box = detection["track_id"], detection["xyxy"]
            if number is None or number not in states or None in box:
                continue
            track = self._tracks.setdefault(number, _Track())
            track.rows.append(row)
            track.boxes.append(box)
            track.ranges.append(_range(states[number], float(told["time"])))
            track.largest = max(track.largest, _side(box))
            track.confirmed |= states[number]["state"] == "confirmed"
            track.last = states[number]
        for advisory in record["advisories"]:
            if advisory["topic"] == "speed_limit":
                value = advisory["value"] if isinstance(advisory["value"], int | float) else None
                sure = advisory["status"] == "active"
                note_limit(self._limits, LimitChange(float(told["time"]), value, advisory["message"], sure))


def _seen(number: int, track: _Track) -> SeenSign:
    last = track.last
    depth, depth_sigma = np.array(track.ranges, np.float64).T
    return SeenSign(
        number,
        np.array(track.rows),
        np.array(track.boxes, np.float64),
        depth,
        depth_sigma,
        {last["best_class_name"]: float(last["best_probability"] or 0.0)},
        last["category"],
        last["verdict"] in SURE,
        float(last["novelty"] or 0.0),
        track.crop,
        track.embedding,
    )


def _range(track: Record, time: float) -> tuple[float, float]:
    """Return how far a sign is in a frame and the spread of that, nan where no LiDAR told it in this very frame."""
    for opinion in track.get("opinions", ()):
        told = opinion.get("range")
        if told and abs(told["media_time"] - time) < SAME_FRAME and told["sigma"] and told["depth"]:
            return float(told["depth"]), float(told["sigma"])
    return np.nan, np.nan


def _side(box: list[float]) -> float:
    return float(np.sqrt(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)))


def gather(name: str, records: Iterable[Record]) -> Recording:
    """Return a recording from its records.

    Raises:
        SourceError: A record isn't one of `signpipe run --jsonl`.
    """
    builder = RecordingBuilder(name)
    for number, record in enumerate(records, 1):
        try:
            builder.add(record)
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"Line {number} of {name} isn't a record of `signpipe run --jsonl` ({error!r}); take it out."
            ) from None
    return builder.finish()
