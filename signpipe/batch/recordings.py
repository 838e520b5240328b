"""What is to be worked on: recordings by name, found in folders, patterns and buckets.

A recording is a video, or a folder of pictures, as cameras that take one every second or every few metres leave them.
"""

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
from signpipe.geotags import is_picture_name
from signpipe.position import tracks_beside
from signpipe.sources import redact

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".mts", ".m2ts", ".webm", ".mpg", ".mpeg", ".3gp"})
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording.

    Attributes:
        name: Of its folder among the results: of the file's name, and of a digest of where it lies.
        address: Path or address.
        bytes: Its size.
        position: Path or address of the positions that lie beside it under the same name, or None.
        is_folder: Whether it is a folder of pictures.
    """

    name: str
    address: str
    bytes: int
    position: str | None = None
    is_folder: bool = False


def find_recordings(specs: Iterable[str]) -> tuple[list[Recording], dict[str, str]]:
    """Return the recordings that are named, each once, and of the names that nothing can be read by, why not.

    The largest come first: the last to end is then a short one.

    Args:
        specs: Files, folders (all videos below them, and each folder that holds pictures and no video), patterns
            (`s3://bucket/2026-*/*.mp4`), or `@LIST`, a text file that names one a line.

    Raises:
        SourceError: Nothing can be read by any of the names, or a list can't be.
        SettingsError: There is no such kind of address.
        ExtraMissingError: The library for it isn't installed.
    """
    found: dict[str, Recording] = {}
    refused: dict[str, SourceError] = {}
    for spec in _listed(specs):
        try:
            for recording in _find(spec.removeprefix("file://")):
                found[recording.address] = recording
        except SourceError as error:
            refused[redact(spec)] = error
    if not found:
        raise next(iter(refused.values()), SourceError("No recording is named: the list of them is empty."))
    recordings = sorted(found.values(), key=lambda each: (-each.bytes, each.address))
    return recordings, {spec: str(error) for spec, error in refused.items()}


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
            entries = [one for named in fs.glob(path, detail=True).values() for one in _files_of(fs, named)]
        elif fs.isdir(path):
            entries = list(fs.find(path, detail=True).values())
        else:
            return [_recording(fs, fs.info(path), None, spec)]
    except FileNotFoundError:
        raise SourceError(
            f"There is no recording '{redact(spec)}': name videos, folders of videos or pictures, or patterns."
        ) from None
    except Exception as error:  # each store has exceptions of its own
        raise SourceError(f"'{redact(spec)}' can't be read ({explain(error)}); check your rights there.") from None
    files = {str(entry["name"]): entry for entry in entries if entry["type"] == "file"}
    found = [_recording(fs, entry, files, spec) for entry in _videos_and_folders(files)]
    if not found:
        raise SourceError(
            f"There is no video and no picture in '{redact(spec)}': name videos, folders of videos or pictures, or "
            "patterns."
        )
    return found


def _files_of(fs: Any, entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is below a folder, or the file itself."""
    return list(fs.find(entry["name"], detail=True).values()) if entry["type"] == "directory" else [entry]


def _videos_and_folders(files: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the videos among files, and the folders of pictures in which there are none."""
    videos = [files[name] for name in natsorted(files) if PurePosixPath(name).suffix.lower() in VIDEOS]
    taken = {PurePosixPath(str(video["name"])).parent for video in videos}
    folders: dict[PurePosixPath, int] = {}
    for name, entry in files.items():
        path = PurePosixPath(name)
        if path.parent not in taken and is_picture_name(path.name):
            folders[path.parent] = folders.get(path.parent, 0) + int(entry["size"])
    return videos + [
        {"name": str(folder), "size": folders[folder], "type": "directory"} for folder in natsorted(folders, key=str)
    ]


def _recording(fs: Any, entry: dict[str, Any], files: dict[str, Any] | None, spec: str) -> Recording:
    """Return a recording with the positions beside it."""
    path, is_folder = PurePosixPath(str(entry["name"])), entry["type"] == "directory"
    beside = [str(path.parent / name) for name in tracks_beside(path.name, is_folder)]
    listed = files is not None and len(files) > 1 and not is_folder
    position = next((one for one in beside if (one in files if listed and files else fs.exists(one))), None)
    full = (lambda one: one) if "://" not in spec else lambda one: f"{spec.partition('://')[0]}://{one}"
    address = full(str(path))
    return Recording(name_of(address, is_folder), address, int(entry["size"]), position and full(position), is_folder)


def list_pictures(address: str) -> list[dict[str, Any]]:
    """Return the pictures of a folder, in the order of their names, as their file system describes them.

    Raises:
        FileNotFoundError: It isn't there any more.
        OSError: It can't be listed.
    """
    fs, path = file_system(address)
    entries = [one for one in fs.ls(path, detail=True, refresh=True) if one["type"] == "file"]
    named = {PurePosixPath(str(one["name"])).name: one for one in entries}
    return [named[name] for name in natsorted(named) if is_picture_name(name)]


def name_of(address: str, is_folder: bool = False) -> str:
    """Return the name of a recording's folder: readable, and another one for each address."""
    path = PurePosixPath(address)
    stem = re.sub(r"[^\w.-]+", "_", path.name if is_folder else path.stem)[:80]
    return f"{stem}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
