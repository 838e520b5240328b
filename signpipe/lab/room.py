"""Room on a disk, asked for before much is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from signpipe.errors import OutputError


def require_room(folder: Path, size: int, what: str) -> None:
    """Refuse what a disk has no room for, before any of it is written.

    Args:
        folder: An existing folder on the disk.
        size: What will be written, in bytes.
        what: Begins the refusal's sentence: what needs the room.

    Raises:
        OutputError: The disk has less room.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(f"{what} needs {size / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB left; make room.")
