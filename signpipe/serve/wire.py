"""What a worker's process and the server say to one another: JSON, and at most one picture behind it.

Nothing is unpickled: a process whose decoder a camera has taken over can tell lies, but run nothing in the server.
"""

from __future__ import annotations

import json
import struct
from typing import Any

Message = dict[str, Any]

LARGEST = 32 * 2**20  # bytes of a message; nobody sends more

_HEAD = struct.Struct(">I")


def pack(message: Message, blob: bytes = b"") -> bytes:
    """Return a message as bytes."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    return _HEAD.pack(len(text)) + text + blob


def unpack(data: bytes) -> tuple[Message, bytes]:
    """Return a message and the picture behind it.

    Raises:
        ValueError: It is none.
    """
    if len(data) < _HEAD.size:
        raise ValueError("too short for a message")
    (length,) = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if end > len(data):
        raise ValueError("a message is cut")
    message = json.loads(data[_HEAD.size : end])
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ValueError("a message has no type")
    return message, data[end:]
