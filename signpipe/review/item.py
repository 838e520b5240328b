"""What is kept of one sign that waits for a person, or has been seen by one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

NOT_A_SIGN = "not-a-sign"  # the label of what the detector should not have found

Rect = tuple[float, float, float, float]  # xyxy
Window = tuple[int, int, int, int]  # xyxy in whole pixels


class Status(StrEnum):
    """Where an item is on its way."""

    OPEN = "open"  # nobody has seen it yet
    LABELLED = "labelled"  # a person said what sign it is
    REJECTED = "rejected"  # a person said that it is no sign


class _Record(BaseModel):
    """A part of a file of the queue: read strictly, so that a damaged one is noticed."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Choice(_Record):
    """A class that vision considered.

    Attributes:
        name: The class in the catalogue.
        probability: 0..1.
    """

    name: str
    probability: float


class Said(_Record):
    """What one source said, without its likelihood over all classes; see `signpipe.types.Opinion`."""

    source: str
    text: str
    class_name: str | None = None
    impossible: bool = False
    familiar: bool = False


class Place(_Record):
    """Where the vehicle was; see `signpipe.types.Pose`."""

    latitude: float
    longitude: float
    heading: float | None = None
    speed: float | None = None


class Neighbour(_Record):
    """Another sign in the same context picture.

    Attributes:
        xyxy: Its box in pixels of the source picture.
        name: Its class if that was sure, else None.
    """

    xyxy: Rect
    name: str | None = None


class Label(_Record):
    """What a person said.

    Attributes:
        label: A class of the catalogue, a name of one's own for a sign outside it, or `NOT_A_SIGN`.
        labeller: Who said so.
        labelled_at: When, with a time zone.
    """

    label: str
    labeller: str
    labelled_at: datetime


class ReviewItem(_Record):
    """One sign, at its best observation. All boxes are in pixels of the source picture.

    Attributes:
        id: Name of the item and of its folder.
        created_at: When it was saved, with a time zone.
        why: Why it was saved: "unsure", "novel", "conflict", or several of these.
        source: Name of the source without credentials.
        picture: File name of a still picture, or None.
        track_id: Number of the track within its run.
        frame_index: Number of the frame.
        media_time: Seconds since the start of the recording or stream.
        xyxy: The detector's box.
        size: Width and height of the source picture.
        crop: What part of the picture the crop is.
        context: What part of the picture the context is.
        score: The detector's confidence, 0..1.
        verdict: The verdict when the track was last seen.
        reason: How that was reached.
        category: Its category if that was sure.
        top: The most probable classes, the best first.
        novelty: Novelty over the track, 0..1.
        hits: Frames in which the sign was detected.
        opinions: What every source said that was asked.
        conflict: Which source was overruled, if one was.
        pose: Where the vehicle was, if that was known.
        embedding: Of the saved crop, unit length; empty if the classifier has none.
        classifier: SHA-256 of the classifier that the embedding is of; embeddings of two can't be compared.
        neighbours: The other signs in the context picture.
    """

    id: str
    created_at: datetime
    why: tuple[str, ...]
    source: str
    picture: str | None = None
    track_id: int
    frame_index: int
    media_time: float
    xyxy: Rect
    size: tuple[int, int]
    crop: Window
    context: Window
    score: float
    verdict: str
    reason: str
    category: str | None = None
    top: tuple[Choice, ...] = ()
    novelty: float
    hits: int = 1
    opinions: tuple[Said, ...] = ()
    conflict: str | None = None
    pose: Place | None = None
    embedding: tuple[float, ...] = Field((), repr=False)
    classifier: str | None = None
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def side(self) -> float:
        """The longer side of the box in pixels."""
        return max(self.xyxy[2] - self.xyxy[0], self.xyxy[3] - self.xyxy[1])


def within(box: Rect, window: Window) -> Rect:
    """Return the part of a box that lies in a window, in the window's own pixels."""
    left, top, right, bottom = window
    x1, y1, x2, y2 = box
    return (
        min(max(x1, left), right) - left,
        min(max(y1, top), bottom) - top,
        min(max(x2, left), right) - left,
        min(max(y2, top), bottom) - top,
    )
