"""ROS 2 bags (folders and .db3) and ROS 1 bags, through rosbags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag1 import ReaderError as Error1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.rosbag2 import ReaderError as Error2
from rosbags.typesys import Stores, get_typestore

from signpipe.bags.bag import Bag, BagError, Message, Topic, reason
from signpipe.bags.unindexed import Scan, scan

NANOSECONDS = 1e9
CDR, ROS1 = "cdr", "ros1"  # how ROS 2 and ROS 1 write messages


@cache
def _store(encoding: str) -> Any:
    """Return the types of messages, whose definitions don't differ among the distributions of a ROS."""
    return get_typestore(Stores.LATEST if encoding == CDR else Stores.ROS1_NOETIC)


def decoder(encoding: str, kind: str) -> Callable[[bytes], Any] | None:
    """Return what makes objects of messages of a type, or None if they are in another encoding.

    Args:
        encoding: "cdr" (ROS 2) or "ros1".
        kind: The type, as ROS 2 writes it.
    """
    if encoding not in (CDR, ROS1):
        return None
    store = _store(encoding)
    return partial(store.deserialize_cdr if encoding == CDR else store.deserialize_ros1, typename=kind)


class RosBag(Bag):
    """A whole bag.

    Args:
        reader: Of rosbags, open.
        encoding: "cdr" or "ros1".
    """

    def __init__(self, reader: Any, encoding: str) -> None:
        self._reader = reader
        self._encoding = encoding
        self._open = True
        self.topics = {
            name: Topic(name, info.msgtype or "several types", info.msgcount) for name, info in reader.topics.items()
        }
        self.seconds = max(reader.duration, 0) / NANOSECONDS if reader.message_count else None

    def messages(self, topics: Sequence[str]) -> Iterator[Message]:
        """Yield the messages on some topics by their times.

        Raises:
            BagError: The rest can't be read.
        """
        wanted = [connection for connection in self._reader.connections if connection.topic in topics]
        try:
            for connection, at, data in self._reader.messages(connections=wanted) if wanted else ():
                decode = decoder(self._encoding, connection.msgtype)
                if decode is not None:
                    yield Message(connection.topic, connection.msgtype, at / NANOSECONDS, bytes(data), decode)
        except Exception as error:  # SQLite, compression and parsing each have errors of their own
            raise BagError(reason(error)) from None

    def close(self) -> None:
        """Close the files."""
        if self._open:
            self._open = False
            self._reader.close()


class UnindexedBag(Bag):
    """A ROS 1 bag without its index, as one is left whose recorder was killed; read up to its last whole chunk.

    Args:
        path: The file.

    Raises:
        OSError: It can't be opened.
        BagError: Nothing in it can be read.
    """

    is_cut = True

    def __init__(self, path: Path) -> None:
        self._path = path
        found, first, last = Scan(), None, None
        counts: dict[str, int] = {}
        for connection, at, _ in scan(path, found):
            counts[connection.topic] = counts.get(connection.topic, 0) + 1
            first, last = at if first is None else min(first, at), at if last is None else max(last, at)
        if not counts:
            raise BagError(found.fault or "it has no message")
        self.topics = {c.topic: Topic(c.topic, c.kind, counts.get(c.topic, 0)) for c in found.connections.values()}
        if first is not None and last is not None:
            self.seconds = last - first

    def messages(self, topics: Sequence[str]) -> Iterator[Message]:
        """Yield the messages on some topics as they were written."""
        for connection, at, data in scan(self._path, Scan()):
            decode = decoder(ROS1, connection.kind)
            if connection.topic in topics and decode is not None:
                yield Message(connection.topic, connection.kind, at, data, decode)

    def close(self) -> None:
        """Nothing is held open."""


def open_ros2(path: Path) -> Bag:
    """Open a folder of ROS 2, or its .db3.

    Raises:
        BagError: It can't be read.
    """
    try:
        reader = Reader2(path)
        reader.open()
        return RosBag(reader, CDR)
    except (Error2, FileNotFoundError) as error:
        raise BagError(reason(error)) from None


def open_ros1(path: Path) -> Bag:
    """Open a ROS 1 bag.

    Raises:
        OSError: It can't be opened.
        BagError: Nothing in it can be read.
    """
    try:
        reader = Reader1(path)
        reader.open()
        return RosBag(reader, ROS1)
    except (Error1, AssertionError):  # no index, or one that is cut off
        return UnindexedBag(path)
