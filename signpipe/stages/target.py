"""One physical sign as the tracker holds it between frames."""

from __future__ import annotations

from signpipe.settings import TrackSettings
from signpipe.stages.evidence import ClassEvidence
from signpipe.stages.kalman import BoxFilter
from signpipe.types import FloatArray, SignTrack, TrackState

# Weight of an observation of a sign that the picture's edge may cut.
CUT_VISIBILITY = 0.3


class Target:
    """A sign's box, class evidence and life.

    Args:
        id_: Number of the track.
        classes: Number of classes.
        settings: The tracker's.
        picture: Height and width of the picture.
        now: Media time in seconds.
        xyxy: float32 (4,), the first detection.
    """

    def __init__(
        self, id_: int, classes: int, settings: TrackSettings, picture: tuple[int, int], now: float, xyxy: FloatArray
    ) -> None:
        self.id = id_
        self.box = BoxFilter(xyxy, picture)
        self.evidence = ClassEvidence(classes, settings)
        self.detection: int | None = None
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

    @property
    def is_over(self) -> bool:
        """True once the sign has been unseen for too long, has left the picture, or was never more than a flash."""
        if self.detection is not None:
            return False
        brief = not self._confirmed or self._cut
        return self.box.has_left or self.unseen > (
            self._settings.tentative_timeout if brief else self._settings.coast_timeout
        )

    @property
    def is_lost(self) -> bool:
        """True if too much time has passed for the next detection to be of the same sign."""
        return self.unseen > self._settings.coast_timeout

    def advance(self, now: float) -> None:
        """Predict the box at `now`, in seconds of media time; without an observation, the track coasts."""
        self.box.predict(now - self._now)
        self._now = now
        self.detection = self._detected = None

    def detect(self, detection: int, xyxy: FloatArray, score: float) -> None:
        """Take this frame's detection in.

        Args:
            detection: Its index in the frame.
            xyxy: float32 (4,), its box.
            score: The detector's confidence.
        """
        self._cut = self.box.cuts(xyxy)
        if self._hits > 0:  # the first detection is what the filter was made from
            self.box.update(xyxy)
        self.detection, self._detected = detection, xyxy
        self._score, self._seen = score, self._now
        self._hits += 1
        old_enough = self._now - self._born >= self._settings.confirm_after
        self._confirmed |= old_enough and self._hits >= self._settings.confirm_hits

    def observe(self, probability: FloatArray, novelty: float, known_mass: float) -> None:
        """Take in what the classifier says of this frame's detection.

        Args:
            probability: float32 (C,), sums to 1.
            novelty: 0..1.
            known_mass: How much of the probability is that of a class: with 0, nobody looked or nothing could be told.
        """
        elapsed, self._read = self._now - self._read, self._now
        if known_mass > 0:
            visibility = CUT_VISIBILITY if self._cut else 1.0
            self.evidence.add(probability, novelty, self.box.side, visibility, elapsed)
        else:
            self.evidence.fade(elapsed)

    def published(self) -> SignTrack:
        """Return what the stages after this one may know, as a copy that later frames leave alone."""
        if not self._confirmed:
            state = TrackState.TENTATIVE
        else:
            state = TrackState.COASTING if self.detection is None else TrackState.CONFIRMED
        return SignTrack(
            id=self.id,
            xyxy=self.box.visible.astype("float32"),
            state=state,
            score=self._score,
            age=self._now - self._born,
            unseen=self.unseen,
            hits=self._hits,
            evidence=self.evidence.log,
            probability=self.evidence.probability,
            class_id=self.evidence.class_id,
            novelty=self.evidence.novelty,
            velocity=self.box.velocity,
            detection=self.detection,
            detected=self._detected,
        )
