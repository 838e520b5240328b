"""Where results lie: a folder, or a bucket of an object store, through fsspec."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec

from signpipe.errors import ExtraMissingError, OutputError, SettingsError
from signpipe.sources import redact

MARKER = "manifest.json"  # written last: a folder counts once it holds this
_WORK = ".work"  # below a local root: what isn't finished yet


class Store:
    """A tree of files that is only ever changed by whole files and, on a disk, by whole folders.

    Args:
        address: A folder, or an address such as s3://bucket/prefix.

    Raises:
        SettingsError: There is no such kind of address.
        ExtraMissingError: The library for it isn't installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._fs, root = file_system(address)
        self._root = root.rstrip("/")
        self.is_local = "file" in self._protocols

    @property
    def _protocols(self) -> tuple[str, ...]:
        protocol: str | tuple[str, ...] = self._fs.protocol
        return (protocol,) if isinstance(protocol, str) else protocol

    def path(self, name: str) -> str:
        """Return where a file lies, as its file system calls it."""
        return f"{self._root}/{name}"

    def prepare(self) -> None:
        """Make sure that it can be written to.

        Raises:
            OutputError: It can't.
        """
        probe = f".probe-{uuid.uuid4().hex}"
        try:
            self.write(probe, b"")
            self._fs.rm_file(self.path(probe))
        except Exception as error:  # each store has exceptions of its own
            raise OutputError(
                f"Results can't be written to {redact(self.address)} ({explain(error)}); choose a place that you may "
                "write to."
            ) from None

    def clear_work(self) -> None:
        """Remove what was left by a run that was killed; no other run may be writing here."""
        if self.is_local:
            shutil.rmtree(self.path(_WORK), ignore_errors=True)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is none."""
        try:
            content: bytes = self._fs.cat_file(self.path(name))
        except (FileNotFoundError, IsADirectoryError):
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file so that it is there as a whole or not at all."""
        path = self.path(name)
        if not self.is_local:
            self._fs.pipe_file(path, content)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the files of a folder by name, with their bytes."""
        try:
            entries = self._fs.ls(self.path(folder), detail=True, refresh=True)
        except FileNotFoundError:
            return {}
        return {str(each["name"]).rpartition("/")[2]: int(each["size"]) for each in entries if each["type"] == "file"}

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder."""
        try:
            entries = self._fs.ls(self.path(folder), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        names = (str(each["name"]).rstrip("/") for each in entries if each["type"] == "directory")
        return sorted(name.rpartition("/")[2] for name in names)

    def remove(self, folder: str) -> None:
        """Remove a folder, whether it is there or not."""
        with suppress(FileNotFoundError):
            self._fs.rm(self.path(folder), recursive=True)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Give an empty folder on a disk for what `commit` takes; it is gone afterwards."""
        if not self.is_local:
            with tempfile.TemporaryDirectory(prefix="signpipe-") as folder:
                yield Path(folder)
            return
        folder_path = Path(self.path(_WORK)) / f"{name}.{uuid.uuid4().hex}"
        folder_path.mkdir(parents=True)
        try:
            yield folder_path
        finally:
            shutil.rmtree(folder_path, ignore_errors=True)

    def commit(self, folder: Path, name: str) -> None:
        """Put a folder of `scratch` in its place, instead of one that is there.

        On a disk it is renamed, so that no half of it is ever seen. An object store has no such thing: the marker goes
        first and comes last, so that what lies between counts as nothing.
        """
        if self.is_local:
            self._rename(folder, Path(self.path(name)))
            return
        with suppress(FileNotFoundError):
            self._fs.rm_file(self.path(f"{name}/{MARKER}"))
        files = sorted(folder.iterdir(), key=lambda file: file.name == MARKER)
        for file in files:
            self._fs.pipe_file(self.path(f"{name}/{file.name}"), file.read_bytes())

    def _rename(self, folder: Path, target: Path) -> None:
        for file in folder.iterdir():
            _sync(file)
        _sync(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        old = folder.with_name(f"{folder.name}.old")
        with suppress(FileNotFoundError):
            target.rename(old)
        folder.rename(target)
        _sync(target.parent)
        shutil.rmtree(old, ignore_errors=True)


def file_system(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises:
        SettingsError: There is no such kind of address.
        ExtraMissingError: The library for it isn't installed.
    """
    try:
        fs, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        kind = address.partition("://")[0]
        if kind in ("s3", "s3a"):
            raise ExtraMissingError(f"reading and writing {kind}:// addresses", "batch") from None
        raise SettingsError(f"Addresses of the kind {redact(address)} need another library: {error}.") from None
    except ValueError as error:
        raise SettingsError(f"{redact(address)} is no place that can be read or written ({error}).") from None
    return fs, path


def explain(error: BaseException) -> str:
    """Say in a few words what went wrong."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _sync(path: Path) -> None:
    """Make sure that a file or a folder's list of names has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
