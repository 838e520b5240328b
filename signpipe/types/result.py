"""What the pipeline answers: advisories for the driver, and everything known after one frame."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from signpipe.errors import OutputError
from signpipe.types.arrays import Image
from signpipe.types.detections import Classifications, Detections
from signpipe.types.frame import Frame, Gap
from signpipe.types.signs import SignTrack

if TYPE_CHECKING:
    from signpipe.catalogue import Catalogue


class AdvisoryStatus(StrEnum):
    """Whether an advisory may still be relied on."""

    ACTIVE = "active"
    STALE = "stale"  # expired without being renewed: last known, not to be relied on
    ENDED = "ended"  # lifted by a sign, withdrawn, or stale for too long; reported once, as an event


@dataclass(frozen=True, slots=True)
class Alternative:
    """A limit that holds instead of another under conditions.

    Attributes:
        value: In km/h, or None for no limit.
        conditions: In words, such as ("when wet",); all of them must hold.
        applies: Whether they do; None if that isn't known.
        track_id: The track that it rests on, or None for a rule of the country.
    """

    value: float | None
    conditions: tuple[str, ...]
    applies: bool | None
    track_id: int | None = None


@dataclass(slots=True, repr=False)
class Advisory:
    """What the car should know.

    Attributes:
        topic: What it is about; one advisory per topic is in force ("speed_limit", "overtaking", "priority",
            "overtaking:goods", "stop", "give_way", "danger:road_works", "direction:keep_right", "access:no_entry",
            "unknown:prohibitory", ...).
        message: For the driver, such as "limit 80".
        value: Machine-readable value: km/h for a limit of speed, tonnes or metres for one of weight or size, a word
            otherwise, or None.
        confidence: 0..1, from the verdict it rests on.
        witnesses: Who it rests on, such as ("vision", "map"); empty where nothing was seen.
        status: Whether it may still be relied on.
        since: Media time at which it was first issued, seconds.
        renewed: Media time of the latest observation that supports it, seconds.
        age: Seconds since `renewed`.
        expires_in: Seconds until it goes stale (negative once it is), or None if it doesn't age by time.
        expires_in_metres: Metres until it goes stale where speed is known, else None.
        track_id: The track it rests on, or None.
        class_id: The class it rests on, or None if only a category is known.
        conflict: Says what was overruled, if anything was.
        origin: Of a speed limit: "posted" on a sign, of a "zone", or "implicit" in the kind of road; None where no
            limit is known, and on other topics.
        unit: In which the message tells the value: "km/h", "mph", "t" or "m"; None where the value is no quantity.
        cautious: Of a speed limit: the lowest that may hold now, km/h, if conditions that aren't known are taken as
            met; None if no limit is known.
        conditions: In words, what the plates under the sign say.
        alternatives: Limits that hold instead under conditions, the lowest first.
    """

    topic: str
    message: str
    value: float | str | None
    confidence: float
    witnesses: tuple[str, ...]
    status: AdvisoryStatus
    since: float
    renewed: float
    age: float
    expires_in: float | None = None
    expires_in_metres: float | None = None
    track_id: int | None = None
    class_id: int | None = None
    conflict: str | None = None
    origin: str | None = None
    unit: str | None = None
    cautious: float | None = None
    conditions: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def __repr__(self) -> str:
        return f"Advisory({self.message!r}, {self.status}, {self.confidence:.2f}, {self.age:.1f} s old)"


@dataclass(slots=True, repr=False, eq=False)
class FrameResult:
    """Everything the pipeline knows after one frame or gap.

    Attributes:
        frame: The frame, or the gap that stands for it.
        detections: Plausible detections of this frame.
        other_detections: All further candidates over the detector's low score, implausible ones too; they take no part
            in tracking, and are empty unless `detect.raw` asks for them.
        other_classifications: One row a further candidate; empty if there are none.
        classifications: One row a detection.
        track_ids: Track of each detection, or -1.
        tracks: All living tracks.
        advisories: What the car should know now.
        events: Advisories that were issued, changed, went stale or ended with this frame.
        rejected: Count of what each plausibility rule removed from this frame.
        timings_ms: Milliseconds a stage, with `total` for the whole.
        dropped: Frames dropped since the start.
        catalogue: The signs that the classes are of; None for the one that ships.
    """

    frame: Frame | Gap
    detections: Detections
    classifications: Classifications
    track_ids: list[int]
    tracks: list[SignTrack]
    advisories: list[Advisory]
    events: list[Advisory] = field(default_factory=list)
    other_detections: Detections = field(default_factory=Detections.empty)
    other_classifications: Classifications = field(default_factory=lambda: Classifications.empty(0))
    rejected: dict[str, int] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    catalogue: Catalogue | None = None

    @property
    def is_gap(self) -> bool:
        """True if there was no picture."""
        return isinstance(self.frame, Gap)

    def __repr__(self) -> str:
        signs = ", ".join(map(repr, self.tracks)) or "no signs"
        return f"FrameResult({self.frame!r}: {signs})"

    def plot(self) -> Image:
        """Return a copy of the picture with the signs and what they mean drawn on it, BGR uint8 (H, W, 3).

        Raises:
            OutputError: There was no picture.
        """
        from signpipe.sinks.overlay import Overlay

        if self.is_gap:
            raise OutputError("There is no picture to draw on: this is the result of a gap.")
        return Overlay(_catalogue(self.catalogue))(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what is known as plain values, as in a line of the JSONL output (docs/reference/jsonl.md)."""
        from signpipe.sinks.jsonl import result_record

        return result_record(self, _catalogue(self.catalogue))

    def save(self, path: str | Path) -> None:
        """Write the annotated picture, or with the suffix .json what is known; a file that is there is replaced.

        Args:
            path: Its suffix tells the format: .json, .jpg, .png, .webp, ...

        Raises:
            OutputError: There was no picture, the suffix is unknown, or the file can't be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            content = (json.dumps(self.to_dict(), indent=1) + "\n").encode()
        else:
            picture = self.plot()
            if not cv2.haveImageWriter(path.name):
                raise OutputError(f"A picture can't be written as '{path.name}': end the name in .jpg, .png or .json.")
            content = cv2.imencode(path.suffix, picture)[1].tobytes()
        try:
            path.write_bytes(content)
        except OSError as error:
            raise OutputError(f"The result can't be written to {path}: {error.strerror}.") from None


def _catalogue(catalogue: Catalogue | None) -> Catalogue:
    from signpipe.catalogue import load_catalogue

    return load_catalogue() if catalogue is None else catalogue
