"""A sign that is followed over frames, and what may be believed of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from signpipe.opinion import VISION, Opinion
from signpipe.types.arrays import FloatArray
from signpipe.types.figures import FiguresRead
from signpipe.types.plates import Plate

if TYPE_CHECKING:
    from signpipe.catalogue import Catalogue, SignClass


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
        ruled_out: True if someone knows that it is no real sign.
    """

    certainty: Certainty = Certainty.UNKNOWN
    reason: str = ""
    category: str | None = None
    witnesses: tuple[str, ...] = (VISION,)
    opinions: tuple[Opinion, ...] = ()
    conflict: str | None = None
    class_id: int | None = None
    probability: FloatArray | None = None
    ruled_out: bool = False

    @property
    def is_sure(self) -> bool:
        """True if the class may be published; otherwise no more than the category may."""
        return self.certainty in (Certainty.CONFIRMED, Certainty.CORROBORATED)


@dataclass(slots=True, repr=False, eq=False)
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
        visible: How much of the sign could be seen, the mean over the track, 0..1; 1 where the classifier doesn't tell.
        mean: float32 (C,), what vision says in one look on average, however unfamiliar the sign is, or None where only
            `evidence` is known, for which unfamiliar looks count less.
        velocity: Pixels per second of the box's centre as (vx, vy).
        detection: Index of this frame's detection, or None while coasting.
        detected: float32 (4,), the box of that detection, or None while coasting.
        verdict: What the fallback makes of it; before that, nothing is sure.
        catalogue: The signs that the classes are of, from the fallback on.
        figures: What was read on it, over all looks at it, from the fallback on; None where it wasn't read.
        plates: The supplementary plates under it, from top to bottom.
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
    visible: float = 1.0
    mean: FloatArray | None = None
    velocity: tuple[float, float] = (0.0, 0.0)
    detection: int | None = None
    detected: FloatArray | None = None
    verdict: Verdict = Verdict()
    catalogue: Catalogue | None = None
    figures: FiguresRead | None = None
    plates: tuple[Plate, ...] = ()

    def __repr__(self) -> str:
        x1, y1, x2, y2 = (round(float(edge)) for edge in self.xyxy)
        sign = self.sign
        name = sign.name if sign else f"unknown {self.verdict.category or 'sign'}"
        return f"SignTrack({self.id}: {name}, {self.verdict.certainty} at {self.confidence:.2f}, {x1},{y1},{x2},{y2})"

    @property
    def sign(self) -> SignClass | None:
        """The sign that it is, an entry of the catalogue, if that is sure enough to be published, else None."""
        return self.catalogue[self.class_id] if self.catalogue is not None and self.is_sure else None

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

    def judged(self, verdict: Verdict, catalogue: Catalogue | None = None) -> SignTrack:
        """Return the track with its verdict, and with the class, the probabilities and the figures that this found.

        Where no class may be published, the best guess is that of all who were heard together.
        """
        class_id, probability = self.class_id, self.probability
        if verdict.probability is not None:
            probability = verdict.probability
            class_id = int(probability.argmax()) if len(verdict.opinions) > 1 else class_id
        class_id = class_id if verdict.class_id is None else verdict.class_id
        figures = next((said.figures for said in verdict.opinions if said.figures is not None), self.figures)
        return replace(
            self, class_id=class_id, probability=probability, verdict=verdict, catalogue=catalogue, figures=figures
        )
