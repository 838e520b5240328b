"""What flows between the stages.

Conventions: pictures are BGR uint8 (H, W, 3); boxes are xyxy float32 in pixels of the source picture, x to the
right and y down, with the right and bottom edge exclusive; times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.opinion import VISION, Opinion

# Time stamps may step back by so many seconds (disordered packets); by more, the recording was wound back.
LARGEST_DISORDER = 0.5

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the vehicle was when a frame was captured.

    Attributes:
        latitude: WGS 84 degrees, north positive.
        longitude: WGS 84 degrees, east positive.
        heading: Degrees clockwise from true north, or None where unknown.
        speed: Metres a second, or None where unknown.
        sigma: Spread of the position in metres as the receiver states it, or None where it doesn't.
    """

    latitude: float
    longitude: float
    heading: float | None = None
    speed: float | None = None
    sigma: float | None = None


@dataclass(slots=True)
class Frame:
    """One picture from a source.

    Attributes:
        image: BGR uint8 (H, W, 3) in the source's own size, upright (rotation flags are already applied).
        index: Number of the frame in the source, from 0; a frame that was dropped keeps its number.
        captured_at: `time.monotonic()` when the picture was taken (live) or read (recording).
        media_time: Seconds since the start of the recording or stream, from the container's timestamps.
        source_id: Name of the source without credentials.
        pose: Where the vehicle was, if the source knows it.
        lidar: A LiDAR sweep float32 (N, 4) as x, y, z, reflectance, if the source has one.
        independent: True if the picture has nothing to do with the one before it (no tracking).
        name: File name of a still picture, else None.
    """

    image: Image
    index: int
    captured_at: float
    media_time: float
    source_id: str
    pose: Pose | None = None
    lidar: FloatArray | None = None
    independent: bool = False
    name: str | None = None


@dataclass(slots=True)
class Prepared:
    """A frame made ready for the detector.

    Attributes:
        image: BGR uint8 (H', W', 3), the network's input: the searched band, scaled and padded at the right and bottom.
            It may be a buffer that the next frame overwrites.
        picture: BGR uint8 (H, W, 3), the enhanced picture at source size; the frame's own image if nothing was changed.
        scale: Network pixels a source pixel, as (x, y).
        origin: Source pixel (x, y) that lies at the network's (0, 0).
        timings_ms: Milliseconds a step.
    """

    image: Image
    picture: Image
    scale: tuple[float, float] = (1.0, 1.0)
    origin: tuple[int, int] = (0, 0)
    timings_ms: dict[str, float] = field(default_factory=dict)

    def to_source(self, xyxy: FloatArray) -> FloatArray:
        """Map boxes from network to source pixels, clipped to the picture.

        Args:
            xyxy: float32 (N, 4) in pixels of `image`.
        """
        height, width = self.picture.shape[:2]
        boxes = xyxy / np.array(self.scale * 2, np.float32) + np.array(self.origin * 2, np.float32)
        return np.clip(boxes, 0, np.array((width, height) * 2, np.float32))


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time without pictures: the signal is lost, so tracks coast and advisories age.

    Attributes:
        captured_at: `time.monotonic()` of this report.
        media_time: Seconds on the same clock as the frames before it.
        source_id: Name of the source without credentials.
        reason: One phrase for a person, such as "no frame for 2.0 s".
        duration: Seconds since the last frame.
    """

    captured_at: float
    media_time: float
    source_id: str
    reason: str
    duration: float


@dataclass(slots=True)
class Detections:
    """Boxes of one frame as a struct of arrays, the layout of supervision's `Detections`.

    Attributes:
        xyxy: float32 (N, 4), pixels of the source picture.
        score: float32 (N,), the detector's confidence in 0..1.
    """

    xyxy: FloatArray
    score: FloatArray

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, keep: npt.NDArray[Any] | slice) -> Detections:
        return Detections(self.xyxy[keep], self.score[keep])

    @classmethod
    def empty(cls) -> Detections:
        """Return detections without any box."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(slots=True)
class Classifications:
    """What the classifier says of each crop of a frame, in the order of the detections.

    Attributes:
        probability: float32 (N, C), calibrated; each row sums to at most 1, and the rest is "cannot tell".
        embedding: float32 (N, D), unit length.
        novelty: float32 (N,), 0 for a familiar sign and towards 1 for something never seen.
    """

    probability: FloatArray
    embedding: FloatArray
    novelty: FloatArray

    def __len__(self) -> int:
        return len(self.novelty)

    @property
    def belief(self) -> FloatArray:
        """float32 (N, C), each row sums to 1: "cannot tell" is spread evenly over the classes, it speaks for none."""
        rest = 1 - self.probability.sum(axis=1, keepdims=True)
        return np.asarray(self.probability + np.maximum(rest, 0) / np.float32(max(self.probability.shape[1], 1)))

    @property
    def known_mass(self) -> FloatArray:
        """float32 (N,): how much a crop says at all, 0 for "cannot tell" and 1 for a sign that is read."""
        return np.asarray(self.probability.sum(axis=1))

    @classmethod
    def empty(cls, classes: int, dimensions: int = 0) -> Classifications:
        """Return classifications of no crop."""
        return cls(np.zeros((0, classes), np.float32), np.zeros((0, dimensions), np.float32), np.zeros(0, np.float32))


class TrackState(StrEnum):
    """Where a track is in its life."""

    TENTATIVE = "tentative"  # seen too briefly to be believed
    CONFIRMED = "confirmed"  # seen for long enough, and just now
    COASTING = "coasting"  # believed, but not seen in the last frame: its box is predicted


class Certainty(StrEnum):
    """How far the meaning of a sign may be believed, from the surest to the least."""

    CONFIRMED = "confirmed"  # sight alone is sure of the class
    CORROBORATED = "corroborated"  # it took a map or another sensor to be sure of the class
    UNCERTAIN = "uncertain"  # only the category is sure
    UNKNOWN = "unknown"  # a sign, but not even its category is sure


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the fallback makes of one sign.

    Attributes:
        certainty: How far it may be believed.
        reason: How it was reached, for a person.
        category: Category that is sure, if the class isn't, else None.
        witnesses: Who it rests on, such as ("vision", "map").
        opinions: What everyone said who was asked, vision first.
        conflict: Says who was overruled, if anyone contradicts it.
        class_id: The class that all together find, or None where vision's stands.
        probability: float32 (C,), fused over all who were heard, or None where vision's stands.
    """

    certainty: Certainty = Certainty.UNKNOWN
    reason: str = ""
    category: str | None = None
    witnesses: tuple[str, ...] = (VISION,)
    opinions: tuple[Opinion, ...] = ()
    conflict: str | None = None
    class_id: int | None = None
    probability: FloatArray | None = None

    @property
    def is_sure(self) -> bool:
        """True if the class may be published; otherwise no more than the category may."""
        return self.certainty in (Certainty.CONFIRMED, Certainty.CORROBORATED)


@dataclass(slots=True)
class SignTrack:
    """One physical sign, followed over frames.

    Attributes:
        id: Number of the track, from 1, never reused within a run.
        xyxy: float32 (4,), smoothed box in pixels of the source picture.
        state: Where the track is in its life.
        score: Detector confidence of the latest box, 0..1.
        age: Seconds since the first detection.
        unseen: Seconds since the last detection.
        hits: Number of detections.
        evidence: float32 (C,), class log-probabilities (unnormalised), fused over the observations of vision.
        probability: float32 (C,), softmax of `evidence`; after the fallback, with what the witnesses say.
        class_id: The class with hysteresis applied; after the fallback, the one that may be published if any may.
        novelty: Novelty fused over the track, 0..1.
        velocity: Pixels per second of the box's centre as (vx, vy).
        detection: Index of this frame's detection, or None while coasting.
        detected: float32 (4,), the box of that detection, or None while coasting.
        verdict: What the fallback makes of it; before that, nothing is sure.
    """

    id: int
    xyxy: FloatArray
    state: TrackState
    score: float
    age: float
    unseen: float
    hits: int
    evidence: FloatArray
    probability: FloatArray
    class_id: int
    novelty: float = 0.0
    velocity: tuple[float, float] = (0.0, 0.0)
    detection: int | None = None
    detected: FloatArray | None = None
    verdict: Verdict = Verdict()

    @property
    def is_sure(self) -> bool:
        """True if the class may be published; otherwise no more than the category may."""
        return self.verdict.is_sure

    @property
    def side(self) -> float:
        """Root of the box's area in pixels of the source picture."""
        return float(np.sqrt(np.prod(self.xyxy[2:] - self.xyxy[:2])))

    @property
    def confidence(self) -> float:
        """Fused probability of the published class, 0..1."""
        return float(self.probability[self.class_id])

    def judged(self, verdict: Verdict) -> SignTrack:
        """Return the track with its verdict, and with the class and the probabilities that this found."""
        class_id = self.class_id if verdict.class_id is None else verdict.class_id
        probability = self.probability if verdict.probability is None else verdict.probability
        return replace(self, class_id=class_id, probability=probability, verdict=verdict)


class AdvisoryStatus(StrEnum):
    """Whether an advisory may still be relied on."""

    ACTIVE = "active"
    STALE = "stale"  # expired without being renewed: last known, not to be relied on
    ENDED = "ended"  # lifted by a sign, withdrawn, or stale for too long; reported once, as an event


@dataclass(slots=True)
class Advisory:
    """What the car should know.

    Attributes:
        topic: What it is about; one advisory per topic is in force ("speed_limit", "overtaking", "priority",
            "overtaking:goods", "stop", "give_way", "danger:road_works", "direction:keep_right", "access:no_entry",
            "unknown:prohibitory", ...).
        message: For the driver, such as "limit 80".
        value: Machine-readable value: km/h for a limit, a word otherwise, or None.
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


@dataclass(slots=True)
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

    @property
    def is_gap(self) -> bool:
        """True if there was no picture."""
        return isinstance(self.frame, Gap)
