"""One physical sign as the tracker holds it between frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from signpipe.settings import TrackSettings
from signpipe.stages.evidence import ClassEvidence, Look
from signpipe.types import UNKNOWN_SHAPE, FloatArray, SignTrack, TrackState

# Weight of an observation of a sign that the picture's edge may cut.
CUT_VISIBILITY = 0.3
# A look changes what is remembered of a sign's looks by so much.
LOOK_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Pace:
    """How long tracks live at the rate at which pictures come.

    Attributes:
        looks: So many detections make a track.
        tentative: Seconds unseen after which a track ends that is none yet.
        coast: Seconds unseen after which one that was believed is no longer shown.
        recall: Seconds unseen up to which it may be found again.
        interval: Usual seconds from one picture to the next.
    """

    looks: int
    tentative: float
    coast: float
    recall: float
    interval: float

    @classmethod
    def at(cls, interval: float, settings: TrackSettings) -> Pace:
        """Return the pace for a usual interval between pictures, in seconds."""
        looks = math.ceil(settings.confirm_within / max(interval, 1e-3) - 1e-6)
        return cls(
            min(max(looks, 1), settings.confirm_hits),
            max(settings.tentative_timeout, settings.tentative_frames * interval),
            max(settings.coast_timeout, settings.coast_frames * interval),
            max(settings.recall_timeout, settings.coast_frames * interval),
            interval,
        )


class Target:
    """A sign's class evidence and life; how it moves is among the tracker's `Motions`.

    Attributes:
        id: Number of the track.
        evidence: What the looks at it say of its class.
        detection: Index of this frame's detection, or None while coasting.
        look: float32 (D,), its usual embedding.
        shape: Its outline, as told last, or `UNKNOWN_SHAPE`.

    Args:
        id_: Number of the track.
        classes: Number of classes.
        settings: The tracker's.
        now: Media time in seconds.
        look: float32 (D,), embedding of the first crop.
    """

    def __init__(self, id_: int, classes: int, settings: TrackSettings, now: float, look: FloatArray) -> None:
        self.id = id_
        self.evidence = ClassEvidence(classes, settings)
        self.detection: int | None = None
        self.look = look
        self.shape = UNKNOWN_SHAPE
        self._detected: FloatArray | None = None
        self._settings = settings
        self._born = self._seen = self._read = self._now = now
        self._hits = 0
        self._score = 0.0
        self._cut = False
        self._confirmed = False

    @property
    def unseen(self) -> float:
        """Seconds since the last detection."""
        return self._now - self._seen

    def is_over(self, pace: Pace) -> bool:
        """Return True once the sign can't be found again: it has been unseen for too long."""
        return self.unseen > pace.recall

    def is_shown(self, pace: Pace, has_left: bool) -> bool:
        """Return True if the sign is seen, or should be in view and was seen not long ago."""
        if self.detection is not None:
            return True
        brief = not self._confirmed or self._cut
        return not has_left and self.unseen <= (pace.tentative if brief else pace.coast)

    def advance(self, now: float) -> None:
        """Go on to `now`, in seconds of media time; without an observation, the track coasts."""
        self._now = now
        self.detection = self._detected = None

    def detect(self, detection: int, xyxy: FloatArray, score: float, shape: int, cut: bool, pace: Pace) -> None:
        """Take this frame's detection in.

        Args:
            detection: Its index in the frame.
            xyxy: float32 (4,), its box.
            score: The detector's confidence.
            shape: Its outline, as in `Detections.shape`; where that is told, it is taken for the sign's.
            cut: Whether the picture's edge may cut the sign.
            pace: How many detections make a track.
        """
        self._cut = cut
        self.detection, self._detected = detection, xyxy
        self._score, self._seen = score, self._now
        self._hits += 1
        if shape != UNKNOWN_SHAPE:
            self.shape = shape
        covered = self._now - self._born + (pace.interval if pace.looks < self._settings.confirm_hits else 0.0)
        sure = self._hits > 1 or score >= self._settings.confirm_score
        self._confirmed |= covered >= self._settings.confirm_after and self._hits >= pace.looks and sure

    def observe(self, look: Look, known_mass: float, novelty: float, side: float, embedding: FloatArray) -> None:
        """Take in what the classifier says of this frame's detection.

        Args:
            look: The classes that it sees.
            known_mass: How much of the probability is that of a class: with 0, nobody looked or nothing could be told.
            novelty: 0..1.
            side: Root of the box's area in pixels.
            embedding: float32 (D,), the crop's.
        """
        elapsed, self._read = self._now - self._read, self._now
        if known_mass <= 0:
            self.evidence.fade(elapsed)
            return
        self.evidence.add(look, novelty, side, CUT_VISIBILITY if self._cut else 1.0, elapsed)
        self.look = self.look + np.float32(LOOK_SHARE) * (embedding - self.look)

    def published(self, xyxy: FloatArray, velocity: tuple[float, float]) -> SignTrack:
        """Return what the stages after this one may know, as a copy that later frames leave alone.

        Args:
            xyxy: float32 (4,), the smoothed box in the picture.
            velocity: Pixels a second of its centre.
        """
        if not self._confirmed:
            state = TrackState.TENTATIVE
        else:
            state = TrackState.COASTING if self.detection is None else TrackState.CONFIRMED
        return SignTrack(
            id=self.id,
            xyxy=xyxy,
            state=state,
            score=self._score,
            age=self._now - self._born,
            unseen=self.unseen,
            hits=self._hits,
            evidence=self.evidence.log,
            probability=self.evidence.probability,
            class_id=self.evidence.class_id,
            novelty=self.evidence.novelty,
            visible=self.evidence.visible,
            mean=self.evidence.mean,
            velocity=velocity,
            detection=self.detection,
            detected=self._detected,
        )
