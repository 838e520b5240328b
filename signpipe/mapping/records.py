"""Finished records as recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from signpipe.errors import SourceError
from signpipe.mapping.recording import Recording, gather

SCHEMA = "signpipe/1"


def read_recording(path: Path) -> Recording:
    """Read what `signpipe run --jsonl` wrote; a last line that was cut off by a kill is left out.

    Raises:
        SourceError: The file can't be read, is of another kind, or holds no frame.
    """
    recording = gather(path.name, _records(path))
    if not len(recording.frames["time"]):
        raise SourceError(f"The records {path} hold no frame: there is nothing to map.")
    return recording


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = json.loads(line)
                except ValueError:
                    if not line.endswith("\n"):
                        return
                    raise SourceError(
                        f"Line {number} of {path} is no JSON; give records of `signpipe run --jsonl`."
                    ) from None
                if not isinstance(record, dict) or record.get("schema") != SCHEMA:
                    raise SourceError(
                        f"Line {number} of {path} has not the schema {SCHEMA}; give records of `signpipe run --jsonl`."
                    )
                yield record
    except OSError as error:
        raise SourceError(f"The records {path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SourceError(f"The records {path} are no text; give those of `signpipe run --jsonl`.") from None
