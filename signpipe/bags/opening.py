"""Telling recordings of messages from other files, and opening each with the library that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from signpipe.bags.bag import Bag, BagError
from signpipe.errors import ExtraMissingError, SourceError

MCAP: Final = b"\x89MCAP0\r\n"
ROS1: Final = b"#ROSBAG V"
SQLITE: Final = b"SQLite format 3\0"
_SUFFIXES: Final = (".mcap", ".bag", ".db3")
_METADATA: Final = "metadata.yaml"


def is_bag(path: Path) -> bool:
    """Tell whether a file is a recording of MCAP or ROS, by its first bytes, or a folder is one of ROS 2.

    Raises:
        OSError: It can't be read.
    """
    if path.is_dir():
        return (path / _METADATA).is_file()
    if not path.is_file():
        return False
    return path.suffix.lower() in _SUFFIXES or _head(path).startswith((MCAP, ROS1, SQLITE))


def open_bag(path: Path) -> Bag:
    """Open a recording: MCAP, a ROS 2 bag (a folder, .mcap or .db3), or a ROS 1 bag.

    Raises:
        SourceError: It is empty, none of these, or too damaged to tell what is in it.
        ExtraMissingError: The extra "ros" isn't installed.
    """
    try:
        head = b"" if path.is_dir() else _head(path)
        if not head and not path.is_dir():
            raise SourceError(f"{path} is empty (0 bytes): record or copy it again.")
        if head.startswith(MCAP):
            from signpipe.bags.mcap import McapBag

            return McapBag(path)
        from signpipe.bags.ros import open_ros1, open_ros2

        return open_ros1(path) if head.startswith(ROS1) else open_ros2(path)
    except ImportError:
        raise ExtraMissingError("Reading recordings of ROS and MCAP", "ros") from None
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}.") from None
    except BagError as error:
        raise SourceError(f"{path} is no MCAP, ROS 2 or ROS 1 recording that can be read ({error}).") from None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
