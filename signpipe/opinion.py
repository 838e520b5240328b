"""What a witness is: a part besides vision that has an opinion on what a sign is, and what such an opinion says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from signpipe.types import FiguresRead, FloatArray, Frame, SignTrack

VISION = "vision"  # the name under which the classifier, fused over a track, speaks beside the witnesses


class Role(StrEnum):
    """What a witness goes by, and so how far its word may reach."""

    LOOKS = "looks"  # at the sign's picture, as vision does: a class that it helps to make sure of is confirmed
    MEASURES = "measures"  # the thing by another sensor: a class that it helps to make sure of is corroborated
    PRIOR = "prior"  # it knows what should be there without looking: it decides between classes that fit what is seen
    CATEGORY_ONLY = "category_only"  # it has a say in the category, not in the class


@dataclass(frozen=True, slots=True)
class Range:
    """How far a sign was.

    Attributes:
        depth: Metres along the camera's axis.
        sigma: Their spread.
        media_time: Seconds in the recording at which that was measured.
    """

    depth: float
    sigma: float
    media_time: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one witness says of one sign.

    Attributes:
        witness: Name of the witness; "vision" for the classifier.
        log_likelihood: float32 (C,), log of how probable what it saw is for a sign of each class, up to a constant; all
            equal says nothing.
        text: What it saw, for a person, such as "speed limit 80 at 12 m".
        class_id: The class that it names, if it names one.
        impossible: True if it rules out that this is a real sign at all.
        familiar: True if it is sure that the sign is one of the catalogue, however unfamiliar it looked to the CNN.
        unlisted: Log of how probable what it saw is for a sign that the catalogue doesn't have, on the scale of
            `log_likelihood`; None if it can't tell.
        figures: What it read on the sign, if it reads.
        range: How far it found the sign to be, if it measures that.
    """

    witness: str
    log_likelihood: FloatArray
    text: str
    class_id: int | None = None
    impossible: bool = False
    familiar: bool = False
    unlisted: float | None = None
    figures: FiguresRead | None = None
    range: Range | None = None


class Witness(Protocol):
    """A part that is asked about one sign at a time; see `signpipe.stages.fallback` for when.

    Attributes:
        name: How it is called in verdicts, records and messages; each witness of a run has its own.
        role: What it goes by.
        weight: Its log-odds count so much, 0..1; less than 1 where it shares its errors with vision.
        expensive: True if an answer takes milliseconds: it is asked about few signs per frame, and only about those
            that vision is not sure of. Else it is asked about every sign that is in view.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def role(self) -> Role: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102
    @property
    def expensive(self) -> bool: ...  # noqa: D102

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Give an opinion on a sign that is seen in this very frame.

        Args:
            track: The sign; `track.xyxy` is the box in pixels of `frame.image` that the classifier was shown.
            frame: The picture, enhanced as the classifier was shown it, with, where the source has them, the pose and
                the LiDAR sweep.

        Returns:
            The opinion, or None if it has nothing to go by. It never raises for what it is shown: bad data has been
            refused with a clear error when it was opened.
        """


@runtime_checkable
class Learner(Protocol):
    """A witness that learns how far it may be trusted, from signs that the sensors are sure of."""

    def learn(self, agreed: bool, /) -> None:
        """Take note of a sign that the sensors are sure of, and whether the witness had named its class."""
