"""What a result rests on: when all of it is as before, the recording isn't worked on again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from signpipe.batch.recordings import list_pictures
from signpipe.batch.schema import SCHEMA
from signpipe.batch.store import file_system
from signpipe.errors import SourceError
from signpipe.settings import OUTPUTS, Settings
from signpipe.version import VERSION


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the results.

    Attributes:
        sha256: Of its content.
        bytes: Its size.
    """

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a recording's folder holds and rests on; the same recording and settings give the same bytes.

    Attributes:
        recording: Name of the recording.
        source: Digest of the recording's content.
        position: Digest of its positions, or None.
        identity: Digest of settings, models and version; see `identity_of`.
        cells: Cells of the map that it has something to say of.
        files: The tables by file name.
    """

    recording: str
    source: str
    position: str | None
    identity: str
    cells: tuple[str, ...]
    files: dict[str, Written]

    @property
    def placed(self) -> str:
        """Digest of what it says of places."""
        return "".join(self.files[f"{table}.parquet"].sha256 for table in ("places", "waypoints"))

    def to_json(self) -> bytes:
        """Return it as it is written."""
        return (json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n").encode()

    def rests_on(self, source: str, position: str | None, identity: str) -> bool:
        """Return True if it is of this content and these settings."""
        return (self.source, self.position, self.identity) == (source, position, identity)


def read_manifest(content: bytes | None) -> Manifest | None:
    """Return what a manifest says, or None where there is none, or none of this schema."""
    try:
        tree = json.loads(content or b"")
        if tree.pop("schema") != SCHEMA:
            return None
        files = {name: Written(**file) for name, file in tree["files"].items()}
        return Manifest(**tree | {"cells": tuple(tree["cells"]), "files": files})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def describe(path: Path) -> Written:
    """Return what is kept of a file that was written."""
    with path.open("rb") as file:
        return Written(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def identity_of(settings: Settings, models: dict[str, str]) -> str:
    """Return the digest of all that results depend on besides the recording.

    Args:
        settings: Where results go doesn't count, nor what is said of each recording by itself.
        models: Digest of each model's file by the model's name.
    """
    tree = settings.model_dump(mode="json", exclude=set(OUTPUTS))
    files = {name: _digest_below(Path(name)) for name in settings.inputs if Path(name).exists()}
    text = json.dumps([SCHEMA, VERSION, tree, models, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_below(path: Path) -> str:
    """Return the digest of a file, or of all files of a folder with their names."""
    if path.is_file():
        return describe(path).sha256
    return _digest_of(path, sorted(each for each in path.rglob("*") if each.is_file()))


def _digest_of(folder: Path, files: Iterable[Path]) -> str:
    """Return the digest of files of a folder, with their names."""
    parts = [f"{each.relative_to(folder)} {describe(each).sha256}" for each in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def content_digest(
    address: str, known: tuple[dict[str, Any], str] | None = None, is_folder: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return a digest of the content of a recording, and by what it was recognised.

    A file on a disk is read whole, unless size and time are those of the last time. Of an object in a store, size and
    the store's own checksum are taken: nothing is fetched. Of a folder of pictures, so it is with each of them.

    Args:
        address: Path or address.
        known: Size and time of the last time, and the digest that it had then.
        is_folder: Whether it is a folder of pictures.

    Raises:
        SourceError: It isn't there.
        OSError: It can't be read.
    """
    fs, path = file_system(address)
    try:
        entries = list_pictures(address) if is_folder else [fs.info(path)]
    except FileNotFoundError:
        raise SourceError(f"There is no recording {address} any more.") from None
    on_disk = Path(address).exists()
    each = [_seen(fs, entry, on_disk) for entry in entries]
    seen = _summary(entries, each) if is_folder else each[0]
    if not on_disk:
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest(), seen
    if known and known[0] == seen:
        return known[1], seen
    files = [Path(str(entry["name"])) for entry in entries]
    return (_digest_of(Path(path), files) if is_folder else describe(Path(address)).sha256), seen


def _seen(fs: Any, entry: dict[str, Any], on_disk: bool) -> dict[str, Any]:
    """Return by what the content of a file is recognised without reading it."""
    if on_disk:
        stat = Path(str(entry["name"])).stat()
        return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    checksum = next((str(entry[key]) for key in ("ETag", "etag", "md5Hash", "content_md5") if entry.get(key)), None)
    return {"bytes": entry["size"], "checksum": checksum or str(fs.checksum(entry["name"]))}


def _summary(entries: Sequence[dict[str, Any]], seen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the same for the pictures of a folder, in few words."""
    names = [PurePosixPath(str(entry["name"])).name for entry in entries]
    listed = hashlib.sha256(json.dumps([names, seen], sort_keys=True).encode()).hexdigest()
    return {"pictures": len(names), "listed": listed}
