"""ROS 1 bags that have no index, record by record (https://wiki.ros.org/Bags/Format/2.0)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from rosbags.rosbag1.reader import Header, ReaderError, RecordType, decompressors, read_bytes, read_uint32
from rosbags.typesys.msg import normalize_msgtype

from signpipe.bags.bag import reason


@dataclass(frozen=True, slots=True)
class Connection:
    """A topic, as one publisher fills it.

    Attributes:
        topic: Its name.
        kind: Type of its messages, as ROS 2 writes it.
    """

    topic: str
    kind: str


@dataclass(slots=True)
class Scan:
    """What was found beside the messages.

    Attributes:
        connections: By their numbers in the file.
        fault: Why the scan ended, or None at the file's end.
    """

    connections: dict[int, Connection] = field(default_factory=dict)
    fault: str | None = None


def scan(path: Path, found: Scan) -> Iterator[tuple[Connection, float, bytes]]:
    """Yield connection, time in seconds and content of each message, as long as chunks are whole.

    Args:
        path: The file.
        found: Is filled.

    Raises:
        OSError: It can't be opened.
    """
    with path.open("rb") as file:
        file.readline()  # "#ROSBAG V2.0"
        try:
            while file.peek(1):
                header = Header.read(file)
                content = read_bytes(file, read_uint32(file))
                if header.get_uint8("op") == RecordType.CHUNK:
                    yield from _chunk(decompressors[header.get_string("compression")](content), found)
        except (ReaderError, KeyError, ValueError, OSError, RuntimeError, EOFError) as error:  # of the compression too
            found.fault = reason(error)


def _chunk(content: bytes, found: Scan) -> Iterator[tuple[Connection, float, bytes]]:
    """Yield the messages of a chunk."""
    records: BinaryIO = BytesIO(content)
    while records.tell() < len(content):
        header = Header.read(records)
        data = read_bytes(records, read_uint32(records))
        if header.get_uint8("op") == RecordType.CONNECTION:
            kind = _field(data, "type")
            found.connections[header.get_uint32("conn")] = Connection(
                header.get_string("topic"), normalize_msgtype(kind)
            )
        elif header.get_uint8("op") == RecordType.MSGDATA:
            yield found.connections[header.get_uint32("conn")], header.get_time("time") / 1e9, data


def _field(data: bytes, name: str) -> str:
    """Return a field of a connection's data, which is written as a header is."""
    return str(Header.read(BytesIO(len(data).to_bytes(4, "little") + data)).get_string(name))
