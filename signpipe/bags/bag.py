"""What every recording of messages looks like, whatever wrote it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PICTURES: Final = (
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/CompressedImage",
    "foxglove.RawImage",
    "foxglove.CompressedImage",
)
CAMERAS: Final = ("sensor_msgs/msg/CameraInfo", "foxglove.CameraCalibration")
FIXES: Final = ("sensor_msgs/msg/NavSatFix", "foxglove.LocationFix")
CLOUDS: Final = ("sensor_msgs/msg/PointCloud2",)


class BagError(Exception):
    """A message, or the rest of a recording, can't be read; the text says why in a few words."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of messages of one type.

    Attributes:
        name: Such as "/camera/image_raw".
        kind: The messages' type, such as "sensor_msgs/msg/Image", the same for ROS 1 and ROS 2.
        count: Number of messages.
    """

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a recording.

    Attributes:
        topic: Name of its topic.
        kind: Its type.
        at: When it was recorded, in seconds since 1970.
        data: As it was recorded.
        decode: Makes an object of it.
    """

    topic: str
    kind: str
    at: float
    data: bytes = field(repr=False)
    decode: Callable[[bytes], Any] = field(repr=False)

    def content(self) -> Any:
        """Return the message, with an attribute a field, as its type names them.

        Raises:
            BagError: It is damaged, or doesn't have the type that it should.
        """
        try:
            return self.decode(self.data)
        except Exception as error:  # the libraries let through whatever damaged bytes make their code raise
            raise BagError(reason(error)) from None


class Bag(ABC):
    """An open recording.

    Attributes:
        topics: By their names.
        seconds: From its first message to its last one, or None where that isn't known.
        is_cut: True if it has no end: whoever wrote it was killed, or it was copied in part.
    """

    topics: dict[str, Topic]
    seconds: float | None = None
    is_cut: bool = False

    @abstractmethod
    def messages(self, topics: Sequence[str]) -> Iterator[Message]:
        """Yield the messages on some topics in the order of their times.

        Raises:
            BagError: The rest can't be read; what was yielded before it is right.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file; a second call does nothing."""

    def of_kind(self, kinds: Sequence[str]) -> list[Topic]:
        """Return the topics of some types that have a message, by their names."""
        return sorted((t for t in self.topics.values() if t.kind in kinds and t.count), key=lambda topic: topic.name)


def reason(error: Exception) -> str:
    """Return what a library says of a fault, as a part of a sentence."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def plain_kind(name: str) -> str:
    """Return the name of a type as ROS 2 writes it: ROS 1 leaves out the "msg"."""
    package, slash, short = name.partition("/")
    return f"{package}/msg/{short}" if slash and "/" not in short else name
