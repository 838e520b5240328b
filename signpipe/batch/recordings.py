"""What is to be worked on: recordings by name, found in folders, patterns and buckets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from natsort import natsorted

from signpipe.batch.store import explain, file_system
from signpipe.errors import SourceError
from signpipe.sources import redact

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".mts", ".m2ts", ".webm", ".mpg", ".mpeg", ".3gp"})
POSITIONS = (".gpx", ".nmea", ".srt")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording.

    Attributes:
        name: Of its folder among the results: of the file's name, and of a digest of where it lies.
        address: Path or address.
        bytes: Its size.
        position: Path or address of the positions that lie beside it under the same name, or None.
    """

    name: str
    address: str
    bytes: int
    position: str | None = None


def find_recordings(specs: Iterable[str]) -> list[Recording]:
    """Return the recordings that are named, each once, the largest first: the last to end is then a short one.

    Args:
        specs: Files, folders (all videos below them), patterns (`s3://bucket/2026-*/*.mp4`), or `@LIST`, a text file
            that names one a line.

    Raises:
        SourceError: Nothing is there by a name, or it may not be read.
        SettingsError: There is no such kind of address.
        ExtraMissingError: The library for it isn't installed.
    """
    found: dict[str, Recording] = {}
    for spec in _listed(specs):
        for recording in _find(spec.removeprefix("file://")):
            found[recording.address] = recording
    return sorted(found.values(), key=lambda each: (-each.bytes, each.address))


def _listed(specs: Iterable[str]) -> Iterable[str]:
    for spec in specs:
        if not spec.startswith("@"):
            yield spec
            continue
        try:
            lines = Path(spec[1:]).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"The list of recordings {spec[1:]} can't be read ({explain(error)}).") from None
        yield from (line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _find(spec: str) -> list[Recording]:
    """Return the recordings of one file, folder or pattern."""
    fs, path = file_system(spec)
    try:
        if _WILD.search(spec) and not fs.exists(path):
            entries = list(fs.glob(path, detail=True).values())
        elif fs.isdir(path):
            entries = list(fs.find(path, detail=True).values())
        else:
            return [_recording(fs, fs.info(path), None, spec)]
    except FileNotFoundError:
        raise SourceError(f"There is no recording '{redact(spec)}': name video files, folders or patterns.") from None
    except Exception as error:  # each store has exceptions of its own
        raise SourceError(f"'{redact(spec)}' can't be read ({explain(error)}); check your rights there.") from None
    files = {str(entry["name"]): entry for entry in entries if entry["type"] == "file"}
    videos = [files[name] for name in natsorted(files) if PurePosixPath(name).suffix.lower() in VIDEOS]
    if not videos:
        raise SourceError(f"There is no video in '{redact(spec)}': name video files, folders or patterns.")
    return [_recording(fs, video, files, spec) for video in videos]


def _recording(fs: Any, entry: dict[str, Any], files: dict[str, Any] | None, spec: str) -> Recording:
    """Return a recording with the positions beside it."""
    path = PurePosixPath(str(entry["name"]))
    beside = [path.with_suffix(suffix) for suffix in POSITIONS]
    there = (str(each) for each in beside if (str(each) in files if files and len(files) > 1 else fs.exists(str(each))))
    position = next(there, None)
    full = (lambda one: one) if "://" not in spec else lambda one: f"{spec.partition('://')[0]}://{one}"
    address = full(str(path))
    return Recording(name_of(address), address, int(entry["size"]), position and full(position))


def name_of(address: str) -> str:
    """Return the name of a recording's folder: readable, and another one for each address."""
    stem = re.sub(r"[^\w.-]+", "_", PurePosixPath(address).stem)[:80]
    return f"{stem}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
