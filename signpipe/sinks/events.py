"""One JSON record per advisory event: what was issued, changed, went stale or ended."""

from __future__ import annotations

from pathlib import Path

from signpipe.catalogue import Catalogue
from signpipe.sinks.base import RunInfo
from signpipe.sinks.jsonl import SCHEMA, advisory_record, number
from signpipe.sinks.lines import LineFile
from signpipe.types import Frame, FrameResult


class EventsSink:
    """Writes an `event` record for each advisory that changed, and nothing else."""

    def __init__(self, path: Path, run: RunInfo, catalogue: Catalogue) -> None:
        """Create the file.

        Args:
            path: The file; folders above it are created.
            run: Tells the source, which must not be overwritten.
            catalogue: Names of the classes.

        Raises:
            OutputError: The file can't be written.
        """
        self._catalogue = catalogue
        self._file = LineFile(path, "list of events", run.source)

    def write(self, result: FrameResult) -> None:
        """Append the events of one frame or gap.

        Raises:
            OSError: One can't be written; nothing of it is left in the file.
        """
        frame = result.frame
        for event in result.events:
            self._file.write(
                {
                    "schema": SCHEMA,
                    "type": "event",
                    "source_id": frame.source_id,
                    "index": frame.index if isinstance(frame, Frame) else None,
                    "media_time": number(frame.media_time, 4),
                    **advisory_record(event, self._catalogue),
                }
            )

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
