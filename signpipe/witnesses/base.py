"""What every witness has in common."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from signpipe.types import Frame, Opinion, SignTrack


class Witness(Protocol):
    """A source that is asked about one sign at a time; see `signpipe.stages.fallback` for when.

    Attributes:
        name: The `source` of its opinions.
        dear: True if an answer takes milliseconds: it is asked about few signs a frame, and only about those that
            vision is not sure of. Else it is asked about every sign that is in view.
    """

    name: str
    dear: bool

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Give an opinion on a sign that is seen in this very frame.

        Args:
            track: The sign; `track.xyxy` is its smoothed box in pixels of `frame.image`.
            frame: The picture with, where the source has them, the pose and the LiDAR sweep.

        Returns:
            The opinion, or None if it has nothing to go by. It never raises for what it is shown: bad data has been
            refused with a clear error when it was opened.
        """


@runtime_checkable
class Learner(Protocol):
    """A witness that learns how far it may be trusted, from signs that the sensors are sure of.

    Attributes:
        name: The `source` of its opinions.
    """

    name: str

    def learn(self, agreed: bool, /) -> None:
        """Take note of a sign that the sensors are sure of, and whether the witness had named its class."""
