"""A file of JSON lines that stays readable whatever happens."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from operator import methodcaller
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError
from signpipe.sinks.base import ReaderGoneError
from signpipe.sinks.files import open_stream, prepare_file, stream_of

_PLAIN = methodcaller("item")  # what a NumPy number is to JSON


class LineFile:
    """Writes one JSON object a line, each at once and each whole.

    Nothing is buffered, so what was written survives the end of the process. A line that doesn't fit on the disk
    is taken back, so that the file stays a list of whole lines and goes on once there is room.
    """

    def __init__(self, path: Path, what: str, source: str) -> None:
        """Create the file, or empty it; a standard stream is written on where it stands.

        Args:
            path: The file; folders above it are created. "-" is standard output.
            what: What the file is for, for messages.
            source: Name of the run's source, which must not be overwritten.

        Raises:
            OutputError: The file can't be written, or it is the source itself.
        """
        self._torn = False
        descriptor = stream_of(path)
        self._inherited = descriptor is not None
        if descriptor is not None:
            self._file = os.fdopen(open_stream(descriptor, what), "wb", buffering=0)
            return
        prepare_file(path, what, source)
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(f"The {what} can't be written to {path} ({error.strerror}); choose another.") from None

    def write(self, record: dict[str, Any]) -> None:
        """Append one record.

        Raises:
            OSError: It can't be written; nothing of it is left in the file.
            ReaderGoneError: It is a standard stream that nobody reads any more.
        """
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_PLAIN)
        line = text.encode(errors="backslashreplace") + b"\n"  # names that aren't UTF-8 stay readable for JSON
        if self._torn:
            line = b"\n" + line
        rest = memoryview(line)
        try:
            while rest:
                written = self._file.write(rest)
                if written is None:
                    raise BlockingIOError(errno.EAGAIN, "nobody reads it")
                rest = rest[written:]
        except OSError as error:
            if self._inherited and isinstance(error, BrokenPipeError):
                raise ReaderGoneError(*error.args) from None
            self._take_back(len(line) - len(rest))
            raise
        self._torn = False

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _take_back(self, count: int) -> None:
        """Remove the last `count` bytes; where that can't be (a pipe, another's file), the next line begins afresh."""
        if not count:
            return
        self._torn = True
        if self._inherited:
            return
        with contextlib.suppress(OSError):
            self._file.truncate(self._file.seek(-count, os.SEEK_END))
            self._torn = False
